/* SPDX-License-Identifier: Apache-2.0
 * What evaluations decide: the step whose model a run ends with, and an early end. Evaluations take
 * their value from a list here, by the step, so that where the best one lies is known; a run that
 * was stopped or killed between them decides as one that was left alone.
 * Killing needs a process of its own: the program starts itself with the arguments of child().
 * Read next: trainer/best.h. */
#include "tests/unit/trainer/fixture.h"

#include "base/fault.h"
#include "base/par.h"
#include "trainer/best.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

enum { STEPS = 10 };

/* After steps 1 to 10; of every second one the best is 4, and those of 6 and 8 are worse. */
static const double values[STEPS] = {9, 5, 9, 3, 9, 4, 9, 3.5, 9, 3.25};

struct watch {
    int64_t stop_at, step;
    int64_t n_evaluations;
    char at_best[SHA256_HEX_SIZE]; /* of the adapter when the best was evaluated */
    const struct fixture *fixture;
};

static void hash_params(const struct fixture *f, char out[SHA256_HEX_SIZE]) {
    struct sha256 h;
    assert_ok(sha256_init(&h));
    for (int64_t i = 0; i < f->trainer.n_params; i++)
        assert_ok(sha256_add(&h, f->trainer.params[i]->value,
                             (size_t)f->trainer.params[i]->count * sizeof(float)));
    assert_ok(sha256_final(&h, out));
    sha256_release(&h);
}

static void count_step(void *ctx, const struct train_report *report) {
    ((struct watch *)ctx)->step = report->step;
}

static err evaluate(void *ctx, struct model *m, struct train_evaluation *out) {
    struct watch *w = ctx;
    (void)m;
    w->n_evaluations++;
    *out = (struct train_evaluation){.loss = values[w->step], .rows = 3}; /* step: the one before */
    if (w->step + 1 == 4) hash_params(w->fixture, w->at_best);
    return ERR_OK;
}

static bool stop_there(void *ctx) {
    const struct watch *w = ctx;
    return w->stop_at > 0 && w->step == w->stop_at;
}

struct attempt {
    const char *dir;
    bool resume, best;
    int64_t stop_at, patience, limit, eval_steps;
    const char *greater;
};

static struct watch watch;
static char ended_with[SHA256_HEX_SIZE]; /* the parameters that the last run ended with */
static int64_t n_operations;

static err attempt_run(const struct attempt *a, int64_t fault_at, enum fault_action action,
                       struct train_result *result) {
    struct fixture f;
    fixture_init(&f, GOLDEN_NANO);
    f.n_steps = STEPS;
    f.adapter_options.type = "lora";
    f.adapter_options.r = 2;
    f.options.warmup_steps = 1;
    f.options.eval_steps = a->eval_steps;
    f.options.load_best_model_at_end = a->best;
    f.options.early_stopping_patience = a->patience;
    f.options.greater_is_better = a->greater;
    f.options.save_total_limit = a->limit;
    f.options.save_steps = 3;
    watch = (struct watch){.stop_at = a->stop_at, .fixture = &f};
    f.run.dir = a->dir;
    f.run.resume = a->resume;
    f.run.ctx = &watch;
    f.run.on_step = count_step;
    f.run.on_eval = evaluate;
    f.run.should_stop = stop_there;
    fixture_start(&f);
    if (a->resume) { /* where it goes on is where the newest checkpoint is */
        struct name_list names;
        assert_ok(dir_list(a->dir, &names));
        for (size_t i = 0; i < names.n; i++)
            if (str_starts(names.names[i], "checkpoint-") && !strstr(names.names[i], ".tmp")) {
                const int64_t step = strtol(names.names[i] + 11, NULL, 10);
                if (step > watch.step) watch.step = step;
            }
        name_list_release(&names);
    }
    fault_arm(FAULT_IO, action, fault_at);
    err e = trainer_run(&f.trainer, result);
    n_operations = fault_count(FAULT_IO);
    fault_arm(FAULT_IO, FAULT_FAIL, 0);
    hash_params(&f, ended_with);
    fixture_stop(&f);
    return e;
}

static err plain(const struct attempt *a, struct train_result *result) {
    return attempt_run(a, 0, FAULT_FAIL, result);
}

static bool has(const char *dir, const char *name) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return file_exists(path);
}

static struct train_result left_alone(char hash[SHA256_HEX_SIZE], struct attempt a) {
    struct train_result result;
    a.dir = test_folder();
    assert_ok(plain(&a, &result));
    memcpy(hash, ended_with, SHA256_HEX_SIZE);
    test_folder_remove(a.dir);
    return result;
}

/* To evaluate changes no number, and where it decides nothing not the chain either. */
static void test_no_trace(void **state) {
    (void)state;
    struct train_result b;
    char hash[SHA256_HEX_SIZE];
    const struct train_result a = left_alone(hash, (struct attempt){.eval_steps = 0});
    assert_int_equal(watch.n_evaluations, 0);
    const struct attempt with = {.dir = test_folder(), .eval_steps = 2};
    assert_ok(plain(&with, &b));
    assert_int_equal(watch.n_evaluations, 5);
    assert_string_equal(a.digest, b.digest);
    assert_string_equal(hash, ended_with);
    assert_int_equal(b.best.step, 0);
    assert_int_equal(b.kept_step, STEPS);
    test_folder_remove(with.dir);
}

static void test_best_is_kept(void **state) {
    (void)state;
    for (int64_t limit = 1; limit <= 3; limit++) {
        const struct attempt a = {
            .dir = test_folder(), .eval_steps = 2, .best = true, .limit = limit};
        struct train_result result;
        assert_ok(plain(&a, &result));
        assert_int_equal(result.n_steps, STEPS);
        assert_int_equal(result.best.step, 4);
        assert_true(result.best.value == 3);
        assert_int_equal(result.kept_step, 4);
        assert_false(result.ended_early);
        assert_string_equal(ended_with, watch.at_best);
        assert_true(has(a.dir, "checkpoint-4") && has(a.dir, "checkpoint-10"));
        assert_true(has(a.dir, "checkpoint-9") == (limit == 3));
        assert_false(has(a.dir, "checkpoint-6"));
        test_folder_remove(a.dir);
    }
}

/* Evaluations 6 and 8 are worse than 4: two in a row. The last model is kept unless the best is
 * asked for. */
static void test_early_end(void **state) {
    (void)state;
    struct attempt a = {.dir = test_folder(), .eval_steps = 2, .patience = 2, .limit = 1};
    struct train_result result;
    assert_ok(plain(&a, &result));
    assert_int_equal(result.n_steps, 8);
    assert_true(result.ended_early);
    assert_int_equal(result.best.waited, 2);
    assert_int_equal(result.kept_step, 8);
    assert_true(has(a.dir, "checkpoint-8") && !has(a.dir, "checkpoint-4"));
    a.resume = true; /* it is over, and stays so */
    assert_ok(plain(&a, &result));
    assert_int_equal(watch.n_evaluations, 0);
    assert_int_equal(result.n_steps, 8);
    test_folder_remove(a.dir);
    a = (struct attempt){.dir = test_folder(), .eval_steps = 2, .patience = 2, .best = true};
    assert_ok(plain(&a, &result));
    assert_int_equal(result.kept_step, 4);
    assert_string_equal(ended_with, watch.at_best);
    test_folder_remove(a.dir);
}

/* A run may end only because of evaluations that are worse; where greater is better, step 2's 5 is
 * the best and steps 4, 6, 8 wait. */
static void test_greater(void **state) {
    (void)state;
    const struct attempt a = {
        .dir = test_folder(), .eval_steps = 2, .patience = 3, .best = true, .greater = "true"};
    struct train_result result;
    assert_ok(plain(&a, &result));
    assert_int_equal(result.best.step, 2);
    assert_int_equal(result.kept_step, 2);
    assert_int_equal(result.n_steps, 8);
    test_folder_remove(a.dir);
}

static void assert_same(const struct train_result *a, const struct train_result *b) {
    assert_string_equal(a->digest, b->digest);
    assert_int_equal(a->n_steps, b->n_steps);
    assert_int_equal(a->best.step, b->best.step);
    assert_true(a->best.value == b->best.value);
    assert_int_equal(a->best.waited, b->best.waited);
    assert_int_equal(a->kept_step, b->kept_step);
    assert_int_equal(a->ended_early, b->ended_early);
}

static const struct attempt whole = {.eval_steps = 2, .patience = 2, .best = true, .limit = 1};

static void test_stopped(void **state) {
    (void)state;
    char hash[SHA256_HEX_SIZE];
    const struct train_result wanted = left_alone(hash, whole);
    for (int64_t at = 1; at < wanted.n_steps; at++) {
        struct attempt a = whole;
        struct train_result result;
        a.dir = test_folder();
        a.stop_at = at;
        assert_fails(plain(&a, &result), ERR_STOPPED, "");
        a.stop_at = 0;
        a.resume = true;
        assert_ok(plain(&a, &result));
        assert_same(&result, &wanted);
        assert_string_equal(ended_with, hash);
        test_folder_remove(a.dir);
    }
}

static int child(char **argv) {
    struct attempt a = whole;
    struct train_result result;
    a.dir = argv[2];
    return attempt_run(&a, strtol(argv[3], NULL, 10), FAULT_KILL, &result) == ERR_OK ? 0 : 1;
}

static void test_killed(void **state) {
    (void)state;
    enum { POINTS = 12 };
    char hash[SHA256_HEX_SIZE];
    const struct train_result wanted = left_alone(hash, whole);
    const int64_t n = n_operations;
    for (int i = 0; i < POINTS; i++) {
        struct attempt a = whole;
        struct train_result result;
        char number[24];
        int status;
        a.dir = test_folder();
        snprintf(number, sizeof number, "%d", (int)(1 + (n - 1) * i / (POINTS - 1)));
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            execl("/proc/self/exe", "test", "child", a.dir, number, (char *)NULL);
            _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        a.resume = true;
        assert_ok(plain(&a, &result));
        assert_same(&result, &wanted);
        assert_string_equal(ended_with, hash);
        test_folder_remove(a.dir);
    }
}

/* The choice cannot be changed in run.jsonl without the end of the chain changing. */
static void test_chained(void **state) {
    (void)state;
    char hash[SHA256_HEX_SIZE], path[200];
    const struct train_result unchosen = left_alone(hash, (struct attempt){.eval_steps = 2});
    const struct attempt a = {.dir = test_folder(), .eval_steps = 2, .best = true};
    struct train_result chosen;
    struct str text = {0};
    assert_ok(plain(&a, &chosen));
    assert_string_not_equal(chosen.digest, unchosen.digest);
    snprintf(path, sizeof path, "%s/run.jsonl", a.dir);
    assert_ok(file_read(path, 1 << 20, &text));
    assert_non_null(strstr(str_text(&text), "\"best\":{\"metric\":\"eval_loss\",\"step\":4"));
    str_release(&text);
    test_folder_remove(a.dir);
}

static void test_lost(void **state) {
    (void)state;
    struct attempt a = {.dir = test_folder(), .eval_steps = 2, .best = true};
    struct train_result result;
    char path[200];
    assert_ok(plain(&a, &result));
    snprintf(path, sizeof path, "%s/checkpoint-4", a.dir);
    assert_ok(dir_remove(path));
    a.resume = true;
    assert_fails(plain(&a, &result), ERR_MISSING, "checkpoint-4");
    test_folder_remove(a.dir);
}

static void test_rules(void **state) {
    (void)state;
    struct train_options o = {.early_stopping_patience = 2, .early_stopping_threshold = 0.5};
    struct train_best b = {0};
    struct train_evaluation e = {.loss = 3};
    assert_ok(best_take(&b, &o, 1, &e));
    e.loss = 2.75; /* better, but not by enough */
    assert_ok(best_take(&b, &o, 2, &e));
    assert_int_equal(b.step, 2);
    assert_int_equal(b.waited, 1);
    assert_false(best_ends(&b, &o));
    e.loss = 2.75; /* the same is no better */
    assert_ok(best_take(&b, &o, 3, &e));
    assert_int_equal(b.step, 2);
    assert_true(best_ends(&b, &o));
    e.loss = 1;
    assert_ok(best_take(&b, &o, 4, &e));
    assert_int_equal(b.waited, 0);
    e.loss = (double)NAN;
    assert_fails(best_take(&b, &o, 5, &e), ERR_NUMERIC, "after step 5");
}

/* The metric by its name, with and without the prefix that the HF trainer gives it. */
static void test_metric(void **state) {
    (void)state;
    const struct train_score scores[] = {{"requests", 0.5}, {"gsm8k", 0.25}};
    const struct train_evaluation e = {.loss = 2, .scores = scores, .n_scores = 2};
    struct train_options o = {0};
    assert_true(best_value(&o, &e) == 2 && !best_is_greater(&o));
    o.metric_for_best_model = "eval_loss";
    assert_true(best_value(&o, &e) == 2 && !best_is_greater(&o));
    o.metric_for_best_model = "eval_gsm8k";
    assert_string_equal(best_metric(&o), "gsm8k");
    assert_true(best_value(&o, &e) == 0.25 && best_is_greater(&o));
    o.metric_for_best_model = "other";
    assert_true(isnan(best_value(&o, &e)));
    o.greater_is_better = "false";
    assert_false(best_is_greater(&o));
}

static void test_options(void **state) {
    (void)state;
    struct train_options o = {0};
    struct arena a = {0};
    assert_ok(opt_presets(train_options_table(), &o, &a));
    o.load_best_model_at_end = true;
    assert_fails(train_options_check(&o), ERR_RANGE, "'load_best_model_at_end'");
    o.eval_strategy = "epoch";
    assert_ok(train_options_check(&o));
    const struct train_source source = {.n_steps = 10, .steps_per_epoch = 4};
    assert_true(evaluation_due(&o, &source, 4) && evaluation_due(&o, &source, 10));
    assert_false(evaluation_due(&o, &source, 5));
    o.eval_strategy = "steps";
    assert_fails(train_options_check(&o), ERR_RANGE, "'eval_steps'");
    o.eval_steps = 5;
    assert_ok(train_options_check(&o));
    o.eval_strategy = "no";
    assert_fails(train_options_check(&o), ERR_RANGE, "without evaluations");
    o.load_best_model_at_end = false;
    assert_ok(train_options_check(&o));
    assert_false(evaluation_due(&o, &source, 10));
    o.early_stopping_threshold = 0.1;
    assert_fails(train_options_check(&o), ERR_RANGE, "'early_stopping_threshold'");
    arena_release(&a);
}

int main(int argc, char **argv) {
    par_set_threads(1);
    if (argc == 4 && !strcmp(argv[1], "child")) return child(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_trace),  cmocka_unit_test(test_best_is_kept),
        cmocka_unit_test(test_early_end), cmocka_unit_test(test_greater),
        cmocka_unit_test(test_stopped),   cmocka_unit_test(test_killed),
        cmocka_unit_test(test_chained),   cmocka_unit_test(test_lost),
        cmocka_unit_test(test_rules),     cmocka_unit_test(test_metric),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
