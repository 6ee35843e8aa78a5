/* SPDX-License-Identifier: Apache-2.0
 * LoRA: which modules a target names, what a fresh adapter starts from, and the gradients of the
 * convolutions' adapters, which no other program's golden files have, against finite differences.
 * Read next: adapters/lora.c; tests/golden/test_lora.c for the seven projections. */
#include "tests/unit/adapters/slopes.h"

#include <math.h>

static int64_t n_params_of(const char *const *targets, int64_t n) {
    struct compute compute;
    struct model model;
    struct adapter *a;
    int64_t n_params;
    const struct adapter_options options = {
        .type = "lora", .r = 2, .lora_alpha = 4, .target_modules = {(const char **)targets, n}};
    assert_ok(compute_open(&compute, NULL));
    assert_ok(model_open(&model, GOLDEN_NANO, &compute));
    assert_ok(adapter_new(&a, &model, &options, 1));
    adapter_params(a, &n_params);
    adapter_free(a);
    for (int64_t i = 0; i < model.n_projections; i++) assert_null(model.projections[i].adapter);
    model_close(&model);
    compute_close(&compute);
    return n_params;
}

/* Two layers, two tensors a site. */
static void test_targets(void **state) {
    (void)state;
    assert_int_equal(n_params_of((const char *[]){"all"}, 1), 2 * 2 * 9);
    assert_int_equal(n_params_of((const char *[]){"linear"}, 1), 2 * 2 * 7);
    assert_int_equal(n_params_of((const char *[]){"q_proj", "conv2"}, 2), 2 * 2 * 2);
    assert_int_equal(n_params_of((const char *[]){"lf_gate.conv1"}, 1), 2 * 2);
    assert_int_equal(n_params_of((const char *[]){"model.layers.1.mlp.up_proj"}, 1), 2);
    assert_int_equal(n_params_of((const char *[]){"linear", "q_proj"}, 2), 2 * 2 * 7);
}

static void test_unknown_target(void **state) {
    (void)state;
    struct compute compute;
    struct model model;
    struct adapter *a;
    const char *const targets[] = {"q_proj", "proj"}; /* no last component, only the end of one */
    const struct adapter_options options = {
        .type = "lora", .r = 2, .lora_alpha = 4, .target_modules = {(const char **)targets, 2}};
    assert_ok(compute_open(&compute, NULL));
    assert_ok(model_open(&model, GOLDEN_NANO, &compute));
    assert_fails(adapter_new(&a, &model, &options, 1), ERR_MISSING, "'proj'");
    assert_null(a);
    model_close(&model);
    compute_close(&compute);
}

/* A uniform in +-1/sqrt(in), whose variance is 1/(3 in); B zero. */
static void test_start(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f, GOLDEN_NANO);
    f.adapter_options.type = "lora";
    f.adapter_options.r = 16;
    fixture_start(&f);
    for (int64_t i = 0; i < f.trainer.n_params; i++) {
        const struct param *p = f.trainer.params[i];
        bool is_a = strstr(p->name, ".lora_A.") != NULL;
        double in = (double)(p->count / p->shape[0]), largest = 0, squares = 0;
        for (int64_t j = 0; j < p->count; j++) {
            largest = fmax(largest, fabs((double)p->value[j]));
            squares += (double)p->value[j] * (double)p->value[j];
        }
        if (!is_a) {
            assert_true(largest == 0);
            continue;
        }
        double variance = squares / (double)p->count;
        assert_true(largest <= 1 / sqrt(in) && largest > 0.98 / sqrt(in));
        assert_true(fabs(variance * 3 * in - 1) < 0.15); /* 1024 or more draws: 5 deviations */
    }
    fixture_stop(&f);
}

static void test_convolution_gradients(void **state) {
    (void)state;
    struct fixture f;
    struct batch batch = {0};
    const struct rng values = {5, RNG_TEST, 0};
    fixture_init(&f, GOLDEN_NANO);
    f.adapter_options =
        (struct adapter_options){.type = "lora",
                                 .r = 4,
                                 .lora_alpha = 8,
                                 .target_modules = {(const char *[]){"conv1", "conv2"}, 2}};
    f.mask = LOSS_MASK_ALL;
    fixture_start(&f);
    for (int64_t i = 0; i < f.trainer.n_params; i++) { /* B away from 0, or A has no gradient */
        const struct param *p = f.trainer.params[i];
        for (int64_t j = 0; strstr(p->name, "lora_B") && j < p->count; j++)
            p->value[j] = (float)(0.1 * rng_normal(&values, (uint64_t)(i * 10000 + j)));
    }
    two_rows(&f, &batch);
    assert_ok(model_zero_gradients(&f.model));
    const struct model_call call = {.batch = &batch};
    mean_loss(&f, &call, true);
    assert_int_equal(f.trainer.n_params, 8);
    for (int64_t i = 0; i < f.trainer.n_params; i++)
        check_direction(&f, &call, f.trainer.params[i]);
    batch_release(&batch);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets), cmocka_unit_test(test_unknown_target),
        cmocka_unit_test(test_start), cmocka_unit_test(test_convolution_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
