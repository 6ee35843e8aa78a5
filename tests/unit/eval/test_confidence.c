/* SPDX-License-Identifier: Apache-2.0
 * How sure shares and differences are: the exact test against values worked out by hand, intervals
 * against published and independently computed ones, and that an interval never says more than the
 * test. Under test: eval/confidence.h. */
#include "tests/unit/test.h"

#include "eval/confidence.h"
#include <math.h>

static void near(double got, double wanted, double within) {
    if (fabs(got - wanted) > within) fail_msg("%.17g, not %.17g", got, wanted);
}

static void exact_p_values(void **state) {
    (void)state;
    static const struct {
        int64_t wins, losses;
        double p;
    } rows[] = {
        {0, 0, 1.0},
        {1, 0, 1.0},
        {3, 3, 1.0},
        {5, 0, 0.0625},                     /* 2 / 2^5 */
        {0, 10, 0.001953125},               /* 2 / 2^10 */
        {8, 2, 0.109375},                   /* 2 (1 + 10 + 45) / 2^10 */
        {600, 400, 2.7284641560660184e-10}, /* a sum of integers, divided once */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        near(mcnemar_exact(rows[i].wins, rows[i].losses), rows[i].p, 1e-12 * rows[i].p);
    assert_true(mcnemar_exact(100000, 0) == 0.0 || mcnemar_exact(100000, 0) < 1e-300);
}

static void quantiles_are_the_tables(void **state) {
    (void)state;
    near(normal_z(0.95), 1.959963984540054, 1e-12);
    near(normal_z(0.9), 1.6448536269514722, 1e-12);
    near(normal_z(0.999), 3.2905267314918945, 1e-12);
    struct interval at = share_interval(8, 10, 0.95), known = wilson_interval(8, 10);
    near(at.low, known.low, 1e-12);
    near(at.high, known.high, 1e-12);
    assert_true(share_interval(8, 10, 0.99).low < at.low);
}

/* (7, 1, 21) is the example of Tango's interval in Fagerland, Lydersen and Laake (2014): 0.026 to
 * 0.517. The score ends were computed with the likelihood maximised numerically, the exact ones
 * from sums of binomial terms; of each pair the wider end stands here. */
static void paired_intervals(void **state) {
    (void)state;
    static const struct {
        struct paired_counts c; /* n, wins, losses */
        double low, high;
    } rows[] = {
        {{21, 7, 1}, -0.020197844476347898, 0.5172322759086196},
        {{100, 5, 0}, -0.00218237501049815, 0.11175046923273932},
        {{100, 0, 0}, -0.03699349820898569, 0.03699349820898569},
        {{1000, 60, 40}, -0.0005581699155330355, 0.040106157040391374},
        {{10, 0, 9}, -0.9821237869063641, -0.2947191896161031},
        {{1319, 600, 400}, 0.1044404032689812, 0.1979242038682148},
        {{10, 0, 10}, -1.0, -0.38300578436247834},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct interval got = paired_interval(rows[i].c, 0.95);
        near(got.low, rows[i].low, 1e-6);
        near(got.high, rows[i].high, 1e-6);
    }
    struct interval none = paired_interval((struct paired_counts){0, 0, 0}, 0.95);
    assert_true(none.low == -1.0 && none.high == 1.0);
}

/* Computed apart, in Python: p from sums of whole numbers; Clopper's and Pearson's ends by
 * bisection of binomial sums in 50 decimal digits; Tango's by bisection of the score whose
 * nuisance share makes the likelihood's derivative 0 (50 digits, too; no closed form); z by
 * statistics.NormalDist. Both kinds of end are the wider one in some row. */
static void paired_intervals_at_any_confidence(void **state) {
    (void)state;
    static const struct {
        struct paired_counts c;
        double confidence, low, high, p;
    } rows[] = {
        {{164, 20, 8}, 0.95, 0.00455228252963, 0.139880537452, 0.0356981381773949},
        {{164, 20, 8}, 0.99, -0.0153306334489, 0.163282165244, 0.0356981381773949},
        {{100, 1, 0}, 0.95, -0.0273634331891, 0.0544861961787, 1.0},
        {{50, 0, 6}, 0.9, -0.215672825393, -0.0256709354407, 0.03125},
        {{1319, 35, 61}, 0.95, -0.0347617138807, -0.00450322292057, 0.0103459130827288},
        {{817, 90, 90}, 0.95, -0.033174644254, 0.033174644254, 1.0},
        {{40, 40, 0}, 0.95, 0.823805394242, 1.0, 1.81898940354586e-12},
        {{12, 5, 7}, 0.8, -0.56263771428, 0.275448077274, 0.7744140625},
        {{1, 1, 0}, 0.95, -0.95, 1.0, 1.0},
        {{300, 9, 1}, 0.999, -0.013520804055, 0.0793423723275, 0.021484375},
        {{2000, 3, 12}, 0.95, -0.00913014695594, -0.000286632992897, 0.03515625},
        {{5000, 700, 640}, 0.95, -0.00254790958171, 0.0264951756224, 0.10697992524491},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct interval got = paired_interval(rows[i].c, rows[i].confidence);
        near(got.low, rows[i].low, 1e-10);
        near(got.high, rows[i].high, 1e-10);
        near(mcnemar_exact(rows[i].c.wins, rows[i].c.losses), rows[i].p, 1e-12 * rows[i].p);
    }
}

/* The shares p where |k - n p| = z sqrt(n p (1 - p)), by bisection of that in Python. */
static void shares_are_between_the_roots(void **state) {
    (void)state;
    static const struct {
        int64_t k, n;
        double confidence, low, high;
    } rows[] = {
        {0, 10, 0.95, 0, 0.277532799863},
        {10, 10, 0.95, 0.722467200137, 1},
        {1, 3, 0.9, 0.0782657263337, 0.746466131719},
        {8, 10, 0.99, 0.400818696522, 0.959868847495},
        {127, 164, 0.95, 0.704564100518, 0.831656214965},
        {1013, 1319, 0.95, 0.744467966677, 0.789987613987},
        {400, 817, 0.999, 0.432561570688, 0.546902751721},
        {1, 100000, 0.95, 1.76524773038e-06, 5.66470965904e-05},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct interval got = share_interval(rows[i].k, rows[i].n, rows[i].confidence);
        near(got.low, rows[i].low, 1e-10);
        near(got.high, rows[i].high, 1e-10);
    }
}

/* Over every outcome of 20 items: 0 is left out only where the exact test says so, the measured
 * difference is inside, wins and losses mirror each other, and more confidence is wider. */
static void intervals_agree_with_the_test(void **state) {
    (void)state;
    for (int64_t w = 0; w <= 20; w++) {
        for (int64_t l = 0; w + l <= 20; l++) {
            struct paired_counts c = {20, w, l}, mirror = {20, l, w};
            struct interval i = paired_interval(c, 0.95), m = paired_interval(mirror, 0.95),
                            sure = paired_interval(c, 0.99);
            double d = (double)(w - l) / 20.0;
            assert_true(i.low <= d && d <= i.high);
            if (i.low > 0.0 || i.high < 0.0) assert_true(mcnemar_exact(w, l) <= 0.05);
            near(i.low, -m.high, 1e-9);
            assert_true(sure.low <= i.low && sure.high >= i.high);
        }
    }
}

static void resampling_is_near_the_normal_interval(void **state) {
    (void)state;
    double d[1000] = {0};
    struct interval i, again, sure;
    for (int k = 0; k < 60; k++) d[k] = 1.0;
    for (int k = 60; k < 100; k++) d[k] = -1.0;
    assert_ok(bootstrap_interval(d, 1000, 0.95, &i));
    /* mean 0.02, deviation sqrt((0.1 - 0.02^2) / 1000) = 0.00998: 0.02 -+ 1.96 of them */
    near(i.low, 0.00044, 0.002);
    near(i.high, 0.03956, 0.002);
    assert_ok(bootstrap_interval(d, 1000, 0.95, &again));
    assert_true(i.low == again.low && i.high == again.high);
    assert_ok(bootstrap_interval(d, 1000, 0.99, &sure)); /* -+ 2.576 of them */
    near(sure.low, -0.00571, 0.003);
    assert_ok(bootstrap_interval(d, 0, 0.95, &i));
    assert_true(i.low == 0.0 && i.high == 0.0);
}

/* A resample of 100 values with 30 ones holds a binomial number of them, whose quantiles are known:
 * P(X <= 20) = 0.0165 and P(X <= 21) = 0.0288, P(X <= 38) = 0.9660 and P(X <= 39) = 0.9790. */
static void resampling_is_binomial_for_shares(void **state) {
    (void)state;
    double d[100] = {0};
    struct interval i;
    for (int k = 0; k < 30; k++) d[3 * k] = 1.0;
    assert_ok(bootstrap_interval(d, 100, 0.95, &i));
    near(i.low, 0.21, 1e-12);
    near(i.high, 0.39, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_p_values),
        cmocka_unit_test(quantiles_are_the_tables),
        cmocka_unit_test(paired_intervals),
        cmocka_unit_test(paired_intervals_at_any_confidence),
        cmocka_unit_test(shares_are_between_the_roots),
        cmocka_unit_test(intervals_agree_with_the_test),
        cmocka_unit_test(resampling_is_near_the_normal_interval),
        cmocka_unit_test(resampling_is_binomial_for_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
