/* SPDX-License-Identifier: Apache-2.0
 * Dropout: the mask is made again from its numbers wherever it is needed and never stored.
 * Four elements share a Philox block, and vectors run many blocks side by side.
 * Read next: compute/ops/dropout.h, base/philox.h. */
#include "compute/ops/dropout.h"

#include "base/par.h"
#include "base/philox.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/draw.h"
#include <math.h>

/* Elements are kept whose number is above `limit`, or all. */
struct dropout_rule {
    struct rng rng;
    float scale;
    uint32_t limit;
    bool all;
};

static struct dropout_rule dropout_rule_of(const struct dropout_args *args) {
    const uint64_t threshold = (uint64_t)ceil(args->p * 0x1p32); /* up to 2^32 */
    return (struct dropout_rule){.rng = {args->seed, RNG_DROPOUT, args->step},
                                 .scale = (float)(1.0 / (1.0 - args->p)),
                                 .limit = (uint32_t)(threshold - 1),
                                 .all = threshold == 0};
}

/* n elements by the numbers drawn for them; masked, since a branch would be mispredicted. */
static void dropout_vectors(const struct dropout_rule *rule, const uint32_t *drawn, int64_t n,
                            const float *x, float *y) {
    for (int64_t i = 0; i < n; i += SIMD_WIDTH) {
        vecu number;
        memcpy(&number, drawn + i, sizeof number);
        const veci keep = (veci)(number > rule->limit) | -(int32_t)rule->all;
        const vec scaled = vec_load_left(x + i, n - i) * rule->scale;
        vec_store_left(y + i, (vec)((veci)scaled & keep), n - i);
    }
}

/* `count` elements whose numbers run on from `index`. */
static void dropout_row(const struct dropout_rule *rule, const float *x, int64_t count,
                        uint64_t index, float *y) {
    uint32_t drawn[DRAW_STRETCH + SIMD_WIDTH] = {0}; /* read in whole vectors from any place */
    for (int64_t j = 0, n; j < count; j += n) {
        const int64_t from = (int64_t)((index + (uint64_t)j) % 4);
        n = DRAW_STRETCH - from < count - j ? DRAW_STRETCH - from : count - j;
        draw_words(&rule->rng, (index + (uint64_t)j) / 4, drawn);
        dropout_vectors(rule, drawn + from, n, x + j, y + j);
    }
}

/* n numbers of a and of b by turns, in whole vectors. */
static void dropout_by_turns(const uint32_t *a, const uint32_t *b, int64_t n, uint32_t *out) {
    for (int64_t i = 0; i < n; i += SIMD_WIDTH) {
        vec x, y;
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        const vec both[] = {vec_by_turns(x, y, 0), vec_by_turns(x, y, 1)};
        memcpy(out + 2 * i, both, sizeof both);
    }
}

/* `count` pairs; the numbers of the first elements run on from `before`, of the second from
 * `index`. */
static void dropout_pairs(const struct dropout_rule *rule, const float *x, int64_t count,
                          uint64_t before, uint64_t index, float *y) {
    uint32_t first[DRAW_STRETCH + SIMD_WIDTH] = {0}, second[DRAW_STRETCH + SIMD_WIDTH] = {0};
    uint32_t drawn[2 * (DRAW_STRETCH + SIMD_WIDTH)];
    for (int64_t j = 0, n; j < count; j += n, before += (uint64_t)n, index += (uint64_t)n) {
        const int64_t from = (int64_t)(before % 4), other = (int64_t)(index % 4);
        n = DRAW_STRETCH - (from > other ? from : other);
        if (n > count - j) n = count - j;
        draw_words(&rule->rng, before / 4, first);
        draw_words(&rule->rng, index / 4, second);
        dropout_by_turns(first + from, second + other, n, drawn);
        dropout_vectors(rule, drawn, 2 * n, x + 2 * j, y + 2 * j);
    }
}

static void dropout_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct dropout_args *args = ctx;
    const struct dropout_rule rule = dropout_rule_of(args);
    const int64_t columns = args->paired ? args->c / 2 : args->c;
    for (int64_t t = begin; t < end; t++) {
        const uint64_t index = (args->site << 40) + (uint64_t)(args->row[t] * columns);
        const float *x = (const float *)args->x + t * args->c;
        float *y = (float *)args->y + t * args->c;
        if (args->paired) {
            dropout_pairs(&rule, x, columns, index - (uint64_t)columns, index, y);
        } else {
            dropout_row(&rule, x, columns, index, y);
        }
    }
}

err CPU(dropout)(struct compute *c, const struct dropout_args *args) {
    (void)c;
    BUG_IF(!(args->p >= 0 && args->p < 1) || (args->paired && args->c % 2 != 0));
    struct dropout_args copy = *args;
    par_for(args->n, 1 + 1024 / (args->c + 1), dropout_piece, &copy);
    return ERR_OK;
}
