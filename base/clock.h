/* SPDX-License-Identifier: Apache-2.0
 * Seconds of a clock that only goes forward, for timings: they go to logs and reports, and nothing
 * that is computed or released may depend on them. Where it begins is not said; only differences
 * mean something. */
#ifndef COTRAIN_BASE_CLOCK_H
#define COTRAIN_BASE_CLOCK_H

#include <time.h>

static inline double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
