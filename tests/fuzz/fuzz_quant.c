/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the stored parts of a quantised weight: refused with a reason, or every element
 * decodes. Input: a byte that picks the type, then the parts of a weight of
 * ROWS x COLUMNS; the one part of free length comes last.
 * Under test: compute/quants/. */
#include "base/mem.h"
#include "compute/quant.h"
#include "tests/fuzz/fuzz.h"
#include <math.h>
#include <string.h>

enum { ROWS = 6, COLUMNS = 25 }; /* three blocks, the last one of 22 elements */

struct parts {
    void *data[QUANT_MAX_PARTS]; /* a block of memory each, so that a sanitizer sees its end */
    int64_t counts[QUANT_MAX_PARTS];
};

static void *copy_of(const uint8_t *data, size_t size) {
    void *copy = mem_alloc(size, 1);
    FUZZ_EXPECT(copy);
    if (size) memcpy(copy, data, size);
    return copy;
}

/* False where the input is too short. */
static bool cut(const struct quant *q, const uint8_t *data, size_t size, struct parts *out) {
    int free_part = -1;
    for (int i = 0; i < q->n_parts; i++) {
        const struct quant_part part = q->part(i, ROWS, COLUMNS);
        const size_t bytes = (size_t)(part.count * dtype_bytes(part.dtype));
        out->counts[i] = part.count;
        if (part.max_count > part.count) {
            free_part = i;
            continue;
        }
        if (bytes > size) return false;
        out->data[i] = copy_of(data, bytes);
        data += bytes;
        size -= bytes;
    }
    if (free_part < 0) return true;
    const struct quant_part part = q->part(free_part, ROWS, COLUMNS);
    FUZZ_EXPECT(dtype_bytes(part.dtype) == 1);
    const size_t most = (size_t)part.max_count < size ? (size_t)part.max_count : size;
    out->counts[free_part] = (int64_t)most;
    out->data[free_part] = copy_of(data, most);
    return true;
}

/* The scales of nf4 are held against what fp32 can hold; those of int8 are taken as they are, as
 * any checkpoint's weights. */
static void expect_values(const struct quant *q, const struct quant_blocks *blocks) {
    float values[ROWS * COLUMNS];
    q->decode(blocks, 0, ROWS * COLUMNS, values);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        FUZZ_EXPECT(q->dtype != DTYPE_NF4 || isfinite(values[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    const struct quant *q = quants[data[0] % n_quants];
    const int64_t begun = fuzz_begin();
    struct parts parts = {0};
    struct quant_blocks blocks;
    if (cut(q, data + 1, size - 1, &parts)) {
        err code = q->open((const void *const *)parts.data, parts.counts, ROWS, COLUMNS, &blocks);
        if (code)
            fuzz_expect_refused(code);
        else
            expect_values(q, &blocks);
    }
    for (int i = 0; i < QUANT_MAX_PARTS; i++) mem_free(parts.data[i]);
    fuzz_end(begun);
    return 0;
}
