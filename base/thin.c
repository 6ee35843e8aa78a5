/* SPDX-License-Identifier: Apache-2.0
 * Thinning of lines (base/thin.h). With m = keep - 2 buckets between the ends, bucket k holds the
 * points [edge(k), edge(k + 1)) where
 *   edge(k) = 1 + floor(k (n - 2) / m)
 * in whole numbers, so that no rounding moves a point from one bucket to the next. */
#include "base/thin.h"
#include "base/err.h"
#include <math.h>

struct buckets {
    int64_t n, m;
};

static int64_t edge(const struct buckets *b, int64_t k) {
    return 1 + k * (b->n - 2) / b->m;
}

/* Points of bucket k; behind the last bucket the last point alone. */
static void mean(const double *v, const struct buckets *b, int64_t k, double *out) {
    int64_t from = edge(b, k), to = k < b->m ? edge(b, k + 1) : b->n;
    double sum = 0.0;
    for (int64_t i = from; i < to; i++) sum += v[i];
    *out = sum / (double)(to - from);
}

int64_t thin_line(const double *x, const double *y, int64_t n, int64_t keep, int64_t *out) {
    BUG_IF(keep < 3);
    if (n <= keep) {
        for (int64_t i = 0; i < n; i++) out[i] = i;
        return n;
    }
    const struct buckets b = {n, keep - 2};
    int64_t last = 0;
    out[0] = 0;
    for (int64_t k = 0; k < b.m; k++) {
        double next_x, next_y, largest = -1.0;
        mean(x, &b, k + 1, &next_x);
        mean(y, &b, k + 1, &next_y);
        int64_t chosen = edge(&b, k);
        for (int64_t i = edge(&b, k); i < edge(&b, k + 1); i++) {
            /* twice the triangle (last, i, next) */
            double area =
                fabs((x[last] - next_x) * (y[i] - y[last]) - (x[last] - x[i]) * (next_y - y[last]));
            if (area > largest) {
                largest = area;
                chosen = i;
            }
        }
        out[k + 1] = last = chosen;
    }
    out[keep - 1] = n - 1;
    return keep;
}
