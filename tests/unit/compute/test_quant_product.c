/* SPDX-License-Identifier: Apache-2.0
 * Products with quantised operands: every case of the operation on every backend of this machine,
 * with 1 to 3 threads, has the bits of the product with the decoded fp32 matrix.
 * Read next: cases.h, compute/quant.h. */
#include "tests/unit/test.h"

#include "tests/unit/compute/cases.h"

#include "base/par.h"
#include "compute/quant.h"

/* The memory of an operand, gaps of its strides included, as one quantised row. */
struct operand {
    void *parts[QUANT_MAX_PARTS];
    struct quant_blocks blocks;
    float *decoded;
};

static void operand_make(struct operand *o, const struct quant *q, const double *values,
                         int64_t n) {
    float *single = test_alloc((size_t)n, sizeof *single);
    int64_t counts[QUANT_MAX_PARTS];
    for (int64_t i = 0; i < n; i++) single[i] = (float)values[i];
    for (int i = 0; i < q->n_parts; i++) {
        const struct quant_part part = q->part(i, 1, n);
        counts[i] = part.count;
        o->parts[i] = test_alloc((size_t)(part.count * dtype_bytes(part.dtype)), 1);
    }
    assert_ok(q->encode(&(struct quant_weight){single, DTYPE_F32, 1, n}, o->parts));
    assert_ok(q->open((const void *const *)o->parts, counts, 1, n, &o->blocks));
    o->decoded = single;
    q->decode(&o->blocks, 0, n, o->decoded);
}

static void operand_release(struct operand *o, const struct quant *q) {
    for (int i = 0; i < q->n_parts; i++) free(o->parts[i]);
    free(o->decoded);
}

/* The operands of a product in the order of its slots; c, bias and add are not quantised. */
enum { A, B, C, BIAS, MORE_A, MORE_B, ADD, SLOTS };

/* c of the case as a copy, its operands decoded or, where `quantised` says, in blocks. */
static float *product(struct compute *c, const struct test_case *t, const struct operand *o,
                      const enum dtype dtype, const bool quantised[SLOTS]) {
    struct product_args args = *(const struct product_args *)t->args;
    struct mat *mats[SLOTS] = {
        [A] = &args.a, [B] = &args.b, [MORE_A] = &args.more_a, [MORE_B] = &args.more_b};
    float *single[SLOTS] = {NULL};
    for (int s = 0; s < SLOTS; s++) {
        if (t->count[s] == 0) continue;
        if (mats[s]) {
            mats[s]->data = quantised[s] ? (const void *)&o[s].blocks : o[s].decoded;
            mats[s]->dtype = quantised[s] ? dtype : DTYPE_F32;
        } else {
            single[s] = test_alloc((size_t)t->count[s], sizeof(float));
            store_values(DTYPE_F32, t->values[s], t->count[s], single[s]);
        }
    }
    args.bias.data = single[BIAS];
    args.add = single[ADD];
    args.c = single[C];
    assert_ok(c->backend->product(c, &args));
    free(single[BIAS]);
    free(single[ADD]);
    return single[C];
}

static void check_case(const struct quant *q, struct compute *c, const struct test_case *t) {
    static const bool none[SLOTS] = {false}, left[SLOTS] = {[A] = true, [MORE_A] = true},
                      right[SLOTS] = {[B] = true, [MORE_B] = true}, base[SLOTS] = {[B] = true};
    static const bool *const choices[] = {left, right, base};
    struct operand o[SLOTS] = {0};
    for (int s = 0; s < SLOTS; s++)
        if (t->op->slots[s].type == SLOT_MAT && s != BIAS && t->count[s])
            operand_make(&o[s], q, t->values[s], t->count[s]);
    float *want = product(c, t, o, q->dtype, none);
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        float *got = product(c, t, o, q->dtype, choices[i]);
        if (memcmp(want, got, (size_t)t->count[C] * sizeof *want) != 0)
            fail_msg("%s on %s, case %s, %d threads: not the bits of the decoded matrix", q->name,
                     c->backend->variant, t->name, par_threads());
        free(got);
    }
    free(want);
    for (int s = 0; s < SLOTS; s++) operand_release(&o[s], q);
}

static void check_backend(const char *variant) {
    struct compute c;
    char device[64];
    snprintf(device, sizeof device, "cpu:%s", variant);
    const err opened = compute_open(&c, device);
    if (opened == ERR_UNSUPPORTED) {
        print_message("not on this machine: %s\n", device);
        return;
    }
    assert_ok(opened);
    int number = 0;
    while (ops[number] != &product_op) number++;
    for (int threads = 1; threads <= 3; threads++) {
        par_set_threads(threads);
        for (int i = 0; i < OP_MAX_CASES && product_op.case_names[i]; i++) {
            struct test_case t = case_make(number, case_args(&product_op, i), DTYPE_F32, 7);
            t.name = product_op.case_names[i];
            for (int k = 0; k < n_quants; k++) check_case(quants[k], &c, &t);
            case_release(&t);
        }
    }
    compute_close(&c);
}

static void same_bits(void **state) {
    (void)state;
    for (int i = 0; i < n_backends; i++)
        if (strcmp(backends[i]->name, "cpu") == 0) check_backend(backends[i]->variant);
}

/* All 16 codes at all 64 places of a block, read along rows and along columns. */
static void every_code(void **state) {
    (void)state;
    enum { ROWS = 64, COLUMNS = 128, N = ROWS * COLUMNS };
    static double values[N];
    for (int i = 0; i < N; i++) values[i] = (i * 7 + i / 64) % 33 - 16;
    for (int k = 0; k < n_quants; k++) {
        struct operand o;
        operand_make(&o, quants[k], values, N);
        for (int i = 0; i < n_backends; i++) {
            struct compute c;
            char device[64];
            snprintf(device, sizeof device, "%s:%s", backends[i]->name, backends[i]->variant);
            if (compute_open(&c, device) != ERR_OK) continue;
            static float identity[COLUMNS * COLUMNS], out[COLUMNS * COLUMNS];
            memset(identity, 0, sizeof identity);
            for (int j = 0; j < COLUMNS; j++) identity[j * COLUMNS + j] = 1;
            struct product_args args = {
                .m = ROWS, .n = COLUMNS, .k = ROWS, .c = out, .c_stride = COLUMNS};
            args.a = (struct mat){identity, DTYPE_F32, COLUMNS, 1};
            args.b = (struct mat){&o.blocks, quants[k]->dtype, COLUMNS, 1};
            assert_ok(c.backend->product(&c, &args));
            for (int j = 0; j < N; j++) assert_true(out[j] == o.decoded[j]);
            args.m = args.k = COLUMNS;
            args.n = ROWS;
            args.c_stride = ROWS;
            args.b = (struct mat){&o.blocks, quants[k]->dtype, 1, COLUMNS};
            assert_ok(c.backend->product(&c, &args));
            for (int j = 0; j < N; j++)
                assert_true(out[j % COLUMNS * ROWS + j / COLUMNS] == o.decoded[j]);
            compute_close(&c);
        }
        operand_release(&o, quants[k]);
    }
}

/* Products of few rows with columns of whole blocks, which decoding a token is made of: every
 * number of rows and columns that a backend's panels can be cut into, added to what is there or
 * not. */
static void few_rows(void **state) {
    (void)state;
    enum { K = 192, MOST = 75, ROWS = 9 };
    static double values[MOST * K];
    static float x[ROWS * K], want[ROWS * MOST], got[ROWS * MOST];
    const struct rng rng = {.seed = 2, .purpose = RNG_TEST};
    for (int i = 0; i < MOST * K; i++) values[i] = rng_normal(&rng, (uint64_t)i);
    for (int i = 0; i < ROWS * K; i++) x[i] = (float)rng_normal(&rng, (uint64_t)(MOST * K + i));
    for (int k = 0; k < n_quants; k++) {
        struct operand o;
        operand_make(&o, quants[k], values, MOST * K);
        for (int i = 0; i < n_backends; i++) {
            struct compute c;
            char device[64];
            snprintf(device, sizeof device, "%s:%s", backends[i]->name, backends[i]->variant);
            if (compute_open(&c, device) != ERR_OK) continue;
            for (int64_t m = 1; m <= ROWS; m++)
                for (int64_t n = 1; n <= MOST; n += n < 35 ? 1 : 8) {
                    struct product_args args = {
                        .m = m, .n = n, .k = K, .c_stride = MOST, .accumulate = (m + n) % 2};
                    args.a = (struct mat){x, DTYPE_F32, K, 1};
                    for (int side = 0; side < 2; side++) {
                        float *out = side ? got : want;
                        for (int j = 0; j < ROWS * MOST; j++) out[j] = (float)j;
                        args.b = (struct mat){side ? (void *)&o.blocks : o.decoded,
                                              side ? quants[k]->dtype : DTYPE_F32, 1, K};
                        args.c = out;
                        assert_ok(c.backend->product(&c, &args));
                    }
                    if (memcmp(want, got, sizeof want) != 0)
                        fail_msg("%s on %s: %lld rows, %lld columns", quants[k]->name, device,
                                 (long long)m, (long long)n);
                }
            compute_close(&c);
        }
        operand_release(&o, quants[k]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits), cmocka_unit_test(every_code),
                                       cmocka_unit_test(few_rows)};
    return cmocka_run_group_tests_name("quant_product", tests, NULL, NULL);
}
