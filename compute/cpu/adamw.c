/* SPDX-License-Identifier: Apache-2.0
 * AdamW in one pass, and the sum of squares in double precision. A block of ADAMW_BLOCK elements is
 * brought to fp32 where it is held otherwise, updated, and put back as it is held; whole fp32
 * operands are worked on in place. The settings of a step are computed in double and rounded once.
 * Read next: compute/ops/adamw.h, compute/cpu/adamw_codes.h. */
#include "compute/ops/adamw.h"

#include "base/par.h"
#include "compute/cpu/adamw_codes.h"
#include "compute/cpu/bf16.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/draw.h"
#include <math.h>

enum { SQUARES_BLOCK = 1024, SQUARES_BLOCKS = 4096 };

/* A step, and the codes of 8-bit states. */
struct adamw_work {
    const struct adamw_args *args;
    struct adamw_factors by;
    float m_values[256];
    struct codes m_codes, v_codes;
};

/* One block in fp32; the pointers go to the arrays or into the operands. */
struct adamw_block {
    int64_t at, n;
    float *w, *m, *v;
    const float *g;
    float w_own[ADAMW_BLOCK], m_own[ADAMW_BLOCK], v_own[ADAMW_BLOCK], g_own[ADAMW_BLOCK];
};

/* LANES elements of a row from `at` on, zeros behind those that are left. */
ALWAYS_INLINE void adamw_load(const struct mat *row, int64_t at, int64_t left, float out[LANES]) {
    const int64_t bytes = row->dtype == DTYPE_F32 ? 4 : 2; /* of an element */
    const char *from = (const char *)row->data + at * bytes;
    if (left < LANES) {
        memset(out, 0, LANES * sizeof *out);
        if (left > 0) dtype_to_f32(from, row->dtype, left, out);
        return;
    }
    for (int i = 0; i < LANES; i += SIMD_WIDTH) {
        if (row->dtype == DTYPE_F32)
            vec_store(out + i, vec_load((const float *)(const void *)from + i));
        else if (row->dtype == DTYPE_BF16)
            vec_store(out + i, bf16_load((const uint16_t *)(const void *)from + i));
        else
            dtype_to_f32(from + i * bytes, row->dtype, SIMD_WIDTH, out + i);
    }
}

/* n elements of fp32 where they lie, when they fill a block; else a copy with zeros behind. */
static float *adamw_place(float *from, int64_t n, float own[ADAMW_BLOCK]) {
    if (n == ADAMW_BLOCK) return from;
    memcpy(own, from, (size_t)n * sizeof *own);
    memset(own + n, 0, (size_t)(ADAMW_BLOCK - n) * sizeof *own);
    return own;
}

static void adamw_decode(const uint8_t *codes, const float *values, float largest, int64_t n,
                         float out[ADAMW_BLOCK]) {
    for (int64_t i = 0; i < n; i++) out[i] = values[codes[i]] * largest;
    for (int64_t i = n; i < ADAMW_BLOCK; i++) out[i] = 0;
}

static void adamw_open(const struct adamw_work *s, struct adamw_block *b) {
    const struct adamw_args *args = s->args;
    const int64_t number = b->at / ADAMW_BLOCK;
    const struct mat *g = &args->gradient;
    const struct mat w = {args->w_bf16, DTYPE_BF16, args->n, 1};
    b->w = args->w ? adamw_place(args->w + b->at, b->n, b->w_own) : b->w_own;
    for (int64_t i = 0; !args->w && i < ADAMW_BLOCK; i += LANES)
        adamw_load(&w, b->at + i, b->n - i, b->w_own + i);
    b->g = b->g_own;
    if (g->dtype == DTYPE_F32 && b->n == ADAMW_BLOCK)
        b->g = (const float *)g->data + b->at;
    else
        for (int64_t i = 0; i < ADAMW_BLOCK; i += LANES)
            adamw_load(g, b->at + i, b->n - i, b->g_own + i);
    if (!args->states_8bit) {
        b->m = adamw_place(args->m + b->at, b->n, b->m_own);
        b->v = adamw_place(args->v + b->at, b->n, b->v_own);
        return;
    }
    b->m = b->m_own;
    b->v = b->v_own;
    adamw_decode(args->m_codes + b->at, s->m_values, args->m_largest[number], b->n, b->m);
    adamw_decode(args->v_codes + b->at, s->v_codes.value, args->v_largest[number], b->n, b->v);
}

static void adamw_update(const struct adamw_work *s, const struct adamw_block *b) {
    const vec new1 = vec_set(s->by.new1), minus_step = vec_set(-s->by.step_size);
    for (int i = 0; i < ADAMW_BLOCK; i += SIMD_WIDTH) {
        const vec g = vec_load(b->g + i) * s->by.gradient_scale;
        vec m = vec_load(b->m + i), v = vec_load(b->v + i);
        m = vec_fma(new1, g - m, m);
        v = vec_fma(g * s->by.new2, g, v * s->by.beta2);
        const vec root = vec_sqrt(v) / s->by.root_correction + s->by.eps;
        vec_store(b->m + i, m);
        vec_store(b->v + i, v);
        vec_store(b->w + i, vec_fma(minus_step, m / root, vec_load(b->w + i) * s->by.keep));
    }
}

/* The largest magnitude of a block. */
static float adamw_largest(const float *x) {
    vec most = {0};
    float lanes[SIMD_WIDTH], largest = 0;
    for (int i = 0; i < ADAMW_BLOCK; i += SIMD_WIDTH) {
        const vec v = vec_load(x + i);
        most = vec_max(vec_max(v, -v), most);
    }
    vec_store(lanes, most);
    for (int i = 0; i < SIMD_WIDTH; i++) largest = lanes[i] > largest ? lanes[i] : largest;
    return largest;
}

static void adamw_encode(const struct adamw_work *s, const struct adamw_block *b) {
    const struct adamw_args *args = s->args;
    const int64_t number = b->at / ADAMW_BLOCK;
    const float m_largest = adamw_largest(b->m), v_largest = adamw_largest(b->v);
    float m[ADAMW_BLOCK], v[ADAMW_BLOCK];
    args->m_largest[number] = m_largest;
    args->v_largest[number] = v_largest;
    for (int i = 0; i < ADAMW_BLOCK; i += SIMD_WIDTH) {
        vec_store(m + i, m_largest > 0 ? vec_load(b->m + i) / m_largest : (vec){0});
        vec_store(v + i, v_largest > 0 ? vec_load(b->v + i) / v_largest : (vec){0});
    }
    uint8_t *m_codes = args->m_codes + b->at, *v_codes = args->v_codes + b->at;
    for (int64_t i = 0; i < b->n; i++) {
        const int v_code = codes_nearest(&s->v_codes, v[i]);
        m_codes[i] = codes_signed(codes_nearest(&s->m_codes, fabsf(m[i])), m[i] < 0);
        v_codes[i] = (uint8_t)(v_code == 0 && b->v[i] > 0 ? 1 : v_code);
    }
}

/* To the bf16 below or above, as 16 random bits added below say; infinities and NaN stay. */
static void adamw_round(const struct adamw_args *args, const struct adamw_block *b) {
    const struct rng rng = {args->seed, RNG_ROUND, (uint64_t)args->step};
    uint32_t words[ADAMW_BLOCK / 2];
    const uint64_t first = (args->first + (uint64_t)b->at) / 8; /* Philox block of 8 half words */
    for (int i = 0; i < ADAMW_BLOCK / 2; i += DRAW_STRETCH)
        draw_words(&rng, first + (uint64_t)(i / 4), words + i);
    for (int64_t i = 0; i < b->n; i++) {
        uint32_t bits;
        memcpy(&bits, b->w + i, sizeof bits);
        const uint32_t random = words[i / 2] >> (i % 2 ? 16 : 0) & 0xffffu;
        const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
        const uint32_t quiet = (bits & 0x7fffffffu) > 0x7f800000u ? 0x40u : 0;
        args->w_bf16[b->at + i] = (uint16_t)(finite ? (bits + random) >> 16 : bits >> 16 | quiet);
    }
}

static void adamw_close(const struct adamw_work *s, const struct adamw_block *b) {
    const struct adamw_args *args = s->args;
    const size_t bytes = (size_t)b->n * sizeof(float);
    if (!args->w)
        adamw_round(args, b);
    else if (b->w == b->w_own)
        memcpy(args->w + b->at, b->w, bytes);
    if (args->states_8bit) {
        adamw_encode(s, b);
    } else if (b->m == b->m_own) {
        memcpy(args->m + b->at, b->m, bytes);
        memcpy(args->v + b->at, b->v, bytes);
    }
}

static void adamw_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct adamw_work *s = ctx;
    struct adamw_block b;
    for (int64_t number = begin; number < end; number++) {
        b.at = number * ADAMW_BLOCK;
        b.n = s->args->n - b.at < ADAMW_BLOCK ? s->args->n - b.at : ADAMW_BLOCK;
        adamw_open(s, &b);
        adamw_update(s, &b);
        adamw_close(s, &b);
    }
}

static void adamw_codes(struct adamw_work *s) {
    float v_values[256];
    adamw_code_values(s->m_values, v_values);
    codes_fill(&s->m_codes, s->m_values, 128, true);
    codes_fill(&s->v_codes, v_values, 256, false);
}

err CPU(adamw)(struct compute *c, const struct adamw_args *args) {
    (void)c;
    BUG_IF(args->step < 1 || !args->w == !args->w_bf16 || args->first % ADAMW_BLOCK != 0);
    struct adamw_work s = {.args = args, .by = adamw_factors(args)};
    if (args->states_8bit) adamw_codes(&s);
    par_for((args->n + ADAMW_BLOCK - 1) / ADAMW_BLOCK, ELEMENTS_A_PIECE / ADAMW_BLOCK, adamw_piece,
            &s);
    return ERR_OK;
}

struct squares_work {
    struct mat x;
    int64_t n;
    double *sums; /* one a block */
};

static void squares_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const struct squares_work *w = ctx;
    for (int64_t block = begin; block < end; block++) {
        enum { WIDE_VECS = LANES / WIDE_WIDTH };
        vecd sum[WIDE_VECS] = {{0}};
        double lane[LANES];
        int64_t start = block * SQUARES_BLOCK, left = w->n - start;
        int64_t count = left < SQUARES_BLOCK ? left : SQUARES_BLOCK, j = 0;
        for (; j < count; j += LANES) {
            float value[LANES]; /* the zeros change no sum */
            adamw_load(&w->x, start + j, count - j, value);
            for (int i = 0; i < WIDE_VECS; i++) {
                const vecd x = vecd_load(value + i * WIDE_WIDTH);
                sum[i] += x * x;
            }
        }
        memcpy(lane, sum, sizeof lane);
        for (int apart = LANES / 2; apart > 0; apart /= 2) {
            for (int i = 0; i < apart; i++) lane[i] += lane[i + apart];
        }
        w->sums[block] = lane[0];
    }
}

size_t CPU(sum_squares_scratch)(void) {
    return SQUARES_BLOCKS * sizeof(double);
}

err CPU(sum_squares)(struct compute *c, const struct sum_squares_args *args) {
    void *scratch;
    TRY(cpu_scratch(c, CPU(sum_squares_scratch)(), &scratch));
    double sum = 0;
    const int64_t stretch = (int64_t)SQUARES_BLOCK * SQUARES_BLOCKS;
    for (int64_t at = 0; at < args->n; at += stretch) {
        int64_t n = args->n - at < stretch ? args->n - at : stretch;
        int64_t blocks = (n + SQUARES_BLOCK - 1) / SQUARES_BLOCK;
        struct mat x = args->x;
        x.data = (const char *)x.data + at * dtype_bytes(x.dtype);
        struct squares_work w = {x, n, scratch};
        par_for(blocks, ELEMENTS_A_PIECE / SQUARES_BLOCK, squares_piece, &w);
        for (int64_t i = 0; i < blocks; i++) sum += w.sums[i];
    }
    *args->out = sum;
    return ERR_OK;
}
