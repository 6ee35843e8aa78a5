/* SPDX-License-Identifier: Apache-2.0
 * Merging: every merged weight is W + s B A as double precision gives it, to the rounding of the
 * dtype the base was stored in and of the fp32 sum before it; everything else is the base's bits;
 * the merged fp32 model computes what the adapted one does, the convolutions' adapters included.
 * Read next: adapters/save.c. */
#include "tests/unit/trainer/fixture.h"

#include "base/philox.h"
#include "model/init.h"

#include <math.h>

enum { RANK = 3, TOKENS = 24 };

struct merged {
    struct compute compute;
    struct model base, model;
    struct adapter *adapter;
    struct plan plan, merged_plan;
    char dir[64], base_dir[100], merged_dir[100];
};

/* A fresh model of golden nano's shape, an adapter of all sites with random values, the merge. */
static void merge(struct merged *m, enum dtype dtype) {
    struct model_config config;
    const struct rng values = {3, RNG_TEST, 0};
    const struct adapter_options options = {
        .type = "lora", .r = RANK, .lora_alpha = 6, .target_modules = {(const char *[]){"all"}, 1}};
    const struct model_plan_options forward = {.max_tokens = TOKENS};
    int64_t n;
    *m = (struct merged){0};
    snprintf(m->dir, sizeof m->dir, "%s", test_folder());
    snprintf(m->base_dir, sizeof m->base_dir, "%s/base", m->dir);
    snprintf(m->merged_dir, sizeof m->merged_dir, "%s/merged", m->dir);
    assert_ok(model_config_read(&config, GOLDEN_NANO "/config.json"));
    config.initializer_range = 0.2;
    assert_ok(model_init_write(&config, 1, dtype, m->base_dir));
    model_config_release(&config);
    assert_ok(compute_open(&m->compute, NULL));
    assert_ok(model_open(&m->base, m->base_dir, &m->compute));
    assert_ok(adapter_new(&m->adapter, &m->base, &options, 5));
    assert_ok(model_plan(&m->base, &m->plan, &forward));
    assert_ok(adapter_plan(m->adapter, &m->plan, false));
    assert_ok(plan_allocate(&m->plan, &m->compute));
    assert_ok(model_start(&m->base, &m->plan));
    assert_ok(adapter_start(m->adapter, &m->plan));
    struct param *params = adapter_params(m->adapter, &n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < params[i].count; j++)
            params[i].value[j] = (float)(0.1 * rng_normal(&values, (uint64_t)(i * 100000 + j)));
    assert_ok(adapter_save_merged(&m->base, m->adapter, m->base_dir, m->merged_dir));
    assert_ok(model_open(&m->model, m->merged_dir, &m->compute));
    assert_ok(model_plan(&m->model, &m->merged_plan, &forward));
    assert_ok(plan_allocate(&m->merged_plan, &m->compute));
    assert_ok(model_start(&m->model, &m->merged_plan));
}

static void merge_release(struct merged *m) {
    adapter_free(m->adapter);
    model_close(&m->base);
    model_close(&m->model);
    plan_release(&m->plan);
    plan_release(&m->merged_plan);
    compute_close(&m->compute);
    test_folder_remove(m->dir);
}

static float element(const struct param *p, int64_t i) {
    float value;
    dtype_to_f32((const char *)p->stored + i * dtype_bytes(p->dtype), p->dtype, 1, &value);
    return value;
}

/* s (B A)[o][i] in double, s = 6 / 3. */
static double update(const struct param *a, const struct param *b, int64_t o, int64_t i,
                     int64_t in) {
    double sum = 0;
    for (int64_t k = 0; k < RANK; k++)
        sum += (double)b->value[o * RANK + k] * (double)a->value[k * in + i];
    return 2 * sum;
}

/* The adapter's A of a weight, B behind it; NULL: not adapted. */
static const struct param *adapted(struct merged *m, const char *weight) {
    int64_t n;
    struct param *params = adapter_params(m->adapter, &n);
    char name[200];
    snprintf(name, sizeof name, "base_model.model.%.*s.lora_A.weight",
             (int)(strlen(weight) - strlen(".weight")), weight);
    for (int64_t i = 0; i < n; i++)
        if (!strcmp(params[i].name, name)) return &params[i];
    return NULL;
}

/* Returns the number of weights that the adapter changed. `unit` is the dtype's half ulp; the fp32
 * sum of three products and one addition adds at most 4 roundings of the largest value there, which
 * is under 4. */
static int check_weights(struct merged *m, double unit) {
    int n_adapted = 0;
    assert_int_equal(m->model.n_params, m->base.n_params);
    for (int64_t p = 0; p < m->base.n_params; p++) {
        const struct param *before = &m->base.params[p], *after = &m->model.params[p];
        const struct param *a = adapted(m, before->name);
        assert_string_equal(before->name, after->name);
        assert_int_equal(before->dtype, after->dtype);
        n_adapted += a != NULL;
        if (!a) {
            assert_memory_equal(before->stored, after->stored,
                                (size_t)(before->count * dtype_bytes(before->dtype)));
            continue;
        }
        int64_t in = before->count / before->shape[0];
        for (int64_t i = 0; i < before->count; i++) {
            double want = (double)element(before, i) + update(a, a + 1, i / in, i % in, in);
            double found = (double)element(after, i);
            assert_true(fabs(found - want) <= unit * fabs(want) + 4 * 4 * 0x1p-24);
        }
    }
    return n_adapted;
}

static void test_bf16(void **state) {
    (void)state;
    struct merged m;
    merge(&m, DTYPE_BF16);
    assert_int_equal(check_weights(&m, 0x1p-8), 18);
    merge_release(&m);
}

/* Largest difference of logits over a row of tokens. */
static double logit_difference(struct merged *m, double *largest) {
    struct batch batch = {0};
    const struct model_call call = {.batch = &batch};
    int64_t v = m->base.config.vocab_size;
    int32_t ids[TOKENS];
    double worst = 0;
    float *logits[2];
    for (int i = 0; i < TOKENS; i++) ids[i] = (i * 37 + 11) % (int32_t)v;
    assert_ok(batch_init(&batch, TOKENS));
    assert_ok(batch_add_row(&batch, TOKENS, ids, NULL, NULL, m->base.config.eod, ISOLATE_NONE));
    for (int i = 0; i < 2; i++) {
        struct model *model = i ? &m->model : &m->base;
        logits[i] = mem_alloc((size_t)(TOKENS * v), sizeof *logits[i]);
        assert_non_null(logits[i]);
        assert_ok(model_forward(model, &call));
        assert_ok(model_logits(model, 0, TOKENS, logits[i]));
    }
    for (int64_t i = 0; i < TOKENS * v; i++) {
        worst = fmax(worst, fabs((double)logits[0][i] - (double)logits[1][i]));
        *largest = fmax(*largest, fabs((double)logits[0][i]));
    }
    mem_free(logits[0]);
    mem_free(logits[1]);
    batch_release(&batch);
    return worst;
}

/* Same function, other order of sums: the fp32 noise of golden logits, 2e-4 where they reach 10. */
static void test_fp32(void **state) {
    (void)state;
    struct merged m;
    double largest = 0;
    merge(&m, DTYPE_F32);
    assert_int_equal(check_weights(&m, 0x1p-24), 18);
    double worst = logit_difference(&m, &largest);
    print_message("merged against adapted: %.2g where logits reach %.2g\n", worst, largest);
    assert_true(largest > 1);
    assert_true(worst < 2e-5 * largest);
    merge_release(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bf16), cmocka_unit_test(test_fp32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
