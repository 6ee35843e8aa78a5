/* SPDX-License-Identifier: Apache-2.0
 * Widening and rounding of bf16 on every backend: the bits of compute/dtype.c, for every bf16 and
 * for what lies around the borders between two.
 * Read next: compute/ops/bf16.h. */
#include "tests/unit/test.h"

#include "compute/ops/bf16.h"
#include "compute/compute.h"

enum { N_BF16 = 1 << 16, N_AROUND = 5 };

static void each_backend(void (*fn)(struct compute *c)) {
    for (int i = 0; i < n_backends; i++) {
        char device[64];
        struct compute c;
        snprintf(device, sizeof device, "%s:%s", backends[i]->name, backends[i]->variant);
        if (compute_open(&c, device) != ERR_OK) { /* a GPU that is named must be there */
            assert_true(strcmp(backends[i]->name, "cuda") != 0 || !getenv("COTRAIN_CUDA_LIBRARY"));
            continue;
        }
        fn(&c);
        compute_close(&c);
    }
}

/* `from` in the backend's memory, and room there for what `op` makes of it. */
struct operands {
    void *from, *to;
};

static struct operands operands_of(struct compute *c, const void *from, size_t bytes,
                                   size_t out_bytes) {
    struct operands o;
    assert_ok(c->backend->alloc(c, bytes, &o.from));
    assert_ok(c->backend->alloc(c, out_bytes, &o.to));
    assert_ok(c->backend->upload(c, o.from, from, bytes));
    return o;
}

static void take(struct compute *c, struct operands o, void *out, size_t bytes) {
    assert_ok(c->backend->download(c, out, o.to, bytes));
    c->backend->free(c, o.from);
    c->backend->free(c, o.to);
}

static void check_widen(struct compute *c) {
    static uint16_t x[N_BF16];
    static float y[N_BF16], want[N_BF16];
    for (int i = 0; i < N_BF16; i++) x[i] = (uint16_t)i;
    dtype_to_f32(x, DTYPE_BF16, N_BF16, want);
    const struct operands o = operands_of(c, x, sizeof x, sizeof y);
    assert_ok(c->backend->widen_bf16(c, &(struct widen_bf16_args){N_BF16, o.from, o.to}));
    take(c, o, y, sizeof y);
    assert_memory_equal(y, want, sizeof y);
}

/* Of every bf16: itself, the middle to the next one, and the neighbours of both. */
static void check_round(struct compute *c) {
    static const uint32_t around[N_AROUND] = {0, 1, 0x7fff, 0x8000, 0x8001};
    static float x[N_BF16 * N_AROUND];
    static uint16_t y[N_BF16 * N_AROUND], want[N_BF16 * N_AROUND];
    for (uint32_t i = 0; i < N_BF16 * N_AROUND; i++) {
        const uint32_t bits = i / N_AROUND << 16 | around[i % N_AROUND];
        memcpy(&x[i], &bits, sizeof bits);
    }
    dtype_from_f32(x, N_BF16 * N_AROUND, DTYPE_BF16, want);
    const struct operands o = operands_of(c, x, sizeof x, sizeof y);
    assert_ok(
        c->backend->round_bf16(c, &(struct round_bf16_args){N_BF16 * N_AROUND, o.from, o.to}));
    take(c, o, y, sizeof y);
    assert_memory_equal(y, want, sizeof y);
}

static void widen(void **state) {
    (void)state;
    each_backend(check_widen);
}

static void rounded(void **state) {
    (void)state;
    each_backend(check_round);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(widen), cmocka_unit_test(rounded)};
    return cmocka_run_group_tests_name("bf16", tests, NULL, NULL);
}
