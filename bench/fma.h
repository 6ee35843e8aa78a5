/* SPDX-License-Identifier: Apache-2.0
 * The most multiplications a second that any product could do: fused multiply-adds on all threads
 * whose operands never leave the registers, at the vector width of a variant of the backend. Enough
 * chains go side by side to hide the latency of one.
 * Read next: bench/products.c. */
#ifndef COTRAIN_BENCH_FMA_H
#define COTRAIN_BENCH_FMA_H

#include "base/par.h"
#include "bench/bench.h"

enum { FMA_CHAINS = 12, FMA_STEPS = 1 << 22, FMA_ROUNDS = 80 };

#if defined(__x86_64__)
#define FMA_TARGET(units) __attribute__((target(units), optimize("fp-contract=fast")))
#else
#define FMA_TARGET(units) __attribute__((optimize("fp-contract=fast")))
#endif
#define FMA_LOOP(name, width, units)                                                               \
    FMA_TARGET(units) static float name(float x) {                                                 \
        typedef float wide __attribute__((vector_size(4 * (width))));                              \
        wide sum[FMA_CHAINS], a = x - (wide){0}, b = x / 2 - (wide){0};                            \
        for (int i = 0; i < FMA_CHAINS; i++) sum[i] = a * (float)i;                                \
        for (int64_t step = 0; step < FMA_STEPS; step++) {                                         \
            _Pragma("GCC unroll 12") for (int i = 0; i < FMA_CHAINS; i++) sum[i] = sum[i] * a + b; \
        }                                                                                          \
        for (int i = 1; i < FMA_CHAINS; i++) sum[0] += sum[i];                                     \
        return sum[0][0];                                                                          \
    }
#if defined(__x86_64__)
FMA_LOOP(fma_loop_avx512, 16, "avx512f,fma")
FMA_LOOP(fma_loop_avx2, 8, "avx2,fma")
#endif
FMA_LOOP(fma_loop_plain, 4, "sse2")

struct fma_unit {
    const char *variant;
    float (*loop)(float x);
    int width;
};
static const struct fma_unit fma_units[] = {
#if defined(__x86_64__)
    {"avx512", fma_loop_avx512, 16},
    {"avx2", fma_loop_avx2, 8},
#endif
    {NULL, fma_loop_plain, 4}, /* any other */
};

struct fma_run {
    const struct fma_unit *unit;
    volatile float sum; /* so that the loop is not left out */
};

static void fma_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    struct fma_run *run = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) run->sum = run->unit->loop(0.5f);
}

/* Multiplications a second, the best of several rounds. */
static double fma_peak(const char *variant) {
    struct fma_run run = {.unit = fma_units};
    double best = 0;
    while (run.unit->variant && strcmp(run.unit->variant, variant) != 0) run.unit++;
    for (int round = 0; round < FMA_ROUNDS; round++) {
        const double start = bench_now();
        par_for(par_threads(), 1, fma_piece, &run);
        const double rate = (double)par_threads() * FMA_CHAINS * FMA_STEPS * run.unit->width /
                            (bench_now() - start);
        if (rate > best) best = rate;
    }
    return best;
}

#endif
