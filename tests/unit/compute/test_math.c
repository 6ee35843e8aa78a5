/* SPDX-License-Identifier: Apache-2.0
 * The errors that compute/cpu/math.h and compute/math64.h state, measured over the ranges they
 * state them for, against the C library in the next wider precision. The vector functions are
 * measured in the portable compilation; test_ops.c shows that the others give the same bits. */
#include "tests/unit/test.h"

#include "compute/cpu/math.h"
#include "compute/math64.h"
#include <math.h>
#include <stdbool.h>

static float one_exp(float x) {
    return vec_exp(vec_set(x))[0];
}

static float one_sigmoid(float x) {
    return vec_sigmoid(vec_set(x))[0];
}

static double ulp_of(double x) {
    float single = (float)fabs(x);
    return (double)nextafterf(single, INFINITY) - (double)single;
}

/* Largest error in units of the last place over every `stride`th float between low and high. */
static double worst_ulp(float (*got)(float), double (*want)(double), float low, float high) {
    double worst = 0;
    enum { STRIDE = 211 };
    for (int side = 0; side < 2; side++) { /* floats of each sign are consecutive integers */
        float end = side ? high : -low;
        uint32_t last;
        if (end <= 0) continue;
        memcpy(&last, &end, sizeof last);
        for (uint32_t bits = 0; bits <= last; bits += STRIDE) {
            float x;
            memcpy(&x, &bits, sizeof x);
            x = side ? x : -x;
            double right = want((double)x);
            worst = fmax(worst, fabs((double)got(x) - right) / ulp_of(right));
        }
    }
    return worst;
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void exponential(void **state) {
    (void)state;
    double worst = worst_ulp(one_exp, exp, -87.3f, 88.72f);
    print_message("exp: %.3f units in the last place\n", worst);
    assert_true(worst <= 1.01);
    assert_true(one_exp(0) == 1 && one_exp(-0.0f) == 1);
    assert_true(one_exp(-INFINITY) == 0 && one_exp(-104.0f) == 0 && one_exp(-1e30f) == 0);
    assert_true(isinf(one_exp(88.73f)) && isinf(one_exp(INFINITY)) && isinf(one_exp(1e30f)));
    assert_true(isnan(one_exp(NAN)));
    for (float x = -87.3f; x > -104.0f;
         x -= 0.01f) { /* gradual underflow: one unit of the smallest */
        assert_true(fabs((double)one_exp(x) - exp((double)x)) <= 0x1p-149);
    }
}

static void logistic(void **state) {
    (void)state;
    double worst = worst_ulp(one_sigmoid, sigmoid, -87.3f, 100.0f);
    print_message("sigmoid: %.3f units in the last place\n", worst);
    assert_true(worst <= 2.5);
    assert_true(one_sigmoid(0) == 0.5f && one_sigmoid(-200.0f) == 0 && one_sigmoid(200.0f) == 1);
    assert_true(isnan(one_sigmoid(NAN)));
}

static void double_log_exp_pow(void **state) {
    (void)state;
    double worst_log = 0, worst_exp = 0, worst_pow = 0;
    for (int i = 1; i < 400000; i++) {
        double x = ldexp(1 + (i % 1000) / 1000.0, i / 1000 - 200), y = (i - 200000) * 0.0035;
        double of_log = fabs(
            (double)(((long double)math_log(x) - logl((long double)x)) / logl((long double)x)));
        if (x != 1) worst_log = fmax(worst_log, of_log);
        worst_exp =
            fmax(worst_exp, fabs((double)((long double)math_exp(y) / expl((long double)y) - 1)));
        double exponent = (i % 1000) / 1000.0;
        long double right = powl(10000, (long double)exponent);
        worst_pow =
            fmax(worst_pow, fabs((double)((long double)math_pow(10000, exponent) / right - 1)) /
                                (1 + exponent * log(10000)));
    }
    print_message("relative errors: log 2^%.1f exp 2^%.1f pow 2^%.1f\n", log2(worst_log),
                  log2(worst_exp), log2(worst_pow));
    assert_true(worst_log <= 0x1p-50 && worst_exp <= 0x1p-50 && worst_pow <= 0x1p-50);
    assert_true(math_log(1) == 0 && math_exp(0) == 1);
    assert_true(isinf(math_log(0)) && isnan(math_log(-1)) && isnan(math_log(NAN)) &&
                isinf(math_log(INFINITY)));
    assert_true(math_exp(-800) == 0 && isinf(math_exp(711)) && isnan(math_exp(NAN)));
}

static void double_sin_cos(void **state) {
    (void)state;
    double worst = 0;
    for (int i = 0; i < 2000000; i++) {
        /* Angles of the tables, and floats near multiples of pi/2, where the result is small. */
        double x = i % 2 ? (double)(float)(i * 0.0655)
                         : (double)(float)((i / 24 + 1) * 1.5707963267948966);
        double s, c;
        math_sin_cos(x, &s, &c);
        long double right_s = sinl((long double)x), right_c = cosl((long double)x);
        worst =
            fmax(worst, x == 0 ? fabs(s) : fabs((double)(((long double)s - right_s) / right_s)));
        worst = fmax(worst, fabs((double)(((long double)c - right_c) / right_c)));
    }
    print_message("sin, cos: relative error 2^%.1f\n", log2(worst));
    assert_true(worst <= 0x1p-50);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(exponential), cmocka_unit_test(logistic),
                                       cmocka_unit_test(double_log_exp_pow),
                                       cmocka_unit_test(double_sin_cos)};
    return cmocka_run_group_tests_name("math", tests, NULL, NULL);
}
