/* SPDX-License-Identifier: Apache-2.0
 * The memory plan: ranges that do not overlap, aligned and zeroed; mapped rows cost nothing;
 * failures are kept until allocation.
 * Also the choice of a backend by name, and what an unknown one is told. */
#include "tests/unit/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "compute/ops/product.h"
#include "compute/plan.h"
#include <sys/mman.h>

enum { N = 128 }; /* rows and columns of a product */

static void ranges(void **state) {
    (void)state;
    enum { ROWS = 100 };
    struct compute c;
    struct plan p = {0};
    size_t at[ROWS], sum = 0;
    assert_ok(compute_open(&c, "cpu"));
    for (size_t i = 0; i < ROWS; i++) at[i] = plan_add(&p, PLAN_WORK, "part", i * 7);
    plan_add(&p, PLAN_MAPPED, "weights file", (size_t)1 << 40);
    assert_ok(plan_allocate(&p, &c));
    assert_int_equal(p.n_rows, ROWS + 1);
    for (size_t i = 0; i < ROWS; i++) {
        unsigned char *memory = plan_at(&p, at[i]);
        assert_int_equal((uintptr_t)memory % 64, 0);
        for (size_t j = 0; j < i * 7; j++) assert_int_equal(memory[j], 0);
        memset(memory, (int)i + 1, i * 7);
        sum += i * 7;
    }
    for (size_t i = 0; i < ROWS; i++) {
        const unsigned char *memory = plan_at(&p, at[i]);
        for (size_t j = 0; j < i * 7; j++) assert_int_equal(memory[j], i + 1);
    }
    assert_int_equal(plan_bytes(&p, PLAN_WORK), sum);
    assert_int_equal(plan_bytes(&p, PLAN_MAPPED), (size_t)1 << 40);
    assert_int_equal(plan_bytes(&p, PLAN_GRADIENTS), 0);
    assert_true(p.total_bytes < sum + 64 * ROWS);
    plan_release(&p);
    compute_close(&c);
}

/* The pages of one kind leave; what lies before and behind them stays. */
static void forgotten(void **state) {
    (void)state;
    enum { BYTES = 3 << 20, PAGE_MOST = 1 << 16 };
    static const enum plan_kind kinds[3] = {PLAN_WEIGHTS, PLAN_ACTIVATIONS, PLAN_OPTIMIZER};
    struct compute c;
    struct plan p = {0};
    size_t at[3];
    unsigned char resident = 1;
    assert_ok(compute_open(&c, "cpu"));
    for (int i = 0; i < 3; i++) at[i] = plan_add(&p, kinds[i], "part", BYTES);
    assert_ok(plan_allocate(&p, &c));
    for (int i = 0; i < 3; i++) memset(plan_at(&p, at[i]), 7, BYTES);
    plan_forget(&p, PLAN_ACTIVATIONS);
    const uintptr_t middle = (uintptr_t)plan_at(&p, at[1]) + BYTES / 2;
    assert_int_equal(mincore((void *)(middle / PAGE_MOST * PAGE_MOST), 1, &resident), 0);
    assert_false(resident & 1);
    for (int i = 0; i < 3; i += 2) {
        const unsigned char *memory = plan_at(&p, at[i]);
        for (size_t j = 0; j < BYTES; j++) assert_int_equal(memory[j], 7);
    }
    memset(plan_at(&p, at[1]), 1, BYTES); /* may be used again */
    plan_release(&p);
    compute_close(&c);
}

static void empty(void **state) {
    (void)state;
    struct compute c;
    struct plan p = {0};
    assert_ok(compute_open(&c, NULL));
    assert_ok(plan_allocate(&p, &c));
    assert_non_null(plan_at(&p, plan_bytes(&p, PLAN_WEIGHTS)));
    plan_release(&p);
    compute_close(&c);
}

static void failures_wait(void **state) {
    (void)state;
    struct compute c;
    struct plan p = {0};
    assert_ok(compute_open(&c, NULL));
    plan_add(&p, PLAN_WEIGHTS, "first", 100);
    plan_add(&p, PLAN_OPTIMIZER, "moments", SIZE_MAX - 50);
    plan_add(&p, PLAN_WORK, "after", 100);
    assert_fails(plan_allocate(&p, &c), ERR_LIMIT, "'moments'");
    plan_release(&p);
    plan_add(&p, PLAN_WORK, "large", SIZE_MAX - 100); /* with its header it cannot be */
    assert_fails(plan_allocate(&p, &c), ERR_MEMORY, "memory plan of");
    plan_release(&p);
    const int64_t blocks = mem_stats().live_blocks;
    for (int nth = 1; nth <= 2; nth++) { /* the row table, then the memory */
        fault_arm(FAULT_MEM, FAULT_FAIL, nth);
        plan_add(&p, PLAN_WORK, "work", 100);
        assert_fails(plan_allocate(&p, &c), ERR_MEMORY, "memory");
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        plan_release(&p);
        assert_int_equal(mem_stats().live_blocks, blocks);
    }
    compute_close(&c);
}

/* Operations work in what the plan lends them, and allocate nothing. */
static void scratch_is_lent(void **state) {
    (void)state;
    struct compute c;
    struct plan p = {0};
    const struct work_shape shape = {.rows = N, .columns = N, .heads = 1, .head_size = N};
    static float a[N * N], b[N * N], product[N * N];
    const struct product_args args = {.m = N,
                                      .n = N,
                                      .k = N,
                                      .a = {a, DTYPE_F32, N, 1},
                                      .b = {b, DTYPE_F32, N, 1},
                                      .c = product,
                                      .c_stride = N};
    assert_ok(compute_open(&c, NULL));
    const int64_t before = mem_stats().live_bytes;
    plan_scratch(&p, c.backend->scratch_bytes(&shape));
    assert_ok(plan_allocate(&p, &c));
    const int64_t planned = mem_stats().live_bytes;
    assert_ok(c.backend->product(&c, &args));
    assert_int_equal(mem_stats().live_bytes, planned);
    plan_release(&p);
    assert_int_equal(mem_stats().live_bytes, before);
    assert_ok(c.backend->product(&c, &args)); /* in memory of its own */
    assert_true(mem_stats().live_bytes > before);
    compute_close(&c);
}

static void kinds_have_names(void **state) {
    (void)state;
    for (int kind = 0; kind < PLAN_KIND_COUNT; kind++) {
        assert_non_null(plan_kind_name((enum plan_kind)kind));
    }
}

static void devices(void **state) {
    (void)state;
    struct compute c;
    assert_ok(compute_open(&c, "cpu:portable"));
    assert_string_equal(c.backend->variant, "portable");
    compute_close(&c);
    assert_fails(compute_open(&c, "abacus"), ERR_UNSUPPORTED, "'abacus'");
    assert_fails(compute_open(&c, "abacus"), ERR_UNSUPPORTED, "cpu:portable");
    assert_fails(compute_open(&c, "cpu:abacus"), ERR_UNSUPPORTED, "'cpu:abacus'");
    assert_fails(compute_open(&c, "cp"), ERR_UNSUPPORTED, "'cp'");
    compute_close(&c); /* after a failure it does nothing */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),          cmocka_unit_test(empty),
        cmocka_unit_test(forgotten),       cmocka_unit_test(failures_wait),
        cmocka_unit_test(scratch_is_lent), cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(devices)};
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
