/* SPDX-License-Identifier: Apache-2.0
 * The expected seconds of a step: rates that were measured are rates; the count behind them agrees
 * with the model's own and the adapter's, part by part, by rates that make all other parts free;
 * longer steps, recomputation and more trained weights take longer.
 * Under test: trainer/pace.c, adapter_cost. */
#include "tests/unit/test.h"
#include "tests/unit/trainer/fixture.h"
#include "trainer/pace.h"
#include <math.h>

static const struct pace_step step = {.rows = 2, .tokens = 64, .trained_tokens = 40};
static const double much = 1e30;

static void start(struct fixture *f, const char *adapter, int64_t layers) {
    fixture_init(f, GOLDEN_NANO);
    f->adapter_options.type = adapter;
    f->adapter_options.r = 4;
    fixture_open(f);
    assert_ok(trainer_init(&f->trainer, &f->run));
    f->trainer.recompute.layers = layers;
    assert_ok(trainer_plan(&f->trainer, &f->plan));
}

static void measured(void **state) {
    (void)state;
    struct fixture f;
    struct pace p;
    start(&f, "none", 0);
    assert_ok(pace_measure(&p, &f.trainer, 0));
    const double rates[] = {p.products, p.narrow, p.attention, p.bytes, p.updates};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        assert_true(isfinite(rates[i]) && rates[i] > 1e3);
    const double seconds = pace_seconds(&p, &f.trainer, &step);
    assert_true(seconds > 0 && seconds < 60);
    assert_true(pace_of_peak(&p, &f.trainer, &step, 2 * seconds) < 1);
    fixture_stop(&f);
}

static double seconds_of(const struct fixture *f, const struct pace *p) {
    return pace_seconds(p, &f->trainer, &step);
}

static void parts(void **state) {
    (void)state;
    struct fixture f;
    start(&f, "none", 0);
    const struct cost c = model_cost(
        &f.model, &(struct cost_of){.tokens = step.tokens, .trained_tokens = 40, .keys = 16});
    const struct pace products = {1, much, much, much, much},
                      attention = {much, much, 1, much, much}, moved = {much, much, much, 1, much},
                      updated = {much, much, much, much, 1};
    assert_true(seconds_of(&f, &products) >= c.forward + c.input_gradients + c.weight_gradients);
    assert_true(fabs(seconds_of(&f, &attention) - c.attention) < 1e-6 * c.attention);
    assert_true(fabs(seconds_of(&f, &moved) - c.bytes) < 1e-6 * c.bytes);
    double count = 0;
    for (int64_t i = 0; i < f.trainer.n_params; i++) count += (double)f.trainer.params[i]->count;
    assert_true(fabs(seconds_of(&f, &updated) - count) < 1e-6 * count);
    const double share = pace_of_peak(&products, &f.trainer, &step, cost_multiplications(&c));
    assert_true(fabs(share - 1) < 1e-12);
    fixture_stop(&f);
}

static void longer(void **state) {
    (void)state;
    const struct pace all = {1, 1, 1, 1, 1};
    struct fixture kept, again, lora;
    struct pace_step twice = step;
    twice.tokens *= 2;
    start(&kept, "none", 0);
    start(&again, "none", 2);
    start(&lora, "lora", 0);
    assert_true(pace_seconds(&all, &kept.trainer, &twice) > seconds_of(&kept, &all));
    assert_true(seconds_of(&again, &all) > seconds_of(&kept, &all));
    assert_true(seconds_of(&lora, &all) < seconds_of(&kept, &all)); /* no gradients of weights */
    fixture_stop(&kept);
    fixture_stop(&again);
    fixture_stop(&lora);
}

/* A x, B^T dy and both gradients are as narrow as the rank; the other two join wide products. */
static void low_ranks(void **state) {
    (void)state;
    struct fixture f;
    start(&f, "lora", 0);
    int64_t n, sides = 0;
    struct param *params = adapter_params(f.adapter, &n);
    for (int64_t i = 0; i < n; i++) sides += params[i].count; /* r in, out r */
    const struct adapter_cost c = adapter_cost(f.adapter);
    assert_true(sides > 0 && c.narrow == 2 * (double)sides && c.joined == (double)sides);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(measured), cmocka_unit_test(parts),
                                       cmocka_unit_test(longer), cmocka_unit_test(low_ranks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
