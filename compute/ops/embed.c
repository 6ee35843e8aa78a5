/* SPDX-License-Identifier: Apache-2.0
 * Embedding lookup and its gradient: plain references, cases and tolerances. The lookup is a copy,
 * so it is exact; the gradient adds at most N rows into one.
 * Read next: compute/ops/embed.h, compute/ops/op.h. */
#include "compute/ops/embed.h"

#include "compute/ops/op.h"
#include <math.h>

enum { SLOT_IDS, SLOT_W, SLOT_X };
enum { SLOT_DIDS, SLOT_DX, SLOT_DW };

/* Ids that repeat, with the first and the last row of the table among them. */
static void fill_ids(int64_t v, int32_t *ids, int64_t n) {
    for (int64_t t = 0; t < n; t++) ids[t] = (int32_t)(t == 0 ? v - 1 : t % 4 == 3 ? 0 : t * 7 % v);
}

static int64_t embed_count(const void *args, int slot) {
    const struct embed_args *p = args;
    if (slot == SLOT_IDS) return p->n;
    return slot == SLOT_W ? op_span(p->v, p->c, p->w.row_stride, p->w.col_stride) : p->n * p->c;
}

static void embed_indices(const void *args, int slot, void *values, int64_t n) {
    (void)slot;
    fill_ids(((const struct embed_args *)args)->v, values, n);
}

static void embed_reference(const void *args, double *const *values) {
    const struct embed_args *p = args;
    for (int64_t t = 0; t < p->n; t++) {
        for (int64_t j = 0; j < p->c; j++) {
            int64_t id = (int64_t)values[SLOT_IDS][t];
            values[SLOT_X][t * p->c + j] =
                values[SLOT_W][id * p->w.row_stride + j * p->w.col_stride];
        }
    }
}

static double embed_tolerance(const void *args) {
    (void)args;
    return 0;
}

static const struct embed_args embed_cases[] = {
    {.n = 1, .c = 1, .v = 1, .w = {.row_stride = 1, .col_stride = 1}},
    {.n = 13, .c = 37, .v = 9, .w = {.row_stride = 40, .col_stride = 1}},
    {.n = 200, .c = 64, .v = 50, .w = {.row_stride = 1, .col_stride = 50}},
    {.n = 5, .c = 2101, .v = 7, .w = {.row_stride = 2104, .col_stride = 1}},
};

const struct op embed_op = {
    .name = "embed",
    .summary = "embedding lookup",
    .args_size = sizeof(struct embed_args),
    .slots = {{"ids", SLOT_IN, SLOT_I32, offsetof(struct embed_args, ids)},
              {"w", SLOT_IN, SLOT_MAT, offsetof(struct embed_args, w)},
              {"x", SLOT_OUT, SLOT_ACT, offsetof(struct embed_args, x)}},
    .cases = embed_cases,
    .case_names = {"one", "odd", "turned", "wide"},
    .count = embed_count,
    .indices = embed_indices,
    .reference = embed_reference,
    .tolerance = embed_tolerance,
};

static int64_t backward_count(const void *args, int slot) {
    const struct embed_backward_args *p = args;
    return slot == SLOT_DIDS ? p->n : slot == SLOT_DW ? p->v * p->c : p->n * p->c;
}

static void backward_indices(const void *args, int slot, void *values, int64_t n) {
    (void)slot;
    fill_ids(((const struct embed_backward_args *)args)->v, values, n);
}

static void backward_reference(const void *args, double *const *values) {
    const struct embed_backward_args *p = args;
    for (int64_t t = 0; t < p->n; t++) {
        int64_t id = (int64_t)values[SLOT_DIDS][t];
        for (int64_t j = 0; j < p->c && id != p->skip_id; j++) {
            values[SLOT_DW][id * p->c + j] += values[SLOT_DX][t * p->c + j];
        }
    }
}

static double backward_tolerance(const void *args) {
    return sqrt((double)((const struct embed_backward_args *)args)->n) * 0x1p-24;
}

static bool backward_forward(const void *args, void *forward_args) {
    const struct embed_backward_args *p = args;
    *(struct embed_args *)forward_args = (struct embed_args){
        .n = p->n, .c = p->c, .v = p->v, .w = {.row_stride = p->c, .col_stride = 1}};
    return p->skip_id < 0;
}

static const struct embed_backward_args backward_cases[] = {
    {.n = 1, .c = 1, .v = 1, .skip_id = -1},
    {.n = 13, .c = 37, .v = 9, .skip_id = -1},
    {.n = 200, .c = 200, .v = 50, .skip_id = 0},
    {.n = 30, .c = 1101, .v = 7, .skip_id = -1},
};

const struct op embed_backward_op = {
    .name = "embed_backward",
    .summary = "gradient of embed; one id may be skipped",
    .gradient = "embed",
    .args_size = sizeof(struct embed_backward_args),
    .slots = {{"ids", SLOT_IN, SLOT_I32, offsetof(struct embed_backward_args, ids)},
              {"dx", SLOT_IN, SLOT_ACT, offsetof(struct embed_backward_args, dx)},
              {"dw", SLOT_INOUT, SLOT_F32, offsetof(struct embed_backward_args, dw)}},
    .cases = backward_cases,
    .case_names = {"one", "odd", "skip", "wide"},
    .count = backward_count,
    .indices = backward_indices,
    .reference = backward_reference,
    .tolerance = backward_tolerance,
    .forward_case = backward_forward,
};
