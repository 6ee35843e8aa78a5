/* SPDX-License-Identifier: Apache-2.0
 * Thinning of lines against a version that is written from its description alone: buckets as lists
 * of points, the triangle by its corners' cross product, every mean summed anew. Ends and peaks
 * stay, the numbers ascend, and there are as many as were asked for.
 * Read next: base/thin.h. */
#include "base/philox.h"
#include "base/thin.h"
#include "tests/unit/test.h"
#include <math.h>

enum { MOST = 3000 };

struct points {
    double x[MOST], y[MOST];
    int64_t n;
};

/* The bucket of an inner point: the k of which 1 + floor(k (n - 2) / m) is the last edge at or
 * below it. */
static int64_t bucket_of(int64_t i, int64_t n, int64_t m) {
    int64_t k = 0;
    while (k + 1 < m && 1 + (k + 1) * (n - 2) / m <= i) k++;
    return k;
}

static double twice_triangle(const double a[2], const double b[2], const double c[2]) {
    return fabs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]));
}

static void mean_of_bucket(const struct points *p, int64_t k, int64_t m, double out[2]) {
    int64_t count = 0;
    out[0] = out[1] = 0.0;
    for (int64_t i = 1; i < p->n; i++) {
        bool inside = i < p->n - 1 ? k < m && bucket_of(i, p->n, m) == k : k == m;
        if (!inside) continue;
        out[0] += p->x[i];
        out[1] += p->y[i];
        count++;
    }
    out[0] /= (double)count;
    out[1] /= (double)count;
}

static void naive(const struct points *p, int64_t keep, int64_t *out) {
    int64_t m = keep - 2, last = 0;
    out[0] = 0;
    for (int64_t k = 0; k < m; k++) {
        double next[2], best = -1.0;
        const double from[2] = {p->x[last], p->y[last]};
        int64_t chosen = -1;
        mean_of_bucket(p, k + 1, m, next);
        for (int64_t i = 1; i < p->n - 1; i++) {
            if (bucket_of(i, p->n, m) != k) continue;
            double area = twice_triangle(from, (const double[2]){p->x[i], p->y[i]}, next);
            if (area <= best) continue;
            best = area;
            chosen = i;
        }
        out[k + 1] = last = chosen;
    }
    out[keep - 1] = p->n - 1;
}

static void fill(struct points *p, int64_t n, uint64_t seed) {
    const struct rng r = {seed, 0, 0};
    double at = 0.0;
    p->n = n;
    for (int64_t i = 0; i < n; i++) { /* whole numbers: areas are exact, so ties are ties */
        at += 1.0 + (double)rng_below(&r, (uint64_t)(2 * i), 3);
        p->x[i] = at;
        p->y[i] = (double)rng_below(&r, (uint64_t)(2 * i + 1), 100);
    }
}

static void as_the_description_says(void **state) {
    (void)state;
    static struct points p;
    static int64_t got[MOST], want[MOST];
    static const int64_t sizes[] = {3, 4, 5, 10, 11, 64, 101};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int64_t keep = 3; keep < sizes[s]; keep += 1 + keep / 5) {
            fill(&p, sizes[s], (uint64_t)keep);
            assert_int_equal(thin_line(p.x, p.y, p.n, keep, got), keep);
            naive(&p, keep, want);
            for (int64_t i = 0; i < keep; i++)
                if (got[i] != want[i])
                    fail_msg("point %lld of %lld of %lld: %lld, wanted %lld", (long long)i,
                             (long long)keep, (long long)p.n, (long long)got[i],
                             (long long)want[i]);
        }
    }
}

static void short_lines_stay_whole(void **state) {
    (void)state;
    static struct points p;
    int64_t got[8];
    fill(&p, 5, 1);
    assert_int_equal(thin_line(p.x, p.y, 5, 5, got), 5);
    for (int64_t i = 0; i < 5; i++) assert_int_equal(got[i], i);
    assert_int_equal(thin_line(p.x, p.y, 1, 3, got), 1);
    assert_int_equal(thin_line(p.x, p.y, 0, 3, got), 0);
}

static void peaks_stay(void **state) {
    (void)state;
    static struct points p;
    static int64_t got[200];
    p.n = MOST;
    for (int64_t i = 0; i < MOST; i++) {
        p.x[i] = (double)i;
        p.y[i] = 5.0 - (double)i / 1000.0;
    }
    p.y[1234] = 50.0;
    p.y[2001] = -9.0;
    assert_int_equal(thin_line(p.x, p.y, p.n, 200, got), 200);
    int found = 0;
    for (int i = 0; i < 200; i++) {
        found += got[i] == 1234 || got[i] == 2001;
        assert_true(i == 0 || got[i] > got[i - 1]);
    }
    assert_int_equal(found, 2);
    assert_int_equal(got[0], 0);
    assert_int_equal(got[199], MOST - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_description_says),
        cmocka_unit_test(short_lines_stay_whole),
        cmocka_unit_test(peaks_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
