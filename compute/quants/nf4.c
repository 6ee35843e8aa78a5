/* SPDX-License-Identifier: Apache-2.0
 * NF4 with double quantisation: 4 bits an element and 0.127 for the scales, 0.516 bytes in all.
 * A block's elements over its largest magnitude (absmax) go to the nearest of 16 values, which
 * are equally likely for normally distributed weights; a value midway goes to the lower. The absmax
 * of 256 blocks less their mean over all blocks, over the largest such difference, go to the
 * nearest of 256 values that are finer near zero.
 *
 * Error, A the block's absmax, a the decoded one, N the 256 blocks' largest difference:
 *   |a - A| <= e = N (0.9/128 + 3 2^-24) + |a| 2^-24     half the 256's widest gap, 4 roundings
 *   |w - w'| <= (|a| + e) (g/2 + 2^-24) + e + |a| 2^-24  g = 1 - 0.696.., the 16's widest gap
 * Zero stays zero. Source of the values and of the names of the parts: compute/quants/nf4.h. */
#include "compute/quants/nf4.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/par.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const float nf4_values[NF4_VALUES] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

enum { NF4_ZERO = 7, NESTED_ZERO = 127 };
enum {
    PART_CODES,
    PART_NESTED_ABSMAX,
    PART_NESTED_MAP,
    PART_MAP,
    PART_STATE,
    PART_ABSMAX,
    N_PARTS
};
#define STATE ".quant_state.bitsandbytes__nf4"
/* The state is padded with spaces to one length, so that a header can be written before it. */
enum { STATE_BYTES = 192, STATE_MAX_BYTES = 4096 };

static int64_t n_nested(int64_t n) {
    return (quant_n_blocks(n) + NF4_NESTED_BLOCK - 1) / NF4_NESTED_BLOCK;
}

/* What is read as fp32 stands before what is bytes, so that it stays aligned in a file. */
static struct quant_part nf4_part(int i, int64_t rows, int64_t columns) {
    const int64_t n = rows * columns, packed = (n + 1) / 2;
    struct quant_part p = {.n_dims = 1, .dtype = DTYPE_F32};
    switch (i) {
    case PART_CODES:
        p = (struct quant_part){.suffix = "", .dtype = DTYPE_U8, .n_dims = 2, .count = packed};
        p.shape[1] = 1;
        break;
    case PART_NESTED_ABSMAX: p.suffix = ".nested_absmax", p.count = n_nested(n); break;
    case PART_NESTED_MAP: p.suffix = ".nested_quant_map", p.count = NF4_NESTED_VALUES; break;
    case PART_MAP: p.suffix = ".quant_map", p.count = NF4_VALUES; break;
    case PART_STATE: p.suffix = STATE, p.dtype = DTYPE_U8, p.count = STATE_BYTES; break;
    default: p.suffix = ".absmax", p.dtype = DTYPE_U8, p.count = quant_n_blocks(n);
    }
    p.shape[0] = p.count;
    p.max_count = i == PART_STATE ? STATE_MAX_BYTES : p.count;
    return p;
}

/* ---- quantising ---- */

/* The nearest of `n` (a power of two) ascending values, by what stands between them. */
static int nearest(const float *between, int n, float x) {
    int code = 0;
    for (int half = n / 2; half > 0; half /= 2) code += x > between[code + half - 1] ? half : 0;
    return code;
}

/* between[i]: the largest float that is not above the middle of values i and i + 1. */
static void middles(const float *values, int n, float *between) {
    for (int i = 0; i + 1 < n; i++) {
        const double middle = ((double)values[i] + (double)values[i + 1]) / 2;
        between[i] = (float)middle;
        if ((double)between[i] > middle) between[i] = nextafterf(between[i], -INFINITY);
    }
}

/* The 256 values: zero, one, and to each side 2^i values of the decade below 10^(i - 6), the
 * middles of equal steps from a tenth of it. Source: 8-bit dynamic tree quantisation (Dettmers
 * 2016). */
static void nested_values(float *out) {
    static const double decades[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};
    out[NESTED_ZERO] = 0;
    out[NF4_NESTED_VALUES - 1] = 1;
    for (int i = 0; i < 7; i++) {
        for (int j = 0; j < 1 << i; j++) {
            const double value = decades[i] * (0.1 + 0.9 * (2 * j + 1) / (2 << i));
            out[NESTED_ZERO + (1 << i) + j] = (float)value;
            out[NESTED_ZERO - (1 << i) - j] = -(float)value;
        }
    }
}

struct encoding {
    const struct quant_weight *weight;
    int64_t n_blocks;
    uint8_t *codes, *absmax_codes;
    float *absmax; /* of each block */
    float between[NF4_VALUES];
    float offset, *nested_absmax;
    const float *nested_map;
    float nested_between[NF4_NESTED_VALUES];
};

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void encode_blocks(void *ctx, int64_t begin, int64_t end, int thread) {
    struct encoding *e = ctx;
    (void)thread;
    for (int64_t block = begin; block < end; block++) {
        float values[QUANT_BLOCK];
        float *absmax = &e->absmax[block];
        const int64_t n = quant_read_block(e->weight, block, values, absmax);
        uint8_t *to = e->codes + block * (QUANT_BLOCK / 2);
        for (int64_t i = 0; i < n; i += 2) {
            int high = NF4_ZERO, low = NF4_ZERO;
            if (*absmax > 0) high = nearest(e->between, NF4_VALUES, values[i] / *absmax);
            if (*absmax > 0 && i + 1 < n)
                low = nearest(e->between, NF4_VALUES, values[i + 1] / *absmax);
            to[i / 2] = (uint8_t)(high << 4 | low);
        }
    }
}

static void encode_absmax(void *ctx, int64_t begin, int64_t end, int thread) {
    struct encoding *e = ctx;
    (void)thread;
    for (int64_t nested = begin; nested < end; nested++) {
        const int64_t first = nested * NF4_NESTED_BLOCK,
                      last = least(first + NF4_NESTED_BLOCK, e->n_blocks);
        float most = 0;
        for (int64_t b = first; b < last; b++) most = fmaxf(most, fabsf(e->absmax[b] - e->offset));
        e->nested_absmax[nested] = most;
        for (int64_t b = first; b < last; b++) {
            int code = NESTED_ZERO;
            if (most > 0)
                code = nearest(e->nested_between, NF4_NESTED_VALUES,
                               (e->absmax[b] - e->offset) / most);
            e->absmax_codes[b] = (uint8_t)code;
        }
    }
}

/* Their mean, summed in one order; a block with a non-finite element ends it. */
static err mean_absmax(struct encoding *e) {
    double sum = 0;
    for (int64_t i = 0; i < e->n_blocks; i++) {
        if (isnan(e->absmax[i])) return quant_not_finite(e->weight, i);
        sum += (double)e->absmax[i];
    }
    e->offset = e->n_blocks ? (float)(sum / (double)e->n_blocks) : 0;
    return ERR_OK;
}

/* 17 digits would be needed for a double; 9 give the same float again. */
static void write_state(int64_t rows, int64_t columns, float offset, char *out) {
    const int n = snprintf(out, STATE_BYTES,
                           "{\"quant_type\": \"nf4\", \"blocksize\": %d, \"dtype\": \"bfloat16\", "
                           "\"shape\": [%" PRId64 ", %" PRId64 "], \"nested_blocksize\": %d, "
                           "\"nested_dtype\": \"float32\", \"nested_offset\": %.9g}",
                           QUANT_BLOCK, rows, columns, NF4_NESTED_BLOCK, (double)offset);
    BUG_IF(n < 0 || n >= STATE_BYTES);
    memset(out + n, ' ', (size_t)(STATE_BYTES - n));
}

static err nf4_encode(const struct quant_weight *w, void *const *parts) {
    struct encoding e = {.weight = w,
                         .n_blocks = quant_n_blocks(w->rows * w->columns),
                         .codes = parts[PART_CODES],
                         .absmax_codes = parts[PART_ABSMAX],
                         .nested_absmax = parts[PART_NESTED_ABSMAX],
                         .nested_map = parts[PART_NESTED_MAP]};
    e.absmax = mem_alloc((size_t)e.n_blocks, sizeof *e.absmax);
    if (!e.absmax) return ERR_MEMORY;
    memcpy(parts[PART_MAP], nf4_values, sizeof nf4_values);
    nested_values(parts[PART_NESTED_MAP]);
    middles(nf4_values, NF4_VALUES, e.between);
    middles(e.nested_map, NF4_NESTED_VALUES, e.nested_between);
    par_for(e.n_blocks, 256, encode_blocks, &e);
    err code = mean_absmax(&e);
    if (!code) {
        par_for(n_nested(w->rows * w->columns), 16, encode_absmax, &e);
        write_state(w->rows, w->columns, e.offset, parts[PART_STATE]);
    }
    mem_free(e.absmax);
    return code;
}

/* ---- reading ---- */

static err need_int(const json_t *state, const char *key, int64_t wanted) {
    int64_t found;
    TRY(json_need_int(state, key, &found));
    if (found == wanted) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "'%s' is %" PRId64 ", only %" PRId64 " is handled", key, found,
                wanted);
}

/* `wanted`: the texts that are accepted, one after another, NULL behind the last. */
static err need_text(const json_t *state, const char *key, const char *const *wanted) {
    const char *found;
    TRY(json_need_string(state, key, &found));
    for (; *wanted; wanted++)
        if (strcmp(found, *wanted) == 0) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "'%s' is '%s', which is not handled", key, found);
}

static err need_shape(const json_t *state, int64_t rows, int64_t columns) {
    json_t *shape;
    TRY(json_need_array(state, "shape", &shape));
    const json_t *r = json_array_get(shape, 0), *c = json_array_get(shape, 1);
    if (json_array_size(shape) == 2 && json_is_integer(r) && json_is_integer(c) &&
        json_integer_value(r) == rows && json_integer_value(c) == columns)
        return ERR_OK;
    return fail(ERR_MISMATCH, "'shape' is not [%" PRId64 ", %" PRId64 "]", rows, columns);
}

static err read_state(const json_t *state, int64_t rows, int64_t columns, float *out_offset) {
    static const char *const known[] = {"quant_type",       "blocksize",    "dtype",        "shape",
                                        "nested_blocksize", "nested_dtype", "nested_offset"};
    static const char *const nf4[] = {"nf4", NULL}, *const f32[] = {"float32", NULL},
                             *const dtypes[] = {"bfloat16", "float16", "float32", NULL};
    const char *key;
    json_t *value;
    if (!json_is_object(state)) return fail(ERR_PARSE, "not an object");
    json_object_foreach((json_t *)state, key, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || strcmp(key, known[i]) == 0;
        if (!found) return fail(ERR_UNSUPPORTED, "'%s' is not handled", key);
    }
    TRY(need_text(state, "quant_type", nf4));
    TRY(need_text(state, "dtype", dtypes));
    TRY(need_text(state, "nested_dtype", f32));
    TRY(need_int(state, "blocksize", QUANT_BLOCK));
    TRY(need_int(state, "nested_blocksize", NF4_NESTED_BLOCK));
    TRY(need_shape(state, rows, columns));
    double offset;
    TRY(json_need_number(state, "nested_offset", &offset));
    *out_offset = (float)offset;
    return isfinite(*out_offset) ? ERR_OK : fail(ERR_RANGE, "'nested_offset' is %g", offset);
}

/* Scales that decode to an infinity or NaN, and other values than NF4's, are refused. */
static err check_numbers(const void *const *parts, int64_t n, float offset) {
    double most = 0, largest = 0;
    if (memcmp(parts[PART_MAP], nf4_values, sizeof nf4_values) != 0)
        return fail(ERR_UNSUPPORTED, "'.quant_map' is not NF4's");
    for (int64_t i = 0; i < NF4_NESTED_VALUES; i++) {
        const double value = fabs((double)quant_read_f32(parts[PART_NESTED_MAP], i));
        if (!(value <= 1))
            return fail(ERR_RANGE, "'.nested_quant_map': value %" PRId64 " is %g", i, value);
        most = fmax(most, value);
    }
    for (int64_t i = 0; i < n_nested(n); i++) {
        const double value = fabs((double)quant_read_f32(parts[PART_NESTED_ABSMAX], i));
        if (!isfinite(value))
            return fail(ERR_NUMERIC, "'.nested_absmax': value %" PRId64 " is %g", i, value);
        largest = fmax(largest, value);
    }
    if (largest * most + fabs((double)offset) <= (double)3.4e38f) return ERR_OK;
    return fail(ERR_RANGE, "'.nested_absmax' and the offset give scales beyond fp32");
}

static err nf4_open(const void *const *parts, const int64_t *counts, int64_t rows, int64_t columns,
                    struct quant_blocks *out) {
    json_t *state;
    float offset = 0;
    TRY(json_parse(parts[PART_STATE], (size_t)counts[PART_STATE], "'" STATE "'", &state));
    err code = read_state(state, rows, columns, &offset);
    json_decref(state);
    if (code) return fail_in(code, "'" STATE "'");
    *out = (struct quant_blocks){.codes = parts[PART_CODES],
                                 .absmax = parts[PART_ABSMAX],
                                 .nested_absmax = parts[PART_NESTED_ABSMAX],
                                 .nested_map = parts[PART_NESTED_MAP],
                                 .nested_offset = offset};
    return check_numbers(parts, rows * columns, offset);
}

static void nf4_decode(const struct quant_blocks *b, int64_t begin, int64_t n, float *to) {
    for (int64_t i = 0; i < n; i++) to[i] = nf4_element(b, begin + i);
}

static double nf4_error_bound(const struct quant_blocks *b, int64_t block) {
    const double nested = fabs((double)quant_read_f32(b->nested_absmax, block / NF4_NESTED_BLOCK)),
                 absmax = fabs((double)nf4_absmax(b, block)),
                 half_gap = (1 - 0.6961928009986877) / 2, subnormal = 0x1p-147;
    const double off = nested * (0.9 / 128 + 3 * 0x1p-24) + absmax * 0x1p-24 + subnormal;
    return (absmax + off) * (half_gap + 0x1p-24) + off + absmax * 0x1p-24;
}

static const struct quant_key config_keys[] = {
    {"quant_method", "\"bitsandbytes\"", QUANT_KEY_NEEDED},
    {"load_in_4bit", "true", QUANT_KEY_NEEDED},
    {"load_in_8bit", "false", QUANT_KEY_FIXED},
    {"_load_in_4bit", "true", QUANT_KEY_FIXED},
    {"_load_in_8bit", "false", QUANT_KEY_FIXED},
    {"bnb_4bit_quant_type", "\"nf4\"", QUANT_KEY_NEEDED},
    {"bnb_4bit_use_double_quant", "true", QUANT_KEY_NEEDED},
    {"bnb_4bit_quant_storage", "\"uint8\"", QUANT_KEY_FIXED},
    {"bnb_4bit_compute_dtype", "\"bfloat16\"", QUANT_KEY_IDLE},
    {"llm_int8_enable_fp32_cpu_offload", "false", QUANT_KEY_IDLE},
    {"llm_int8_has_fp16_weight", "false", QUANT_KEY_IDLE},
    {"llm_int8_skip_modules", "[\"lm_head\"]", QUANT_KEY_IDLE},
    {"llm_int8_threshold", "6.0", QUANT_KEY_IDLE},
    {0},
};

const struct quant nf4_quant = {
    .name = "nf4",
    .summary =
        "4 bits an element, 16 values for normally distributed weights, double quantised scales",
    .dtype = DTYPE_NF4,
    .n_parts = N_PARTS,
    .part = nf4_part,
    .encode = nf4_encode,
    .open = nf4_open,
    .decode = nf4_decode,
    .error_bound = nf4_error_bound,
    .config_keys = config_keys,
};
