/* SPDX-License-Identifier: Apache-2.0
 * Reads a batch that another implementation has written. Everything is checked: shapes against each
 * other, numbers against 32 bits; ids and positions against the model by the forward pass itself.
 * Read next: cli/probe_batch.h, the contract. */
#include "cli/probe_batch.h"
#include "base/mem.h"
#include "model/formats/tensor_file.h"
#include <string.h>

struct input {
    const struct tensor *ids, *labels, *mask, *position; /* all but ids may be NULL */
    int64_t rows, tokens;
};

static int64_t number_at(const struct tensor *t, int64_t i) {
    int64_t wide;
    int32_t narrow;
    switch (t->dtype) {
    case DTYPE_I64: memcpy(&wide, (const char *)t->data + i * 8, sizeof wide); return wide;
    case DTYPE_I32: memcpy(&narrow, (const char *)t->data + i * 4, sizeof narrow); return narrow;
    default: return ((const uint8_t *)t->data)[i];
    }
}

/* A (B,T) tensor of whole numbers that fit 32 bits. */
static err check_numbers(const struct tensor *t) {
    if (t->dtype != DTYPE_I64 && t->dtype != DTYPE_I32 && t->dtype != DTYPE_U8 &&
        t->dtype != DTYPE_BOOL)
        return fail(ERR_UNSUPPORTED, "tensor '%s' is %s, whole numbers are needed", t->name,
                    dtype_name(t->dtype));
    for (int64_t i = 0; i < t->count; i++)
        if (number_at(t, i) < INT32_MIN || number_at(t, i) > INT32_MAX)
            return fail(ERR_RANGE, "tensor '%s': element %lld does not fit 32 bits", t->name,
                        (long long)i);
    return ERR_OK;
}

static err find_numbers(const struct tensor_file *f, const char *name, const struct input *in,
                        const struct tensor **out) {
    const int64_t shape[2] = {in->rows, in->tokens};
    if (!tensor_file_find(f, name)) return ERR_OK;
    TRY(tensor_file_need(f, name, 2, shape, out));
    return check_numbers(*out);
}

static err find_input(const struct tensor_file *f, struct input *in) {
    in->ids = tensor_file_find(f, "input_ids");
    if (!in->ids) return fail(ERR_MISSING, "no tensor 'input_ids'");
    if (in->ids->n_dims != 2 || in->ids->count == 0)
        return fail(ERR_MISMATCH, "tensor 'input_ids' is not of two dimensions with tokens in it");
    if (in->ids->count >= INT32_MAX)
        return fail(ERR_LIMIT, "%lld tokens are too many for one pass", (long long)in->ids->count);
    in->rows = in->ids->shape[0];
    in->tokens = in->ids->shape[1];
    TRY(check_numbers(in->ids));
    TRY(find_numbers(f, "labels", in, &in->labels));
    TRY(find_numbers(f, "attention_mask", in, &in->mask));
    return find_numbers(f, "position_ids", in, &in->position);
}

static int32_t label_of(const struct input *in, int64_t row, int64_t t) {
    const int64_t at = row * in->tokens + t;
    if (in->mask && !number_at(in->mask, at)) return TARGET_IGNORE;
    if (in->labels) return (int32_t)number_at(in->labels, at);
    if (t + 1 == in->tokens || (in->mask && !number_at(in->mask, at + 1))) return TARGET_IGNORE;
    return (int32_t)number_at(in->ids, at + 1);
}

/* Memory of one row while it is read. */
struct row {
    int32_t *ids, *labels;
    uint8_t *flags; /* seen by attention, then trained */
};

static err add_row(struct probe_batch *p, const struct input *in, int64_t number, struct row *r,
                   const struct model_config *c, enum loss_mask kind, enum isolate isolate) {
    const int64_t T = in->tokens, at = number * T;
    for (int64_t t = 0; t < T; t++) {
        r->ids[t] = (int32_t)number_at(in->ids, at + t);
        r->labels[t] = label_of(in, number, t);
    }
    TRY(batch_add_row(&p->batch, T, r->ids, r->labels, NULL, c->eod, isolate));
    if (in->mask) {
        for (int64_t t = 0; t < T; t++) r->flags[t] = number_at(in->mask, at + t) != 0;
        TRY(batch_hide(&p->batch, T, r->flags));
    }
    for (int64_t t = 0; t < T && in->position; t++)
        p->batch.position[at + t] = (int32_t)number_at(in->position, at + t);
    TRY(loss_mask_apply(kind, r->ids, T, c->eod, c->sep, r->labels, r->flags));
    for (int64_t t = 0; t < T; t++) p->masked[at + t] = r->flags[t] ? r->labels[t] : TARGET_IGNORE;
    return ERR_OK;
}

static err add_rows(struct probe_batch *p, const struct input *in, const struct model_config *c,
                    enum loss_mask kind, enum isolate isolate) {
    const size_t T = (size_t)in->tokens;
    struct row r = {mem_alloc(T, sizeof *r.ids), mem_alloc(T, sizeof *r.labels), mem_alloc(T, 1)};
    err e = r.ids && r.labels && r.flags ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < in->rows && !e; i++) {
        e = add_row(p, in, i, &r, c, kind, isolate);
        if (e) fail_in(e, "row %lld", (long long)i);
    }
    mem_free(r.ids);
    mem_free(r.labels);
    mem_free(r.flags);
    return e;
}

err probe_batch_read(struct probe_batch *p, const char *path, const struct model_config *config,
                     enum loss_mask loss_mask, enum isolate isolate) {
    struct tensor_file *f;
    struct input in = {0};
    *p = (struct probe_batch){0};
    TRY(tensor_file_open(&f, path));
    err e = find_input(f, &in);
    p->n_rows = in.rows;
    p->row_tokens = in.tokens;
    if (!e) e = batch_init(&p->batch, in.ids->count);
    if (!e) {
        p->masked = mem_alloc((size_t)in.ids->count, sizeof *p->masked);
        e = p->masked ? add_rows(p, &in, config, loss_mask, isolate) : ERR_MEMORY;
    }
    tensor_file_close(f);
    if (!e) return ERR_OK;
    probe_batch_release(p);
    return fail_in(e, "'%s'", path);
}

void probe_batch_release(struct probe_batch *p) {
    batch_release(&p->batch);
    mem_free(p->masked);
    *p = (struct probe_batch){0};
}
