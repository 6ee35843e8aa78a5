/* SPDX-License-Identifier: Apache-2.0
 * Reserves the rows of acts.def in a memory plan and sets the pointers of the passes. Reserving and
 * placing walk the same list in the same order (walk), so they cannot drift apart.
 * Read next: model/acts.def. */
#include "model/workspace_int.h"
#include "base/mem.h"
#include "model/model_int.h"
#include <string.h>

struct act_row {
    const char *name;
    size_t offset; /* of the pointer in struct saved or struct scratch */
    bool fp32;
    enum variant variant;
    enum keep kept;  /* of a saved row */
    unsigned stages; /* of a shared one */
};

#define ACT_IS_F32_ACT false
#define ACT_IS_F32_F32 true
#define ROW(owner, field, variant, type, kept, stages)                                             \
    {#field, offsetof(owner, field), ACT_IS_F32_##type, VARIANT_##variant, kept, stages},
static const struct act_row saved_rows[] = {
#define SAVED(field, variant, type, width, kept)                                                   \
    ROW(struct saved, field, variant, type, KEEP_##kept, 0)
#define SCRATCH(...)
#include "model/acts.def"
#undef SCRATCH
#undef SAVED
};
static const struct act_row scratch_rows[] = {
#define SAVED(...)
#define SCRATCH(field, variant, type, width, stages)                                               \
    ROW(struct scratch, field, variant, type, KEEP_ALL, stages)
#include "model/acts.def"
#undef SCRATCH
#undef SAVED
};
#undef ROW
enum {
    N_SAVED = sizeof saved_rows / sizeof saved_rows[0],
    N_SCRATCH = sizeof scratch_rows / sizeof scratch_rows[0]
};

static void act_widths(const struct model_config *c, int64_t saved[N_SAVED],
                       int64_t scratch[N_SCRATCH]) {
    const int64_t C = c->hidden_size, F = c->intermediate_size, H = c->n_heads;
    int64_t *s = saved, *t = scratch;
#define SAVED(field, variant, type, width, kept) *s++ = width;
#define SCRATCH(field, variant, type, width, stages) *t++ = width;
#include "model/acts.def"
#undef SCRATCH
#undef SAVED
}

static enum keep layer_keeps(const struct workspace *w, int64_t layer) {
    const struct workspace_shape *s = &w->shape;
    const int64_t entered = layer - s->kept_from;
    if (!(s->stages & STAGES_BACK) || entered < 0) return KEEP_NOTHING;
    if (entered < s->recompute.layers) return KEEP_INPUT;
    return entered - s->recompute.layers < s->recompute.feed_forwards ? KEEP_ATTENTION : KEEP_ALL;
}

bool workspace_holds(const struct workspace *w, int64_t layer, enum keep kept) {
    return layer_keeps(w, layer) >= kept || layer + 1 == w->n_layers ||
           layer_keeps(w, layer + 1) >= kept;
}

size_t plan_size(int64_t n, int64_t size) {
    size_t bytes;
    if (n < 0 || size < 0 || __builtin_mul_overflow((size_t)n, (size_t)size, &bytes))
        return SIZE_MAX;
    return bytes;
}

size_t plan_aligned(size_t bytes) {
    return bytes > SIZE_MAX - 63 ? SIZE_MAX : (bytes + 63) & ~(size_t)63;
}

/* One walk over all memory: with a plan to reserve in, or one to take places from. */
struct walk {
    struct workspace *w;
    struct plan *reserve;
    const struct plan *place;
    enum plan_kind kind;
    err code;
};

static void *next(struct walk *k, const char *name, size_t bytes) {
    struct workspace *w = k->w;
    if (k->place) return plan_at(k->place, w->offsets[w->n_placed++]);
    size_t *grown = mem_resize(w->offsets, (size_t)w->n_offsets + 1, sizeof *grown);
    if (!grown) {
        k->code = ERR_MEMORY;
        return NULL;
    }
    w->offsets = grown;
    w->offsets[w->n_offsets++] = plan_add(k->reserve, k->kind, name, bytes);
    return NULL;
}

static void set_pointer(void *owner, size_t offset, const void *p) {
    memcpy((char *)owner + offset, &p, sizeof p);
}

/* One saved row for all layers: own memory for each where it is kept, else shared. */
static void walk_saved(struct walk *k, const struct model *m, const struct act_row *row,
                       int64_t width) {
    struct workspace *w = k->w;
    if (!variant_has(&m->config, row->variant)) return;
    int64_t element = row->fp32 ? 4 : dtype_bytes(m->compute->backend->act_dtype);
    int64_t shared = 0; /* layers [0, shared) have one memory, the others each their own */
    while (shared < w->n_layers && layer_keeps(w, shared) < row->kept) shared++;
    int64_t copies = w->n_layers - shared + (shared > 0);
    size_t stride = plan_aligned(plan_size(w->shape.n_tokens, width * element)), bytes;
    if (__builtin_mul_overflow((size_t)copies, stride, &bytes)) bytes = SIZE_MAX;
    char *base = next(k, row->name, bytes);
    for (int64_t i = 0; base && i < w->n_layers; i++)
        set_pointer(&w->layers[i], row->offset,
                    base + (size_t)(i < shared ? 0 : i - shared + (shared > 0)) * stride);
}

static void walk_scratch(struct walk *k, const struct model *m, const int64_t widths[N_SCRATCH]) {
    struct workspace *w = k->w;
    struct layout_row rows[N_SCRATCH + 1] = {0}, *logits = &rows[N_SCRATCH];
    for (int i = 0; i < N_SCRATCH; i++) {
        const struct act_row *row = &scratch_rows[i];
        if (!variant_has(&m->config, row->variant)) continue;
        int64_t element = row->fp32 ? 4 : dtype_bytes(m->compute->backend->act_dtype);
        rows[i].bytes = plan_size(w->shape.n_tokens, widths[i] * element);
        rows[i].stages = row->stages & w->shape.stages;
    }
    logits->bytes = w->shape.logits_bytes;
    logits->stages = (STAGE_LOSS | STAGE_LOSS_BACK) & w->shape.stages;
    char *base = next(k, "scratch", layout_rows(rows, N_SCRATCH + 1));
    if (base && logits->stages) w->scratch.logits = base + logits->at;
    for (int i = 0; base && i < N_SCRATCH; i++)
        if (rows[i].stages) set_pointer(&w->scratch, scratch_rows[i].offset, base + rows[i].at);
}

static size_t adapter_bytes(const struct projection *p, int64_t n, bool work) {
    if (!p->adapter) return 0;
    size_t (*bytes)(const struct projection *, int64_t) =
        work ? p->adapter->work_bytes : p->adapter->saved_bytes;
    return bytes ? plan_aligned(bytes(p, n)) : 0;
}

/* Places for what the adapters on one of the layers' projections keep, from `at` on: relative to
 * `base`, or nowhere yet (NULL). Returns where they end. */
static size_t place_adapters(struct workspace *w, const struct model *m, enum layer_projection i,
                             size_t at, char *base) {
    const enum keep kept = projection_spec_at(&m->config, i).kept;
    const size_t shared_at = at;
    for (int64_t pass = 0; pass < 2; pass++) /* those that share, then those that keep theirs */
        for (int64_t layer = 0; layer < w->n_layers; layer++) {
            const struct projection *p = m->internal->layers[layer].projections[i];
            const bool keeps = layer_keeps(w, layer) >= kept;
            if (!p || keeps != (pass == 1)) continue;
            const size_t end =
                (keeps ? at : shared_at) + adapter_bytes(p, w->shape.n_tokens, false);
            if (base) w->layers[layer].adapter[i] = base + (keeps ? at : shared_at);
            if (end > at) at = end;
        }
    return at;
}

static void walk_adapters(struct walk *k, const struct model *m) {
    struct workspace *w = k->w;
    char *base = NULL;
    for (int64_t pass = 0; pass < 2; pass++) {
        size_t total = 0;
        for (int i = 0; i < LAYER_PROJECTION_COUNT; i++)
            total = place_adapters(w, m, (enum layer_projection)i, total, base);
        if (pass == 0) base = next(k, "adapter activations", total);
    }
    size_t work = 0;
    for (int64_t i = 0; i < m->n_projections; i++) {
        const size_t needed = adapter_bytes(&m->projections[i], w->shape.n_tokens, true);
        if (needed > work) work = needed;
    }
    k->kind = PLAN_WORK;
    w->scratch.adapter_work = next(k, "adapter work", work);
}

static void walk_batch(struct walk *k) {
    struct workspace *w = k->w;
    size_t bytes = plan_size(w->shape.n_tokens, sizeof(int32_t));
    k->kind = PLAN_WORK;
    w->batch.ids = next(k, "batch ids", bytes);
    w->batch.position = next(k, "batch positions", bytes);
    w->batch.first = next(k, "batch borders", bytes);
    w->batch.row = next(k, "batch rows", bytes);
    w->batch.link = next(k, "batch links", plan_size(w->shape.n_tokens, 1));
    w->blind_weights = next(k, "weights of hidden rows", bytes);
}

static void walk_all(struct walk *k, const struct model *m) {
    int64_t saved[N_SAVED], scratch[N_SCRATCH];
    act_widths(&m->config, saved, scratch);
    k->kind = PLAN_ACTIVATIONS;
    for (int i = 0; i < N_SAVED; i++) walk_saved(k, m, &saved_rows[i], saved[i]);
    walk_scratch(k, m, scratch);
    walk_adapters(k, m);
    walk_batch(k);
}

err workspace_plan(struct workspace *w, const struct model *m, struct plan *plan,
                   const struct workspace_shape *shape) {
    workspace_release(w);
    w->shape = *shape;
    w->n_layers = m->config.n_layers;
    w->layers = mem_zalloc((size_t)m->config.n_layers, sizeof *w->layers);
    if (!w->layers) return ERR_MEMORY;
    struct walk k = {.w = w, .reserve = plan};
    walk_all(&k, m);
    if (k.code) workspace_release(w);
    return k.code;
}

void workspace_place(struct workspace *w, const struct model *m, const struct plan *plan) {
    struct walk k = {.w = w, .place = plan};
    w->n_placed = 0;
    walk_all(&k, m);
    BUG_IF(w->n_placed != w->n_offsets);
}

void workspace_release(struct workspace *w) {
    mem_free(w->layers);
    mem_free(w->offsets);
    *w = (struct workspace){0};
}

err workspace_load(struct workspace *w, struct compute *c, const struct batch *batch) {
    const size_t n = (size_t)batch->n, words = n * sizeof(int32_t);
    BUG_IF(batch->n > w->shape.n_tokens);
    w->batch.n = batch->n;
    w->batch.row_base = batch->row_base;
    w->batch.blind = batch->blind;
    w->batch.n_blind = batch->n_blind;
    for (int64_t i = 0; i < batch->n_blind; i++) {
        const float weight = 1.0f / (float)(batch->blind[i].row_end - batch->blind[i].begin);
        TRY(c->backend->upload(c, &w->blind_weights[i], &weight, sizeof weight));
    }
    TRY(c->backend->upload(c, w->batch.ids, batch->ids, words));
    TRY(c->backend->upload(c, w->batch.position, batch->position, words));
    TRY(c->backend->upload(c, w->batch.first, batch->first, words));
    TRY(c->backend->upload(c, w->batch.row, batch->row, words));
    return c->backend->upload(c, w->batch.link, batch->link, n);
}

err act_download(struct compute *c, const void *act, int64_t n, float *out) {
    const enum dtype dtype = c->backend->act_dtype;
    if (dtype == DTYPE_F32) return c->backend->download(c, out, act, (size_t)n * sizeof *out);
    void *raw = mem_alloc((size_t)n, (size_t)dtype_bytes(dtype));
    if (!raw) return ERR_MEMORY;
    err code = c->backend->download(c, raw, act, (size_t)(n * dtype_bytes(dtype)));
    if (!code) dtype_to_f32(raw, dtype, n, out);
    mem_free(raw);
    return code;
}
