/* SPDX-License-Identifier: Apache-2.0
 * What a run on a device gave, as named parts of fp32 numbers, and two such results held against
 * each other: within a share of each part's largest number, or bit for bit. Static functions, so
 * that each test program stays one file.
 * Read next: model.c. */
#ifndef COTRAIN_TESTS_CUDASIM_RESULT_H
#define COTRAIN_TESTS_CUDASIM_RESULT_H

#include "base/mem.h"
#include "compute/compute.h"
#include "tests/unit/test.h"

#include <math.h>

enum { RESULT_MAX_PARTS = 128 };

struct result {
    float *values;
    int64_t n;
    struct {
        char name[96];
        int64_t begin, n;
    } parts[RESULT_MAX_PARTS];
    int n_parts;
};

/* Room for a part of n numbers, until the next one. */
static inline float *result_add(struct result *r, const char *name, int64_t n) {
    assert_true(r->n_parts < RESULT_MAX_PARTS);
    r->values = mem_resize(r->values, (size_t)(r->n + n), sizeof *r->values);
    assert_non_null(r->values);
    snprintf(r->parts[r->n_parts].name, sizeof r->parts[0].name, "%s", name);
    r->parts[r->n_parts].begin = r->n;
    r->parts[r->n_parts++].n = n;
    r->n += n;
    return r->values + r->n - n;
}

/* A row of n fp32 or bf16 numbers in the device's memory. */
static inline void result_download(struct result *r, const char *name, struct compute *c,
                                   struct mat row) {
    float *out = result_add(r, name, row.row_stride);
    void *held = mem_alloc((size_t)row.row_stride, (size_t)dtype_bytes(row.dtype));
    assert_non_null(held);
    assert_ok(
        c->backend->download(c, held, row.data, (size_t)(row.row_stride * dtype_bytes(row.dtype))));
    dtype_to_f32(held, row.dtype, row.row_stride, out);
    mem_free(held);
}

static inline void result_release(struct result *r) {
    mem_free(r->values);
    *r = (struct result){0};
}

static inline void expect_same(const struct result *a, const struct result *b, const char *what) {
    assert_true(a->n_parts == b->n_parts && a->n == b->n);
    for (int i = 0; i < a->n_parts; i++)
        if (memcmp(a->values + a->parts[i].begin, b->values + b->parts[i].begin,
                   (size_t)a->parts[i].n * sizeof *a->values) != 0)
            fail_msg("%s: %s has other bits", what, a->parts[i].name);
}

/* The largest difference in a part over the part's largest number. */
static inline double part_error(const struct result *got, const struct result *want, int i) {
    const float *g = got->values + got->parts[i].begin, *w = want->values + want->parts[i].begin;
    double off = 0, most = 0;
    for (int64_t j = 0; j < want->parts[i].n; j++) {
        const double difference = fabs((double)g[j] - (double)w[j]);
        off = difference <= off ? off : difference; /* NaN comes through */
        most = fmax(most, fabs((double)w[j]));
    }
    return off == 0 ? 0 : off / most;
}

static inline void expect_near(const struct result *got, const struct result *want, double allowed,
                               const char *what) {
    double worst = 0;
    int at = 0;
    assert_true(got->n_parts == want->n_parts && got->n == want->n);
    for (int i = 0; i < want->n_parts; i++) {
        const double error = part_error(got, want, i);
        assert_string_equal(got->parts[i].name, want->parts[i].name);
        if (error <= worst) continue;
        worst = error;
        at = i;
    }
    print_message("%s: off by %.2g of the largest at most (%s)\n", what, worst,
                  want->parts[at].name);
    if (!(worst <= allowed))
        fail_msg("%s: %s is off by %.3g of its largest, allowed %.3g", what, want->parts[at].name,
                 worst, allowed);
}

#endif
