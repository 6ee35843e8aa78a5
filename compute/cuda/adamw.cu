/* SPDX-License-Identifier: Apache-2.0
 * AdamW in one pass. A warp has ADAMW_BLOCK elements, twice four side by side a thread, and walks
 * from block to block of them; so an 8-bit block's largest magnitude is the warp's own affair, and
 * eight elements' random half words are one Philox block of two threads.
 * The arithmetic, its order and the codes are those of compute/cpu/adamw.c, bit for bit: nothing is
 * summed, and division and square root are rounded correctly here as there.
 * Read next: compute/ops/adamw.h, the contract. */
#include "compute/cuda/device.cuh"
#include "compute/cuda/philox.cuh"
#include "compute/ops/adamw.h"

enum {
    THREADS = 256,
    WARPS = THREADS / 32,
    SIDE = 4,                          /* elements side by side */
    PARTS = ADAMW_BLOCK / (32 * SIDE), /* times a thread has as many */
    MAX_BLOCKS = 2048,                 /* each makes the tables of the codes once */
    M_MAGNITUDES = 129,                /* those of m without a sign, and 1 */
    V_MAGNITUDES = 256,                /* those of v */
    LOWEST_CELL = 0x3300,              /* 2^-25, below the first border of both tables */
    CELLS = 0x3f80 - LOWEST_CELL + 1,
};
static_assert(PARTS == 2, "two threads share the Philox blocks of their two parts");

/* What the codes stand for. */
struct magnitudes {
    float m[M_MAGNITUDES], v[V_MAGNITUDES];
};

/* The nearest code by one look-up and one comparison: the upper 16 bits of x in [0,1] name a cell
 * that holds at most one border between two codes. Look-ups of a warp fall where the states do, so
 * they meet in banks of shared memory by chance. */
template <int N> struct codes {
    float value[N], border[N]; /* above the border the next magnitude is nearer */
    uint8_t lowest[CELLS];     /* of the codes of a cell */
};

static __device__ __forceinline__ int cell_of(float x) {
    return (int)(__float_as_uint(x) >> 16) - LOWEST_CELL;
}

/* By a whole thread block. Sums of neighbours halved round as the exact middle does. */
template <int N> static __device__ void codes_fill(codes<N> &c, const float (&values)[N]) {
    for (int i = threadIdx.x; i < N; i += THREADS) {
        c.value[i] = values[i];
        c.border[i] = i + 1 < N ? 0.5f * (values[i] + values[i + 1]) : 2.0f;
    }
    __syncthreads();
    /* Code i is the lowest where the cell begins above border i - 1, but not above border i. */
    for (int i = threadIdx.x; i < N; i += THREADS) {
        const int begin = i == 0 ? 0 : max(cell_of(c.border[i - 1]) + 1, 0);
        const int end = i + 1 < N ? min(cell_of(c.border[i]) + 1, (int)CELLS) : (int)CELLS;
        for (int cell = begin; cell < end; cell++) c.lowest[cell] = (uint8_t)i;
    }
    __syncthreads();
}

/* Of x in [0,1]; anything above counts as 1, NaN as something. */
template <int N> static __device__ __forceinline__ int codes_nearest(const codes<N> &c, float x) {
    const int i = c.lowest[max(0, min(cell_of(x), (int)CELLS - 1))];
    return i + (x > c.border[i]);
}

/* m's code 128 + i is minus magnitude i, but 128 is +1; -1 is coded as the magnitude below. */
static __device__ __forceinline__ float m_value(const codes<M_MAGNITUDES> &c, int code) {
    return code > 128 ? -c.value[code - 128] : c.value[code];
}
static __device__ __forceinline__ uint8_t m_code(const codes<M_MAGNITUDES> &c, float x) {
    const int i = codes_nearest(c, fabsf(x));
    return (uint8_t)(!(x < 0) || i == 0 ? i : i == 128 ? 255 : 128 + i);
}

/* fp32 or, as its bits, bf16. */
static __device__ __forceinline__ float weight_of(float w) {
    return w;
}
static __device__ __forceinline__ float weight_of(uint16_t bits) {
    return __uint_as_float((uint32_t)bits << 16);
}

/* To the bf16 below or above, as 16 random bits added below say; infinities and NaN stay. */
static __device__ __forceinline__ uint16_t round_up_or_down(float w, uint32_t random) {
    const uint32_t bits = __float_as_uint(w);
    if ((bits & 0x7f800000u) != 0x7f800000u) return (uint16_t)((bits + (random & 0xffffu)) >> 16);
    return (uint16_t)(bits >> 16 | ((bits & 0x7fffffffu) > 0x7f800000u ? 0x40u : 0u));
}

/* A kernel's arguments. `gradient` and `w` are those of args in their types. */
template <class W, class G> struct step {
    struct adamw_args args;
    struct adamw_factors by;
    struct philox_stream rng;
    W *w;
    const G *gradient;
};

/* A thread's PARTS times SIDE elements of the block that begins at `block`. */
using share = float[PARTS][SIDE];
static __device__ __forceinline__ int64_t part_begin(int64_t block, int part) {
    return block + (part * 32 + (int)threadIdx.x % 32) * SIDE;
}

static __device__ __forceinline__ void update(const struct adamw_factors &by, float gradient,
                                              float &w, float &m, float &v) {
    const float g = __fmul_rn(gradient, by.gradient_scale); /* not to be fused with g - m */
    m = fmaf(by.new1, g - m, m);
    v = fmaf(g * by.new2, g, v * by.beta2);
    const float root = sqrtf(v) / by.root_correction + by.eps;
    w = fmaf(-by.step_size, m / root, w * by.keep);
}

/* Each thread makes the Philox block of one of the two parts for itself and its neighbour. */
static __device__ __forceinline__ void put_weights(const struct adamw_args &a,
                                                   const struct philox_stream &rng, int64_t block,
                                                   uint16_t *to, const share &w) {
    const int lane = threadIdx.x % 32, odd = lane % 2;
    uint32_t mine[4];
    philox_block(rng, (a.first + (uint64_t)block) / 8 + odd * (32 * SIDE / 8) + lane / 2, mine);
    const uint32_t own[2] = {odd ? mine[2] : mine[0], odd ? mine[3] : mine[1]},
                   other[2] = {__shfl_xor_sync(~0u, odd ? mine[0] : mine[2], 1),
                               __shfl_xor_sync(~0u, odd ? mine[1] : mine[3], 1)};
    for (int p = 0; p < PARTS; p++) {
        uint16_t rounded[SIDE];
        for (int i = 0; i < SIDE; i++) {
            const uint32_t word = p == odd ? own[i / 2] : other[i / 2];
            rounded[i] = round_up_or_down(w[p][i], i % 2 ? word >> 16 : word);
        }
        const int64_t at = part_begin(block, p);
        store_raw(to + at, a.n - at, rounded);
    }
}
static __device__ __forceinline__ void put_weights(const struct adamw_args &a,
                                                   const struct philox_stream &, int64_t block,
                                                   float *to, const share &w) {
    for (int p = 0; p < PARTS; p++) {
        const int64_t at = part_begin(block, p);
        store_raw(to + at, a.n - at, w[p]);
    }
}

/* Divides by the block's largest magnitude, which is put at `largest`. */
static __device__ __forceinline__ void to_unit(const share &x, float *largest, share &unit) {
    float most = 0;
    for (int p = 0; p < PARTS; p++)
        for (int i = 0; i < SIDE; i++) most = fmaxf(most, fabsf(x[p][i]));
    most = warp_max(most);
    __syncwarp(); /* `largest` was read by all lanes */
    if (threadIdx.x % 32 == 0) *largest = most;
    for (int p = 0; p < PARTS; p++)
        for (int i = 0; i < SIDE; i++) unit[p][i] = most > 0 ? x[p][i] / most : 0.0f;
}

struct tables {
    codes<M_MAGNITUDES> m;
    codes<V_MAGNITUDES> v;
};

static __device__ __forceinline__ void decode(const struct adamw_args &a, const struct tables &t,
                                              int64_t block, share &m, share &v) {
    const float m_largest = a.m_largest[block / ADAMW_BLOCK],
                v_largest = a.v_largest[block / ADAMW_BLOCK];
    for (int p = 0; p < PARTS; p++) {
        const int64_t at = part_begin(block, p);
        uint8_t m_codes[SIDE], v_codes[SIDE];
        load_raw(a.m_codes + at, a.n - at, m_codes);
        load_raw(a.v_codes + at, a.n - at, v_codes);
        for (int i = 0; i < SIDE; i++) { /* not to be fused with g - m */
            m[p][i] = __fmul_rn(m_value(t.m, m_codes[i]), m_largest);
            v[p][i] = __fmul_rn(t.v.value[v_codes[i]], v_largest);
        }
    }
}

static __device__ __forceinline__ void encode(const struct adamw_args &a, const struct tables &t,
                                              int64_t block, const share &m, const share &v) {
    share m_unit, v_unit;
    to_unit(m, a.m_largest + block / ADAMW_BLOCK, m_unit);
    to_unit(v, a.v_largest + block / ADAMW_BLOCK, v_unit);
    for (int p = 0; p < PARTS; p++) {
        const int64_t at = part_begin(block, p);
        uint8_t m_codes[SIDE], v_codes[SIDE];
        for (int i = 0; i < SIDE; i++) {
            const int code = codes_nearest(t.v, v_unit[p][i]);
            v_codes[i] = (uint8_t)(code == 0 && v[p][i] > 0 ? 1 : code);
            m_codes[i] = m_code(t.m, m_unit[p][i]);
        }
        store_raw(a.m_codes + at, a.n - at, m_codes);
        store_raw(a.v_codes + at, a.n - at, v_codes);
    }
}

template <class W, class G, bool CODES>
static __device__ __forceinline__ void take_block(const struct step<W, G> &s,
                                                  const struct tables *t, int64_t block) {
    const struct adamw_args &a = s.args;
    share w, g, m, v;
    if (CODES) decode(a, *t, block, m, v);
    for (int p = 0; p < PARTS; p++) {
        const int64_t at = part_begin(block, p), left = a.n - at;
        W held[SIDE];
        load_raw(s.w + at, left, held);
        load(s.gradient + at, left, g[p]);
        if (!CODES) {
            load(a.m + at, left, m[p]);
            load(a.v + at, left, v[p]);
        }
        for (int i = 0; i < SIDE; i++) {
            w[p][i] = weight_of(held[i]);
            update(s.by, g[p][i], w[p][i], m[p][i], v[p][i]);
        }
        if (!CODES) {
            store(a.m + at, left, m[p]);
            store(a.v + at, left, v[p]);
        }
    }
    if (CODES) encode(a, *t, block, m, v);
    put_weights(a, s.rng, block, s.w, w);
}

template <class W, class G>
static __global__ void __launch_bounds__(THREADS) adamw(const __grid_constant__ step<W, G> s) {
    for (int64_t b = blockIdx.x * WARPS + threadIdx.x / 32; b * ADAMW_BLOCK < s.args.n;
         b += gridDim.x * WARPS)
        take_block<W, G, false>(s, NULL, b * ADAMW_BLOCK);
}

template <class W, class G>
static __global__ void __launch_bounds__(THREADS)
    adamw_codes(const __grid_constant__ step<W, G> s, const __grid_constant__ magnitudes of) {
    __shared__ struct tables t;
    codes_fill(t.m, of.m);
    codes_fill(t.v, of.v);
    for (int64_t b = blockIdx.x * WARPS + threadIdx.x / 32; b * ADAMW_BLOCK < s.args.n;
         b += gridDim.x * WARPS)
        take_block<W, G, true>(s, &t, b * ADAMW_BLOCK);
}

template <class W, class G> static err run(struct compute *c, const struct adamw_args *a, W *w) {
    const struct rng rng = {a->seed, RNG_ROUND, (uint64_t)a->step};
    const struct step<W, G> s = {
        *a, adamw_factors(a), philox_stream_of(rng), w, (const G *)a->gradient.data
    };
    const int64_t most = MAX_BLOCKS, blocks = n_blocks(a->n, (int64_t)ADAMW_BLOCK * WARPS);
    const unsigned grid = (unsigned)(blocks < most ? blocks : most);
    struct magnitudes of;
    float m_values[256];
    if (!a->states_8bit) return cuda_launch(c, "adamw", grid, THREADS, 0, adamw<W, G>, s);
    adamw_code_values(m_values, of.v);
    memcpy(of.m, m_values, sizeof of.m);
    return cuda_launch(c, "adamw", grid, THREADS, 0, adamw_codes<W, G>, s, of);
}

template <class W> static err run_gradient(struct compute *c, const struct adamw_args *a, W *w) {
    switch (a->gradient.dtype) {
    case DTYPE_BF16: return run<W, bf16>(c, a, w);
    case DTYPE_F16: return run<W, __half>(c, a, w);
    default: return run<W, float>(c, a, w);
    }
}

extern "C" err cuda_adamw(struct compute *c, const struct adamw_args *a) {
    BUG_IF(a->step < 1 || !a->w == !a->w_bf16 || a->first % ADAMW_BLOCK != 0);
    return a->w ? run_gradient(c, a, a->w) : run_gradient(c, a, a->w_bf16);
}
