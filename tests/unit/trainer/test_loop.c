/* SPDX-License-Identifier: Apache-2.0
 * The loop: how a step is cut into micro-batches and how many threads work on it shows in no bit of
 * losses, gradient norms and weights; a run that cannot go on says where and leaves what is good.
 * Read next: trainer/loop.c. */
#include "tests/unit/trainer/fixture.h"

#include "base/par.h"

#include <math.h>

enum { STEPS = 5, TRACED = 3 };

struct trace { /* of one run */
    double loss[TRACED], norm[TRACED];
    float *values; /* all trained parameters, one after the other */
    int64_t n_values;
};

static void keep_step(void *ctx, const struct train_report *report) {
    struct trace *t = ctx;
    t->loss[report->step - 1] = report->loss;
    t->norm[report->step - 1] = report->gradient_norm;
}

static void keep_values(const struct fixture *f, struct trace *t) {
    for (int64_t i = 0; i < f->trainer.n_params; i++) t->n_values += f->trainer.params[i]->count;
    t->values = mem_alloc((size_t)t->n_values, sizeof *t->values);
    assert_non_null(t->values);
    int64_t at = 0;
    for (int64_t i = 0; i < f->trainer.n_params; i++) {
        const struct param *p = f->trainer.params[i];
        memcpy(t->values + at, p->value, (size_t)p->count * sizeof *t->values);
        at += p->count;
    }
}

static void lora_with_dropout(struct fixture *f) {
    f->adapter_options.type = "lora";
    f->adapter_options.r = 4;
    f->adapter_options.lora_dropout = 0.2;
}

static void trace_run(struct trace *t, bool lora, int64_t micro_batch_size, const char *isolate) {
    struct fixture f;
    struct train_result result;
    *t = (struct trace){0};
    fixture_init(&f, GOLDEN_NANO);
    f.n_steps = TRACED;
    f.rows_per_step = 8;
    f.options.warmup_steps = 1;
    f.options.micro_batch_size = micro_batch_size;
    f.options.gradient_accumulation_steps = 8 / micro_batch_size;
    f.options.isolate = isolate;
    if (lora) lora_with_dropout(&f);
    f.run.dir = test_folder();
    f.run.ctx = t;
    f.run.on_step = keep_step;
    fixture_start(&f);
    assert_ok(trainer_run(&f.trainer, &result));
    keep_values(&f, t);
    fixture_stop(&f);
    test_folder_remove(f.run.dir);
}

static void assert_same_bits(const struct trace *a, const struct trace *b) {
    assert_memory_equal(a->loss, b->loss, sizeof a->loss);
    assert_memory_equal(a->norm, b->norm, sizeof a->norm);
    assert_int_equal(a->n_values, b->n_values);
    assert_memory_equal(a->values, b->values, (size_t)a->n_values * sizeof *a->values);
}

static void test_accumulation(void **state) {
    (void)state;
    static const char *const isolations[] = {"all", "attention", "none"};
    for (int lora = 0; lora < 2; lora++)
        for (int i = 0; i < 3; i++) {
            struct trace whole;
            trace_run(&whole, lora, 8, isolations[i]);
            assert_true(whole.loss[TRACED - 1] != whole.loss[0]);
            for (int64_t micro = i == 0 ? 1 : 4; micro < 8; micro *= 2) {
                struct trace parts;
                trace_run(&parts, lora, micro, isolations[i]);
                assert_same_bits(&whole, &parts);
                mem_free(parts.values);
            }
            mem_free(whole.values);
        }
}

static void test_threads(void **state) {
    (void)state;
    for (int lora = 0; lora < 2; lora++) {
        struct trace one, two;
        par_set_threads(1);
        trace_run(&one, lora, 4, "all");
        par_set_threads(2);
        trace_run(&two, lora, 4, "all");
        assert_same_bits(&one, &two);
        mem_free(one.values);
        mem_free(two.values);
    }
    par_set_threads(0);
}

/* Loss of the golden adapter's first step under a share of dropout and a seed. */
static double first_loss(double dropout, int64_t seed) {
    struct fixture f;
    struct trace t = {0};
    struct train_result result;
    const char *folder = test_folder();
    fixture_init(&f, GOLDEN_NANO);
    f.adapter_options = (struct adapter_options){.type = "lora",
                                                 .r = 4,
                                                 .lora_alpha = 8,
                                                 .lora_dropout = dropout,
                                                 .target_modules = {(const char *[]){"linear"}, 1}};
    f.n_steps = 2; /* B starts at 0, so the adapter shows from the second step on */
    f.options.warmup_steps = 0;
    f.options.seed = 42;
    f.run.dir = folder;
    f.run.ctx = &t;
    f.run.on_step = keep_step;
    fixture_start(&f);
    f.options.seed = seed; /* after A was drawn from 42 */
    assert_ok(trainer_run(&f.trainer, &result));
    fixture_stop(&f);
    test_folder_remove(folder);
    return t.loss[1];
}

/* The tests above would not notice a dropout that is never on, or never changes. */
static void test_dropout_is_on(void **state) {
    (void)state;
    double without = first_loss(0, 1), with = first_loss(0.2, 1);
    assert_true(without == first_loss(0, 2));
    assert_true(with != without);
    assert_true(with == first_loss(0.2, 1));
    assert_true(with != first_loss(0.2, 2));
}

/* ---- what ends a run ---- */

struct poison {
    struct fixture *fixture;
    int64_t step;
};

static void poison_weights(void *ctx, const struct train_report *report) {
    const struct poison *p = ctx;
    if (report->step == p->step) p->fixture->trainer.params[0]->value[0] = INFINITY;
}

static void test_not_finite(void **state) {
    (void)state;
    struct fixture f;
    struct train_result result, whole;
    const char *dir = test_folder();
    for (int attempt = 0; attempt < 3; attempt++) { /* poisoned, resumed, left alone */
        struct poison poison = {&f, 3};
        fixture_init(&f, GOLDEN_NANO);
        f.n_steps = STEPS;
        f.options.save_steps = 2;
        f.run.dir = dir;
        f.run.resume = attempt == 1;
        f.run.ctx = &poison;
        f.run.on_step = attempt == 0 ? poison_weights : NULL;
        fixture_start(&f);
        if (attempt == 0) {
            assert_fails(trainer_run(&f.trainer, &result), ERR_NUMERIC, "step 4: the loss is not");
            assert_non_null(strstr(err_message(), "golden rows from 6"));
        } else {
            assert_ok(trainer_run(&f.trainer, attempt == 1 ? &result : &whole));
        }
        fixture_stop(&f);
        if (attempt == 1) assert_ok(dir_remove(dir));
    }
    assert_string_equal(result.digest, whole.digest);
    test_folder_remove(dir);
}

static void test_nothing_trained(void **state) {
    (void)state;
    struct fixture f;
    struct train_result result;
    fixture_init(&f, GOLDEN_NANO);
    f.n_steps = 4;
    f.run.dir = test_folder();
    fixture_start(&f);
    for (int r = 4; r < 6; r++) /* the third step's rows */
        for (int i = 0; i < GOLDEN_TOKENS; i++) f.data.targets[r][i] = TARGET_IGNORE;
    assert_fails(trainer_run(&f.trainer, &result), ERR_RANGE, "step 3: no token");
    assert_non_null(strstr(err_message(), "golden rows from 4"));
    fixture_stop(&f);
    test_folder_remove(f.run.dir);
}

static void test_bad_token(void **state) {
    (void)state;
    struct fixture f;
    struct train_result result;
    fixture_init(&f, GOLDEN_NANO);
    f.run.dir = test_folder();
    fixture_start(&f);
    f.data.ids[3][5] = 512;
    assert_fails(trainer_run(&f.trainer, &result), ERR_RANGE, "512");
    fixture_stop(&f);
    test_folder_remove(f.run.dir);
}

/* ---- validation ---- */

static err count_evaluation(void *ctx, struct model *m, struct train_evaluation *out) {
    (void)m;
    ++*(int64_t *)ctx;
    *out = (struct train_evaluation){.loss = 0.5, .rows = 1};
    return ERR_OK;
}

static void test_validation(void **state) {
    (void)state;
    struct fixture f;
    struct train_result result;
    struct str text = {0};
    char path[100];
    int64_t seen = 0;
    fixture_init(&f, GOLDEN_NANO);
    f.n_steps = STEPS;
    f.options.eval_steps = 2;
    f.run.dir = test_folder();
    f.run.ctx = &seen;
    f.run.on_eval = count_evaluation;
    fixture_start(&f);
    assert_ok(trainer_run(&f.trainer, &result));
    assert_int_equal(seen, 3); /* steps 2, 4 and 5 */
    snprintf(path, sizeof path, "%s/run.jsonl", f.run.dir);
    assert_ok(file_read(path, 1 << 20, &text));
    int n = 0;
    for (const char *at = str_text(&text); (at = strstr(at, "\"eval_loss\"")); at++) n++;
    assert_int_equal(n, 3);
    str_release(&text);
    fixture_stop(&f);
    test_folder_remove(f.run.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accumulation),    cmocka_unit_test(test_threads),
        cmocka_unit_test(test_dropout_is_on),   cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_nothing_trained), cmocka_unit_test(test_bad_token),
        cmocka_unit_test(test_validation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
