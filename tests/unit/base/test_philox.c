/* SPDX-License-Identifier: Apache-2.0
 * Philox against its published test vectors, and the properties the program relies on.
 * The vectors are those published with the generator (Random123, kat_vectors).
 * Under test: base/philox.h. */
#include "tests/unit/test.h"

#include "base/philox.h"
#include <math.h>

static void published_vectors(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t got[4];
        philox4x32_10(rows[i].counter, rows[i].key, got);
        assert_memory_equal(got, rows[i].want, sizeof got);
    }
}

static void streams_differ_by_every_key(void **state) {
    (void)state;
    struct rng base = {.seed = 1, .purpose = RNG_INIT, .step = 1}, r = base;
    uint32_t first = rng_u32(&base, 0);
    r.seed = 2;
    assert_int_not_equal(first, rng_u32(&r, 0));
    r = base;
    r.purpose = RNG_DROPOUT;
    assert_int_not_equal(first, rng_u32(&r, 0));
    r = base;
    r.step = 2;
    assert_int_not_equal(first, rng_u32(&r, 0));
    assert_int_not_equal(first, rng_u32(&base, 1));
    assert_int_equal(first, rng_u32(&base, 0));
}

static void moments(void **state) {
    (void)state;
    struct rng r = {.seed = 7, .purpose = RNG_TEST};
    enum { COUNT = 200000 };
    double sum = 0, squares = 0, uniform = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        double x = rng_normal(&r, i);
        sum += x;
        squares += x * x;
        uniform += rng_uniform(&r, i);
    }
    /* five standard errors: deterministic, so this either always holds or never */
    assert_true(fabs(sum / COUNT) < 5 / sqrt(COUNT));
    assert_true(fabs(squares / COUNT - 1) < 5 * sqrt(2.0 / COUNT));
    assert_true(fabs(uniform / COUNT - 0.5) < 5 * sqrt(1.0 / 12 / COUNT));
}

/* Fresh weights depend on it: Box and Muller of the uniform numbers 2 i and 2 i + 1. */
static void normal_is_made_of_uniform_numbers(void **state) {
    (void)state;
    struct rng r = {.seed = 7, .purpose = RNG_TEST, .step = 3};
    for (uint64_t i = 0; i < 1000; i++) {
        double u = 1.0 - rng_uniform(&r, 2 * i),
               angle = 6.283185307179586 * rng_uniform(&r, 2 * i + 1);
        double value = rint(sqrt(-2.0 * log(u)) * cos(angle) * 0x1p40) * 0x1p-40;
        assert_true(rng_normal(&r, i) == value);
    }
}

static void shuffle_is_a_permutation_and_repeats(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    int64_t a[COUNT], b[COUNT];
    char seen[COUNT] = {0};
    for (int64_t i = 0; i < COUNT; i++) a[i] = b[i] = i;
    struct rng r = {.seed = 3, .purpose = RNG_SHUFFLE, .step = 5};
    rng_shuffle(&r, a, COUNT);
    rng_shuffle(&r, b, COUNT);
    assert_memory_equal(a, b, sizeof a);
    int64_t in_place = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        assert_in_range(a[i], 0, COUNT - 1);
        assert_int_equal(seen[a[i]]++, 0);
        in_place += a[i] == i;
    }
    assert_true(in_place < 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(streams_differ_by_every_key),
        cmocka_unit_test(moments),
        cmocka_unit_test(normal_is_made_of_uniform_numbers),
        cmocka_unit_test(shuffle_is_a_permutation_and_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
