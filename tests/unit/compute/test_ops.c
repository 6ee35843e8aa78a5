/* SPDX-License-Identifier: Apache-2.0
 * Every case of every operation on every backend of this machine: against the plain reference
 * within the operation's own tolerance; the same bits from every variant of the CPU backend, from
 * 1, 2 and 3 threads, and where an output takes an operand's place. */
#include "tests/unit/test.h"

#include "tests/unit/compute/check.h"

#include "base/fault.h"
#include "base/par.h"
#include <math.h>

/* The variants of the CPU backend that open here, the portable one among them. */
static int open_backends(struct compute *out) {
    int n = 0;
    for (int i = 0; i < n_backends; i++) {
        char device[64];
        if (strcmp(backends[i]->name, "cpu") != 0) continue; /* cuda: tests/cudasim */
        snprintf(device, sizeof device, "%s:%s", backends[i]->name, backends[i]->variant);
        err e = compute_open(&out[n], device);
        if (e == ERR_OK) {
            n++;
        } else {
            assert_int_equal(e, ERR_UNSUPPORTED);
            print_message("not on this machine: %s\n", device);
        }
    }
    return n;
}

static void each_case(void (*fn)(const struct test_case *t, struct compute *c, int n)) {
    struct compute c[8];
    const int n = open_backends(c);
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    assert_true(n > 0);
    par_set_threads(2);
    for (int number = 0; number < n_ops; number++) {
        const struct op *op = ops[number];
        for (int i = 0; i < OP_MAX_CASES && op->case_names[i]; i++) {
            for (int d = 0; d < (case_has_mat(op) ? 3 : 1); d++) {
                struct test_case t = case_make(number, case_args(op, i), dtypes[d], 1);
                t.name = op->case_names[i];
                fn(&t, c, n);
                case_release(&t);
            }
        }
    }
    for (int i = 0; i < n; i++) compute_close(&c[i]);
}

static void check_reference(const struct test_case *t, struct compute *c, int n) {
    double *want[OP_MAX_SLOTS] = {0};
    for (int s = 0; s < t->n_slots; s++) {
        if (t->count[s] == 0) continue;
        want[s] = test_alloc((size_t)t->count[s], sizeof(double));
        memcpy(want[s], t->values[s], (size_t)t->count[s] * sizeof(double));
    }
    t->op->reference(t->args, want);
    for (int i = 0; i < n; i++) {
        struct test_run r = case_run(t, &c[i], -1, -1);
        for (int s = 0; s < t->n_slots; s++) {
            if (t->op->slots[s].use != SLOT_IN && t->count[s])
                assert_true(slot_agrees(t, s, want[s], r.data[s], c[i].backend->variant));
        }
        run_release(&r);
    }
    for (int s = 0; s < t->n_slots; s++) free(want[s]);
}

static void assert_same_bits(const struct test_case *t, const struct test_run *a,
                             const struct test_run *b, const char *what) {
    const int s = differing_slot(t, a, b);
    if (s >= 0)
        fail_msg("%s, case %s (%s): '%s' differs in its bits: %s", t->op->name, t->name,
                 dtype_name(t->mat_dtype), t->op->slots[s].name, what);
}

static void check_bits(const struct test_case *t, struct compute *c, int n) {
    struct test_run first = case_run(t, &c[0], -1, -1);
    for (int i = 0; i < n; i++) {
        for (int threads = 1; threads <= 3; threads++) {
            char what[64];
            snprintf(what, sizeof what, "%s with %d threads", c[i].backend->variant, threads);
            par_set_threads(threads);
            struct test_run r = case_run(t, &c[i], -1, -1);
            assert_same_bits(t, &first, &r, what);
            run_release(&r);
        }
        par_set_threads(2);
        for (int p = 0; p < OP_MAX_PAIRS && t->op->in_place[p].slot; p++) {
            struct test_run r = case_run(t, &c[i], slot_named(t->op, t->op->in_place[p].slot),
                                         slot_named(t->op, t->op->in_place[p].other));
            if (!(t->op == &rmsnorm_backward_op &&
                  ((const struct rmsnorm_backward_args *)t->args)->accumulate)) {
                assert_same_bits(t, &first, &r, "in place");
            }
            run_release(&r);
        }
    }
    run_release(&first);
}

static void reference(void **state) {
    (void)state;
    each_case(check_reference);
}

static void same_bits(void **state) {
    (void)state;
    each_case(check_bits);
}

/* The only allocation of an operation is scratch; without it the operation fails and can be
 * retried. */
static void no_memory(void **state) {
    (void)state;
    struct compute c;
    float a[4] = {1, 2, 3, 4}, out[4] = {0};
    const struct mat m = {a, DTYPE_F32, 2, 1};
    const struct product_args args = {
        .m = 2, .n = 2, .k = 2, .a = m, .b = m, .c = out, .c_stride = 2};
    assert_ok(compute_open(&c, NULL));
    fault_arm(FAULT_MEM, FAULT_FAIL, 1);
    assert_fails(c.backend->product(&c, &args), ERR_MEMORY, "out of memory");
    fault_arm(FAULT_MEM, FAULT_FAIL, 0);
    assert_true(out[0] == 0 && out[3] == 0);
    assert_ok(c.backend->product(&c, &args));
    assert_true(out[0] == 7 && out[1] == 10 && out[2] == 15 && out[3] == 22);
    compute_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference), cmocka_unit_test(same_bits),
                                       cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}
