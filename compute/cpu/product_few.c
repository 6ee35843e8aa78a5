/* SPDX-License-Identifier: Apache-2.0
 * Products of few rows. A panel is SIMD_WIDTH columns of b: as many words of each are loaded, the
 * square is transposed in registers, and then each vector holds one k of all the panel's columns. A
 * word of bf16 is a pair of k, so that one transposition serves twice as many. With few rows there
 * are few chains, so several panels go side by side to hide the latency of a fused multiply-add.
 * Read next: compute/cpu/product_few.h, compute/cpu/pack.h. */
#include "compute/cpu/product_few.h"

#include "base/par.h"
#include "compute/cpu/pack.h"

enum {
    FEW_PANELS = 4,                     /* most panels side by side */
    FEW_LINE = 64,                      /* bytes of a cache line */
    FEW_COLS = FEW_PANELS * SIMD_WIDTH, /* columns that are not cut for threads */
    FEW_MIN_WORK = 1 << 16,             /* multiplications worth a thread */
};

/* A block of c: all rows, columns from `col` on. */
struct few_block {
    const struct product_args *args;
    int64_t col, cols;
    int64_t columns[FEW_COLS]; /* elements of b where they begin; those past the last repeat it */
};

/* The next elements of a panel's columns, transposed; pairs of bf16 as words. */
ALWAYS_INLINE void few_square(const struct mat *b, const int64_t *columns, int64_t k,
                              const enum dtype t, vec x[SIMD_WIDTH]) {
#pragma GCC unroll 16
    for (int i = 0; i < SIMD_WIDTH; i++) {
        const int64_t at = columns[i] + k;
        x[i] = t == DTYPE_BF16 ? pack_load((const char *)b->data + at * 2, DTYPE_F32)
                               : pack_elements(b, at, t);
    }
    pack_transpose(x);
}

/* Fetches as many bytes as a square has from the columns that come next, in the order of memory: a
 * processor follows one stream better than one for each column. Measured: half as fast again with
 * one panel at a time; with several, whose loads overlap by themselves, it costs a fifth. */
ALWAYS_INLINE void few_fetch(const char *from) {
#pragma GCC unroll 16
    for (int i = 0; i < SIMD_WIDTH * SIMD_WIDTH * 4 / FEW_LINE; i++) {
        __builtin_prefetch(from + i * FEW_LINE, 0, 2);
    }
}

/* acc[i] continues with column vectors k, k + 1, ... of a square. */
ALWAYS_INLINE void few_multiply(const struct few_block *b, int64_t k, vec x[SIMD_WIDTH],
                                const enum dtype t, const int rows, vec *acc, const int panels) {
    const float *a = (const float *)b->args->a.data + k;
    const int64_t a_row = b->args->a.row_stride;
#pragma GCC unroll 16
    for (int i = 0; i < SIMD_WIDTH; i++) {
        const vec low = t == DTYPE_BF16 ? (vec)((veci)x[i] << 16) : x[i];
        const vec high = (vec)((veci)x[i] & (int32_t)0xffff0000);
        const int at = t == DTYPE_BF16 ? 2 * i : i;
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vec *sum = &acc[r * panels];
            *sum = vec_fma(vec_set(a[r * a_row + at]), low, *sum);
            if (t == DTYPE_BF16) *sum = vec_fma(vec_set(a[r * a_row + at + 1]), high, *sum);
        }
    }
}

/* The last k, one by one. */
ALWAYS_INLINE void few_rest(const struct few_block *b, int64_t k, const enum dtype t,
                            const int rows, const int panels, vec *acc) {
    const float *a = (const float *)b->args->a.data;
    for (; k < b->args->k; k++) {
        for (int p = 0; p < panels; p++) {
            float wide[SIMD_WIDTH];
            for (int i = 0; i < SIMD_WIDTH; i++) {
                wide[i] = pack_element(&b->args->b, b->columns[p * SIMD_WIDTH + i] + k, t);
            }
            for (int r = 0; r < rows; r++) {
                vec *sum = &acc[r * panels + p];
                *sum = vec_fma(vec_set(a[r * b->args->a.row_stride + k]), vec_load(wide), *sum);
            }
        }
    }
}

/* SIMD_WIDTH elements of the bias from column `col` on, the last one repeated. */
static vec few_bias(const struct product_args *args, int64_t col) {
    float wide[SIMD_WIDTH];
    for (int64_t i = 0; i < SIMD_WIDTH; i++) {
        const int64_t j = col + i < args->n ? col + i : args->n - 1;
        wide[i] = pack_element(&args->bias, j * args->bias.col_stride, args->bias.dtype);
    }
    return vec_load(wide);
}

/* The chains begin, and what they end with. */
ALWAYS_INLINE void few_start(const struct few_block *b, const int rows, const int panels,
                             vec *acc) {
    const struct product_args *args = b->args;
    const float *c = (const float *)args->c + b->col;
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) {
        const int64_t at = p * SIMD_WIDTH, left = b->cols - at;
        const vec first = args->bias.data ? few_bias(args, b->col + at) : (vec){0};
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            acc[r * panels + p] =
                args->accumulate ? vec_load_left(c + r * args->c_stride + at, left) : first;
        }
    }
}

ALWAYS_INLINE void few_finish(const struct few_block *b, const int rows, const int panels,
                              const vec *acc) {
    const struct product_args *args = b->args;
    float *c = (float *)args->c + b->col;
    const float *add = args->add ? (const float *)args->add + b->col : NULL;
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
        for (int p = 0; p < panels; p++) {
            const int64_t at = p * SIMD_WIDTH, left = b->cols - at;
            vec x = acc[r * panels + p];
            if (add) x += vec_load_left(add + r * args->add_stride + at, left);
            vec_store_left(c + r * args->c_stride + at, x, left);
        }
    }
}

/* With constant rows and panels the loops over them unroll and `acc` lives in registers. */
ALWAYS_INLINE void few_body(const struct few_block *b, const int rows, const int panels,
                            const enum dtype t) {
    const struct product_args *args = b->args;
    const bool quantised = t == DTYPE_NF4 || t == DTYPE_INT8;
    const int64_t step = t == DTYPE_BF16 ? 2 * SIMD_WIDTH : SIMD_WIDTH;
    const int64_t after = b->columns[0] + b->cols * args->b.col_stride;
    const char *next =
        (const char *)args->b.data + (quantised ? 0 : after * (t == DTYPE_F32 ? 4 : 2));
    vec acc[TILE_ROWS * FEW_PANELS];
    few_start(b, rows, panels, acc);
    int64_t k = 0;
    for (; k + step <= args->k; k += step) {
#pragma GCC unroll 4
        for (int p = 0; p < panels; p++) {
            vec x[SIMD_WIDTH];
            if (panels == 1 && !quantised) {
                few_fetch(next);
                next += sizeof x;
            }
            few_square(&args->b, b->columns + p * SIMD_WIDTH, k, t, x);
            few_multiply(b, k, x, t, rows, acc + p, panels);
        }
    }
    if (k < args->k) few_rest(b, k, t, rows, panels, acc);
    few_finish(b, rows, panels, acc);
}

#if SIMD_WIDTH > 4
enum { FEW_NF4_STEP = 8 }; /* codes of a 32-bit word */

ALWAYS_INLINE int32_t few_nf4_word(const uint8_t *codes) {
    int32_t word;
    memcpy(&word, codes, sizeof word);
    return word;
}

/* Whether every column of b begins with a block, so that all its blocks end at the same k. */
static bool few_nf4_fits(const struct product_args *args) {
    return args->b.dtype == DTYPE_NF4 && args->k % QUANT_BLOCK == 0 &&
           args->b.col_stride % QUANT_BLOCK == 0;
}

/* Word i: the codes of elements k .. k + 7 of column i, so nothing has to be turned over. */
ALWAYS_INLINE veci few_nf4_words(const struct quant_blocks *q, const int64_t *columns, int64_t k) {
#define FEW_WORD(i) few_nf4_word(q->codes + (columns[i] + k) / 2)
#define FEW_WORDS(i) FEW_WORD(i), FEW_WORD((i) + 1), FEW_WORD((i) + 2), FEW_WORD((i) + 3)
#if SIMD_WIDTH == 16
    return (veci){FEW_WORDS(0), FEW_WORDS(4), FEW_WORDS(8), FEW_WORDS(12)};
#else
    return (veci){FEW_WORDS(0), FEW_WORDS(4)};
#endif
#undef FEW_WORDS
#undef FEW_WORD
}

/* What the blocks of a panel's columns that hold element k are multiplied by. */
ALWAYS_INLINE vec few_nf4_scales(const struct quant_blocks *q, const int64_t *columns, int64_t k) {
    float wide[SIMD_WIDTH];
    for (int i = 0; i < SIMD_WIDTH; i++) wide[i] = nf4_absmax(q, (columns[i] + k) / QUANT_BLOCK);
    return vec_load(wide);
}

/* The next FEW_NF4_STEP elements of a panel's columns: a vector for each k by a shift. */
ALWAYS_INLINE void few_nf4_multiply(const struct few_block *b, const int64_t *columns, int64_t k,
                                    vec scale, const int rows, vec *acc, const int panels) {
    const float *a = (const float *)b->args->a.data + k;
    const veci words = few_nf4_words(b->args->b.data, columns, k);
#pragma GCC unroll 8
    for (int i = 0; i < FEW_NF4_STEP; i++) {
        const vec x = pack_nf4_lookup(words >> (8 * (i / 2) + 4 * (1 - i % 2))) * scale;
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            vec *sum = &acc[r * panels];
            *sum = vec_fma(vec_set(a[r * b->args->a.row_stride + i]), x, *sum);
        }
    }
}

/* few_body for whole blocks of NF4. */
ALWAYS_INLINE void few_nf4_body(const struct few_block *b, const int rows, const int panels) {
    vec acc[TILE_ROWS * FEW_PANELS], scales[FEW_PANELS];
    few_start(b, rows, panels, acc);
    for (int64_t block = 0; block < b->args->k; block += QUANT_BLOCK) {
#pragma GCC unroll 4
        for (int p = 0; p < panels; p++) {
            scales[p] = few_nf4_scales(b->args->b.data, b->columns + p * SIMD_WIDTH, block);
        }
        for (int64_t k = block; k < block + QUANT_BLOCK; k += FEW_NF4_STEP) {
#pragma GCC unroll 4
            for (int p = 0; p < panels; p++) {
                few_nf4_multiply(b, b->columns + p * SIMD_WIDTH, k, scales[p], rows, acc + p,
                                 panels);
            }
        }
    }
    few_finish(b, rows, panels, acc);
}
#endif

/* Panels side by side for a number of rows. */
#define FEW_WIDTH(rows) ((rows) > 1 ? 1 : SIMD_WIDTH == 16 ? 2 : FEW_PANELS)
#if SIMD_WIDTH > 4
#define FEW_NF4(b, rows)                                                                           \
    few_nf4_fits((b)->args) ? few_nf4_body(b, rows, FEW_WIDTH(rows))                               \
                            : few_body(b, rows, FEW_WIDTH(rows), DTYPE_NF4)
#else
#define FEW_NF4(b, rows) few_body(b, rows, FEW_WIDTH(rows), DTYPE_NF4)
#endif
#define FEW_BODY(rows)                                                                             \
    static void few_##rows(const struct few_block *b) {                                            \
        switch (b->args->b.dtype) {                                                                \
        case DTYPE_BF16: few_body(b, rows, FEW_WIDTH(rows), DTYPE_BF16); break;                    \
        case DTYPE_F16: few_body(b, rows, FEW_WIDTH(rows), DTYPE_F16); break;                      \
        case DTYPE_NF4: FEW_NF4(b, rows); break;                                                   \
        case DTYPE_INT8: few_body(b, rows, FEW_WIDTH(rows), DTYPE_INT8); break;                    \
        default: few_body(b, rows, FEW_WIDTH(rows), DTYPE_F32); break;                             \
        }                                                                                          \
    }
FEW_BODY(1)
FEW_BODY(2)
FEW_BODY(3)
FEW_BODY(4)
#if SIMD_WIDTH >= 8
FEW_BODY(5)
FEW_BODY(6)
#endif
#if SIMD_WIDTH >= 16
FEW_BODY(7)
FEW_BODY(8)
#endif
static void (*const few_functions[TILE_ROWS])(const struct few_block *) = {
    few_1, few_2, few_3, few_4,
#if SIMD_WIDTH >= 8
    few_5, few_6,
#endif
#if SIMD_WIDTH >= 16
    few_7, few_8,
#endif
};

bool CPU(product_few_fits)(const struct product_args *args) {
    return args->m <= TILE_ROWS && args->b.row_stride == 1 && args->a.col_stride == 1 &&
           args->a.dtype == DTYPE_F32 && (uintptr_t)args->a.data % sizeof(float) == 0;
}

static void few_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct product_args *args = ctx;
    struct few_block b = {.args = args};
    const int64_t group = FEW_WIDTH(args->m) * SIMD_WIDTH;
    const int64_t last = end * FEW_COLS < args->n ? end * FEW_COLS : args->n;
    (void)thread;
    for (b.col = begin * FEW_COLS; b.col < last; b.col += group) {
        b.cols = last - b.col < group ? last - b.col : group;
        for (int64_t j = 0; j < group; j++) {
            const int64_t col = b.col + (j < b.cols ? j : b.cols - 1);
            b.columns[j] = col * args->b.col_stride;
        }
        few_functions[args->m - 1](&b);
    }
}

void CPU(product_few)(const struct product_args *args) {
    struct product_args copy = *args;
    const int64_t grain = 1 + FEW_MIN_WORK / (args->m * args->k * FEW_COLS);
    par_for((args->n + FEW_COLS - 1) / FEW_COLS, grain, few_piece, &copy);
}
