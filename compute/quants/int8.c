/* SPDX-License-Identifier: Apache-2.0
 * Block-wise int8: 8 bits an element and one fp32 scale a block, 1.0625 bytes in all. The scale is
 * the block's largest magnitude over 127; an element over its scale goes to the nearest whole
 * number, a half to the even one.
 *
 * Error, s the scale:  |w - w'| <= s (1/2 + 2^-15) + 127 2^-150
 *   half a step; the roundings of scale, quotient and product are each at most 127 s 2^-24; where
 * the
 *   scale is subnormal its own rounding is at most 2^-150.
 * Zero stays zero. The names of the parts are this project's own: "", int8 of the weight's shape,
 * and ".scale".  Read next: compute/quants/int8.h. */
#include "compute/quants/int8.h"

#include "base/par.h"
#include <math.h>

enum { PART_CODES, PART_SCALE, N_PARTS };
enum { LARGEST = 127 };

static struct quant_part int8_part(int i, int64_t rows, int64_t columns) {
    const int64_t n = rows * columns, blocks = quant_n_blocks(n);
    if (i == PART_CODES)
        return (struct quant_part){.suffix = "",
                                   .dtype = DTYPE_I8,
                                   .n_dims = 2,
                                   .shape = {rows, columns},
                                   .count = n,
                                   .max_count = n};
    return (struct quant_part){.suffix = ".scale",
                               .dtype = DTYPE_F32,
                               .n_dims = 1,
                               .shape = {blocks},
                               .count = blocks,
                               .max_count = blocks};
}

struct encoding {
    const struct quant_weight *weight;
    int8_t *codes;
    float *scale;
};

static void encode_blocks(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct encoding *e = ctx;
    (void)thread;
    for (int64_t block = begin; block < end; block++) {
        float values[QUANT_BLOCK], absmax;
        const int64_t n = quant_read_block(e->weight, block, values, &absmax);
        const float scale = absmax / LARGEST;
        int8_t *to = e->codes + block * QUANT_BLOCK;
        e->scale[block] = scale;
        for (int64_t i = 0; i < n; i++) {
            float code = scale > 0 ? rintf(values[i] / scale) : 0;
            to[i] = (int8_t)fminf(fmaxf(code, -LARGEST), LARGEST);
        }
    }
}

static err int8_encode(const struct quant_weight *w, void *const *parts) {
    const int64_t n_blocks = quant_n_blocks(w->rows * w->columns);
    struct encoding e = {w, parts[PART_CODES], parts[PART_SCALE]};
    par_for(n_blocks, 256, encode_blocks, &e);
    for (int64_t i = 0; i < n_blocks; i++)
        if (isnan(e.scale[i])) return quant_not_finite(w, i);
    return ERR_OK;
}

/* The scales are not looked at, as the weights of other checkpoints are not: opening reads headers.
 * */
static err int8_open(const void *const *parts, const int64_t *counts, int64_t rows, int64_t columns,
                     struct quant_blocks *out) {
    (void)counts, (void)rows, (void)columns;
    *out = (struct quant_blocks){.codes = parts[PART_CODES], .scale = parts[PART_SCALE]};
    return ERR_OK;
}

static void int8_decode(const struct quant_blocks *b, int64_t begin, int64_t n, float *to) {
    for (int64_t i = 0; i < n; i++) to[i] = int8_element(b, begin + i);
}

static double int8_error_bound(const struct quant_blocks *b, int64_t block) {
    return fabs((double)quant_read_f32(b->scale, block)) * (0.5 + 0x1p-15) + LARGEST * 0x1p-150;
}

static const struct quant_key config_keys[] = {
    {"quant_method", "\"cotrain\"", QUANT_KEY_NEEDED},
    {"type", "\"int8\"", QUANT_KEY_NEEDED},
    {"block_size", "64", QUANT_KEY_NEEDED},
    {0},
};

const struct quant int8_quant = {
    .name = "int8",
    .summary = "8 bits an element in equal steps, an fp32 scale for each block",
    .dtype = DTYPE_INT8,
    .n_parts = N_PARTS,
    .part = int8_part,
    .encode = int8_encode,
    .open = int8_open,
    .decode = int8_decode,
    .error_bound = int8_error_bound,
    .config_keys = config_keys,
};
