/* SPDX-License-Identifier: Apache-2.0
 * Shares of groups and the order of an epoch. Pure functions of weights, seed and epoch, so that
 * any epoch can be planned again without what came before it.
 * The contract is data/mix.h. */
#include "data/mix.h"
#include "base/mem.h"
#include "base/philox.h"

err share_counts(const struct share_group *groups, int64_t n_groups, int64_t n_total,
                 int64_t *out) {
    double weights = 0;
    for (int64_t g = 0; g < n_groups; g++)
        if (groups[g].n > 0) weights += groups[g].weight;
    if (!(weights > 0)) return fail(ERR_RANGE, "no group of rows has a weight above 0");
    double *rest = mem_alloc((size_t)n_groups, sizeof *rest);
    if (!rest) return ERR_MEMORY;
    int64_t left = n_total;
    for (int64_t g = 0; g < n_groups; g++) {
        double share = groups[g].n > 0 ? (double)n_total * groups[g].weight / weights : 0;
        out[g] = (int64_t)share;
        rest[g] = share > 0 ? share - (double)out[g] : -1;
        left -= out[g];
    }
    for (; left > 0; left--) {
        int64_t most = 0;
        for (int64_t g = 1; g < n_groups; g++)
            if (rest[g] > rest[most]) most = g;
        out[most]++;
        rest[most] = rest[most] > 0 ? 0 : rest[most];
    }
    mem_free(rest);
    return ERR_OK;
}

/* The group's documents of one epoch; returns how many. `drawn` has room for the group's rows. */
static int64_t draw_group(const struct share_group *group, int64_t count, const struct rng *rng,
                          int64_t *drawn, int64_t *order) {
    int64_t n = 0;
    for (int64_t i = 0; i < group->n; i++) drawn[i] = group->first + i;
    for (int64_t whole = count / group->n; whole > 0; whole--)
        for (int64_t i = 0; i < group->n; i++) order[n++] = drawn[i];
    rng_shuffle(rng, drawn, group->n);
    for (int64_t i = 0; i < count % group->n; i++) order[n++] = drawn[i];
    return n;
}

err share_order(const struct share_group *groups, int64_t n_groups, const int64_t *counts,
                uint64_t seed, int64_t epoch, int64_t *order) {
    int64_t most = 1, n = 0;
    for (int64_t g = 0; g < n_groups; g++)
        if (groups[g].n > most) most = groups[g].n;
    int64_t *drawn = mem_alloc((size_t)most, sizeof *drawn);
    if (!drawn) return ERR_MEMORY;
    for (int64_t g = 0; g < n_groups; g++) {
        struct rng rng = {seed, RNG_SAMPLE, (uint64_t)epoch << 20 | (uint64_t)g};
        if (groups[g].n > 0) n += draw_group(&groups[g], counts[g], &rng, drawn, order + n);
    }
    mem_free(drawn);
    struct rng rng = {seed, RNG_SHUFFLE, (uint64_t)epoch};
    rng_shuffle(&rng, order, n);
    return ERR_OK;
}
