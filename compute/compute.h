/* SPDX-License-Identifier: Apache-2.0
 * A compute backend: one function per row of compute/ops.def, and the memory it works on.
 * Activations ("act" in the operations' comments) are in the backend's activation dtype: fp32 on
 * the CPU. All pointers given to an operation are the backend's own memory. Operations run in the
 * order they are called; wait() ends all that were started.
 * Same bits: every sum has one fixed order that does not depend on threads (compute/ops/op.h). */
#ifndef COTRAIN_COMPUTE_COMPUTE_H
#define COTRAIN_COMPUTE_COMPUTE_H

#include "base/err.h"
#include "compute/dtype.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A matrix operand in place: element (i,j) is at data[i*row_stride + j*col_stride], counted in
 * elements of `dtype`. A transposed view swaps the strides. Of a quantised type, data is a `struct
 * quant_blocks` (compute/quant.h) and the same count gives the element's number in it; products
 * take those, other operations do not. */
struct mat {
    const void *data;
    enum dtype dtype;
    int64_t row_stride, col_stride;
};

struct compute;

/* Slots of struct backend: two for each use, which are taken by turns. */
enum { SLOT_STATES = 0, SLOT_LAYERS = 2, COMPUTE_SLOTS = 4 };
enum { COMPUTE_LENDERS = 4 }; /* plans that lend scratch at a time */

/* The most that the operations of a run work on: what their scratch depends on. */
struct work_shape {
    int64_t rows;    /* tokens of a pass */
    int64_t columns; /* of the widest matrix */
    int64_t heads, head_size;
};

#define OP(name) struct name##_args;
#include "compute/ops.def"
#undef OP

/* Functions of a backend. A fault in the arguments is a bug of the caller (BUG_IF), so results are
 * only those of the device: allocation, launch, an asynchronous failure. */
struct backend {
    const char *name;    /* "cpu", "cuda" */
    const char *variant; /* "avx2": which compilation of the same sources; all give the same bits */
    enum dtype act_dtype;
    bool host_memory; /* operands may be any host memory (weights as mapped from a file) */
    int64_t k_turned; /* how a cache of keys should lie (compute/ops/attention.h) */
    MUST_CHECK err (*open)(struct compute *c);
    void (*close)(struct compute *c);
    MUST_CHECK err (*alloc)(struct compute *c, size_t bytes,
                            void **out); /* zeroed, 64-byte aligned */
    void (*free)(struct compute *c, void *p);
    MUST_CHECK err (*upload)(struct compute *c, void *to, const void *from, size_t bytes);
    MUST_CHECK err (*download)(struct compute *c, void *to, const void *from, size_t bytes);
    MUST_CHECK err (*zero)(struct compute *c, void *p, size_t bytes);
    MUST_CHECK err (*wait)(struct compute *c);
    /* Bytes of its own memory that are free, and all that there are; NULL: works in host memory. */
    MUST_CHECK err (*memory_left)(struct compute *c, size_t *left, size_t *total);
    /* Host memory that is copied from and to while operations run, through slots: places in the
     * backend's memory that are filled and used by turns. NULL where there is host_memory.
     *   fetch  into a slot's place, as soon as what used the slot before is done
     *   use    operations from now on see what was fetched
     *   store  what the operations so far have left there goes back; ends the use
     *   give   ends the use without
     * wait() ends the stores, too. */
    MUST_CHECK err (*pin)(struct compute *c, size_t bytes, void **out); /* zeroed */
    void (*unpin)(struct compute *c, void *p);
    MUST_CHECK err (*fetch)(struct compute *c, int slot, void *to, const void *host, size_t bytes);
    MUST_CHECK err (*use)(struct compute *c, int slot);
    MUST_CHECK err (*store)(struct compute *c, int slot, void *host, const void *from,
                            size_t bytes);
    MUST_CHECK err (*give)(struct compute *c, int slot);
    /* Scratch of operations up to that shape, whatever their kind, and lending it: the memory stays
     * the caller's until `take_back`, on the same thread. What was lent last is used, where that is
     * enough, else what was lent before it (COMPUTE_LENDERS at most). An operation that needs more
     * has some of its own, which no plan knows of. */
    size_t (*scratch_bytes)(const struct work_shape *shape);
    void (*lend)(struct compute *c, void *memory, size_t bytes);
    void (*take_back)(struct compute *c, const void *memory); /* of another lender: does nothing */
#define OP(name) MUST_CHECK err (*name)(struct compute * c, const struct name##_args *args);
#include "compute/ops.def"
#undef OP
};

struct compute {
    const struct backend *backend;
    void *state;    /* the backend's own */
    bool described; /* not opened: only its names, dtype and sizes may be asked for */
};

/* `device`: "cpu", "cpu:avx2" (name and variant of a row of compute/backends.def), or NULL for the
 * first that works here. An unknown name or a backend that was not built is ERR_UNSUPPORTED, saying
 * which there are. */
MUST_CHECK err compute_open(struct compute *c, const char *device);
/* The same for a plan. A backend with memory of its own is only described: neither its library nor
 * a device need be there. */
MUST_CHECK err compute_describe(struct compute *c, const char *device);
void compute_close(struct compute *c);
extern const struct backend *const backends[];
extern const int n_backends;

#endif
