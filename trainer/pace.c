/* SPDX-License-Identifier: Apache-2.0
 * Measuring this machine and counting a step (trainer/pace.h). Each rate is the best of some calls,
 * since what disturbs a call only makes it slower; operands are made small where the machine is
 * slow.
 * Read next: model/cost.h. */
#include "trainer/pace.h"

#include "base/clock.h"
#include "base/mem.h"
#include "compute/ops/add.h"
#include "compute/ops/attention.h"
#include "compute/ops/product.h"
#include "trainer/trainer_int.h"

enum {
    SIDE = 1024,  /* of square operands */
    NARROW = 16,  /* rows of a narrow product */
    TOKENS = 512, /* rows of the others, at most */
    HEADS = 16,
    HEAD_WIDTH = 64,
    LEAST_ROOM = 4 << 20, /* floats: all but the sum and the update fit into it */
    MOST_ROOM = 16 << 20, /* past the caches */
    UPDATE_PARTS = 8      /* of the room: weights, gradient, states */
};
static const double enough_s = 0.05; /* for a rate */
/* Products within a step find less of their operands in the caches: their rate over the one that is
 * measured here, as bench_step shows it (docs/performance.md). */
static const double in_step = 0.92;

struct bench {
    struct compute *compute;
    const struct trainer *trainer;
    float *room; /* (n_room), the backend's memory */
    int64_t n_room;
    int32_t *first;
    int64_t tokens;
};
typedef err bench_call(const struct bench *b);

/* Best seconds of a call. */
static err best_of(const struct bench *b, bench_call *call, double *out) {
    const double begin = clock_seconds();
    *out = 0;
    do {
        const double start = clock_seconds();
        TRY(call(b));
        TRY(b->compute->backend->wait(b->compute));
        const double took = clock_seconds() - start;
        if (*out == 0 || took < *out) *out = took;
    } while (clock_seconds() - begin < enough_s);
    return ERR_OK;
}

static struct mat room_mat(const struct bench *b, int64_t at, int64_t row, int64_t col) {
    return (struct mat){b->room + at, b->compute->backend->act_dtype, row, col};
}

static err product(const struct bench *b) {
    return b->compute->backend->product(
        b->compute, &(struct product_args){.m = b->tokens,
                                           .n = SIDE,
                                           .k = SIDE,
                                           .a = room_mat(b, 0, SIDE, 1),
                                           .b = room_mat(b, TOKENS * SIDE, 1, SIDE),
                                           .c = b->room + (TOKENS + SIDE) * SIDE,
                                           .c_stride = SIDE});
}

static err narrow_product(const struct bench *b) {
    return b->compute->backend->product(
        b->compute, &(struct product_args){.m = NARROW,
                                           .n = SIDE,
                                           .k = b->tokens,
                                           .a = room_mat(b, 0, 1, NARROW),
                                           .b = room_mat(b, TOKENS * SIDE, SIDE, 1),
                                           .c = b->room + (TOKENS + SIDE) * SIDE,
                                           .c_stride = SIDE});
}

static err attention(const struct bench *b) {
    const int64_t part = TOKENS * SIDE;
    return b->compute->backend->attention(b->compute,
                                          &(struct attention_args){.n_q = b->tokens,
                                                                   .n_k = b->tokens,
                                                                   .h = HEADS,
                                                                   .d = HEAD_WIDTH,
                                                                   .scale = 0.125f,
                                                                   .q = b->room,
                                                                   .k = b->room + part,
                                                                   .v = b->room + 2 * part,
                                                                   .q_row = SIDE,
                                                                   .k_row = SIDE,
                                                                   .v_row = SIDE,
                                                                   .o_row = SIDE,
                                                                   .q_head_stride = HEAD_WIDTH,
                                                                   .k_head_stride = HEAD_WIDTH,
                                                                   .v_head_stride = HEAD_WIDTH,
                                                                   .first = b->first,
                                                                   .out = b->room + 3 * part});
}

static err sum(const struct bench *b) {
    const int64_t half = b->n_room / 2;
    return b->compute->backend->add(
        b->compute, &(struct add_args){.n = half, .a = b->room, .b = b->room + half, .y = b->room});
}

static int64_t updated_count(const struct bench *b) {
    return b->n_room / UPDATE_PARTS / SIDE * SIDE;
}

/* One update of a parameter of its own, in what the run holds its own in. */
static err update(const struct bench *b) {
    const struct train_options *o = b->trainer->run.options;
    const struct optimizer_kind *kind = b->trainer->internal->optimizer;
    const int64_t n = updated_count(b);
    const bool narrow = o->trained_weight_dtype && !strcmp(o->trained_weight_dtype, "bf16");
    struct param p = {.n_dims = 2, .shape = {n / SIDE, SIDE}, .count = n};
    struct optimizer_state states[OPTIMIZER_MAX_STATES];
    struct optimizer_update u = {.param = &p,
                                 .n = n,
                                 .gradient = {b->room + n, DTYPE_F32, n, 1},
                                 .gradient_scale = 1,
                                 .step = 1,
                                 .options = o};
    if (narrow)
        p.value_bf16 = (uint16_t *)(void *)b->room;
    else
        p.value = b->room;
    for (int k = kind->states(&p, states) - 1; k >= 0; k--) u.state[k] = b->room + (2 + k) * n;
    return kind->update(b->compute, &u);
}

static err measure_all(struct bench *b, struct pace *p) {
    double products, narrow, attended, summed, updated;
    TRY(best_of(b, product, &products));
    for (; products < 1e-3 && b->tokens < TOKENS; b->tokens *= 2) /* a small one is slower */
        TRY(best_of(b, product, &products));
    TRY(best_of(b, product, &products));
    TRY(best_of(b, narrow_product, &narrow));
    TRY(best_of(b, attention, &attended));
    TRY(best_of(b, sum, &summed));
    TRY(best_of(b, update, &updated));
    const double N = (double)b->tokens;
    *p = (struct pace){.products = N * SIDE * SIDE / products,
                       .narrow = N * NARROW * SIDE / narrow,
                       .attention = N * (N + 1) * HEADS * HEAD_WIDTH / attended,
                       .bytes = 1.5 * sizeof(float) * (double)b->n_room / summed,
                       .updates = (double)updated_count(b) / updated};
    return ERR_OK;
}

static err measure(struct bench *b, struct pace *p) {
    const struct backend *backend = b->compute->backend;
    const struct work_shape shape = {TOKENS, SIDE, HEADS, HEAD_WIDTH};
    const size_t bytes = backend->scratch_bytes(&shape);
    void *memory = NULL, *scratch = NULL;
    err e = backend->alloc(b->compute, (size_t)b->n_room * sizeof(float), &memory);
    if (e == ERR_OK) e = backend->alloc(b->compute, bytes, &scratch);
    if (e == ERR_OK) {
        b->room = memory;
        b->first = (int32_t *)(void *)(b->room + b->n_room - TOKENS);
        backend->lend(b->compute, scratch, bytes);
        e = measure_all(b, p);
        backend->take_back(b->compute, scratch);
    }
    if (scratch) backend->free(b->compute, scratch);
    if (memory) backend->free(b->compute, memory);
    return e;
}

err pace_measure(struct pace *p, const struct trainer *t, int64_t most_bytes) {
    struct bench b = {.compute = t->run.compute, .trainer = t, .tokens = NARROW};
    b.n_room = most_bytes / (int64_t)sizeof(float) / (2 * SIDE) * (2 * SIDE);
    if (b.n_room < LEAST_ROOM) b.n_room = LEAST_ROOM;
    if (b.n_room > MOST_ROOM) b.n_room = MOST_ROOM;
    return measure(&b, p);
}

static struct cost cost_of_step(const struct trainer *t, const struct pace_step *step) {
    return model_cost(t->run.model, &(struct cost_of){.tokens = step->tokens,
                                                      .trained_tokens = step->trained_tokens,
                                                      .keys = step->tokens / step->rows / 2,
                                                      .recompute = t->recompute});
}

static struct adapter_cost adapter_part(const struct trainer *t) {
    return t->run.adapter ? adapter_cost(t->run.adapter) : (struct adapter_cost){0};
}

double pace_seconds(const struct pace *p, const struct trainer *t, const struct pace_step *step) {
    const struct cost c = cost_of_step(t, step);
    const struct adapter_cost a = adapter_part(t);
    const double wide = c.forward + c.input_gradients + c.weight_gradients + c.again;
    double trained = 0;
    for (int64_t i = 0; i < t->n_params; i++) trained += (double)t->params[i]->count;
    return (wide + step->tokens * a.joined) / (in_step * p->products) +
           step->tokens * a.narrow / p->narrow + (c.attention + c.attention_again) / p->attention +
           c.bytes / p->bytes + trained / p->updates;
}

double pace_of_peak(const struct pace *p, const struct trainer *t, const struct pace_step *step,
                    double seconds) {
    const struct cost c = cost_of_step(t, step);
    const struct adapter_cost a = adapter_part(t);
    const double all = cost_multiplications(&c) + step->tokens * (a.joined + a.narrow);
    return all / seconds / p->products;
}
