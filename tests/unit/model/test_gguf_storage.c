/* SPDX-License-Identifier: Apache-2.0
 * Blocks of q8_0 and q4_0 stay within what their layout allows, whatever is in them; the values of
 * some are known by hand; what a block cannot hold is refused.
 * Under test: model/formats/gguf_storage.h. */
#include "model/formats/gguf_storage.h"
#include "base/philox.h"
#include "tests/unit/test.h"
#include <float.h>
#include <math.h>

/* How far an element can be from what its block says, for the largest magnitude a:
 *   the step is d (a/127, a/8); a code is at most half a step off, and one step off where q4_0 cuts
 *   +8 down to +7 (a/d above 7.5); codes up to c carry the scale's own rounding, 2^-11 of d or half
 *   of f16's smallest, c times; forming x/d rounds twice, each 2^-24 of at most c. */
static double bound(bool q4, double a, double x, double extreme) {
    const double codes = q4 ? 8 : 127, d = a / codes;
    const double half = q4 && x * extreme < 0 && fabs(x) > 7.5 / 8 * a ? 1 : 0.5;
    return d * (half + codes * 3 * 0x1p-24) + codes * fmax(d * 0x1p-11, 0x1p-25);
}

static double worst_share; /* of the bound that any element used */

static void expect_block(const char *type, const float x[GGUF_BLOCK]) {
    const struct gguf_storage *s = gguf_storage_named(type);
    uint8_t block[64];
    float back[GGUF_BLOCK], extreme = 0;
    for (int i = 0; i < GGUF_BLOCK; i++)
        if (fabsf(x[i]) > fabsf(extreme)) extreme = x[i];
    assert_ok(s->encode(x, GGUF_BLOCK, block));
    s->decode(block, GGUF_BLOCK, back);
    for (int i = 0; i < GGUF_BLOCK; i++) {
        const double most =
            bound(s->block_bytes == 18, fabs((double)extreme), (double)x[i], (double)extreme);
        const double off = fabs((double)back[i] - (double)x[i]);
        if (!(off <= most))
            fail_msg("%s: element %d: %g became %g, over %g", type, i, (double)x[i],
                     (double)back[i], most);
        if (most > 0) worst_share = fmax(worst_share, off / most);
    }
}

static void blocks_stay_within_bounds(void **state) {
    static const char *const types[] = {"q8_0", "q4_0"};
    const struct rng random = {.seed = 5, .purpose = RNG_TEST};
    float x[GGUF_BLOCK];
    (void)state;
    for (int t = 0; t < 2; t++) {
        worst_share = 0;
        for (int64_t round = 0; round < 2000; round++) {
            const float scale = ldexpf(1, (int)(round % 32) - 26);
            for (int i = 0; i < GGUF_BLOCK; i++)
                x[i] = scale * (float)rng_normal(&random, (uint64_t)(round * GGUF_BLOCK + i));
            expect_block(types[t], x);
            x[round % GGUF_BLOCK] *= 1000; /* one outlier: the rest is next to nothing */
            expect_block(types[t], x);
        }
        assert_true(worst_share > 0.9); /* the bound is no looser than it must be */
        for (int i = 0; i < GGUF_BLOCK; i++) x[i] = 0;
        expect_block(types[t], x);
        for (int i = 0; i < GGUF_BLOCK; i++) x[i] = -3.25f; /* constant */
        expect_block(types[t], x);
        for (int i = 0; i < GGUF_BLOCK; i++) x[i] = i % 2 ? 8.f : -8.f; /* both extremes */
        expect_block(types[t], x);
        for (int i = 0; i < GGUF_BLOCK; i++) x[i] = ldexpf((float)i, -149); /* subnormal */
        expect_block(types[t], x);
        for (int i = 0; i < GGUF_BLOCK; i++) x[i] = ldexpf((float)i - 16, -30); /* below f16 */
        expect_block(types[t], x);
        for (int i = 0; i < GGUF_BLOCK; i++) x[i] = 4e5f - (float)i * 2e4f; /* huge, d within f16 */
        expect_block(types[t], x);
    }
}

static void blocks_that_cannot_be(void **state) {
    (void)state;
    static const char *const types[] = {"q8_0", "q4_0"};
    float x[2 * GGUF_BLOCK] = {0};
    uint8_t blocks[128];
    for (int t = 0; t < 2; t++) {
        const struct gguf_storage *s = gguf_storage_named(types[t]);
        x[40] = INFINITY;
        assert_fails(s->encode(x, 2 * GGUF_BLOCK, blocks), ERR_RANGE, "element 40 is not finite");
        x[40] = NAN;
        assert_fails(s->encode(x, 2 * GGUF_BLOCK, blocks), ERR_RANGE, "element 40 is not finite");
        x[40] = FLT_MAX;
        assert_fails(s->encode(x, 2 * GGUF_BLOCK, blocks), ERR_RANGE,
                     "the scale of elements 32 to 63");
        x[40] = 0;
    }
}

/* By hand from the layout. */
static void known_blocks(void **state) {
    (void)state;
    float x[GGUF_BLOCK], back[GGUF_BLOCK];
    uint8_t block[34];
    for (int i = 0; i < GGUF_BLOCK; i++) x[i] = (float)(i - 16) * 8; /* -128 .. 120 */
    const struct gguf_storage *q4 = gguf_storage_named("q4_0"), *q8 = gguf_storage_named("q8_0");
    assert_ok(q4->encode(x, GGUF_BLOCK, block)); /* d = -128 / -8 = 16, codes x/16 + 8 */
    assert_int_equal(block[0] | block[1] << 8, 0x4c00);
    for (int i = 0; i < 16; i++) { /* x/16 + 8.5 is i/2 + 0.5: halves go up */
        assert_int_equal(block[2 + i] & 15, (i + 1) / 2);
        assert_int_equal(block[2 + i] >> 4, i == 15 ? 15 : (i + 17) / 2);
    }
    q4->decode(block, GGUF_BLOCK, back);
    assert_true(back[0] == -128 && back[1] == -112 && back[31] == 112);
    for (int i = 0; i < GGUF_BLOCK; i++) x[i] = (float)(4 * i); /* 0 .. 124 */
    x[31] = -127;                                               /* d = 1 */
    x[1] = 2.5f;
    x[2] = -2.5f;
    char odd[sizeof x + 1]; /* as a mapped file may have them */
    memcpy(odd + 1, x, sizeof x);
    assert_ok(q8->encode(odd + 1, GGUF_BLOCK, block));
    assert_int_equal(block[0] | block[1] << 8, 0x3c00);
    assert_int_equal((int8_t)block[2 + 31], -127);
    assert_int_equal((int8_t)block[2 + 1], 3); /* half away from zero */
    assert_int_equal((int8_t)block[2 + 2], -3);
    assert_int_equal(block[2 + 30], 120);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_stay_within_bounds),
        cmocka_unit_test(blocks_that_cannot_be),
        cmocka_unit_test(known_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
