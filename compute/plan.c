/* SPDX-License-Identifier: Apache-2.0
 * The memory plan: rows of named ranges, then one allocation from the backend. The first failure is
 * kept until the plan is allocated, so that the parts that reserve need not check each call.
 * Read next: compute/plan.h. */
#include "compute/plan.h"

#include "base/mem.h"

enum { ALIGNMENT = 64 };

const char *plan_kind_name(enum plan_kind kind) {
    static const char *const names[PLAN_KIND_COUNT] = {
        "weights", "adapter", "gradients", "optimizer", "activations", "work", "host", "mapped"};
    BUG_IF((unsigned)kind >= PLAN_KIND_COUNT);
    return names[kind];
}

static err add_row(struct plan *p, const struct plan_row *row) {
    TRY(mem_grow(&p->rows, &p->capacity, p->n_rows, sizeof *p->rows));
    p->rows[p->n_rows++] = *row;
    return ERR_OK;
}

size_t plan_add(struct plan *p, enum plan_kind kind, const char *name, size_t bytes) {
    BUG_IF((unsigned)kind >= PLAN_KIND_COUNT || p->memory != NULL);
    if (p->failed != ERR_OK) return 0;
    size_t rounded, end, *const sum = kind == PLAN_HOST ? &p->host_bytes : &p->total_bytes;
    if (__builtin_add_overflow(bytes, (size_t)(ALIGNMENT - 1), &rounded) ||
        __builtin_add_overflow(*sum, rounded & ~(size_t)(ALIGNMENT - 1), &end)) {
        p->failed =
            fail(ERR_LIMIT, "memory plan: '%s' is larger than this machine can address", name);
        return 0;
    }
    struct plan_row row = {kind, name, *sum, bytes};
    if (kind == PLAN_MAPPED) row.offset = 0;
    p->failed = add_row(p, &row);
    if (kind != PLAN_MAPPED) *sum = end;
    return row.offset;
}

void plan_scratch(struct plan *p, size_t bytes) {
    BUG_IF(p->scratch_bytes > 0);
    p->scratch_at = plan_add(p, PLAN_WORK, "scratch of operations", bytes);
    p->scratch_bytes = bytes;
}

err plan_allocate(struct plan *p, struct compute *c) {
    BUG_IF(p->memory != NULL);
    if (p->failed != ERR_OK) return fail_in(p->failed, "memory plan");
    /* The empty plan is an allocation too, so that plan_at has something to count from. */
    size_t bytes = p->total_bytes ? p->total_bytes : ALIGNMENT;
    err e = c->backend->alloc(c, bytes, &p->memory);
    if (e != ERR_OK) return fail_in(e, "memory plan of %zu bytes", bytes);
    p->compute = c;
    if (p->host_bytes > 0) {
        e = c->backend->pin(c, p->host_bytes, &p->host);
        if (e != ERR_OK) return fail_in(e, "memory plan of %zu bytes on the host", p->host_bytes);
    }
    if (p->scratch_bytes > 0) c->backend->lend(c, plan_at(p, p->scratch_at), p->scratch_bytes);
    return ERR_OK;
}

void *plan_at(const struct plan *p, size_t offset) {
    BUG_IF(p->memory == NULL || offset > p->total_bytes);
    return (char *)p->memory + offset;
}

void *plan_host_at(const struct plan *p, size_t offset) {
    BUG_IF(p->host == NULL || offset > p->host_bytes);
    return (char *)p->host + offset;
}

size_t plan_bytes(const struct plan *p, enum plan_kind kind) {
    size_t sum = 0;
    for (int64_t i = 0; i < p->n_rows; i++) {
        if (p->rows[i].kind == kind) sum += p->rows[i].bytes;
    }
    return sum;
}

err plan_json(const struct plan *p, json_t *out) {
    TRY(json_put(out, "total_bytes", json_integer((json_int_t)p->total_bytes)));
    TRY(json_put(out, "mapped_bytes", json_integer((json_int_t)plan_bytes(p, PLAN_MAPPED))));
    if (p->host_bytes > 0)
        TRY(json_put(out, "host_bytes", json_integer((json_int_t)p->host_bytes)));
    json_t *rows = json_array();
    TRY(json_put(out, "rows", rows));
    for (int64_t i = 0; i < p->n_rows; i++) {
        const struct plan_row *row = &p->rows[i];
        TRY(json_push(rows, json_pack("{s:s, s:s, s:I}", "kind", plan_kind_name(row->kind), "name",
                                      row->name, "bytes", (json_int_t)row->bytes)));
    }
    return ERR_OK;
}

void plan_forget(struct plan *p, enum plan_kind kind) {
    BUG_IF(p->memory == NULL || kind >= PLAN_HOST);
    for (int64_t i = 0; i < p->n_rows && p->compute->backend->host_memory; i++)
        if (p->rows[i].kind == kind) mem_forget(plan_at(p, p->rows[i].offset), p->rows[i].bytes);
}

void plan_release(struct plan *p) {
    if (p->memory != NULL) {
        const struct backend *b = p->compute->backend;
        if (p->scratch_bytes > 0) b->take_back(p->compute, plan_at(p, p->scratch_at));
        if (p->host != NULL) b->unpin(p->compute, p->host);
        b->free(p->compute, p->memory);
    }
    mem_free(p->rows);
    *p = (struct plan){0};
}
