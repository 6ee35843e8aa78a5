/* SPDX-License-Identifier: Apache-2.0
 * Where gradients of the base model's parameters are kept. Those of a few rows (norms, biases) lie
 * together and are zeroed when a step begins; the large ones are not: their first slice of a step
 * is written instead of added to, and what no pass has written by the step's end is zeroed then.
 * Read next: model/gradient.h, the contract. */
#include "model/gradient.h"
#include "base/mem.h"
#include "model/model_int.h"

enum { FEW_ROWS = 8 }; /* of C numbers */

struct gradient {
    struct gradients *all;
    struct param *param;
    int64_t rows, columns;
    int64_t begun; /* rows that hold something of this step */
    bool few;      /* a parameter of a few rows */
};

static bool wanted(const struct model *m, const struct param *p) {
    return p->trained && m->internal->options.backward;
}

static bool is_few(const struct model *m, const struct param *p) {
    return p->count <= FEW_ROWS * m->config.hidden_size;
}

static size_t kept_bytes(const struct model *m, bool few) {
    size_t bytes = 0;
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        if (!wanted(m, p) || is_few(m, p) != few) continue;
        if (__builtin_add_overflow(bytes, plan_floats(p->count), &bytes)) return SIZE_MAX;
    }
    return bytes;
}

err gradients_plan(struct model *m, struct plan *plan) {
    struct gradients *g = &m->internal->gradients;
    const size_t few = kept_bytes(m, true), large = kept_bytes(m, false);
    size_t bytes;
    if (__builtin_add_overflow(few, large, &bytes)) bytes = SIZE_MAX;
    g->few_bytes = few;
    g->at = plan_add(plan, PLAN_GRADIENTS, "gradients", bytes);
    return ERR_OK;
}

static void place(struct model *m, bool few, char **at) {
    struct gradients *all = &m->internal->gradients;
    for (int64_t i = 0; i < m->n_params; i++) {
        struct param *p = &m->params[i];
        if (!wanted(m, p) || is_few(m, p) != few) continue;
        p->gradient = (float *)(void *)*at;
        *at += plan_floats(p->count);
        all->list[i] = (struct gradient){.all = all,
                                         .param = p,
                                         .rows = p->shape[0],
                                         .columns = p->count / p->shape[0],
                                         .few = few};
    }
}

err gradients_place(struct model *m, const struct plan *plan) {
    struct gradients *g = &m->internal->gradients;
    char *at = plan_at(plan, g->at);
    g->compute = m->compute;
    g->few = at;
    g->n = m->n_params;
    g->list = arena_alloc(&m->arena, (size_t)g->n, sizeof *g->list);
    if (!g->list) return ERR_MEMORY;
    place(m, true, &at);
    place(m, false, &at);
    return ERR_OK;
}

struct gradient *gradient_of(const struct model *m, const struct param *p) {
    struct gradient *g = &m->internal->gradients.list[p - m->params];
    return g->param ? g : NULL;
}

int64_t gradient_max_rows(const struct gradient *g) {
    return g->rows;
}

err gradient_open(struct gradient *g, int64_t row, int64_t rows, struct gradient_slice *out) {
    const bool again = row < g->begun;
    BUG_IF(row < 0 || rows < 1 || row > g->rows - rows || rows > gradient_max_rows(g));
    BUG_IF(again ? row + rows > g->begun : row > g->begun);
    *out = (struct gradient_slice){.of = g,
                                   .row = row,
                                   .rows = rows,
                                   .values = g->param->gradient + row * g->columns,
                                   .fresh = !again && !g->few};
    return ERR_OK;
}

err gradient_open_whole(struct gradient *g, struct gradient_slice *out) {
    return gradient_open(g, 0, g->rows, out);
}

err gradient_close(const struct gradient_slice *s) {
    if (s->of->begun < s->row + s->rows) s->of->begun = s->row + s->rows;
    return ERR_OK;
}

err gradients_begin(struct gradients *g) {
    for (int64_t i = 0; i < g->n; i++) g->list[i].begun = 0;
    return g->few_bytes ? g->compute->backend->zero(g->compute, g->few, g->few_bytes) : ERR_OK;
}

err gradients_end(struct gradients *g) {
    for (int64_t i = 0; i < g->n; i++) {
        struct gradient *one = &g->list[i];
        if (!one->param || one->few || one->begun == one->rows) continue;
        TRY(g->compute->backend->zero(g->compute, one->param->gradient + one->begun * one->columns,
                                      (size_t)((one->rows - one->begun) * one->columns) *
                                          sizeof(float)));
        one->begun = one->rows;
    }
    return ERR_OK;
}
