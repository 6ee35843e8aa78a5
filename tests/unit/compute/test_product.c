/* SPDX-License-Identifier: Apache-2.0
 * What a product takes into its pass (bias, a second pair of operands, a sum at the end) against
 * the operations that it stands for, one after the other: the same bits, for every combination, on
 * every backend of this machine, at sizes around a tile, several blocks of k, few rows, and
 * operands of each type and order.
 * Read next: cases.h, compute/ops/product.h. */
#include "tests/unit/test.h"

#include "base/par.h"
#include "tests/unit/compute/cases.h"

struct sizes {
    int64_t m, n, k, more_k;
};

enum { BIAS = 1, ACCUMULATE = 2, MORE = 4, ADD = 8, COMBINATIONS = 16 };

/* Operands of a product; each has its own room, so that none can be taken for another. */
struct operands {
    struct mat a, b, more_a, more_b, bias;
    float *add, *c;
};

static struct mat operand(uint64_t stream, int64_t rows, int64_t cols, enum dtype dtype,
                          bool turned) {
    const struct rng rng = {11, RNG_TEST, stream};
    const int64_t n = rows * cols;
    char *data = test_alloc((size_t)(n * dtype_bytes(dtype)), 1);
    for (int64_t i = 0; i < n; i++) {
        const float x = (float)rng_normal(&rng, (uint64_t)i);
        dtype_from_f32(&x, 1, dtype, data + i * dtype_bytes(dtype));
    }
    return (struct mat){data, dtype, turned ? 1 : cols, turned ? rows : 1};
}

static struct operands operands_make(const struct sizes *s, enum dtype dtype, int order) {
    const bool a_turned = order & 1, b_turned = order & 2;
    return (struct operands){
        .a = operand(0, s->m, s->k, DTYPE_F32, a_turned),
        .b = operand(1, s->k, s->n, dtype, b_turned),
        .more_a = operand(2, s->m, s->more_k, DTYPE_F32, false),
        .more_b = operand(3, s->more_k, s->n, DTYPE_F32, b_turned),
        .bias = operand(4, 1, s->n, dtype, false),
        .add = (float *)operand(5, s->m, s->n, DTYPE_F32, false).data,
        .c = (float *)operand(6, s->m, s->n, DTYPE_F32, false).data,
    };
}

static void operands_release(struct operands *o) {
    const void *all[] = {o->a.data, o->b.data, o->more_a.data, o->more_b.data, o->bias.data,
                         o->add,    o->c};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free((void *)all[i]);
}

static float *start_of(const struct sizes *s, const struct operands *o) {
    const size_t count = (size_t)(s->m * s->n);
    float *c = test_alloc(count, sizeof *c);
    memcpy(c, o->c, count * sizeof *c);
    return c;
}

static float *at_once(struct compute *c, const struct sizes *s, const struct operands *o,
                      int with) {
    struct product_args args = {.m = s->m, .n = s->n, .k = s->k, .a = o->a, .b = o->b};
    args.c = start_of(s, o);
    args.c_stride = s->n;
    args.accumulate = (with & ACCUMULATE) != 0;
    if (with & BIAS) args.bias = o->bias;
    if (with & MORE) {
        args.more_a = o->more_a;
        args.more_b = o->more_b;
        args.more_k = s->more_k;
    }
    if (with & ADD) {
        args.add = o->add;
        args.add_stride = s->n;
    }
    assert_ok(c->backend->product(c, &args));
    return args.c;
}

static float *one_by_one(struct compute *c, const struct sizes *s, const struct operands *o,
                         int with) {
    float *out = start_of(s, o);
    struct product_args args = {.m = s->m, .n = s->n, .k = s->k, .a = o->a, .b = o->b};
    args.c = out;
    args.c_stride = s->n;
    args.accumulate = (with & (BIAS | ACCUMULATE)) != 0;
    for (int64_t i = 0; i < s->m && (with & BIAS); i++)
        dtype_to_f32(o->bias.data, o->bias.dtype, s->n, out + i * s->n);
    assert_ok(c->backend->product(c, &args));
    if (with & MORE) {
        args.a = o->more_a;
        args.b = o->more_b;
        args.k = s->more_k;
        args.accumulate = true;
        assert_ok(c->backend->product(c, &args));
    }
    if (with & ADD) {
        const struct add_args add = {.n = s->m * s->n, .a = out, .b = o->add, .y = out};
        assert_ok(c->backend->add(c, &add));
    }
    return out;
}

static void check(struct compute *c, const struct sizes *s, enum dtype dtype, int order) {
    struct operands o = operands_make(s, dtype, order);
    for (int with = 0; with < COMBINATIONS; with++) {
        if ((with & BIAS) && (with & ACCUMULATE)) continue;
        float *want = one_by_one(c, s, &o, with), *got = at_once(c, s, &o, with);
        if (memcmp(want, got, (size_t)(s->m * s->n) * sizeof *want) != 0)
            fail_msg("%s: %lld x %lld, k %lld and %lld, %s, order %d, combination %d: not the "
                     "bits of the separate operations",
                     c->backend->variant, (long long)s->m, (long long)s->n, (long long)s->k,
                     (long long)s->more_k, dtype_name(dtype), order, with);
        free(want);
        free(got);
    }
    operands_release(&o);
}

static void same_bits_as_apart(void **state) {
    (void)state;
    static const struct sizes sizes[] = {{1, 40, 33, 16},  {5, 33, 64, 3},    {8, 70, 0, 16},
                                         {17, 31, 20, 0},  {30, 65, 40, 16},  {26, 97, 1100, 16},
                                         {33, 40, 9, 700}, {130, 50, 513, 8}, {25, 1030, 17, 16}};
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16};
    par_set_threads(2);
    for (int i = 0; i < n_backends; i++) {
        struct compute c;
        char device[64];
        snprintf(device, sizeof device, "%s:%s", backends[i]->name, backends[i]->variant);
        if (compute_open(&c, device) != ERR_OK) {
            print_message("not on this machine: %s\n", device);
            continue;
        }
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (int order = 0; order < 4; order++)
                check(&c, &sizes[s], dtypes[(order + (int)s) % 2], order);
        compute_close(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits_as_apart)};
    return cmocka_run_group_tests_name("product", tests, NULL, NULL);
}
