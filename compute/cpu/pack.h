/* SPDX-License-Identifier: Apache-2.0
 * Copies of a block of a matrix operand into fp32 panels, converting bf16 and fp16, and decoding
 * the quantised types, on the way.
 *   pack_block:  to[r][c] = m(row + r, col + c), rows of `to` are to_row apart
 *   pack_panels: the same cut into panels of TILE_COLS columns, each a block of its own
 *   pack_tiles:  the same with TILE_ROWS columns
 * Contiguous rows are copied; of panels and tiles contiguous columns are transposed in registers;
 * anything else is gathered element by element.
 * Read next: compute/cpu/product.c. */
#ifndef COTRAIN_COMPUTE_CPU_PACK_H
#define COTRAIN_COMPUTE_CPU_PACK_H

#include "compute/cpu/tile.h"
#include "compute/quants/int8.h"
#include "compute/quants/nf4.h"

/* SIMD_WIDTH contiguous elements of type `t` as fp32. */
ALWAYS_INLINE vec pack_load(const char *from, const enum dtype t) {
    if (t == DTYPE_F32) return vec_load((const float *)(const void *)from);
#if SIMD_WIDTH == 16
    __m256i half = _mm256_loadu_si256((const __m256i_u *)from);
    if (t == DTYPE_BF16) return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
    return (vec)_mm512_cvtph_ps(half);
#elif SIMD_WIDTH == 8
    __m128i half = _mm_loadu_si128((const __m128i_u *)from);
    if (t == DTYPE_BF16) return (vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16);
    return (vec)_mm256_cvtph_ps(half);
#else
    float wide[SIMD_WIDTH];
    dtype_to_f32(from, t, SIMD_WIDTH, wide);
    return vec_load(wide);
#endif
}

#if SIMD_WIDTH > 4
/* The values that NF4 codes name; above its lowest four bits an element may hold anything. */
ALWAYS_INLINE vec pack_nf4_lookup(veci codes) {
#if SIMD_WIDTH == 16
    return (vec)_mm512_permutexvar_ps((__m512i)codes, _mm512_loadu_ps(nf4_values));
#else
    __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(nf4_values), (__m256i)codes);
    __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(nf4_values + 8), (__m256i)codes);
    /* Bit 3 of the code, moved to the sign, chooses the half. */
    return (vec)_mm256_blendv_ps(low, high, (__m256)(codes << 28));
#endif
}
#endif

/* The codes of SIMD_WIDTH elements of a block, from an even one on, as the values they name. */
ALWAYS_INLINE vec pack_nf4_values(const uint8_t *codes) {
#if SIMD_WIDTH == 16
    uint32_t word[2];
    memcpy(word, codes, sizeof word);
    __m512i pairs = _mm512_inserti64x4(_mm512_set1_epi32((int32_t)word[0]),
                                       _mm256_set1_epi32((int32_t)word[1]), 1);
    __m512i shift = _mm512_setr_epi32(4, 0, 12, 8, 20, 16, 28, 24, 4, 0, 12, 8, 20, 16, 28, 24);
    return pack_nf4_lookup((veci)_mm512_srlv_epi32(pairs, shift));
#elif SIMD_WIDTH == 8
    uint32_t word;
    memcpy(&word, codes, sizeof word);
    return pack_nf4_lookup((veci)_mm256_srlv_epi32(_mm256_set1_epi32((int32_t)word),
                                                   _mm256_setr_epi32(4, 0, 12, 8, 20, 16, 28, 24)));
#else
    float wide[SIMD_WIDTH];
    for (int i = 0; i < SIMD_WIDTH; i++) wide[i] = nf4_values[codes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    return vec_load(wide);
#endif
}

/* The same of int8 codes, as whole numbers. */
ALWAYS_INLINE vec pack_int8_values(const uint8_t *codes) {
#if SIMD_WIDTH == 16
    return (vec)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i_u *)codes)));
#elif SIMD_WIDTH == 8
    return (vec)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i_u *)codes)));
#else
    float wide[SIMD_WIDTH];
    for (int i = 0; i < SIMD_WIDTH; i++) wide[i] = (float)(int8_t)codes[i];
    return vec_load(wide);
#endif
}

/* Element i of m. */
ALWAYS_INLINE float pack_element(const struct mat *m, int64_t i, const enum dtype t) {
    const int64_t size = t == DTYPE_F32 ? 4 : 2;
    float value;
    if (t == DTYPE_NF4) return nf4_element(m->data, i);
    if (t == DTYPE_INT8) return int8_element(m->data, i);
    if (t == DTYPE_F32) return quant_read_f32(m->data, i);
    dtype_to_f32((const char *)m->data + i * size, t, 1, &value);
    return value;
}

/* Quantised elements that may be of two blocks. Not inline: that is rare, and every product would
 * unroll it for each of its vectors. */
__attribute__((noinline, unused)) static vec pack_elements_apart(const struct mat *m, int64_t i) {
    float wide[SIMD_WIDTH];
    for (int j = 0; j < SIMD_WIDTH; j++) wide[j] = pack_element(m, i + j, m->dtype);
    return vec_load(wide);
}

/* Elements i, i + 1, .. i + SIMD_WIDTH - 1 of m. */
ALWAYS_INLINE vec pack_elements(const struct mat *m, int64_t i, const enum dtype t) {
    const int64_t size = t == DTYPE_F32 ? 4 : 2;
    if (t != DTYPE_NF4 && t != DTYPE_INT8) return pack_load((const char *)m->data + i * size, t);
    const struct quant_blocks *b = m->data;
    if (i % SIMD_WIDTH == 0) { /* so that they are of one block */
        if (t == DTYPE_NF4)
            return pack_nf4_values(b->codes + i / 2) * vec_set(nf4_absmax(b, i / QUANT_BLOCK));
        return pack_int8_values(b->codes + i) * vec_set(quant_read_f32(b->scale, i / QUANT_BLOCK));
    }
    return pack_elements_apart(m, i);
}

/* Element c of a shuffle of two vectors a, b as an index into both. Within each 128-bit lane:
 * UNPACK interleaves halves of a and b, PAIR joins halves. Of whole lanes: HALF joins halves of a
 * and b, LANES takes every second lane. */
#define PACK_UNPACK(high, c) (((c)&1) * SIMD_WIDTH + ((c) & ~3) + ((c)&3) / 2 + 2 * (high))
#define PACK_PAIR(high, c) (((c)&2) / 2 * SIMD_WIDTH + ((c) & ~3) + ((c)&1) + 2 * (high))
#define PACK_HALF(high, c)                                                                         \
    ((c) + ((c) < SIMD_WIDTH / 2 ? 0 : SIMD_WIDTH / 2) + SIMD_WIDTH / 2 * (high))
#define PACK_LANES(odd, c) ((c) / 8 * SIMD_WIDTH + ((c)&4) * 2 + ((c)&3) + 4 * (odd))
#define PACK_4(index, half, c)                                                                     \
    index(half, c), index(half, c + 1), index(half, c + 2), index(half, c + 3)
#if SIMD_WIDTH == 16
#define PACK_ALL(index, half)                                                                      \
    PACK_4(index, half, 0), PACK_4(index, half, 4), PACK_4(index, half, 8), PACK_4(index, half, 12)
#elif SIMD_WIDTH == 8
#define PACK_ALL(index, half) PACK_4(index, half, 0), PACK_4(index, half, 4)
#else
#define PACK_ALL(index, half) PACK_4(index, half, 0)
#endif
#define PACK_SHUFFLE(a, b, index, half) __builtin_shuffle(a, b, (veci){PACK_ALL(index, half)})

/* Exchanges a, b for the two halves that a kind of shuffle makes of them. */
#define PACK_EXCHANGE(a, b, index)                                                                 \
    {                                                                                              \
        const vec low = PACK_SHUFFLE(a, b, index, 0), high = PACK_SHUFFLE(a, b, index, 1);         \
        a = low;                                                                                   \
        b = high;                                                                                  \
    }

/* The square x[row][column] turned over. First the 4 x 4 squares in the lanes, then the lanes. */
ALWAYS_INLINE void pack_transpose(vec x[SIMD_WIDTH]) {
#pragma GCC unroll 4
    for (int i = 0; i < SIMD_WIDTH; i += 4) {
        PACK_EXCHANGE(x[i], x[i + 1], PACK_UNPACK)
        PACK_EXCHANGE(x[i + 2], x[i + 3], PACK_UNPACK)
        PACK_EXCHANGE(x[i], x[i + 2], PACK_PAIR)
        PACK_EXCHANGE(x[i + 1], x[i + 3], PACK_PAIR)
        const vec second = x[i + 2];
        x[i + 2] = x[i + 1];
        x[i + 1] = second;
    }
#if SIMD_WIDTH == 8
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) PACK_EXCHANGE(x[i], x[i + 4], PACK_HALF)
#elif SIMD_WIDTH == 16
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        PACK_EXCHANGE(x[i], x[i + 4], PACK_HALF)
        PACK_EXCHANGE(x[i + 8], x[i + 12], PACK_HALF)
        PACK_EXCHANGE(x[i], x[i + 8], PACK_LANES)
        PACK_EXCHANGE(x[i + 4], x[i + 12], PACK_LANES)
        const vec second = x[i + 8];
        x[i + 8] = x[i + 4];
        x[i + 4] = second;
    }
#endif
}

enum {
    PACK_LINE = 64,      /* bytes of a cache line */
    PACK_SLICE_ROWS = 8, /* streams that a processor follows, and ways of an L1 cache */
};

struct pack_block {
    const struct mat *m;
    int64_t row, col;   /* where the block starts in m */
    int64_t rows, cols; /* its size */
    float *to;
    int64_t to_row;
};

/* The number of element (i,j). */
ALWAYS_INLINE int64_t pack_at(const struct mat *m, int64_t i, int64_t j) {
    return i * m->row_stride + j * m->col_stride;
}

/* Rows of m are contiguous (or single elements are taken one by one). */
ALWAYS_INLINE void pack_rows_as(const struct pack_block *p, const enum dtype t) {
    const int64_t stride = p->m->col_stride;
    for (int64_t r = 0; r < p->rows; r++) {
        const int64_t from = pack_at(p->m, p->row + r, p->col);
        float *to = p->to + r * p->to_row;
        int64_t c = 0;
        for (; stride == 1 && c + SIMD_WIDTH <= p->cols; c += SIMD_WIDTH) {
            vec_store(to + c, pack_elements(p->m, from + c, t));
        }
        for (; c < p->cols; c++) to[c] = pack_element(p->m, from + c * stride, t);
    }
}

static inline void pack_block(const struct pack_block *p) {
    switch (p->m->dtype) {
    case DTYPE_NF4: pack_rows_as(p, DTYPE_NF4); break;
    case DTYPE_INT8: pack_rows_as(p, DTYPE_INT8); break;
    case DTYPE_BF16: pack_rows_as(p, DTYPE_BF16); break;
    case DTYPE_F16: pack_rows_as(p, DTYPE_F16); break;
    default: pack_rows_as(p, DTYPE_F32); break;
    }
}

/* Fetches part `i` of `parts` of what a block will be packed from, while other work goes on. Blocks
 * whose elements are gathered one by one are left to themselves. */
static inline void pack_fetch(const struct pack_block *p, int64_t i, int64_t parts) {
    const struct mat *m = p->m;
    const bool columns = m->row_stride == 1 && m->col_stride != 1;
    if (!columns && m->col_stride != 1) return;
    const struct quant_blocks *b = m->data;
    const int64_t bits = m->dtype == DTYPE_NF4    ? 4
                         : m->dtype == DTYPE_INT8 ? 8
                                                  : 8 * dtype_bytes(m->dtype);
    const char *data =
        m->dtype == DTYPE_NF4 || m->dtype == DTYPE_INT8 ? (const char *)b->codes : m->data;
    const int64_t lines = columns ? p->cols : p->rows, length = columns ? p->rows : p->cols,
                  stride = columns ? m->col_stride : m->row_stride,
                  begin = pack_at(m, p->row, p->col);
    for (int64_t line = lines * i / parts; line < lines * (i + 1) / parts; line++) {
        const int64_t first = (begin + line * stride) * bits / 8;
        for (int64_t at = 0; at < length * bits / 8; at += PACK_LINE) {
            __builtin_prefetch(data + first + at, 0, 2);
        }
    }
}

/* Rows of m are contiguous (or single elements are taken one by one): a few rows of all slices at
 * a time. The lines of one slice alone lie a row apart, each in another page, and where rows are a
 * power of two long all of them in one set of the cache. Measured with AVX2 on a Zen 3: a weight
 * gradient lost up to a tenth to that, one of 16 rows more than half. */
ALWAYS_INLINE void pack_slices_by_rows(const struct pack_block *p, const int width,
                                       int64_t to_slice, const enum dtype t) {
    const int64_t stride = p->m->col_stride;
    for (int64_t first = 0; first < p->rows; first += PACK_SLICE_ROWS) {
        const int64_t end = p->rows - first < PACK_SLICE_ROWS ? p->rows : first + PACK_SLICE_ROWS;
        float *slice = p->to;
        for (int64_t c = 0; c < p->cols; c += width, slice += to_slice) {
            for (int64_t r = first; r < end; r++) {
                const int64_t from = pack_at(p->m, p->row + r, p->col + c);
                float *to = slice + r * width;
                /* A vector may run into the slice's next row, which is written later. */
                const int64_t room = r + 1 < p->rows ? width + SIMD_WIDTH - 1 : width;
                int i = 0;
                for (; stride == 1 && i < width && i + SIMD_WIDTH <= room &&
                       c + i + SIMD_WIDTH <= p->cols;
                     i += SIMD_WIDTH) {
                    vec_store(to + i, pack_elements(p->m, from + i, t));
                }
                for (; i < width; i++) {
                    to[i] = c + i < p->cols ? pack_element(p->m, from + i * stride, t) : 0;
                }
            }
        }
    }
}

/* Columns of m are contiguous: SIMD_WIDTH rows of up to SIMD_WIDTH columns are transposed. */
ALWAYS_INLINE void pack_slices_by_columns(const struct pack_block *p, const int width,
                                          int64_t to_slice, const enum dtype t) {
    float *slice = p->to;
    for (int64_t c = 0; c < p->cols; c += width, slice += to_slice) {
#pragma GCC unroll 4
        for (int s = 0; s < width; s += SIMD_WIDTH) {
            const int n = width - s < SIMD_WIDTH ? width - s : SIMD_WIDTH;
            const int64_t left = p->cols - c - s, from = pack_at(p->m, p->row, p->col + c + s);
            float *to = slice + s;
            int64_t r = 0;
            for (; r + SIMD_WIDTH <= p->rows; r += SIMD_WIDTH) {
                vec x[SIMD_WIDTH] = {{0}};
#pragma GCC unroll 16
                for (int i = 0; i < n; i++) {
                    if (i < left) x[i] = pack_elements(p->m, from + r + i * p->m->col_stride, t);
                }
                pack_transpose(x);
#pragma GCC unroll 16
                for (int i = 0; i < SIMD_WIDTH; i++, to += width) {
                    /* A vector may run into the slice's next row, which is written later. */
                    if (n == SIMD_WIDTH || r + i + 1 < p->rows) {
                        vec_store(to, x[i]);
                    } else {
                        vec_store_part(to, x[i], n);
                    }
                }
            }
            for (; r < p->rows; r++, to += width) {
                for (int i = 0; i < n; i++)
                    to[i] = i < left ? pack_element(p->m, from + r + i * p->m->col_stride, t) : 0;
            }
        }
    }
}

ALWAYS_INLINE void pack_slices_as(const struct pack_block *p, const int width, int64_t to_slice,
                                  const enum dtype t) {
    if (p->m->row_stride == 1 && p->m->col_stride != 1) {
        pack_slices_by_columns(p, width, to_slice, t);
    } else {
        pack_slices_by_rows(p, width, to_slice, t);
    }
}

/* Slices of `width` columns: to[c / width][r][c % width] = m(row + r, col + c), slices to_slice
 * apart, zeros behind the last column. */
ALWAYS_INLINE void pack_slices(const struct pack_block *p, const int width, int64_t to_slice) {
    switch (p->m->dtype) {
    case DTYPE_NF4: pack_slices_as(p, width, to_slice, DTYPE_NF4); break;
    case DTYPE_INT8: pack_slices_as(p, width, to_slice, DTYPE_INT8); break;
    case DTYPE_BF16: pack_slices_as(p, width, to_slice, DTYPE_BF16); break;
    case DTYPE_F16: pack_slices_as(p, width, to_slice, DTYPE_F16); break;
    default: pack_slices_as(p, width, to_slice, DTYPE_F32); break;
    }
}

static inline void pack_panels(const struct pack_block *p, int64_t to_panel) {
    pack_slices(p, TILE_COLS, to_panel);
}

static inline void pack_tiles(const struct pack_block *p, int64_t to_tile) {
    pack_slices(p, TILE_ROWS, to_tile);
}

#endif
