/* SPDX-License-Identifier: Apache-2.0
 * Planning again: a trainer whose model and adapter were planned before, with other options each
 * time, has the plan of one that was planned once, and its run ends with the same bits.
 * Under test: model_plan, adapter_plan and trainer_plan, as the search for a plan that fits a
 * number of bytes calls them. */
#include "tests/unit/folder_test.h"
#include "tests/unit/trainer/fixture.h"

enum { STEPS = 3 };

static void prepare(struct fixture *f, const char *adapter) {
    fixture_init(f, GOLDEN_NANO);
    f->run.dir = folder;
    f->n_steps = STEPS;
    f->adapter_options.type = adapter;
    f->adapter_options.r = 4;
    f->options.neftune_noise_alpha = 5;
    fixture_open(f);
    assert_ok(trainer_init(&f->trainer, &f->run));
}

/* Plans that lack something that the trainer's has, or have more; their bytes. */
static void plan_others(struct fixture *f) {
    const bool full = !f->adapter;
    const struct model_plan_options others[] = {
        {.max_tokens = 1, .train_base = full, .backward = true, .embedding_noise = 1},
        {.max_tokens = 999, .train_base = full, .backward = true, .recompute = {1, 1, true}},
        {.max_tokens = 7, .weight_dtype = full ? "f32" : "nf4"},
        {.max_tokens = 0, .weight_dtype = full ? NULL : "bf16"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        for (int backward = 0; backward < 2; backward++) {
            struct plan plan = {0};
            assert_ok(model_plan(&f->model, &plan, &others[i]));
            if (f->adapter) assert_ok(adapter_plan(f->adapter, &plan, backward));
            plan_release(&plan);
        }
}

static void run(struct fixture *f, struct train_result *result) {
    assert_ok(plan_allocate(&f->plan, &f->compute));
    assert_ok(trainer_start(&f->trainer, &f->plan));
    assert_ok(trainer_run(&f->trainer, result));
}

static void check_again(const char *adapter) {
    struct fixture once, again;
    struct train_result want, got;
    prepare(&once, adapter);
    assert_ok(trainer_plan(&once.trainer, &once.plan));
    run(&once, &want);
    assert_ok(dir_remove(folder));
    prepare(&again, adapter);
    for (int i = 0; i < 2; i++) {
        struct plan plan = {0};
        plan_others(&again);
        assert_ok(trainer_plan(&again.trainer, &plan));
        plan_release(&plan);
    }
    plan_others(&again);
    assert_ok(trainer_plan(&again.trainer, &again.plan));
    assert_int_equal(again.plan.n_rows, once.plan.n_rows);
    for (int64_t i = 0; i < once.plan.n_rows; i++) {
        const struct plan_row *a = &once.plan.rows[i], *b = &again.plan.rows[i];
        assert_string_equal(a->name, b->name);
        assert_true(a->kind == b->kind && a->offset == b->offset && a->bytes == b->bytes);
    }
    run(&again, &got);
    assert_string_equal(got.digest, want.digest);
    fixture_stop(&again);
    fixture_stop(&once);
}

static void full(void **state) {
    (void)state;
    check_again("none");
}

static void lora(void **state) {
    (void)state;
    check_again("lora");
}

static void dora(void **state) {
    (void)state;
    check_again("dora");
}

int main(void) {
    const struct CMUnitTest tests[] = {FOLDER_TEST(full), FOLDER_TEST(lora), FOLDER_TEST(dora)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
