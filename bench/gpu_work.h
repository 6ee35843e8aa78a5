/* SPDX-License-Identifier: Apache-2.0
 * What training is made of on a GPU, as calls of operations at a model's own sizes: a layer
 * forward, its backward pass to the input, its weights' gradients, LoRA's narrow products, the
 * head, and the update. One row a call; a layer has it `times` over, and cost and time of a pass
 * are sums over that.
 * Memory for a call's operands comes from the operation's own table (compute/ops/op.h).
 * Read next: bench/gpu.c. */
#ifndef COTRAIN_BENCH_GPU_WORK_H
#define COTRAIN_BENCH_GPU_WORK_H

#include "base/mem.h"
#include "bench/op_cost.h"
#include "compute/ops/op.h"
#include "model/config.h"
#include <math.h>
#include <string.h>

enum work_group {
    WORK_FORWARD,
    WORK_BACKWARD,
    WORK_WEIGHTS,
    WORK_LORA,
    WORK_HEAD,
    WORK_UPDATE,
    WORK_GROUPS
};
static const char *const work_group_names[] = {
    "layer forward", "layer backward", "weight gradients", "LoRA", "head", "update"};

enum { WORK_MAX = 64, WORK_ARGS_BYTES = 320, WORK_SETS = 8, LORA_RANK = 16 };

struct work {
    const char *name;
    enum work_group group;
    enum op_number op;
    int times;
    struct op_cost cost;                                /* of one call */
    _Alignas(16) char args[WORK_SETS][WORK_ARGS_BYTES]; /* placed: the same sizes in other memory */
    void *memory[WORK_SETS][OP_MAX_SLOTS];
    int n_sets;
};

struct work_list {
    struct model_config config;
    int64_t tokens;
    enum dtype act;
    struct work rows[WORK_MAX];
    int n;
};

static inline void work_push(struct work_list *l, enum work_group group, int times,
                             const char *name, enum op_number op, const void *args, size_t bytes) {
    BUG_IF(l->n == WORK_MAX || bytes > WORK_ARGS_BYTES);
    struct work *w = &l->rows[l->n++];
    *w = (struct work){.name = name, .group = group, .op = op, .times = times};
    w->cost = op_cost(op, args, l->act, l->tokens);
    memcpy(w->args[0], args, bytes);
}
#define PUSH(group, times, label, op, ...)                                                         \
    work_push(l, group, times, label, OP_##op, &(struct op##_args){__VA_ARGS__},                   \
              sizeof(struct op##_args))

/* y (N,out) = x w^T, as the model calls it; of Yuan's q and k the rows of y are `stride` apart. */
static inline void work_project(struct work_list *l, int times, const char *name, int64_t in,
                                int64_t out, int64_t stride, bool bias, bool add) {
    PUSH(WORK_FORWARD, times, name, product, .m = l->tokens, .n = out, .k = in,
         .a = {NULL, l->act, in, 1}, .b = {NULL, DTYPE_BF16, 1, in}, .c_stride = stride,
         .bias = {NULL, DTYPE_BF16, bias ? out : 0, bias}, .add_stride = add ? out : 0);
}

/* dx (N,in) = dy w, and dw (out,in) += dy^T x. */
static inline void work_project_back(struct work_list *l, int times, const char *name,
                                     const char *weight_name, int64_t in, int64_t out,
                                     int64_t stride, bool accumulate) {
    PUSH(WORK_BACKWARD, times, name, product, .m = l->tokens, .n = in, .k = out,
         .a = {NULL, l->act, stride, 1}, .b = {NULL, DTYPE_BF16, in, 1}, .c_stride = in,
         .accumulate = accumulate);
    PUSH(WORK_WEIGHTS, times, weight_name, product, .m = out, .n = in, .k = l->tokens,
         .a = {NULL, l->act, 1, stride}, .b = {NULL, l->act, in, 1}, .c_stride = in,
         .accumulate = true, .c_is_gradient = true);
}

static inline struct attention_args work_attention(const struct work_list *l) {
    const int64_t C = l->config.hidden_size, D = l->config.head_size;
    return (struct attention_args){.n_q = l->tokens,
                                   .n_k = l->tokens,
                                   .h = l->config.n_heads,
                                   .d = D,
                                   .scale = (float)(1.0 / sqrt((double)D)),
                                   .q_row = 2 * C,
                                   .k_row = 2 * C,
                                   .v_row = C,
                                   .o_row = C,
                                   .q_head_stride = 2 * D,
                                   .k_head_stride = 2 * D,
                                   .v_head_stride = D};
}

static inline void work_layer(struct work_list *l) {
    const int64_t C = l->config.hidden_size, F = l->config.intermediate_size, N = l->tokens;
    const struct attention_args attention = work_attention(l);
    PUSH(WORK_FORWARD, 3, "rmsnorm", rmsnorm, .n = N, .c = C, .eps = 1e-6f,
         .w = {NULL, DTYPE_BF16, C, 1});
    PUSH(WORK_FORWARD, 1, "pair C", pair, .n = N, .c = C);
    work_project(l, 1, "conv1", 2 * C, C / 2, C / 2, true, false);
    PUSH(WORK_FORWARD, 1, "pair C/2", pair, .n = N, .c = C / 2);
    work_project(l, 1, "conv2 + residual", C, C, C, true, true);
    work_project(l, 2, "q, k", C, C, 2 * C, false, false);
    work_project(l, 1, "v", C, C, C, false, false);
    PUSH(WORK_FORWARD, 1, "rope", rope, .n = N, .n_vectors = 2 * l->config.n_heads,
         .d = l->config.head_size, .row_stride = 2 * C, .n_positions = l->config.max_positions);
    work_push(l, WORK_FORWARD, 1, "attention", OP_attention, &attention, sizeof attention);
    work_project(l, 1, "o + residual", C, C, C, false, true);
    work_project(l, 2, "up, gate", C, F, F, false, false);
    PUSH(WORK_FORWARD, 1, "swiglu", swiglu, .n = N * F);
    work_project(l, 1, "down + residual", F, C, C, false, true);
}

/* What the backward pass makes again of the forward pass is in it (model/block.c). */
static inline void work_layer_back(struct work_list *l) {
    const int64_t C = l->config.hidden_size, F = l->config.intermediate_size, N = l->tokens;
    const struct attention_backward_args attention = {.forward = work_attention(l)};
    PUSH(WORK_BACKWARD, 3, "rmsnorm, made again", rmsnorm, .n = N, .c = C, .eps = 1e-6f,
         .w = {NULL, DTYPE_BF16, C, 1});
    PUSH(WORK_BACKWARD, 1, "swiglu, made again", swiglu, .n = N * F);
    work_project_back(l, 1, "down, dx", "down, dw", F, C, C, false);
    PUSH(WORK_BACKWARD, 1, "swiglu backward", swiglu_backward, .n = N * F);
    work_project_back(l, 1, "up, dx", "up, dw", C, F, F, false);
    work_project_back(l, 1, "gate, dx", "gate, dw", C, F, F, true);
    PUSH(WORK_BACKWARD, 2, "rmsnorm backward", rmsnorm_backward, .n = N, .c = C,
         .w = {NULL, DTYPE_BF16, C, 1}, .accumulate = true);
    work_project_back(l, 1, "o, dx", "o, dw", C, C, C, false);
    work_push(l, WORK_BACKWARD, 1, "attention backward", OP_attention_backward, &attention,
              sizeof attention);
    PUSH(WORK_BACKWARD, 1, "rope backward", rope, .n = N, .n_vectors = 2 * l->config.n_heads,
         .d = l->config.head_size, .row_stride = 2 * C, .n_positions = l->config.max_positions,
         .inverse = true);
    work_project_back(l, 1, "v, dx", "v, dw", C, C, C, false);
    work_project_back(l, 2, "q, k, dx", "q, k, dw", C, C, 2 * C, false);
    PUSH(WORK_BACKWARD, 1, "rmsnorm backward, filter", rmsnorm_backward, .n = N, .c = C,
         .w = {NULL, DTYPE_BF16, C, 1});
    PUSH(WORK_BACKWARD, 1, "add", add, .n = N * C);
    PUSH(WORK_BACKWARD, 1, "pair C/2, made again", pair, .n = N, .c = C / 2);
    work_project_back(l, 1, "conv2, dx", "conv2, dw", C, C, C, false);
    PUSH(WORK_BACKWARD, 1, "unpair C/2", unpair, .n = N, .c = C / 2);
    PUSH(WORK_BACKWARD, 1, "pair C, made again", pair, .n = N, .c = C);
    work_project_back(l, 1, "conv1, dx", "conv1, dw", 2 * C, C / 2, C / 2, false);
    PUSH(WORK_BACKWARD, 1, "unpair C", unpair, .n = N, .c = C, .accumulate = true);
}

/* Of a projection of C to F: x A^T, the joined forward product, and B's gradient. */
static inline void work_lora(struct work_list *l) {
    const int64_t C = l->config.hidden_size, F = l->config.intermediate_size, N = l->tokens,
                  R = LORA_RANK;
    PUSH(WORK_LORA, 1, "x A", product, .m = N, .n = R, .k = C, .a = {NULL, l->act, C, 1},
         .b = {NULL, DTYPE_F32, 1, C}, .c_stride = R);
    PUSH(WORK_LORA, 1, "x W + (x A) B, joined", product, .m = N, .n = F, .k = C,
         .a = {NULL, l->act, C, 1}, .b = {NULL, DTYPE_BF16, 1, C}, .c_stride = F,
         .more_a = {NULL, l->act, R, 1}, .more_b = {NULL, DTYPE_F32, 1, R}, .more_k = R);
    PUSH(WORK_LORA, 1, "dB", product, .m = F, .n = R, .k = N, .a = {NULL, l->act, 1, F},
         .b = {NULL, l->act, R, 1}, .c_stride = R, .accumulate = true, .c_is_gradient = true);
}

/* The head on a block of rows, as many as the model takes at once or fewer. */
static inline void work_head(struct work_list *l) {
    const int64_t C = l->config.hidden_size, V = l->config.vocab_size,
                  n = l->tokens < 1024 ? l->tokens : 1024;
    PUSH(WORK_HEAD, 1, "logits of 1024 rows", product, .m = n, .n = V, .k = C,
         .a = {NULL, l->act, C, 1}, .b = {NULL, DTYPE_BF16, 1, C}, .c_stride = V);
    PUSH(WORK_HEAD, 1, "cross entropy", cross_entropy, .n = n, .v = V, .last = true);
    PUSH(WORK_HEAD, 1, "cross entropy backward", cross_entropy_backward, .n = n, .v = V,
         .scale = 1);
    PUSH(WORK_HEAD, 1, "logits, dx", product, .m = n, .n = C, .k = V, .a = {NULL, l->act, V, 1},
         .b = {NULL, DTYPE_BF16, C, 1}, .c_stride = C);
    PUSH(WORK_HEAD, 1, "embedding", embed, .n = l->tokens, .c = C, .v = V,
         .w = {NULL, DTYPE_BF16, C, 1});
}

/* The matrices of a feed-forward. */
static inline void work_update(struct work_list *l) {
    const int64_t n = 3 * l->config.hidden_size * l->config.intermediate_size;
    const struct adamw_args adamw = {.n = n,
                                     .gradient = {NULL, DTYPE_F32, n, 1},
                                     .lr = 1e-4,
                                     .beta1 = 0.9,
                                     .beta2 = 0.95,
                                     .eps = 1e-8,
                                     .weight_decay = 0.1,
                                     .gradient_scale = 1,
                                     .step = 1};
    work_push(l, WORK_UPDATE, 1, "adamw, fp32", OP_adamw, &adamw, sizeof adamw);
    PUSH(WORK_UPDATE, 1, "gradient norm", sum_squares, .n = n, .x = {NULL, DTYPE_F32, n, 1});
}

static inline void work_make(struct work_list *l, const struct model_config *config, int64_t tokens,
                             enum dtype act) {
    *l = (struct work_list){.config = *config, .tokens = tokens, .act = act};
    work_layer(l);
    work_layer_back(l);
    work_lora(l);
    work_head(l);
    work_update(l);
}
#undef PUSH

/* ---- memory ---- */

static inline enum dtype work_dtype(const struct work *w, int slot, enum dtype act) {
    const struct slot *s = &ops[w->op]->slots[slot];
    switch (s->type) {
    case SLOT_ACT: {
        const struct product_args *p = (const void *)w->args[0];
        const bool gradient = w->op == OP_product && p->c_is_gradient && !strcmp(s->name, "c");
        return gradient ? DTYPE_F32 : act;
    }
    case SLOT_BF16: return DTYPE_BF16;
    case SLOT_I32: return DTYPE_I32;
    case SLOT_U8: return DTYPE_U8;
    case SLOT_F64: return DTYPE_F64;
    case SLOT_MAT: {
        struct mat m;
        memcpy(&m, w->args[0] + s->offset, sizeof m);
        return m.dtype;
    }
    default: return DTYPE_F32;
    }
}

/* Numbers in [0.25, 1) of either sign where that is allowed: products of zeros draw less power and
 * run faster than real ones. Attention sees one text. */
static inline err work_fill(struct compute *c, const struct work *w, int slot, int64_t n,
                            enum dtype dtype, char *to) {
    enum { PIECE = 1 << 18 };
    const struct op *op = ops[w->op];
    const bool one_text = w->op == OP_attention || w->op == OP_attention_backward;
    if (dtype == DTYPE_I32 || dtype == DTYPE_U8) {
        if (one_text) return ERR_OK; /* zeros */
        const size_t bytes = (size_t)(n * dtype_bytes(dtype));
        void *values = mem_zalloc((size_t)n, sizeof(int32_t));
        if (!values) return ERR_MEMORY;
        op->indices(w->args[0], slot, values, n);
        err e = c->backend->upload(c, to, values, bytes);
        mem_free(values);
        return e;
    }
    const bool with_sign = op->slots[slot].type == SLOT_ACT || op->slots[slot].type == SLOT_MAT;
    float *values = mem_alloc(PIECE, sizeof *values);
    void *stored = mem_alloc(PIECE, sizeof *values);
    err e = values && stored ? ERR_OK : ERR_MEMORY;
    uint32_t bits = 1;
    for (int64_t i = 0; i < PIECE && !e; i++) {
        bits = bits * 1664525u + 1013904223u;
        const float size = 0.25f + 0.75f * (float)(bits >> 9) * 0x1p-23f;
        values[i] = with_sign && (bits >> 8 & 1) ? -size : size;
    }
    if (!e) dtype_from_f32(values, PIECE, dtype, stored);
    const int64_t size = dtype_bytes(dtype);
    for (int64_t at = 0; at < n && !e; at += PIECE)
        e = c->backend->upload(c, to + at * size, stored,
                               (size_t)((n - at < PIECE ? n - at : PIECE) * size));
    mem_free(stored);
    mem_free(values);
    return e;
}

static inline err work_place_slot(struct compute *c, struct work *w, int set, int slot,
                                  enum dtype act) {
    const struct op *op = ops[w->op];
    const int64_t n = op->count(w->args[0], slot);
    if (n == 0) return ERR_OK;
    const enum dtype dtype = work_dtype(w, slot, act);
    void **memory = &w->memory[set][slot];
    if (dtype == DTYPE_F64) { /* a result in host memory */
        *memory = mem_zalloc((size_t)n, sizeof(double));
        if (!*memory) return ERR_MEMORY;
    } else {
        TRY(c->backend->alloc(c, (size_t)(n * dtype_bytes(dtype)), memory));
        TRY(work_fill(c, w, slot, n, dtype, *memory));
    }
    char *field = w->args[set] + op->slots[slot].offset;
    if (op->slots[slot].type == SLOT_MAT) field += offsetof(struct mat, data);
    memcpy(field, memory, sizeof *memory);
    return ERR_OK;
}

/* So many sets of operands that calls with one after the other do not find them in the L2 cache. */
static inline err work_place(struct compute *c, struct work *w, enum dtype act, double most_bytes) {
    const double sets = most_bytes / (w->cost.bytes > 1 ? w->cost.bytes : 1);
    w->n_sets = sets < 1 ? 1 : sets > WORK_SETS ? WORK_SETS : (int)sets;
    for (int set = 0; set < w->n_sets; set++) {
        if (set > 0) memcpy(w->args[set], w->args[0], WORK_ARGS_BYTES);
        for (int s = 0; s < OP_MAX_SLOTS && ops[w->op]->slots[s].name; s++)
            TRY(work_place_slot(c, w, set, s, act));
    }
    return ERR_OK;
}

static inline void work_release(struct compute *c, struct work *w) {
    for (int set = 0; set < WORK_SETS; set++)
        for (int s = 0; s < OP_MAX_SLOTS; s++) {
            void **memory = &w->memory[set][s];
            if (!*memory) continue;
            if (ops[w->op]->slots[s].type == SLOT_F64)
                mem_free(*memory);
            else
                c->backend->free(c, *memory);
            *memory = NULL;
        }
}

static inline err work_call(struct compute *c, const struct work *w, int64_t call) {
    const void *args = w->args[call % w->n_sets];
    switch (w->op) {
#define OP(name)                                                                                   \
    case OP_##name:                                                                                \
        return c->backend->name(c, args);
#include "compute/ops.def"
#undef OP
    default: BUG_IF(true); return ERR_OK;
    }
}

#endif
