/* SPDX-License-Identifier: Apache-2.0
 * LoRA: which modules a target names, what a fresh adapter starts from, and the gradients of the
 * convolutions' adapters, which no other program's golden files have, against finite differences.
 * Read next: adapters/lora.c; tests/golden/test_lora.c for the seven projections. */
#include "tests/unit/trainer/fixture.h"

#include "base/philox.h"

#include <math.h>

static int64_t n_params_of(const char *const *targets, int64_t n) {
    struct compute compute;
    struct model model;
    struct adapter *a;
    int64_t n_params;
    const struct adapter_options options = {"lora", 2, 4, 0, false, {(const char **)targets, n}};
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
    const struct adapter_options options = {"lora", 2, 4, 0, false, {(const char **)targets, 2}};
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

/* Mean loss of the first two golden rows; with gradients, adds them. */
static double mean_loss(struct fixture *f, struct batch *batch, bool gradients) {
    const struct model_call call = {.batch = batch};
    double sum;
    int64_t trained;
    assert_ok(model_forward(&f->model, &call));
    assert_ok(
        model_loss(&f->model, &call, gradients ? 1 / (double)batch->n : 0, &sum, &trained, NULL));
    if (gradients) assert_ok(model_backward(&f->model, &call));
    assert_int_equal(trained, batch->n);
    return sum / (double)trained;
}

/* A random direction uphill: each number has its gradient's sign, so no derivative is near 0. */
static double uphill(const struct param *p, int64_t j) {
    const struct rng r = {11, RNG_TEST, (uint64_t)p->count};
    return copysign(rng_normal(&r, (uint64_t)j), (double)p->gradient[j]);
}

static void move(const struct param *p, const float *from, double by) {
    for (int64_t j = 0; j < p->count; j++) p->value[j] = from[j] + (float)(by * uphill(p, j));
}

/* The derivative along a random direction, from losses at +-h and +-2h:
 *   (8 (L(h) - L(-h)) - (L(2h) - L(-2h))) / 12 h,  error O(h^4) and a loss's noise times 1.5 / h.
 * A loss is the mean of 64 fp32 values near 10, each off by up to 1e-6, so by 1.2e-7; with h = 2e-3
 * that makes 1e-4, where uphill directions of unit variance give 0.5 and more. Allowed: 1 % of
 * it. */
static void check_direction(struct fixture *f, struct batch *batch, const struct param *p) {
    const double h = 2e-3;
    float *start = mem_alloc((size_t)p->count, sizeof *start);
    double loss[4], analytic = 0;
    assert_non_null(start);
    memcpy(start, p->value, (size_t)p->count * sizeof *start);
    for (int64_t j = 0; j < p->count; j++) analytic += (double)p->gradient[j] * uphill(p, j);
    for (int i = 0; i < 4; i++) {
        static const double steps[] = {-2, -1, 1, 2};
        move(p, start, steps[i] * h);
        loss[i] = mean_loss(f, batch, false);
    }
    memcpy(p->value, start, (size_t)p->count * sizeof *start);
    mem_free(start);
    double numeric = (8 * (loss[2] - loss[1]) - (loss[3] - loss[0])) / (12 * h);
    print_message("%s: %.5g, finite differences %.5g\n", p->name, analytic, numeric);
    assert_true(analytic > 0.5);
    assert_true(fabs(numeric - analytic) < 0.01 * fabs(analytic) + 1e-3);
}

static void test_convolution_gradients(void **state) {
    (void)state;
    struct fixture f;
    struct batch batch = {0};
    const struct rng values = {5, RNG_TEST, 0};
    fixture_init(&f, GOLDEN_NANO);
    f.adapter_options =
        (struct adapter_options){"lora", 4, 8, 0, false, {(const char *[]){"conv1", "conv2"}, 2}};
    f.mask = LOSS_MASK_ALL;
    fixture_start(&f);
    for (int64_t i = 0; i < f.trainer.n_params; i++) { /* B away from 0, or A has no gradient */
        const struct param *p = f.trainer.params[i];
        for (int64_t j = 0; strstr(p->name, "lora_B") && j < p->count; j++)
            p->value[j] = (float)(0.1 * rng_normal(&values, (uint64_t)(i * 10000 + j)));
    }
    assert_ok(batch_init(&batch, 2 * GOLDEN_TOKENS));
    for (int r = 0; r < 2; r++)
        assert_ok(batch_add_row(&batch, GOLDEN_TOKENS, f.data.ids[r], f.data.targets[r], NULL,
                                f.data.source.eod, ISOLATE_ALL));
    assert_ok(model_zero_gradients(&f.model));
    mean_loss(&f, &batch, true);
    assert_int_equal(f.trainer.n_params, 8);
    for (int64_t i = 0; i < f.trainer.n_params; i++)
        check_direction(&f, &batch, f.trainer.params[i]);
    batch_release(&batch);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets), cmocka_unit_test(test_unknown_target),
        cmocka_unit_test(test_start), cmocka_unit_test(test_convolution_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
