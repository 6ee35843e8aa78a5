/* SPDX-License-Identifier: Apache-2.0
 * Seconds, for timings and dates of logs: nothing that is computed or released may depend on them.
 * The header has no source file: both functions are one call.
 * Read next: trainer/record.h, whose lines they stand in. */
#ifndef COTRAIN_BASE_CLOCK_H
#define COTRAIN_BASE_CLOCK_H

#include <time.h>

/* Of a clock that only goes forward. Where it begins is not said; only differences mean something.
 */
static inline double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Since 1970, by the machine's calendar. */
static inline double clock_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
