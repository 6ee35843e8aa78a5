/* SPDX-License-Identifier: Apache-2.0
 * The table of quantised types, made from compute/quants.def, and what is the same for all of
 * them: finding one by its name or dtype, sizes, reading weights of any type.
 * Read next: compute/quant.h, the contract. */
#include "compute/quant.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

const struct quant *const quants[] = {
#define QUANT(name) &name##_quant,
#include "compute/quants.def"
#undef QUANT
};
const int n_quants = sizeof quants / sizeof quants[0];

const struct quant *quant_named(const char *name) {
    for (int i = 0; i < n_quants; i++)
        if (strcmp(quants[i]->name, name) == 0) return quants[i];
    return NULL;
}

const struct quant *quant_of_dtype(enum dtype t) {
    for (int i = 0; i < n_quants; i++)
        if (quants[i]->dtype == t) return quants[i];
    return NULL;
}

int64_t quant_bytes(const struct quant *q, int64_t rows, int64_t columns) {
    int64_t bytes = 0;
    for (int i = 0; i < q->n_parts; i++) {
        struct quant_part part = q->part(i, rows, columns);
        bytes += part.count * dtype_bytes(part.dtype);
    }
    return bytes;
}

void weights_to_f32(const void *data, enum dtype t, int64_t begin, int64_t n, float *to) {
    const struct quant *q = quant_of_dtype(t);
    if (q)
        q->decode(data, begin, n, to);
    else
        dtype_to_f32((const char *)data + begin * dtype_bytes(t), t, n, to);
}

void quant_blocks_move(struct quant_blocks *b, int n_parts, const void *const *parts,
                       const void *const *copies) {
    const struct quant_blocks from = *b;
    for (int i = 0; i < n_parts; i++) {
        if (from.codes == parts[i]) b->codes = copies[i];
        if (from.absmax == parts[i]) b->absmax = copies[i];
        if (from.nested_absmax == parts[i]) b->nested_absmax = copies[i];
        if (from.nested_map == parts[i]) b->nested_map = copies[i];
        if (from.scale == parts[i]) b->scale = copies[i];
    }
}

int64_t quant_read_block(const struct quant_weight *w, int64_t block, float to[QUANT_BLOCK],
                         float *absmax) {
    const int64_t begin = block * QUANT_BLOCK, left = w->rows * w->columns - begin,
                  n = left < QUANT_BLOCK ? left : QUANT_BLOCK;
    bool finite = true;
    weights_to_f32(w->data, w->dtype, begin, n, to);
    *absmax = 0;
    for (int64_t i = 0; i < n; i++) {
        finite = finite && isfinite(to[i]);
        *absmax = fmaxf(*absmax, fabsf(to[i]));
    }
    if (!finite) *absmax = NAN;
    return n;
}

err quant_not_finite(const struct quant_weight *w, int64_t block) {
    float values[QUANT_BLOCK], absmax;
    const int64_t n = quant_read_block(w, block, values, &absmax);
    int64_t i = 0;
    while (i + 1 < n && isfinite(values[i])) i++;
    const int64_t at = block * QUANT_BLOCK + i;
    return fail(ERR_NUMERIC, "row %" PRId64 ", column %" PRId64 " is %g", at / w->columns,
                at % w->columns, (double)values[i]);
}
