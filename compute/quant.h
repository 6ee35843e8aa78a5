/* SPDX-License-Identifier: Apache-2.0
 * Quantised types: a weight (rows,columns) is cut, row after row, into blocks of QUANT_BLOCK
 * elements, each held as one small code an element and what scales the block. One file of
 * compute/quants/ and one line of quants.def each; the model, the products and `model quantize`
 * know them from there.
 *
 * In memory such a weight is a `struct quant_blocks`, and a `struct mat` of its dtype has that as
 * its data. Kernels decode what they need on the way to fp32, so there is never a copy of the
 * whole. In files it is several tensors, its parts, whose names end as the type says.
 * Read next: compute/quants/nf4.c, the pattern. */
#ifndef COTRAIN_COMPUTE_QUANT_H
#define COTRAIN_COMPUTE_QUANT_H

#include "base/err.h"
#include "compute/dtype.h"

enum { QUANT_BLOCK = 64, QUANT_MAX_PARTS = 6, QUANT_NAME_BYTES = 64 };

/* What decoding reads; memory of any alignment, on the host or, in a `struct mat` for a backend
 * without host memory, its own. A type uses the members it needs. */
struct quant_blocks {
    const uint8_t *codes;      /* the elements */
    const uint8_t *absmax;     /* nf4: a code for each block's largest magnitude */
    const void *nested_absmax; /* nf4: fp32, one for NF4_NESTED_BLOCK of those */
    const void *nested_map;    /* nf4: fp32 (256), what their codes stand for */
    float nested_offset;       /* nf4: added to each */
    const void *scale;         /* int8: fp32, one a block */
};

/* A tensor that is part of a stored weight. */
struct quant_part {
    const char *suffix; /* behind the weight's name; "" is the codes */
    enum dtype dtype;
    int n_dims;
    int64_t shape[2];
    int64_t count;
    int64_t max_count; /* of those that others write in another length; else `count` */
};

/* A weight that is to be quantised, of any element type or quantised type; host memory. */
struct quant_weight {
    const void *data;
    enum dtype dtype;
    int64_t rows, columns;
};

/* A key of `quantization_config` in config.json, as the ecosystem's loaders read it. */
struct quant_key {
    const char *name;
    const char *value; /* what is written, as JSON */
    enum {
        QUANT_KEY_NEEDED, /* must be there with that value */
        QUANT_KEY_FIXED,  /* any other value is refused */
        QUANT_KEY_IDLE,   /* no effect on this program's numbers */
    } kind;
};

struct quant {
    const char *name; /* "nf4", as recipes and commands name it */
    const char *summary;
    enum dtype dtype; /* of a matrix so held */
    int n_parts;
    /* What part `i` of a weight (rows,columns) looks like. */
    struct quant_part (*part)(int i, int64_t rows, int64_t columns);
    /* Fills all parts of a weight (the caller's memory, host). A non-finite element is ERR_NUMERIC
     * naming its place. The same values give the same bytes, whatever the number of threads. */
    MUST_CHECK err (*encode)(const struct quant_weight *w, void *const *parts);
    /* Parts as they came from a file, of the right shapes, to what decodes them. `counts`: their
     * elements. `parts` stays in use. What decoding would not honour is refused, naming the part.
     * */
    MUST_CHECK err (*open)(const void *const *parts, const int64_t *counts, int64_t rows,
                           int64_t columns, struct quant_blocks *out);
    /* Elements [begin, begin + n) as fp32. */
    void (*decode)(const struct quant_blocks *b, int64_t begin, int64_t n, float *to);
    /* How far an element of a block can be from the value it was made of. */
    double (*error_bound)(const struct quant_blocks *b, int64_t block);
    const struct quant_key *config_keys; /* ends at name NULL; the first is quant_method */
};

#define QUANT(name) extern const struct quant name##_quant;
#include "compute/quants.def"
#undef QUANT
extern const struct quant *const quants[];
extern const int n_quants;

/* NULL: not a quantised type. */
const struct quant *quant_named(const char *name);
const struct quant *quant_of_dtype(enum dtype t);
/* Blocks of n elements; the last may be short. */
static inline int64_t quant_n_blocks(int64_t n) {
    return (n + QUANT_BLOCK - 1) / QUANT_BLOCK;
}
/* Bytes of all parts of a weight. */
int64_t quant_bytes(const struct quant *q, int64_t rows, int64_t columns);
/* Elements [begin, begin + n) of stored weights of any element type or quantised type as fp32. */
void weights_to_f32(const void *data, enum dtype t, int64_t begin, int64_t n, float *to);

/* After the parts were copied elsewhere: members that point to parts[i] point to copies[i].
 * Decoding on the host needs host memory; a backend's products read its own. */
void quant_blocks_move(struct quant_blocks *b, int n_parts, const void *const *parts,
                       const void *const *copies);

/* For the types' encoders. Block `block` of a weight as fp32; returns how many elements it has and
 * sets *absmax to the largest magnitude, NaN where an element is not finite. */
int64_t quant_read_block(const struct quant_weight *w, int64_t block, float to[QUANT_BLOCK],
                         float *absmax);
/* ERR_NUMERIC naming the first non-finite element of a block that has one. */
err quant_not_finite(const struct quant_weight *w, int64_t block);

static inline float quant_read_f32(const void *from, int64_t i) {
    float value;
    memcpy(&value, (const char *)from + i * (int64_t)sizeof value, sizeof value);
    return value;
}

#endif
