/* SPDX-License-Identifier: Apache-2.0
 * The train and adapter sections: spellings of other trainers, choices that come from the tables,
 * and settings that exclude each other.
 * Read next: trainer/options.c. */
#include "tests/unit/test.h"

#include "adapters/adapter.h"
#include "trainer/optim/optim.h"
#include "trainer/options.h"
#include "trainer/schedule/schedule.h"

static void set(struct opt_table table, void *target, struct arena *a, const char *name,
                const char *text) {
    const struct opt *row = opt_find(table, name, NULL);
    if (!row) fail_msg("no row '%s'", name);
    assert_ok(opt_set(row, target, text, a));
}

static void test_spellings(void **state) {
    (void)state;
    struct train_options o = {0};
    struct arena a = {0};
    struct opt_table table = train_options_table();
    assert_ok(opt_presets(table, &o, &a));
    assert_ok(train_options_check(&o));
    set(table, &o, &a, "per_device_train_batch_size", "4");
    set(table, &o, &a, "gradient_accumulation_steps", "2");
    set(table, &o, &a, "cutoff_len", "512");
    set(table, &o, &a, "num_train_epochs", "5.0");
    set(table, &o, &a, "lr", "2e-4");
    set(table, &o, &a, "lr_scheduler_type", "linear");
    assert_int_equal(train_options_rows(&o), 8);
    assert_int_equal(o.sequence_len, 512);
    assert_true(o.num_epochs == 5);
    assert_true(o.learning_rate == 2e-4);
    assert_string_equal(o.lr_scheduler, "linear");
    arena_release(&a);
}

/* Every row of a table is a choice, and no other word is. */
static void test_choices(void **state) {
    (void)state;
    struct train_options o = {0};
    struct adapter_options adapter = {0};
    struct arena a = {0};
    assert_ok(opt_presets(train_options_table(), &o, &a));
    assert_ok(opt_presets(adapter_options_table(), &adapter, &a));
    for (int i = 0; i < n_optimizer_kinds; i++)
        set(train_options_table(), &o, &a, "optimizer", optimizer_kinds[i]->name);
    for (int i = 0; i < n_schedule_kinds; i++)
        set(train_options_table(), &o, &a, "lr_scheduler", schedule_kinds[i]->name);
    set(adapter_options_table(), &adapter, &a, "type", "lora");
    assert_true(adapter_wanted(&adapter));
    set(adapter_options_table(), &adapter, &a, "type", "none");
    assert_false(adapter_wanted(&adapter));
    assert_fails(opt_set(opt_find(train_options_table(), "optimizer", NULL), &o, "sgd", &a),
                 ERR_RANGE, "adamw");
    assert_fails(opt_set(opt_find(adapter_options_table(), "type", NULL), &adapter, "loha", &a),
                 ERR_RANGE, "lora,dora,none");
    arena_release(&a);
}

static void test_exclusions(void **state) {
    (void)state;
    struct train_options o = {0};
    struct arena a = {0};
    assert_ok(opt_presets(train_options_table(), &o, &a));
    o.min_learning_rate = 1e-5;
    assert_ok(train_options_check(&o));
    o.min_learning_rate_ratio = 0.1;
    assert_fails(train_options_check(&o), ERR_RANGE, "min_learning_rate_ratio");
    o.min_learning_rate_ratio = 0;
    o.min_learning_rate = 1;
    assert_fails(train_options_check(&o), ERR_RANGE, "'min_learning_rate'");
    arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spellings),
                                       cmocka_unit_test(test_choices),
                                       cmocka_unit_test(test_exclusions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
