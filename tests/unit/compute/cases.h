/* SPDX-License-Identifier: Apache-2.0
 * Runs the cases of compute/ops/op.h: fills a case's operands, computes its reference, runs it on a
 * backend, and tells the results apart by value and by bit. Every operand is an allocation of
 * exactly its size, so that the address sanitizer sees a step beside it. Without cmocka, so that it
 * also serves where that is not to be had (tests/arm). What cannot go on ends the program.
 * Read next: test_ops.c, test_gradients.c. */
#ifndef COTRAIN_TESTS_UNIT_COMPUTE_CASES_H
#define COTRAIN_TESTS_UNIT_COMPUTE_CASES_H

#include "base/philox.h"
#include "compute/ops/op.h"
#include "compute/ops/adamw.h"
#include "compute/ops/add.h"
#include "compute/ops/attention.h"
#include "compute/ops/bf16.h"
#include "compute/ops/cross_entropy.h"
#include "compute/ops/dropout.h"
#include "compute/ops/embed.h"
#include "compute/ops/pair.h"
#include "compute/ops/product.h"
#include "compute/ops/rmsnorm.h"
#include "compute/ops/rope.h"
#include "compute/ops/rows.h"
#include "compute/ops/shareqk.h"
#include "compute/ops/swiglu.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OP(name)                                                                                   \
    static inline err call_##name(struct compute *c, const void *args) {                           \
        return c->backend->name(c, args);                                                          \
    }
#include "compute/ops.def"
#undef OP
/* Calls of a backend in the order of ops[]. */
static err (*const op_calls[])(struct compute *c, const void *args) = {
#define OP(name) call_##name,
#include "compute/ops.def"
#undef OP
};

struct test_case {
    const struct op *op;
    int number; /* in ops[] */
    const char *name;
    const void *args;     /* the op's row, pointers NULL */
    enum dtype mat_dtype; /* of its SLOT_MAT operands */
    enum dtype act_dtype; /* of its SLOT_ACT operands */
    int n_slots;
    int64_t count[OP_MAX_SLOTS];
    double *values[OP_MAX_SLOTS]; /* NULL: absent */
};

struct test_run { /* what a backend left in each slot, as it stores it */
    void *data[OP_MAX_SLOTS];
    size_t bytes[OP_MAX_SLOTS];
};

static inline void *test_alloc(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    if (p == NULL) abort();
    return p;
}

static inline enum dtype slot_dtype(const struct test_case *t, int s) {
    static const enum dtype of[] = {[SLOT_F32] = DTYPE_F32,
                                    [SLOT_BF16] = DTYPE_BF16,
                                    [SLOT_I32] = DTYPE_I32,
                                    [SLOT_U8] = DTYPE_U8,
                                    [SLOT_F64] = DTYPE_F64};
    enum slot_type type = t->op->slots[s].type;
    if (type == SLOT_ACT) return t->act_dtype;
    return type == SLOT_MAT ? t->mat_dtype : of[type];
}

static inline bool case_has_mat(const struct op *op) {
    for (int s = 0; s < OP_MAX_SLOTS && op->slots[s].name; s++) {
        if (op->slots[s].type == SLOT_MAT) return true;
    }
    return false;
}

static inline int slot_named(const struct op *op, const char *name) {
    for (int s = 0; s < OP_MAX_SLOTS && op->slots[s].name; s++) {
        if (strcmp(op->slots[s].name, name) == 0) return s;
    }
    return -1;
}

/* The nearest value that the slot can hold. */
static inline double round_to(enum dtype t, double value) {
    if (t != DTYPE_F32 && t != DTYPE_BF16 && t != DTYPE_F16) return value;
    float single = (float)value;
    unsigned char stored[4];
    dtype_from_f32(&single, 1, t, stored);
    dtype_to_f32(stored, t, 1, &single);
    return (double)single;
}

static inline void case_indices(struct test_case *t, int s) {
    const enum dtype type = slot_dtype(t, s);
    const int64_t n = t->count[s];
    int32_t *wide = test_alloc((size_t)n, sizeof *wide);
    t->op->indices(t->args, s, wide, n);
    for (int64_t i = 0; i < n; i++) {
        t->values[s][i] = type == DTYPE_U8 ? (double)((uint8_t *)wide)[i] : (double)wide[i];
    }
    free(wide);
}

/* Random operands of order 1, the same for the same seed. */
static inline struct test_case case_make_acts(int number, const void *args, enum dtype mat_dtype,
                                              enum dtype act_dtype, uint64_t seed) {
    struct test_case t = {.op = ops[number],
                          .number = number,
                          .args = args,
                          .mat_dtype = mat_dtype,
                          .act_dtype = act_dtype};
    for (; t.n_slots < OP_MAX_SLOTS && t.op->slots[t.n_slots].name; t.n_slots++) {
        const int s = t.n_slots;
        const enum slot_type type = t.op->slots[s].type;
        t.count[s] = t.op->count(args, s);
        if (t.count[s] == 0) continue;
        t.values[s] = test_alloc((size_t)t.count[s], sizeof(double));
        if (type == SLOT_I32 || type == SLOT_U8) {
            case_indices(&t, s);
            continue;
        }
        const struct rng rng = {seed, RNG_TEST, (uint64_t)(number * OP_MAX_SLOTS + s)};
        for (int64_t i = 0; i < t.count[s]; i++) t.values[s][i] = rng_normal(&rng, (uint64_t)i);
    }
    if (t.op->prepare) t.op->prepare(args, t.values);
    for (int s = 0; s < t.n_slots; s++) {
        for (int64_t i = 0; i < t.count[s]; i++)
            t.values[s][i] = round_to(slot_dtype(&t, s), t.values[s][i]);
    }
    return t;
}

static inline struct test_case case_make(int number, const void *args, enum dtype mat_dtype,
                                         uint64_t seed) {
    return case_make_acts(number, args, mat_dtype, DTYPE_F32, seed);
}

static inline void case_release(struct test_case *t) {
    for (int s = 0; s < t->n_slots; s++) free(t->values[s]);
}

static inline const void *case_args(const struct op *op, int i) {
    return (const char *)op->cases + (size_t)i * op->args_size;
}

static inline void store_values(enum dtype t, const double *values, int64_t n, void *to) {
    for (int64_t i = 0; i < n; i++) {
        float single = (float)values[i];
        switch (t) {
        case DTYPE_I32: ((int32_t *)to)[i] = (int32_t)values[i]; break;
        case DTYPE_U8: ((uint8_t *)to)[i] = (uint8_t)values[i]; break;
        case DTYPE_F64: ((double *)to)[i] = values[i]; break;
        default: dtype_from_f32(&single, 1, t, (char *)to + i * dtype_bytes(t)); break;
        }
    }
}

/* Element i of what a backend left. */
static inline double stored_value(enum dtype t, const void *data, int64_t i) {
    float single;
    if (t == DTYPE_F64) return ((const double *)data)[i];
    dtype_to_f32((const char *)data + i * dtype_bytes(t), t, 1, &single);
    return (double)single;
}

static inline void test_must(const struct test_case *t, err e) {
    if (e == ERR_OK) return;
    fprintf(stderr, "%s, case %s: %s\n", t->op->name, t->name, err_message());
    abort();
}

/* Memory of the backend with those values; `data` itself where the backend works in host memory,
 * and for what every backend has there. */
static inline void *test_place(const struct test_case *t, struct compute *c, int s, void *data,
                               size_t bytes) {
    void *place = data;
    if (c->backend->host_memory || t->op->slots[s].type == SLOT_F64 || !data) return data;
    test_must(t, c->backend->alloc(c, bytes, &place));
    test_must(t, c->backend->upload(c, place, data, bytes));
    return place;
}

/* Runs on a backend; slot `shared` (or -1) takes the memory of slot `with`. */
static inline struct test_run case_run(const struct test_case *t, struct compute *c, int shared,
                                       int with) {
    struct test_run r = {0};
    void *place[OP_MAX_SLOTS] = {0};
    char args[512];
    BUG_IF(t->op->args_size > sizeof args);
    memcpy(args, t->args, t->op->args_size);
    for (int s = 0; s < t->n_slots; s++) {
        if (t->count[s] == 0) continue;
        const enum dtype type = slot_dtype(t, s);
        r.bytes[s] = (size_t)(t->count[s] * dtype_bytes(type));
        r.data[s] = test_alloc(r.bytes[s], 1);
        store_values(type, t->values[s], t->count[s], r.data[s]);
        place[s] = test_place(t, c, s, r.data[s], r.bytes[s]);
    }
    for (int s = 0; s < t->n_slots; s++) {
        void *data = place[s == shared ? with : s];
        char *field = args + t->op->slots[s].offset;
        if (t->op->slots[s].type == SLOT_MAT) {
            memcpy(field + offsetof(struct mat, data), &data, sizeof data);
            memcpy(field + offsetof(struct mat, dtype), &t->mat_dtype, sizeof t->mat_dtype);
        } else {
            memcpy(field, &data, sizeof data);
        }
    }
    test_must(t, op_calls[t->number](c, args));
    test_must(t, c->backend->wait(c));
    for (int s = 0; s < t->n_slots; s++) {
        if (place[s] == r.data[s]) continue;
        test_must(t, c->backend->download(c, r.data[s], place[s], r.bytes[s]));
        c->backend->free(c, place[s]);
    }
    if (shared >= 0) memcpy(r.data[shared], r.data[with], r.bytes[shared]);
    return r;
}

static inline void run_release(struct test_run *r) {
    for (int s = 0; s < OP_MAX_SLOTS; s++) free(r->data[s]);
}

/* The first slot that the operation writes and that differs in its bits, or -1. */
static inline int differing_slot(const struct test_case *t, const struct test_run *a,
                                 const struct test_run *b) {
    for (int s = 0; s < t->n_slots; s++) {
        if (t->op->slots[s].use == SLOT_IN || t->count[s] == 0) continue;
        if (memcmp(a->data[s], b->data[s], a->bytes[s]) != 0) return s;
    }
    return -1;
}

#endif
