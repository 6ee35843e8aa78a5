/* SPDX-License-Identifier: Apache-2.0
 * Intervals and the exact test (eval/confidence.h). Ends of intervals are where a monotone function
 * crosses a level; they are found by bisection, to the last bit.
 * Read next: eval/metrics.c for Wilson's formula. */
#include "eval/confidence.h"

#include "base/mem.h"
#include "base/philox.h"
#include <math.h>
#include <stdlib.h>

enum { N_RESAMPLES = 10000, RESAMPLE_SEED = 1947, N_HALVINGS = 100 };

/* Where a falling function of x crosses `level` between low and high. */
struct falling {
    double (*at)(double x, const struct paired_counts *c);
    const struct paired_counts *counts;
    double level;
};

static double crossing(const struct falling *f, double low, double high) {
    for (int i = 0; i < N_HALVINGS; i++) {
        double middle = low + (high - low) / 2.0;
        if (middle <= low || middle >= high) break;
        if (f->at(middle, f->counts) > f->level)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2.0;
}

static double two_tails(double z, const struct paired_counts *c) {
    (void)c;
    return erfc(z / sqrt(2.0));
}

double normal_z(double confidence) {
    const struct falling tails = {two_tails, NULL, 1.0 - confidence};
    return crossing(&tails, 0.0, 40.0);
}

struct interval share_interval(int64_t k, int64_t n, double confidence) {
    return wilson_interval_z(k, n, normal_z(confidence));
}

/* P(X <= k), X binomial of n draws with chance p. The terms are taken relative to the largest one,
 * so that none over- or underflows where it counts. */
static double binomial_at_most(int64_t k, int64_t n, double p) {
    if (k >= n || p <= 0.0) return 1.0;
    if (p >= 1.0) return 0.0;
    int64_t mode = (int64_t)floor(((double)n + 1.0) * p);
    double odds = p / (1.0 - p), below = 0.0, all = 0.0, term = 1.0;
    for (int64_t i = mode; i <= n && term > 0.0; i++) {
        all += term;
        if (i <= k) below += term;
        term *= (double)(n - i) / (double)(i + 1) * odds;
    }
    term = 1.0;
    for (int64_t i = mode; i > 0 && term > 0.0; i--) {
        term *= (double)i / (double)(n - i + 1) / odds;
        all += term;
        if (i - 1 <= k) below += term;
    }
    return below / all;
}

double mcnemar_exact(int64_t wins, int64_t losses) {
    int64_t fewer = wins < losses ? wins : losses;
    return fmin(1.0, 2.0 * binomial_at_most(fewer, wins + losses, 0.5));
}

static double at_most_wins(double share, const struct paired_counts *c) {
    return binomial_at_most(c->wins, c->wins + c->losses, share);
}
/* One less than P(X >= wins) counts, so that it falls. */
static double fewer_than_wins(double share, const struct paired_counts *c) {
    return binomial_at_most(c->wins - 1, c->wins + c->losses, share);
}

/* Of the share of wins among the items that differ, as a difference over all of them. */
static struct interval conditional_interval(const struct paired_counts *c, double confidence) {
    int64_t m = c->wins + c->losses;
    double tail = (1.0 - confidence) / 2.0, part = (double)m / (double)c->n;
    const struct falling lower = {fewer_than_wins, c, 1.0 - tail}, upper = {at_most_wins, c, tail};
    double low = c->wins > 0 ? crossing(&lower, 0.0, 1.0) : 0.0;
    double high = c->losses > 0 ? crossing(&upper, 0.0, 1.0) : 1.0;
    return (struct interval){(2.0 * low - 1.0) * part, (2.0 * high - 1.0) * part};
}

/* Tango's score for a true difference d:
 *   T(d) = (w - l - n d) / sqrt(n (2 q + d - d^2))
 *   q    = (sqrt(B^2 - 4 A C) - B) / (2 A)      the most likely share of losses, given d
 *   A = 2 n,  B = (2 n - w + l) d - w - l,  C = -l d (1 - d) */
static double tango_score(double d, const struct paired_counts *c) {
    double n = (double)c->n, w = (double)c->wins, l = (double)c->losses;
    double b = (2.0 * n - w + l) * d - w - l;
    double root = sqrt(fmax(0.0, b * b + 8.0 * n * l * d * (1.0 - d)));
    double q = (root - b) / (4.0 * n), variance = n * (2.0 * q + d - d * d);
    double off = w - l - n * d;
    if (variance > 0.0) return off / sqrt(variance);
    return off > 0.0 ? HUGE_VAL : off < 0.0 ? -HUGE_VAL : 0.0;
}

static struct interval tango_interval(const struct paired_counts *c, double confidence) {
    double z = normal_z(confidence), d = (double)(c->wins - c->losses) / (double)c->n;
    const struct falling lower = {tango_score, c, z}, upper = {tango_score, c, -z};
    return (struct interval){crossing(&lower, -1.0, d), crossing(&upper, d, 1.0)};
}

struct interval paired_interval(struct paired_counts c, double confidence) {
    if (c.n <= 0) return (struct interval){-1.0, 1.0};
    struct interval score = tango_interval(&c, confidence);
    struct interval exact = conditional_interval(&c, confidence);
    return (struct interval){fmin(score.low, exact.low), fmax(score.high, exact.high)};
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

err bootstrap_interval(const double *values, int64_t n, double confidence, struct interval *out) {
    double *sums = mem_alloc(N_RESAMPLES, sizeof *sums);
    if (sums == NULL) return ERR_MEMORY;
    for (int64_t k = 0; k < N_RESAMPLES; k++) {
        const struct rng r = {RESAMPLE_SEED, RNG_RESAMPLE, (uint64_t)k};
        sums[k] = 0.0;
        for (int64_t i = 0; i < n; i++) sums[k] += values[rng_below(&r, (uint64_t)i, (uint64_t)n)];
    }
    qsort(sums, N_RESAMPLES, sizeof *sums, by_value);
    int64_t left_out = (int64_t)((1.0 - confidence) / 2.0 * N_RESAMPLES + 0.5);
    double count = n > 0 ? (double)n : 1.0;
    out->low = sums[left_out] / count;
    out->high = sums[N_RESAMPLES - 1 - left_out] / count;
    mem_free(sums);
    return ERR_OK;
}
