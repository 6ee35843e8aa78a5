/* SPDX-License-Identifier: Apache-2.0
 * Where gradients of the base model's parameters are between their making and their use. Those of a
 * few rows (norms, biases) lie together and are zeroed when a step begins; the large ones are not:
 * their first slice of a step is written instead of added to, and what no pass has written by the
 * step's end is zeroed then. What is not kept in fp32 is made in one work buffer, the size of the
 * largest slice.
 * A tied embedding is the one parameter whose gradient has two parts, the head's and the lookup's,
 * with all layers between. So it is kept like any other even where gradients are taken, and taken
 * when model/lookup.c adds the second part. Read next: model/gradient.h, the contract. */
#include "model/gradient.h"
#include "base/mem.h"
#include "compute/ops/bf16.h"
#include "model/model_int.h"

enum {
    FEW_ROWS = 8,     /* of C numbers */
    SLICE_ROWS = 1024 /* of an embedding or head, at least */
};

struct gradient {
    struct gradients *all;
    struct param *param; /* NULL: frozen */
    int64_t rows, columns;
    int64_t begun; /* rows that hold something of this step, or were taken in it */
    bool few;      /* a parameter of a few rows */
    bool kept, complete;
};

static bool wanted(const struct model *m, const struct param *p) {
    return p->trained && m->internal->options.backward;
}

static bool is_few(const struct model *m, const struct param *p) {
    return p->count <= FEW_ROWS * m->config.hidden_size;
}

static bool is_vocabulary(const struct model *m, const struct param *p) {
    return p == &m->params[PARAM_EMBEDDING] || p == &m->params[param_number_head(&m->config)];
}

bool gradient_taken(const struct model *m, const struct param *p) {
    return wanted(m, p) && !is_few(m, p) && m->internal->options.gradient_taker.take;
}

bool gradient_in_slices(const struct model *m, const struct param *p) {
    return wanted(m, p) && !is_few(m, p) &&
           (gradient_taken(m, p) || m->internal->options.gradient_dtype != DTYPE_F32);
}

static bool is_kept(const struct model *m, const struct param *p) {
    return !gradient_taken(m, p) || (m->config.tied_head && p == &m->params[PARAM_EMBEDDING]);
}

static enum dtype kept_dtype(const struct model *m, const struct param *p) {
    return is_few(m, p) ? DTYPE_F32 : m->internal->options.gradient_dtype;
}

static size_t gradient_bytes(const struct model *m, const struct param *p) {
    return plan_aligned(plan_size(p->count, dtype_bytes(kept_dtype(m, p))));
}

/* Of all parameters that are kept in a dtype, those of a few rows or the others. */
static size_t kept_bytes(const struct model *m, enum dtype dtype, bool few) {
    size_t bytes = 0;
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        if (!wanted(m, p) || !is_kept(m, p) || is_few(m, p) != few || kept_dtype(m, p) != dtype)
            continue;
        if (__builtin_add_overflow(bytes, gradient_bytes(m, p), &bytes)) return SIZE_MAX;
    }
    return bytes;
}

/* Numbers of the largest slice that is made in the work buffer. */
static int64_t work_count(const struct model *m) {
    const bool kept_exactly = m->internal->options.gradient_dtype == DTYPE_F32;
    int64_t most = 0;
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        const int64_t least = SLICE_ROWS * m->config.hidden_size;
        if (!gradient_in_slices(m, p) || (is_kept(m, p) && kept_exactly)) continue;
        const int64_t n = is_vocabulary(m, p) && p->count > least ? least : p->count;
        if (n > most) most = n;
    }
    return most;
}

err gradients_plan(struct model *m, struct plan *plan) {
    struct gradients *g = &m->internal->gradients;
    const size_t large = kept_bytes(m, DTYPE_F32, false),
                 in_bf16 = kept_bytes(m, DTYPE_BF16, false);
    size_t bytes;
    BUG_IF(m->internal->options.gradient_dtype != DTYPE_F32 &&
           m->internal->options.gradient_dtype != DTYPE_BF16);
    g->few_bytes = kept_bytes(m, DTYPE_F32, true);
    g->work_count = work_count(m);
    if (__builtin_add_overflow(g->few_bytes, large, &bytes)) bytes = SIZE_MAX;
    g->at = plan_add(plan, PLAN_GRADIENTS, "gradients", bytes);
    g->bf16_at = in_bf16 ? plan_add(plan, PLAN_GRADIENTS, "gradients in bf16", in_bf16) : 0;
    g->work_at = g->work_count ? plan_add(plan, PLAN_GRADIENTS, "gradient in the making",
                                          plan_floats(g->work_count))
                               : 0;
    return ERR_OK;
}

static void place(struct model *m, bool few, char **f32, char **bf16) {
    struct gradients *all = &m->internal->gradients;
    for (int64_t i = 0; i < m->n_params; i++) {
        struct param *p = &m->params[i];
        if (!wanted(m, p) || is_few(m, p) != few) continue;
        struct gradient *g = &all->list[i];
        *g = (struct gradient){.all = all,
                               .param = p,
                               .rows = p->shape[0],
                               .columns = p->count / p->shape[0],
                               .few = few,
                               .kept = is_kept(m, p)};
        if (!g->kept) continue;
        char **at = kept_dtype(m, p) == DTYPE_F32 ? f32 : bf16;
        if (at == f32)
            p->gradient = (float *)(void *)*at;
        else
            p->gradient_bf16 = (uint16_t *)(void *)*at;
        *at += gradient_bytes(m, p);
    }
}

err gradients_place(struct model *m, const struct plan *plan) {
    struct gradients *g = &m->internal->gradients;
    char *f32 = plan_at(plan, g->at), *bf16 = plan_at(plan, g->bf16_at);
    g->compute = m->compute;
    g->taker = m->internal->options.gradient_taker;
    g->few = f32;
    g->work = plan_at(plan, g->work_at);
    g->n = m->n_params;
    g->list = arena_alloc(&m->arena, (size_t)g->n, sizeof *g->list);
    if (!g->list) return ERR_MEMORY;
    place(m, true, &f32, &bf16);
    place(m, false, &f32, &bf16);
    return ERR_OK;
}

struct gradient *gradient_of(const struct model *m, const struct param *p) {
    struct gradient *g = &m->internal->gradients.list[p - m->params];
    return g->param ? g : NULL;
}

/* Whether it is made where it is kept. */
static bool in_place(const struct gradient *g) {
    return g->param->gradient;
}

int64_t gradient_max_rows(const struct gradient *g) {
    const int64_t most = in_place(g) ? g->rows : g->all->work_count / g->columns;
    return most >= g->rows ? g->rows : most / GRADIENT_ROW_STEP * GRADIENT_ROW_STEP;
}

bool gradient_opens_once(const struct gradient *g) {
    return !g->kept;
}

void gradient_complete(struct gradient *g) {
    g->complete = g->all->taker.take;
}

err gradient_open(struct gradient *g, int64_t row, int64_t rows, struct gradient_slice *out) {
    struct gradients *all = g->all;
    const bool again = row < g->begun;
    const int64_t at = row * g->columns;
    BUG_IF(row < 0 || rows < 1 || row > g->rows - rows || rows > gradient_max_rows(g));
    BUG_IF(row % GRADIENT_ROW_STEP || all->open);
    BUG_IF(again ? row + rows > g->begun || !g->kept : row > g->begun);
    *out = (struct gradient_slice){.of = g,
                                   .row = row,
                                   .rows = rows,
                                   .values = in_place(g) ? g->param->gradient + at : all->work,
                                   .fresh = !again && !g->few};
    all->open = !in_place(g);
    if (!again || in_place(g)) return ERR_OK;
    const struct widen_bf16_args args = {rows * g->columns, g->param->gradient_bf16 + at,
                                         out->values};
    return all->compute->backend->widen_bf16(all->compute, &args);
}

err gradient_open_whole(struct gradient *g, struct gradient_slice *out) {
    return gradient_open(g, 0, g->rows, out);
}

err gradient_close(const struct gradient_slice *s) {
    struct gradient *g = s->of;
    struct gradients *all = g->all;
    const int64_t at = s->row * g->columns, n = s->rows * g->columns;
    if (g->begun < s->row + s->rows) g->begun = s->row + s->rows;
    all->open = false;
    if (g->complete) return all->taker.take(all->taker.ctx, g->param, at, n, s->values);
    if (in_place(g)) return ERR_OK;
    const struct round_bf16_args args = {n, s->values, g->param->gradient_bf16 + at};
    return all->compute->backend->round_bf16(all->compute, &args);
}

err gradients_begin(struct gradients *g) {
    for (int64_t i = 0; i < g->n; i++) {
        g->list[i].begun = 0;
        g->list[i].complete = g->list[i].param && !g->list[i].kept;
    }
    return g->few_bytes ? g->compute->backend->zero(g->compute, g->few, g->few_bytes) : ERR_OK;
}

static err zero_rest(struct gradient *g) {
    struct compute *c = g->all->compute;
    const struct mat row = param_gradient(g->param);
    const int64_t size = dtype_bytes(row.dtype), done = g->begun * g->columns;
    g->begun = g->rows;
    return c->backend->zero(c, (char *)row.data + done * size,
                            (size_t)((g->param->count - done) * size));
}

err gradients_end(struct gradients *g) {
    for (int64_t i = 0; i < g->n; i++) {
        struct gradient *one = &g->list[i];
        if (!one->param || one->few || one->begun == one->rows) continue;
        BUG_IF(!one->kept); /* nobody was given the rest */
        TRY(zero_rest(one));
    }
    return ERR_OK;
}
