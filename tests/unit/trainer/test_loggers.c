/* SPDX-License-Identifier: Apache-2.0
 * Loggers where memory or the disk runs out: each failure is said, nothing is leaked, and what
 * appears whole is as it was before. What they write is held against the formats by
 * tests/shell/test_loggers.sh.
 * Read next: trainer/loggers/logger.h. */
#include "tests/unit/trainer/fixture.h"

#include "base/fault.h"
#include "trainer/loggers/logger.h"

static const char record[] =
    "{\"step\":1,\"lr\":0.5,\"loss\":3,\"grad_norm\":1,\"tokens\":10,\"tokens_per_second\":5,"
    "\"seconds\":2,\"time\":1700000000}\n"
    "{\"step\":2,\"lr\":0.25,\"loss\":1,\"grad_norm\":1,\"eval_loss\":7,\"best\":{\"metric\":"
    "\"eval_loss\",\"step\":2,\"value\":7,\"waited\":0},\"tokens\":20,\"tokens_per_second\":5,"
    "\"seconds\":4,\"time\":1700000002,\"eval_rows\":6,\"eval_seconds\":3}\n";
static const char next[] = "{\"step\":3,\"lr\":0.125,\"loss\":2,\"grad_norm\":1,\"tokens\":30,"
                           "\"seconds\":1,\"time\":1700000003}";

struct setup {
    char dir[100], path[120];
    struct train_options options;
    struct arena arena;
    struct logger_run run;
};

static void set_up(struct setup *s) {
    *s = (struct setup){.options = {.num_epochs = 1.5, .micro_batch_size = 2}};
    snprintf(s->dir, sizeof s->dir, "%s", test_folder());
    snprintf(s->path, sizeof s->path, "%s/run.jsonl", s->dir);
    assert_ok(opt_list_add(&s->options.report_to, &s->arena, "all"));
    s->run = (struct logger_run){.dir = s->dir,
                                 .record = s->path,
                                 .options = &s->options,
                                 .n_steps = 4,
                                 .steps_per_epoch = 2,
                                 .n_weights = 100};
    assert_ok(file_write(s->path, record, sizeof record - 1));
}

static void tear_down(struct setup *s) {
    arena_release(&s->arena);
    test_folder_remove(s->dir);
}

static err log_a_step(const struct setup *s) {
    struct loggers l = {0};
    json_t *line = NULL;
    err e = loggers_begin(&l, &s->run);
    if (e == ERR_OK) e = json_parse(next, sizeof next - 1, "a line", &line);
    if (e == ERR_OK) e = loggers_step(&l, line);
    if (e == ERR_OK) e = loggers_flush(&l);
    if (e == ERR_OK) e = loggers_end(&l);
    json_decref(line);
    loggers_release(&l);
    return e;
}

static void fail_each(enum fault_kind kind, err wanted) {
    struct setup s;
    set_up(&s);
    const int64_t live = mem_stats().live_blocks;
    for (int64_t n = 1;; n++) {
        fault_arm(kind, FAULT_FAIL, n);
        err e = log_a_step(&s);
        const bool reached = fault_count(kind) >= n;
        fault_arm(kind, FAULT_FAIL, 0);
        assert_int_equal(mem_stats().live_blocks, live);
        if (!reached) {
            assert_ok(e);
            break;
        }
        assert_int_equal(e, wanted);
        assert_true(n < 2000);
    }
    tear_down(&s);
}

static void test_no_memory(void **state) {
    (void)state;
    fail_each(FAULT_MEM, ERR_MEMORY);
}

static void test_disk_full(void **state) {
    (void)state;
    fail_each(FAULT_IO, ERR_IO);
}

/* The sums that every logger gets, and the mean of the steps between two that are logged. */
static void test_sums(void **state) {
    (void)state;
    struct setup s;
    struct log_fold fold;
    set_up(&s);
    s.options.logging_steps = 2;
    assert_ok(log_replay(&s.run, &fold, NULL, NULL));
    const struct log_line *l = &fold.line;
    assert_int_equal(l->step, 2);
    assert_true(l->logged && l->loss_mean == 2 && l->loss == 1);
    assert_true(l->tokens == 30 && l->seconds == 9 && l->epoch == 1);
    assert_true(l->evaluated && l->eval_rows == 6 && l->best_step == 2);
    json_t *line = NULL;
    assert_ok(json_parse(next, sizeof next - 1, "a line", &line));
    assert_ok(log_fold_take(&fold, line));
    json_decref(line);
    assert_true(!l->logged && !l->evaluated && l->best_step == 2 && l->best_value == 7);
    tear_down(&s);
}

/* A line that is none: said with the file's name. */
static void test_damaged(void **state) {
    (void)state;
    struct setup s;
    struct log_fold fold;
    set_up(&s);
    assert_ok(file_append(s.path, "{\"step\":3,\n", 11));
    assert_fails(log_replay(&s.run, &fold, NULL, NULL), ERR_PARSE, "run.jsonl");
    tear_down(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
