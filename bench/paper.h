/* SPDX-License-Identifier: Apache-2.0
 * A backend that computes nothing and counts: what a real trainer asks a GPU for in one step, at
 * real sizes, on a machine with neither the GPU nor the memory. Its memory is a range of addresses
 * that nobody can touch, so that a read of it by the host is found at once; what is downloaded are
 * zeros.
 * Read next: bench/op_cost.h, bench/gpu.c. */
#ifndef COTRAIN_BENCH_PAPER_H
#define COTRAIN_BENCH_PAPER_H

#include "bench/op_cost.h"
#include "compute/compute.h"
#include "compute/cuda_scratch.h"
#include <string.h>
#include <sys/mman.h>

struct paper {
    struct backend backend; /* first, so that a pointer to it is one to all */
    char *memory;
    size_t used;
    int64_t text; /* tokens of a row, which attention depends on */
    const struct roofline *roofline;
    struct op_cost cost[OPS];
    double seconds[OPS], zeroed_bytes, zeroing_s; /* by the roofline, call by call */
    int64_t calls[OPS];
};

enum { PAPER_ALIGNMENT = 256 };
static const size_t PAPER_BYTES = (size_t)1 << 42;

static inline struct paper *paper_of(const struct compute *c) {
    return (struct paper *)(void *)(uintptr_t)c->backend;
}

/* The only result: squares sum up to 1, so that no gradient looks broken. */
static inline void paper_count(struct paper *p, enum op_number op, const void *args) {
    if (op == OP_sum_squares) *((const struct sum_squares_args *)args)->out = 1;
    const struct op_cost cost = op_cost(op, args, p->backend.act_dtype, p->text);
    p->cost[op].bytes += cost.bytes;
    p->cost[op].flops += cost.flops;
    p->cost[op].decoded += cost.decoded;
    p->seconds[op] += roofline_seconds(p->roofline, cost);
    p->calls[op]++;
}

#define OP(name)                                                                                   \
    static inline err paper_##name(struct compute *c, const struct name##_args *args) {            \
        paper_count(paper_of(c), OP_##name, args);                                                 \
        return ERR_OK;                                                                             \
    }
#include "compute/ops.def"
#undef OP

static inline err paper_alloc(struct compute *c, size_t bytes, void **out) {
    struct paper *p = paper_of(c);
    const size_t whole = (bytes / PAPER_ALIGNMENT + 1) * PAPER_ALIGNMENT;
    if (whole > PAPER_BYTES - p->used) return fail(ERR_MEMORY, "out of addresses");
    *out = p->memory + p->used;
    p->used += whole;
    return ERR_OK;
}
static inline void paper_free(struct compute *c, void *memory) {
    (void)c;
    (void)memory;
}
static inline err paper_upload(struct compute *c, void *to, const void *from, size_t bytes) {
    (void)c;
    (void)to;
    (void)from;
    (void)bytes;
    return ERR_OK;
}
static inline err paper_download(struct compute *c, void *to, const void *from, size_t bytes) {
    (void)c;
    (void)from;
    memset(to, 0, bytes);
    return ERR_OK;
}
static inline err paper_zero(struct compute *c, void *memory, size_t bytes) {
    struct paper *p = paper_of(c);
    (void)memory;
    p->zeroed_bytes += (double)bytes;
    p->zeroing_s += (double)bytes / p->roofline->bytes_per_s;
    return ERR_OK;
}
static inline err paper_wait(struct compute *c) {
    (void)c;
    return ERR_OK;
}
/* Nothing is copied to the host and back; the plan says whether it would be. */
static inline err paper_memory_left(struct compute *c, size_t *left, size_t *total) {
    *total = PAPER_BYTES;
    *left = PAPER_BYTES - paper_of(c)->used;
    return ERR_OK;
}
static inline err paper_pin(struct compute *c, size_t bytes, void **out) {
    return paper_alloc(c, bytes, out);
}
static inline err paper_fetch(struct compute *c, int slot, void *to, const void *host,
                              size_t bytes) {
    (void)slot;
    return paper_upload(c, to, host, bytes);
}
static inline err paper_slot(struct compute *c, int slot) {
    (void)c;
    (void)slot;
    return ERR_OK;
}
static inline err paper_store(struct compute *c, int slot, void *host, const void *from,
                              size_t bytes) {
    (void)slot;
    return paper_upload(c, host, from, bytes);
}
static inline void paper_lend(struct compute *c, void *memory, size_t bytes) {
    (void)c;
    (void)memory;
    (void)bytes;
}
static inline void paper_take_back(struct compute *c, const void *memory) {
    (void)c;
    (void)memory;
}
static inline void paper_close(struct compute *c) {
    munmap(paper_of(c)->memory, PAPER_BYTES);
}

static inline err paper_open(struct paper *p, struct compute *c, const struct roofline *roofline,
                             int64_t text) {
    *p = (struct paper){.roofline = roofline, .text = text};
    p->backend = (struct backend){
        .name = "cuda",
        .variant = "paper",
        .act_dtype = DTYPE_BF16,
        .close = paper_close,
        .alloc = paper_alloc,
        .free = paper_free,
        .upload = paper_upload,
        .download = paper_download,
        .zero = paper_zero,
        .wait = paper_wait,
        .scratch_bytes = cuda_scratch_bf16,
        .lend = paper_lend,
        .take_back = paper_take_back,
#define OP(name) .name = paper_##name,
#include "compute/ops.def"
#undef OP
    };
    p->memory =
        mmap(NULL, PAPER_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p->memory == MAP_FAILED) return fail(ERR_MEMORY, "no range of addresses");
    *c = (struct compute){.backend = &p->backend, .state = p};
    return ERR_OK;
}

/* Forgets what was counted so far. */
static inline void paper_clear(struct paper *p) {
    memset(p->cost, 0, sizeof p->cost);
    memset(p->seconds, 0, sizeof p->seconds);
    memset(p->calls, 0, sizeof p->calls);
    p->zeroed_bytes = p->zeroing_s = 0;
}

#endif
