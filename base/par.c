/* SPDX-License-Identifier: Apache-2.0
 * Threads through OpenMP: contiguous pieces, one a thread.
 * Nothing is summed across pieces, so the number of threads never shows in a result.
 * Read next: base/par.h, the contract. */
#include "base/par.h"

#include "base/env.h"
#include "base/err.h"
#include "base/str.h"
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPIN_ROUNDS = 2000 }; /* some microseconds: between two small operations, not longer */

void par_start(char **argv) {
    if (env_get(ENV_GOMP_SPINCOUNT) != NULL || env_get(ENV_OMP_WAIT_POLICY) != NULL) return;
    char rounds[16];
    snprintf(rounds, sizeof rounds, "%d", (int)SPIN_ROUNDS);
    if (setenv("GOMP_SPINCOUNT", rounds, 1) == 0) execv("/proc/self/exe", argv);
    /* where that fails the program only waits less well */
}

static int thread_count; /* 0: not yet decided */

void par_set_threads(int64_t n) {
    const char *text = env_get(ENV_COTRAIN_THREADS);
    if (n <= 0 && text != NULL && str_to_int64(text, &n) != ERR_OK) n = 0;
    if (n <= 0 || n > PAR_MAX_THREADS) n = omp_get_num_procs();
    thread_count = n <= PAR_MAX_THREADS ? (int)n : PAR_MAX_THREADS;
}

int par_threads(void) {
    if (thread_count == 0) par_set_threads(0);
    return thread_count;
}

int par_thread(void) {
    return omp_in_parallel() ? omp_get_thread_num() : 0;
}

void par_for(int64_t n, int64_t grain,
             void (*fn)(void *ctx, int64_t begin, int64_t end, int thread), void *ctx) {
    if (n <= 0) return;
    int64_t most = (n + grain - 1) / (grain > 0 ? grain : 1);
    int64_t pieces = most < par_threads() ? most : par_threads();
    if (pieces <= 1 || omp_in_parallel()) {
        fn(ctx, 0, n, par_thread());
        return;
    }
#pragma omp parallel num_threads((int)pieces)
    {
        int64_t count = omp_get_num_threads(), i = omp_get_thread_num();
        int64_t begin = n * i / count, end = n * (i + 1) / count;
        if (begin < end) fn(ctx, begin, end, (int)i);
    }
}
