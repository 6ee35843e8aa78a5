/* SPDX-License-Identifier: Apache-2.0
 * What the cases of ops/adamw cannot say: the codes of 8-bit states are the nearest ones, weights
 * in bf16 are the fp32 result rounded up or down without a bias, and neither slices nor threads nor
 * the vector unit show in a bit.
 * Read next: compute/ops/adamw.h. */
#include "tests/unit/test.h"

#include "base/par.h"
#include "base/philox.h"
#include "compute/cpu/adamw_codes.h"
#include <math.h>

enum { N = 5 * ADAMW_BLOCK + 77 };

struct operands {
    float w[N], m[N], v[N], g[N], m_largest[6], v_largest[6];
    uint16_t w_bf16[N], g_bf16[N];
    uint8_t m_codes[N], v_codes[N];
};

static void fill(struct operands *o) {
    const struct rng rng = {11, RNG_TEST, 0};
    memset(o, 0, sizeof *o);
    for (int i = 0; i < N; i++) {
        const float w = (float)rng_normal(&rng, (uint64_t)i);
        dtype_from_f32(&w, 1, DTYPE_BF16, &o->w_bf16[i]);
        o->w[i] = bf16_to_f32(o->w_bf16[i]);
        const float g = (float)(rng_normal(&rng, (uint64_t)(N + i)) * exp(-(i % 23)));
        dtype_from_f32(&g, 1, DTYPE_BF16, &o->g_bf16[i]);
        o->g[i] = bf16_to_f32(o->g_bf16[i]);
        o->m[i] = 0.1f * o->g[i];
        o->v[i] = o->g[i] * o->g[i];
    }
}

static struct adamw_args settings(void) {
    return (struct adamw_args){.lr = 1e-2,
                               .beta1 = 0.9,
                               .beta2 = 0.95,
                               .eps = 1e-8,
                               .weight_decay = 0.1,
                               .gradient_scale = 0.7,
                               .step = 3,
                               .seed = 42,
                               .first = (uint64_t)5 << 40};
}

/* Elements [begin, end) of the operands. */
static struct adamw_args slice(struct operands *o, int begin, int end, bool w_bf16, bool codes,
                               bool g_bf16) {
    struct adamw_args a = settings();
    a.n = end - begin;
    a.first += (uint64_t)begin;
    if (w_bf16)
        a.w_bf16 = o->w_bf16 + begin;
    else
        a.w = o->w + begin;
    a.states_8bit = codes;
    if (codes) {
        a.m_codes = o->m_codes + begin, a.v_codes = o->v_codes + begin;
        a.m_largest = o->m_largest + begin / ADAMW_BLOCK;
        a.v_largest = o->v_largest + begin / ADAMW_BLOCK;
    } else {
        a.m = o->m + begin, a.v = o->v + begin;
    }
    a.gradient = g_bf16 ? (struct mat){o->g_bf16 + begin, DTYPE_BF16, N, 1}
                        : (struct mat){o->g + begin, DTYPE_F32, N, 1};
    return a;
}

static void run(struct compute *c, struct operands *o, int begin, int end, bool w_bf16, bool codes,
                bool g_bf16) {
    const struct adamw_args args = slice(o, begin, end, w_bf16, codes, g_bf16);
    assert_ok(c->backend->adamw(c, &args));
}

/* Every form, whole and in slices, on every backend, with one thread and two. */
static void same_bits(void **state) {
    static struct operands first, other;
    (void)state;
    for (int form = 0; form < 8; form++) {
        const bool w = form & 1, codes = form & 2, g = form & 4;
        bool compared = false; /* the first backend that opens here is what others are held to */
        for (int i = 0; i < n_backends; i++) {
            struct compute c;
            char device[64];
            snprintf(device, sizeof device, "%s:%s", backends[i]->name, backends[i]->variant);
            if (compute_open(&c, device) != ERR_OK) continue;
            for (int threads = 1; threads <= 2; threads++) {
                struct operands *o = compared ? &other : &first;
                par_set_threads(threads);
                fill(o);
                for (int begin = 0, end; begin < N; begin = end) {
                    end = threads == 1 ? N : begin + (1 + begin % 3) * ADAMW_BLOCK;
                    run(&c, o, begin, end < N ? end : N, w, codes, g);
                }
                if (compared && memcmp(&first, o, sizeof *o) != 0)
                    fail_msg("form %d differs on %s with %d threads", form, device, threads);
                compared = true;
            }
            compute_close(&c);
        }
    }
}

static uint16_t rounded(float value, uint32_t random) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + random) >> 16);
}

/* The fp32 result with the stream's half words added below. */
static void bf16_is_rounded_fp32(void **state) {
    static struct operands o, single;
    struct compute c;
    (void)state;
    assert_ok(compute_open(&c, NULL));
    fill(&o);
    fill(&single);
    run(&c, &o, 0, N, true, false, false);
    run(&c, &single, 0, N, false, false, false);
    const struct adamw_args a = settings();
    const struct rng rng = {a.seed, RNG_ROUND, (uint64_t)a.step};
    int up = 0;
    for (uint64_t i = 0; i < N; i++) {
        const uint32_t word = rng_u32(&rng, (a.first + i) / 2);
        assert_int_equal(o.w_bf16[i], rounded(single.w[i], word >> (i % 2 ? 16 : 0) & 0xffff));
        up += o.w_bf16[i] != rounded(single.w[i], 0);
    }
    assert_in_range(up, N / 4, 3 * N / 4);
    compute_close(&c);
}

/* A weight that moves by a hundredth of bf16's step moves so far on average. */
static void rounding_has_no_bias(void **state) {
    enum { ROUNDS = 4000 };
    struct compute c;
    (void)state;
    assert_ok(compute_open(&c, NULL));
    double moved = 0;
    const float start = 1.0f, step = 0x1p-7f * 0.01f;
    for (int64_t round = 1; round <= ROUNDS; round++) {
        uint16_t w[64];
        float m[64] = {0}, v[64], g[64] = {0};
        dtype_from_f32(&start, 1, DTYPE_BF16, &w[0]);
        for (int i = 0; i < 64; i++) w[i] = w[0], v[i] = 1, m[i] = -1;
        const struct adamw_args a = {.n = 64,
                                     .w_bf16 = w,
                                     .m = m,
                                     .v = v,
                                     .gradient = {g, DTYPE_F32, 64, 1},
                                     .lr = (double)step,
                                     .beta1 = 0, /* m becomes the gradient: 0 */
                                     .beta2 = 0.5,
                                     .eps = 0,
                                     .weight_decay = 1, /* w becomes w (1 - step) */
                                     .gradient_scale = 1,
                                     .step = round,
                                     .seed = 7};
        assert_ok(c.backend->adamw(&c, &a));
        for (int i = 0; i < 64; i++) moved += (double)start - (double)bf16_to_f32(w[i]);
    }
    /* Below 1 a bf16 step is 2^-8. Binomial: p = 0.02, its deviation over 256000 draws 2.8e-4. */
    const double share = moved / (64.0 * ROUNDS) / 0x1p-8;
    assert_true(fabs(share - 0.02) < 5 * 2.8e-4);
    compute_close(&c);
}

static int brute_nearest(const struct codes *c, double x) {
    int best = 0;
    for (int i = 1; i < c->n; i++)
        if (fabs((double)c->value[i] - x) < fabs((double)c->value[best] - x)) best = i;
    return best;
}

static void check_codes(const struct codes *c) {
    for (int i = 0; i < c->n; i++) {
        assert_true(i == 0 || c->value[i] > c->value[i - 1]);
        assert_int_equal(codes_nearest(c, c->value[i]), i);
        if (i + 1 == c->n) break;
        assert_int_equal(codes_nearest(c, c->border[i]), i);
        const float above = nextafterf(c->border[i], 2);
        assert_int_equal(codes_nearest(c, above), i + 1);
    }
    for (uint32_t bits = 0; bits <= 0x3f800000u; bits += 7919) { /* 134,000 numbers of [0,1] */
        float x;
        memcpy(&x, &bits, sizeof x);
        const int got = codes_nearest(c, x), want = brute_nearest(c, (double)x);
        /* a border is rounded to fp32: at most that far from the true middle */
        const double off = fabs((double)c->value[got] - (double)x),
                     least = fabs((double)c->value[want] - (double)x);
        if (got != want && off - least > (double)x * 0x1p-23)
            fail_msg("code of %.9g is %d, not %d", (double)x, got, want);
    }
    assert_int_equal(codes_nearest(c, 0x1p-140f), 0);
    assert_int_equal(codes_nearest(c, 1.5f), c->n - 1);
    assert_in_range(codes_nearest(c, NAN), 0, c->n - 1);
}

static void codes_are_nearest(void **state) {
    static struct codes m, v;
    float m_values[256], v_values[256];
    (void)state;
    adamw_code_values(m_values, v_values);
    codes_fill(&m, m_values, 128, true);
    codes_fill(&v, v_values, 256, false);
    check_codes(&m);
    check_codes(&v);
    for (int code = 0; code < 256; code++) { /* each code is that of its own value */
        const bool negative = m_values[code] < 0;
        const int i = codes_nearest(&m, fabsf(m_values[code]));
        assert_int_equal(codes_signed(i, negative), code == 128 ? 128 : code);
    }
}

/* Zero blocks, infinities and a v far below its block's largest. */
static void hard_blocks(void **state) {
    static struct operands o;
    struct compute c;
    (void)state;
    assert_ok(compute_open(&c, NULL));
    memset(&o, 0, sizeof o);
    run(&c, &o, 0, N, false, true, false);
    for (int i = 0; i < N; i++) assert_true(o.w[i] == 0 && o.m_codes[i] == 0 && o.v_codes[i] == 0);
    o.g[0] = 1e3f;
    o.g[1] = 1e-9f; /* v is 1e-24 of the largest: coded as the smallest, never as 0 */
    run(&c, &o, 0, N, false, true, false);
    assert_int_equal(o.v_codes[0], 255);
    assert_int_equal(o.v_codes[1], 1);
    assert_int_equal(o.v_codes[2], 0);
    o.g[2] = INFINITY;
    run(&c, &o, 0, N, false, true, false);
    assert_false(isfinite(o.w[2]));
    assert_true(isfinite(o.w[300]));
    compute_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits), cmocka_unit_test(bf16_is_rounded_fp32),
        cmocka_unit_test(rounding_has_no_bias), cmocka_unit_test(codes_are_nearest),
        cmocka_unit_test(hard_blocks)};
    return cmocka_run_group_tests_name("adamw", tests, NULL, NULL);
}
