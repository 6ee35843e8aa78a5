/* SPDX-License-Identifier: Apache-2.0
 * What the benchmarks share: a clock, the median, and what the system says of this process. Static
 * functions, so that each benchmark stays one file.
 * Read next: bench/README.md. */
#ifndef COTRAIN_BENCH_BENCH_H
#define COTRAIN_BENCH_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Seconds since some moment. */
static inline double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of n > 0 values, which are left in ascending order; of an even number the upper of the two in the
 * middle. */
static inline double bench_median(double *values, int64_t n) {
    qsort(values, (size_t)n, sizeof *values, bench_by_value);
    return values[n / 2];
}

/* A size in /proc/self/status ("RssAnon", "VmHWM") in bytes; 0 where it does not stand there. */
static inline int64_t bench_status_bytes(const char *key) {
    char line[256];
    long long kib = 0;
    const size_t n = strlen(key);
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, key, n) == 0 && line[n] == ':') kib = strtoll(line + n + 1, NULL, 10);
    }
    if (f) fclose(f);
    return kib * 1024;
}

#endif
