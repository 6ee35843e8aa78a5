/* SPDX-License-Identifier: Apache-2.0
 * What an operation's file says about it, as a table that the tests read: the operands, a plain
 * reference in double precision, the cases, and the tolerance. One test runs every case on every
 * backend against the reference; one checks each backward against finite differences of its
 * forward (tests/unit/compute).
 *
 * Same bits: an element of a product is one chain of fused multiply-adds in ascending k that starts
 * from the accumulator's value; a sum over tokens (weight gradients) is one chain in token order; a
 * sum over a row uses 16 virtual lanes (element j goes to lane j mod 16) that are combined by the
 * fixed tree (8 apart, 4 apart, 2 apart, 1 apart). Blocking, threads and vector units do not
 * show. */
#ifndef COTRAIN_COMPUTE_OPS_OP_H
#define COTRAIN_COMPUTE_OPS_OP_H

#include "compute/compute.h"
#include <stdbool.h>

enum slot_use {
    SLOT_IN,    /* read */
    SLOT_OUT,   /* written whole */
    SLOT_INOUT, /* added to, or changed in place */
};
enum slot_type {
    SLOT_ACT,  /* activation dtype of the backend; a pointer in the args */
    SLOT_F32,  /* always fp32; a pointer in the args */
    SLOT_BF16, /* always bf16; a pointer in the args */
    SLOT_I32,  /* int32 indices; a pointer in the args, filled by the op's `indices` */
    SLOT_U8,   /* flags; a pointer in the args, filled by `indices` */
    SLOT_F64,  /* double in host memory; a pointer in the args */
    SLOT_MAT, /* struct mat in the args; strides come from the case, data and dtype from the test */
};

struct slot {
    const char *name; /* gradients are found by name: "dx" belongs to "x" */
    enum slot_use use;
    enum slot_type type;
    size_t offset; /* of the field in the args struct */
};

enum { OP_MAX_SLOTS = 12, OP_MAX_CASES = 32, OP_MAX_PAIRS = 4 };

/* Two slot names that belong together. */
struct slot_pair {
    const char *slot, *other;
};

struct op {
    const char *name;
    const char *summary;  /* one line for `cotrain list ops` */
    const char *gradient; /* name of the forward operation this one is the backward of; else NULL */
    size_t args_size;
    struct slot slots[OP_MAX_SLOTS]; /* ends at name NULL */
    /* Cases are args with sizes and constants set and all pointers NULL. */
    const void *cases;
    const char *case_names[OP_MAX_CASES]; /* ends at NULL */
    /* Pairs (slot, other) where `slot` may be the same memory as `other`. */
    struct slot_pair in_place[OP_MAX_PAIRS];
    /* Elements of a slot's memory in a case, gaps of strides included; 0: absent, the pointer is
     * NULL. */
    int64_t (*count)(const void *args, int slot);
    /* Fills an I32 or U8 slot with valid values for the case (NULL when there is none). */
    void (*indices)(const void *args, int slot, void *values, int64_t n);
    /* After all inputs were filled at random: makes those that depend on others agree with them,
     * such as statistics of a forward pass (NULL: nothing to do). */
    void (*prepare)(const void *args, double *const *values);
    /* The plain reference: `values[s]` are the slot's elements as doubles (indices and flags
     * too). */
    void (*reference)(const void *args, double *const *values);
    /* Largest allowed |got - reference| relative to the largest |reference| of the slot, for fp32
     * arithmetic, derived in the op's comment from dtype and reduction length. */
    double (*tolerance)(const void *args);
    /* Where activations are bf16: roundings to it that a result can have behind it, its own among
     * them, each 2^-8 of the largest; 0 is one. The op's comment derives more. */
    int bf16_roundings;
    /* Where `gradient` is set: the forward operation's case that `args` is the gradient of; false
     * when it is of none (a rule of the backward pass alone). `gradient_names` renames slots to the
     * "dx" rule for an operation that is its own gradient. */
    bool (*forward_case)(const void *args, void *forward_args);
    struct slot_pair gradient_names[OP_MAX_PAIRS];
};

/* Elements of memory from the first to the last of a strided (rows,cols) view. */
static inline int64_t op_span(int64_t rows, int64_t cols, int64_t row_stride, int64_t col_stride) {
    return rows == 0 || cols == 0 ? 0 : (rows - 1) * row_stride + (cols - 1) * col_stride + 1;
}

#define OP(name) extern const struct op name##_op;
#include "compute/ops.def"
#undef OP
extern const struct op *const ops[];
extern const int n_ops;

#endif
