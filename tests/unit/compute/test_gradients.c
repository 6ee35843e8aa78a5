/* SPDX-License-Identifier: Apache-2.0
 * Every backward reference against central finite differences of its forward's reference, both in
 * double precision. Slots are matched by name: "x" of the forward operation is handed on as it is,
 * "dy" of an output y is a random direction, "dx" of an operand x is what is checked. Products and
 * cross entropy, which are not paired in ops.def, have tests of their own.
 * Tolerance: 1e-6 of the largest element: steps of 1e-4 leave 1e-8 of truncation and 1e-12 of
 * rounding over functions of order 1. */
#include "tests/unit/test.h"

#include "tests/unit/compute/cases.h"

#include <math.h>

enum { CHECKED = 60 }; /* elements of an operand, spread evenly */
static const double step = 1e-4, allowed = 1e-6;

struct pairing {
    struct test_case back, forward;
    int cotangent[OP_MAX_SLOTS]; /* of a forward slot: the backward slot that holds it, or -1 */
    double *directions[OP_MAX_SLOTS];
};

static const char *gradient_name(const struct op *op, const char *slot) {
    for (int i = 0; i < OP_MAX_PAIRS && op->gradient_names[i].slot; i++) {
        if (strcmp(op->gradient_names[i].slot, slot) == 0) return op->gradient_names[i].other;
    }
    return slot;
}

static double **copy_values(const struct test_case *t) {
    double **copy = test_alloc(OP_MAX_SLOTS, sizeof *copy);
    for (int s = 0; s < t->n_slots; s++) {
        if (t->count[s] == 0) continue;
        copy[s] = test_alloc((size_t)t->count[s], sizeof(double));
        memcpy(copy[s], t->values[s], (size_t)t->count[s] * sizeof(double));
    }
    return copy;
}

static void free_values(double **values) {
    for (int s = 0; s < OP_MAX_SLOTS; s++) free(values[s]);
    free(values);
}

/* The sum of all outputs along their directions. */
static double objective(const struct pairing *p) {
    double **values = copy_values(&p->forward), sum = 0;
    p->forward.op->reference(p->forward.args, values);
    for (int s = 0; s < p->forward.n_slots; s++) {
        for (int64_t i = 0; p->cotangent[s] >= 0 && i < p->forward.count[s]; i++) {
            sum += values[s][i] * p->directions[s][i];
        }
    }
    free_values(values);
    return sum;
}

/* Hands the forward pass's operands and results to the backward case, and draws the directions. */
static void connect(struct pairing *p) {
    double **after = copy_values(&p->forward);
    p->forward.op->reference(p->forward.args, after);
    for (int s = 0; s < p->forward.n_slots; s++) p->cotangent[s] = -1;
    for (int s = 0; s < p->back.n_slots; s++) {
        const char *name = gradient_name(p->back.op, p->back.op->slots[s].name);
        const int same = slot_named(p->forward.op, name);
        const int of = name[0] == 'd' ? slot_named(p->forward.op, name + 1) : -1;
        const size_t bytes = (size_t)p->back.count[s] * sizeof(double);
        if (same >= 0 && of < 0) {
            assert_int_equal(p->back.count[s], p->forward.count[same]);
            if (bytes) memcpy(p->back.values[s], after[same], bytes);
            continue;
        }
        assert_true(of >= 0);
        const bool result =
            p->forward.op->slots[of].use != SLOT_IN && p->back.op->slots[s].use != SLOT_OUT;
        const bool to_check = p->forward.op->slots[of].use == SLOT_IN;
        if (to_check && bytes) memset(p->back.values[s], 0, bytes);
        if (result && !to_check) {
            assert_int_equal(p->back.count[s], p->forward.count[of]);
            p->cotangent[of] = s;
            p->directions[of] = test_alloc((size_t)p->back.count[s], sizeof(double));
            memcpy(p->directions[of], p->back.values[s], bytes);
        }
    }
    free_values(after);
}

static int check_operand(struct pairing *p, int s, int of) {
    const int64_t n = p->forward.count[of], stride = n / CHECKED + 1;
    double most = 0;
    assert_int_equal(p->back.count[s], n);
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(p->back.values[s][i]));
    for (int64_t i = 0; i < n; i += stride) {
        double *x = &p->forward.values[of][i], at = *x;
        *x = at + step;
        double above = objective(p);
        *x = at - step;
        double below = objective(p), slope = (above - below) / (2 * step);
        *x = at;
        if (!(fabs(slope - p->back.values[s][i]) <= allowed * fmax(most, 1))) {
            fail_msg("%s, case %s: %s[%lld] is %.12g, the slope is %.12g", p->back.op->name,
                     p->back.name, p->back.op->slots[s].name, (long long)i, p->back.values[s][i],
                     slope);
        }
    }
    return 1;
}

/* Returns how many operands were checked. */
static int check_case(int number, const struct op *op, int i) {
    int forward = 0;
    char forward_args[512];
    while (strcmp(ops[forward]->name, op->gradient) != 0) assert_true(++forward < n_ops);
    assert_true(ops[forward]->args_size <= sizeof forward_args);
    if (!op->forward_case(case_args(op, i), forward_args)) return 0;
    struct pairing p = {.back = case_make(number, case_args(op, i), DTYPE_F32, 3),
                        .forward = case_make(forward, forward_args, DTYPE_F32, 4)};
    p.back.name = op->case_names[i];
    connect(&p);
    op->reference(p.back.args, p.back.values);
    int checked = 0;
    for (int s = 0; s < p.back.n_slots; s++) {
        const char *name = gradient_name(op, op->slots[s].name);
        const int of = name[0] == 'd' ? slot_named(p.forward.op, name + 1) : -1;
        const bool written = op->slots[s].use != SLOT_IN;
        const bool operand = of >= 0 && p.forward.op->slots[of].use != SLOT_OUT;
        if (written && operand && p.back.count[s]) checked += check_operand(&p, s, of);
    }
    for (int s = 0; s < OP_MAX_SLOTS; s++) free(p.directions[s]);
    case_release(&p.back);
    case_release(&p.forward);
    return checked;
}

static void paired_operations(void **state) {
    (void)state;
    for (int number = 0; number < n_ops; number++) {
        const struct op *op = ops[number];
        int checked = 0;
        if (op->gradient == NULL) continue;
        for (int i = 0; i < OP_MAX_CASES && op->case_names[i]; i++)
            checked += check_case(number, op, i);
        print_message("%s: %d operands\n", op->name, checked);
        assert_true(checked > 0);
    }
}

/* da = dc b^T and db = a^T dc, by the same operation on turned views. */
static void product(void **state) {
    (void)state;
    enum { M = 5, N = 7, K = 6 };
    double a[M * K], b[K * N], c[M * N], dc[M * N], da[M * K] = {0}, db[K * N] = {0};
    const struct rng rng = {5, RNG_TEST, 0};
    for (int i = 0; i < M * K; i++) a[i] = rng_normal(&rng, (uint64_t)i);
    for (int i = 0; i < K * N; i++) b[i] = rng_normal(&rng, (uint64_t)(100 + i));
    for (int i = 0; i < M * N; i++) dc[i] = rng_normal(&rng, (uint64_t)(200 + i));
    const struct product_args forward = {.m = M,
                                         .n = N,
                                         .k = K,
                                         .a = {.row_stride = K, .col_stride = 1},
                                         .b = {.row_stride = N, .col_stride = 1},
                                         .c_stride = N};
    const struct product_args to_a = {.m = M,
                                      .n = K,
                                      .k = N,
                                      .a = {.row_stride = N, .col_stride = 1},
                                      .b = {.row_stride = 1, .col_stride = N},
                                      .c_stride = K};
    const struct product_args to_b = {.m = K,
                                      .n = N,
                                      .k = M,
                                      .a = {.row_stride = 1, .col_stride = K},
                                      .b = {.row_stride = N, .col_stride = 1},
                                      .c_stride = N};
    product_op.reference(&to_a, (double *[OP_MAX_SLOTS]){dc, b, da});
    product_op.reference(&to_b, (double *[OP_MAX_SLOTS]){a, dc, db});
    for (int i = 0; i < M * K + K * N; i++) {
        double *x = i < M * K ? &a[i] : &b[i - M * K], at = *x, sum[2] = {0};
        for (int side = 0; side < 2; side++) {
            *x = side ? at - step : at + step;
            product_op.reference(&forward, (double *[OP_MAX_SLOTS]){a, b, c});
            for (int j = 0; j < M * N; j++) sum[side] += c[j] * dc[j];
        }
        *x = at;
        double slope = (sum[0] - sum[1]) / (2 * step), got = i < M * K ? da[i] : db[i - M * K];
        assert_true(fabs(slope - got) <= allowed * fmax(fabs(got), 1));
    }
}

static void cross_entropy(void **state) {
    (void)state;
    enum { N = 3, V = 17 };
    const double scale = 0.25;
    double z[N * V], after[N * V], target[N] = {16, 0, 5}, most[N], sum[N], loss[N];
    const struct rng rng = {6, RNG_TEST, 0};
    for (int i = 0; i < N * V; i++) after[i] = z[i] = rng_normal(&rng, (uint64_t)i);
    const struct cross_entropy_args forward = {.n = N, .v = V, .last = true};
    const struct cross_entropy_backward_args backward = {.n = N, .v = V, .scale = (float)scale};
    cross_entropy_op.reference(&forward, (double *[]){z, target, most, sum, loss});
    cross_entropy_backward_op.reference(&backward, (double *[]){after, target, most, sum});
    for (int i = 0; i < N * V; i++) {
        double at = z[i], sums[2] = {0};
        for (int side = 0; side < 2; side++) {
            z[i] = side ? at - step : at + step;
            cross_entropy_op.reference(&forward, (double *[]){z, target, most, sum, loss});
            for (int r = 0; r < N; r++) sums[side] += scale * loss[r];
        }
        z[i] = at;
        assert_true(fabs((sums[0] - sums[1]) / (2 * step) - after[i]) <= allowed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(paired_operations),
                                       cmocka_unit_test(product), cmocka_unit_test(cross_entropy)};
    return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
