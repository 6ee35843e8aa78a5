/* SPDX-License-Identifier: Apache-2.0
 * Filling rows with documents (data/steps/pack.h): the share of a row's positions that is used, and
 * documents a second, for next-fit, for best-fit within windows of the shuffled order, and for
 * best-fit over the whole epoch. Lengths are a dataset's, or generated as people's sets have them:
 * logarithms that are normal, median 180 tokens, deviation 1.
 * What it prints: bench/README.md. */
#include "base/log.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "data/dataset/dataset.h"
#include "data/steps/pack.h"
#include <math.h>
#include <stdio.h>

enum { ROUNDS = 5, GIVEN = 100000 };

struct lengths {
    int32_t *items;
    int64_t n, capacity;
};

static err generate(struct lengths *l) {
    const struct rng rng = {1, RNG_TEST, 0};
    l->items = mem_alloc((size_t)l->n, sizeof *l->items);
    if (!l->items) return ERR_MEMORY;
    for (int64_t i = 0; i < l->n; i++) {
        double tokens = 180 * exp(rng_normal(&rng, (uint64_t)i));
        l->items[i] = tokens < 4 ? 4 : (int32_t)fmin(tokens, (double)l->capacity);
    }
    return ERR_OK;
}

static err take_lengths(struct lengths *l, const char *dir) {
    struct dataset *d;
    TRY(dataset_open(&d, dir));
    l->n = dataset_n_rows(d, SPLIT_TRAIN);
    l->items = mem_alloc((size_t)l->n + 1, sizeof *l->items);
    for (int64_t i = 0; i < l->n && l->items; i++) {
        int64_t tokens = dataset_rows(d, SPLIT_TRAIN)[i].n_tokens;
        l->items[i] = (int32_t)(tokens < l->capacity ? tokens : l->capacity);
    }
    dataset_close(d);
    return l->items ? ERR_OK : ERR_MEMORY;
}

struct try {
    const char *name;
    enum packing how;
    int64_t window; /* documents; 0: all */
};

/* Packs a copy, window after window. */
static err pack_once(const struct lengths *l, const struct try *t, int64_t *order, int32_t *copy,
                     int64_t *starts, int64_t *out_rows) {
    int64_t window = t->window > 0 ? t->window : l->n;
    *out_rows = 0;
    memcpy(copy, l->items, (size_t)l->n * sizeof *copy);
    for (int64_t i = 0; i < l->n; i++) order[i] = i;
    for (int64_t first = 0; first < l->n; first += window) {
        const struct rng rng = {1, RNG_PACK, (uint64_t)first};
        struct packed p = {.order = order + first,
                           .lengths = copy + first,
                           .n = l->n - first < window ? l->n - first : window,
                           .starts = starts};
        TRY(pack_rows(&p, l->capacity, t->how, &rng));
        *out_rows += p.n_rows;
    }
    return ERR_OK;
}

static err measure(const struct lengths *l, const struct try *t, int64_t *order, int32_t *copy,
                   int64_t *starts) {
    double seconds[ROUNDS];
    int64_t n_rows = 0, tokens = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double begin = bench_now();
        TRY(pack_once(l, t, order, copy, starts, &n_rows));
        seconds[i] = bench_now() - begin;
    }
    for (int64_t i = 0; i < l->n; i++) tokens += l->items[i];
    printf("%-24s %9lld rows, %.5f full, %8.1f ms, %6.2f million documents/s\n", t->name,
           (long long)n_rows, (double)(tokens - n_rows) / (double)(n_rows * (l->capacity - 1)),
           1e3 * bench_median(seconds, ROUNDS),
           1e-6 * (double)l->n / bench_median(seconds, ROUNDS));
    return ERR_OK;
}

static err measure_all(const struct lengths *l) {
    static const struct try tries[] = {
        {"next fit", PACKING_NEXT_FIT, 0},
        {"best fit, windows 1000", PACKING_BEST_FIT, 1000},
        {"best fit, windows 4000", PACKING_BEST_FIT, 4000},
        {"best fit", PACKING_BEST_FIT, 0},
    };
    int64_t *order = mem_alloc((size_t)l->n, sizeof *order);
    int64_t *starts = mem_alloc((size_t)l->n + 1, sizeof *starts);
    int32_t *copy = mem_alloc((size_t)l->n, sizeof *copy);
    err e = order && starts && copy ? ERR_OK : ERR_MEMORY;
    for (size_t i = 0; i < sizeof tries / sizeof tries[0] && e == ERR_OK; i++)
        e = measure(l, &tries[i], order, copy, starts);
    mem_free(order);
    mem_free(starts);
    mem_free(copy);
    return e;
}

int main(int argc, char **argv) {
    struct lengths l = {.n = GIVEN, .capacity = 2049};
    const char *dir = NULL;
    if (argc > 1 && argv[1][0] >= '1' && argv[1][0] <= '9')
        l.n = strtoll(argv[1], NULL, 10);
    else if (argc > 1)
        dir = argv[1];
    if (argc > 2) l.capacity = strtoll(argv[2], NULL, 10) + 1;
    err e = dir ? take_lengths(&l, dir) : generate(&l);
    if (e == ERR_OK) e = measure_all(&l);
    mem_free(l.items);
    if (e != ERR_OK) fprintf(stderr, "bench_pack: %s\n", err_message());
    return e == ERR_OK ? 0 : 1;
}
