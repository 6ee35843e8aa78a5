/* SPDX-License-Identifier: Apache-2.0
 * What an operation has to do at least, from its arguments alone: the bytes that it reads and
 * writes once, and its multiplications and additions. Against a GPU's bandwidth and its products'
 * peak that gives the shortest time it can take, the roofline, which measurements are held against.
 * Counted are operands, not what a kernel reads again; attention counts the pairs of one text, two
 * products forward and five backward. A quantised operand of a product is first decoded into 16
 * bits, which are written and read once.
 * Read next: bench/gpu.c. */
#ifndef COTRAIN_BENCH_OP_COST_H
#define COTRAIN_BENCH_OP_COST_H

#include "compute/ops/adamw.h"
#include "compute/ops/add.h"
#include "compute/ops/attention.h"
#include "compute/ops/bf16.h"
#include "compute/ops/cross_entropy.h"
#include "compute/ops/dropout.h"
#include "compute/ops/embed.h"
#include "compute/ops/magnitude.h"
#include "compute/ops/noise.h"
#include "compute/ops/pair.h"
#include "compute/ops/product.h"
#include "compute/ops/put.h"
#include "compute/ops/rmsnorm.h"
#include "compute/ops/rope.h"
#include "compute/ops/rows.h"
#include "compute/ops/scale.h"
#include "compute/ops/shareqk.h"
#include "compute/ops/swiglu.h"
#include "compute/quant.h"

enum op_number {
#define OP(name) OP_##name,
#include "compute/ops.def"
#undef OP
    OPS
};
static const char *const op_names[] = {
#define OP(name) #name,
#include "compute/ops.def"
#undef OP
};

struct op_cost {
    double bytes;
    double flops;   /* of products: a multiplication and its addition are two */
    double decoded; /* bytes of a pass before it, which decodes a quantised operand */
};

/* A GPU, or what was measured of one. */
struct roofline {
    const char *name;
    double flops_per_s, bytes_per_s; /* products of bf16 with sums in fp32; device memory */
};

static inline double roofline_seconds(const struct roofline *r, struct op_cost cost) {
    const double memory = cost.bytes / r->bytes_per_s, products = cost.flops / r->flops_per_s;
    return (memory > products ? memory : products) + cost.decoded / r->bytes_per_s;
}

static inline double mat_bytes(const struct mat *m, int64_t rows, int64_t columns) {
    const int64_t size = quant_of_dtype(m->dtype) ? 2 : dtype_bytes(m->dtype);
    return (double)size * (double)rows * (double)columns;
}

static inline double mat_decoded(const struct mat *m, int64_t rows, int64_t columns) {
    const struct quant *q = quant_of_dtype(m->dtype);
    return q ? (double)quant_bytes(q, rows, columns) + mat_bytes(m, rows, columns) : 0;
}

static inline struct op_cost cost_product(const struct product_args *p, double act) {
    const double m = (double)p->m, n = (double)p->n, c = p->c_is_gradient ? 4 : act;
    double bytes = mat_bytes(&p->a, p->m, p->k) + mat_bytes(&p->b, p->k, p->n);
    if (p->more_k)
        bytes += mat_bytes(&p->more_a, p->m, p->more_k) + mat_bytes(&p->more_b, p->more_k, p->n);
    bytes += m * n * c * (p->accumulate ? 2 : 1) + (p->add_stride ? m * n * act : 0);
    return (struct op_cost){bytes, 2 * m * n * (double)(p->k + p->more_k),
                            mat_decoded(&p->a, p->m, p->k) + mat_decoded(&p->b, p->k, p->n)};
}

/* A row of `text` tokens sees text / 2 keys on average, itself among them. */
static inline double seen_pairs(const struct attention_args *a, int64_t text) {
    return a->last || a->n_q != a->n_k ? (double)a->n_q * (double)a->n_k
                                       : (double)a->n_q * (double)(text + 1) / 2;
}

static inline struct op_cost cost_attention(const struct attention_args *a, double act,
                                            int64_t text, bool backward) {
    const double width = (double)(a->h * a->d), q = (double)a->n_q * width,
                 k = (double)a->n_k * width, lse = 4 * (double)(a->n_q * a->h);
    /* forward reads q, k, v and writes out; backward reads those, out and dout, and writes three */
    return (struct op_cost){act * (backward ? 4 * q + 4 * k : 2 * q + 2 * k) + lse,
                            (backward ? 10 : 4) * seen_pairs(a, text) * width, 0};
}

static inline struct op_cost cost_adamw(const struct adamw_args *a) {
    const double n = (double)a->n, states = a->states_8bit ? 4 + 16.0 / ADAMW_BLOCK : 16;
    return (struct op_cost){
        n * ((a->w_bf16 ? 4 : 8) + states + (double)dtype_bytes(a->gradient.dtype)), 0, 0};
}

/* Bytes of an operation that is no product; `x` is an activation's element. */
#define BYTES(name, expression)                                                                    \
    case OP_##name: {                                                                              \
        const struct name##_args *a = args;                                                        \
        return (double)(expression);                                                               \
    }
static inline double cost_passing(enum op_number op, const void *args, double x) {
    switch (op) {
        BYTES(sum_rows, x * (double)(a->n * a->c))
        BYTES(add, 3 * x * (double)a->n)
        BYTES(scale, 2 * x * (double)a->n)
        BYTES(pair, 3 * x * (double)(a->n * a->c))
        BYTES(unpair, (a->accumulate ? 4 : 3) * x * (double)(a->n * a->c))
        BYTES(put, 2 * x * (double)(a->n * a->h * a->d))
        BYTES(embed, x * (double)(a->n * a->c) + mat_bytes(&a->w, a->n, a->c))
        BYTES(embed_backward, (x + 8) * (double)(a->n * a->c))
        BYTES(rmsnorm, 2 * x * (double)(a->n * a->c))
        BYTES(rmsnorm_backward, (a->accumulate ? 4 : 3) * x * (double)(a->n * a->c))
        BYTES(shareqk, 3 * x * (double)(a->n * a->h * a->d))
        BYTES(shareqk_backward, 4 * x * (double)(a->n * a->h * a->d))
        BYTES(rope, 2 * x * (double)(a->n * a->n_vectors * a->d))
        BYTES(swiglu, 3 * x * (double)a->n)
        BYTES(swiglu_backward, 5 * x * (double)a->n)
        BYTES(cross_entropy, x * (double)(a->n * a->v))
        BYTES(cross_entropy_backward, 2 * x * (double)(a->n * a->v))
        BYTES(dropout, 2 * x * (double)(a->n * a->c))
        BYTES(noise, 2 * x * (double)(a->n * a->c))
        BYTES(widen_bf16, 6 * (double)a->n)
        BYTES(round_bf16, 6 * (double)a->n)
        BYTES(sum_squares, mat_bytes(&a->x, 1, a->n))
        BYTES(magnitude, 5 * x * (double)(a->n * a->c))
        BYTES(magnitude_backward, 3 * x * (double)(a->n * a->c))
    default: BUG_IF(true); return 0;
    }
}
#undef BYTES

/* `text`: tokens of a row, which attention depends on. */
static inline struct op_cost op_cost(enum op_number op, const void *args, enum dtype act,
                                     int64_t text) {
    const double x = (double)dtype_bytes(act);
    switch (op) {
    case OP_product: return cost_product(args, x);
    case OP_attention: return cost_attention(args, x, text, false);
    case OP_attention_backward:
        return cost_attention(&((const struct attention_backward_args *)args)->forward, x, text,
                              true);
    case OP_adamw: return cost_adamw(args);
    case OP_row_norms: {
        const struct row_norms_args *a = args;
        return (struct op_cost){mat_bytes(&a->w, a->n, a->c), 2 * (double)(a->n * a->c * a->r), 0};
    }
    default: return (struct op_cost){cost_passing(op, args, x), 0, 0};
    }
}

#endif
