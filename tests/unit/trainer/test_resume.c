/* SPDX-License-Identifier: Apache-2.0
 * A run that was stopped, killed or ran out of disk, and then resumed, ends with the bits of one
 * that was left alone: the digest chain covers every batch, loss and trained parameter, and the
 * files of the last checkpoint are compared as well. Checkpoints that are damaged or of another run
 * are refused.
 * Killing needs a process of its own: the program starts itself with the arguments of child().
 * Read next: trainer/checkpoint.c. */
#include "tests/unit/trainer/fixture.h"

#include "base/fault.h"
#include "base/par.h"

#include <signal.h>
#include <sys/wait.h>

enum { STEPS = 6, POINTS = 20 };

/* Faults of the disk are tried on the first two: methods change what is trained, not how it is
 * kept. */
enum kind { FULL, LORA, N_FAULT_KINDS, FROZEN = N_FAULT_KINDS, FROZEN_LORA_PLUS, SMALL, N_KINDS };

struct stopper {
    int64_t at, seen; /* step to stop after; 0: never */
};

static void count_step(void *ctx, const struct train_report *report) {
    ((struct stopper *)ctx)->seen = report->step;
}

static bool stop_there(void *ctx) {
    const struct stopper *s = ctx;
    return s->at > 0 && s->seen == s->at;
}

struct attempt {
    enum kind kind;
    const char *dir;
    bool resume;
    int64_t stop_at;
    int64_t seed;               /* 0: the usual one */
    const char *dataset, *base; /* digests; NULL: the usual ones */
};

static int64_t n_operations; /* of the last run */

/* One run; faults are armed only for trainer_run itself. */
static err attempt_run(const struct attempt *a, int64_t fault_at, enum fault_action action,
                       struct train_result *result) {
    struct fixture f;
    struct stopper stopper = {a->stop_at, 0};
    fixture_init(&f, GOLDEN_NANO);
    f.n_steps = STEPS;
    f.options.save_steps = 2;
    f.options.warmup_steps = 1;
    if (a->seed) f.options.seed = a->seed;
    if (a->kind == LORA || a->kind == FROZEN_LORA_PLUS) {
        f.adapter_options.type = "lora";
        f.adapter_options.r = 4;
        f.adapter_options.lora_dropout = 0.1;
    }
    if (a->kind == FROZEN || a->kind == FROZEN_LORA_PLUS) {
        const struct opt *freeze = opt_find(train_options_table(), "freeze", NULL);
        assert_ok(opt_set(freeze, &f.options, "mlp", &f.arena));
        f.options.trainable_layers = 1;
        f.options.neftune_noise_alpha = 5;
    }
    if (a->kind == FROZEN_LORA_PLUS) f.options.loraplus_lr_ratio = 16;
    if (a->kind == SMALL) {
        f.options.optimizer = "adamw_8bit";
        f.options.trained_weight_dtype = f.options.gradient_dtype = "bf16";
    }
    f.run.dir = a->dir;
    f.run.resume = a->resume;
    f.run.ctx = &stopper;
    f.run.on_step = count_step;
    f.run.should_stop = stop_there;
    if (a->dataset) f.dataset_digest = a->dataset;
    if (a->base) f.base_digest = a->base;
    fixture_start(&f);
    fault_arm(FAULT_IO, action, fault_at);
    err e = trainer_run(&f.trainer, result);
    n_operations = fault_count(FAULT_IO);
    fault_arm(FAULT_IO, FAULT_FAIL, 0);
    fixture_stop(&f);
    return e;
}

static err plain(const struct attempt *a, struct train_result *result) {
    return attempt_run(a, 0, FAULT_FAIL, result);
}

/* The run that nothing happens to. */
static struct train_result reference[N_KINDS];
static char reference_dir[N_KINDS][64], last_digest[N_KINDS][SHA256_HEX_SIZE];
static int64_t reference_operations[N_KINDS];

static int make_reference(void **state) {
    (void)state;
    for (int k = 0; k < N_KINDS; k++) {
        char path[100];
        snprintf(reference_dir[k], sizeof reference_dir[k], "%s", test_folder());
        const struct attempt a = {.kind = (enum kind)k, .dir = reference_dir[k]};
        assert_ok(plain(&a, &reference[k]));
        reference_operations[k] = n_operations;
        snprintf(path, sizeof path, "%s/checkpoint-%d", reference_dir[k], STEPS);
        assert_ok(sha256_dir(path, last_digest[k]));
        assert_int_equal(reference[k].n_steps, STEPS);
    }
    return 0;
}

static int remove_reference(void **state) {
    (void)state;
    for (int k = 0; k < N_KINDS; k++) test_folder_remove(reference_dir[k]);
    return 0;
}

/* run.jsonl without the timings, which alone may differ. */
static void record_text(const char *dir, struct str *out) {
    char path[100];
    struct line_reader r;
    bool more;
    snprintf(path, sizeof path, "%s/run.jsonl", dir);
    assert_ok(line_reader_open(&r, path, 1 << 16));
    for (;;) {
        assert_ok(line_reader_next(&r, &more));
        if (!more) break;
        const char *timing = strstr(r.line, ",\"tokens_per_second\"");
        if (!timing) timing = strstr(r.line, ", \"tokens_per_second\"");
        assert_non_null(timing);
        assert_ok(str_append(out, r.line, (size_t)(timing - r.line)));
        assert_ok(str_add(out, "\n"));
    }
    line_reader_close(&r);
}

static void assert_same_end(enum kind kind, const char *dir, const struct train_result *result) {
    char path[100], digest[SHA256_HEX_SIZE];
    struct str found = {0}, wanted = {0};
    assert_string_equal(result->digest, reference[kind].digest);
    assert_int_equal(result->trained_tokens, reference[kind].trained_tokens);
    assert_true(result->loss == reference[kind].loss);
    snprintf(path, sizeof path, "%s/checkpoint-%d", dir, STEPS);
    assert_ok(sha256_dir(path, digest));
    assert_string_equal(digest, last_digest[kind]);
    record_text(dir, &found);
    record_text(reference_dir[kind], &wanted);
    assert_string_equal(str_text(&found), str_text(&wanted));
    str_release(&found);
    str_release(&wanted);
}

static void test_stopped_anywhere(void **state) {
    (void)state;
    for (int k = 0; k < N_KINDS; k++)
        for (int64_t at = 1; at < STEPS; at++) {
            struct attempt a = {.kind = (enum kind)k, .dir = test_folder(), .stop_at = at};
            struct train_result result;
            assert_fails(plain(&a, &result), ERR_STOPPED, "stopped after step");
            a.resume = true;
            a.stop_at = 0;
            assert_ok(plain(&a, &result));
            assert_same_end(a.kind, a.dir, &result);
            assert_ok(plain(&a, &result)); /* there is nothing left to do */
            assert_same_end(a.kind, a.dir, &result);
            test_folder_remove(a.dir);
        }
}

static void test_resume_without_checkpoint(void **state) {
    (void)state;
    const struct attempt a = {.kind = LORA, .dir = test_folder(), .resume = true};
    struct train_result result;
    assert_ok(plain(&a, &result));
    assert_same_end(a.kind, a.dir, &result);
    test_folder_remove(a.dir);
}

static void test_folder_in_use(void **state) {
    (void)state;
    struct attempt a = {.kind = LORA, .dir = test_folder(), .stop_at = 3};
    struct train_result result;
    assert_fails(plain(&a, &result), ERR_STOPPED, "");
    assert_fails(plain(&a, &result), ERR_EXISTS, a.dir);
    test_folder_remove(a.dir);
}

/* The i-th of POINTS operations spread over a run, its first and its last among them. */
static int64_t operation_at(enum kind kind, int i) {
    return 1 + (reference_operations[kind] - 1) * i / (POINTS - 1);
}

/* The disk is full for one operation: the run says so, and what was kept before is enough to end as
 * if nothing had happened. */
static void test_disk_full(void **state) {
    (void)state;
    for (int k = 0; k < N_FAULT_KINDS; k++)
        for (int i = 0; i < POINTS; i++) {
            struct attempt a = {.kind = (enum kind)k, .dir = test_folder()};
            struct train_result result;
            assert_fails(attempt_run(&a, operation_at(a.kind, i), FAULT_FAIL, &result), ERR_IO,
                         a.dir);
            a.resume = true;
            assert_ok(plain(&a, &result));
            assert_same_end(a.kind, a.dir, &result);
            test_folder_remove(a.dir);
        }
}

/* Runs in a process of its own. */
static int child(char **argv) {
    struct attempt a = {.kind = argv[2][0] == 'l' ? LORA : FULL, .dir = argv[3]};
    struct train_result result;
    return attempt_run(&a, strtol(argv[4], NULL, 10), FAULT_KILL, &result) == ERR_OK ? 0 : 1;
}

static void kill_at(enum kind kind, const char *dir, int64_t operation) {
    char number[24];
    snprintf(number, sizeof number, "%d", (int)operation);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/proc/self/exe", "test", "child", kind == LORA ? "lora" : "full", dir, number,
              (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_killed(void **state) {
    (void)state;
    for (int k = 0; k < N_FAULT_KINDS; k++)
        for (int i = 0; i < POINTS; i++) {
            struct attempt a = {.kind = (enum kind)k, .dir = test_folder()};
            struct train_result result;
            kill_at(a.kind, a.dir, operation_at(a.kind, i));
            a.resume = true;
            assert_ok(plain(&a, &result));
            assert_same_end(a.kind, a.dir, &result);
            test_folder_remove(a.dir);
        }
}

static void flip_byte(const char *path) {
    struct str data = {0};
    assert_ok(file_read(path, 1 << 26, &data));
    data.data[data.len / 2] ^= 1;
    assert_ok(file_write(path, data.data, data.len));
    str_release(&data);
}

static void test_damaged(void **state) {
    (void)state;
    struct attempt a = {.kind = LORA, .dir = test_folder(), .stop_at = 3};
    struct train_result result;
    char newest[100], path[400];
    struct name_list files;
    assert_fails(plain(&a, &result), ERR_STOPPED, "");
    a.resume = true;
    snprintf(newest, sizeof newest, "%s/checkpoint-3", a.dir);
    assert_ok(dir_walk(newest, &files));
    assert_int_equal(files.n, 4);
    for (size_t i = 0; i < files.n; i++) {
        snprintf(path, sizeof path, "%s/%s", newest, files.names[i]);
        flip_byte(path);
        err e = plain(&a, &result);
        assert_true(e == ERR_MISMATCH || e == ERR_PARSE);
        assert_non_null(strstr(err_message(), "checkpoint-3"));
        assert_non_null(strstr(err_message(), files.names[i]));
        flip_byte(path);
    }
    name_list_release(&files);
    a.stop_at = 0;
    assert_ok(plain(&a, &result));
    assert_same_end(a.kind, a.dir, &result);
    test_folder_remove(a.dir);
}

static void test_foreign(void **state) {
    (void)state;
    static const char other[] = "1111111111111111111111111111111111111111111111111111111111111111";
    struct attempt a = {.kind = LORA, .dir = test_folder(), .stop_at = 3};
    struct train_result result;
    assert_fails(plain(&a, &result), ERR_STOPPED, "");
    a.resume = true;
    struct attempt b = a;
    b.seed = 7;
    assert_fails(plain(&b, &result), ERR_MISMATCH, "settings");
    b = a;
    b.dataset = other;
    assert_fails(plain(&b, &result), ERR_MISMATCH, "dataset");
    b = a;
    b.base = other;
    assert_fails(plain(&b, &result), ERR_MISMATCH, "base model");
    test_folder_remove(a.dir);
}

/* A folder that lacks a file was never finished: the one before it serves. */
static void test_unfinished(void **state) {
    (void)state;
    static const char *const missing[] = {"state.json", "optimizer.safetensors"};
    for (int i = 0; i < 2; i++) {
        struct attempt a = {.kind = LORA, .dir = test_folder(), .stop_at = 4};
        struct train_result result;
        char path[100];
        assert_fails(plain(&a, &result), ERR_STOPPED, "");
        snprintf(path, sizeof path, "%s/checkpoint-4/%s", a.dir, missing[i]);
        assert_true(file_exists(path));
        assert_ok(file_remove(path));
        a.resume = true;
        a.stop_at = 0;
        assert_ok(plain(&a, &result));
        assert_same_end(a.kind, a.dir, &result);
        test_folder_remove(a.dir);
    }
}

static void test_limit(void **state) {
    (void)state;
    struct name_list names;
    assert_ok(dir_list(reference_dir[FULL], &names)); /* steps 2, 4 and 6, of which two are kept */
    assert_int_equal(names.n, 5);
    assert_string_equal(names.names[0], "checkpoint-4");
    assert_string_equal(names.names[1], "checkpoint-6");
    assert_string_equal(names.names[2], "run.jsonl");
    assert_string_equal(names.names[3], "trainer_log.jsonl");
    assert_string_equal(names.names[4], "trainer_state.json");
    name_list_release(&names);
}

int main(int argc, char **argv) {
    par_set_threads(1); /* hundreds of small runs; test_loop.c compares numbers of threads */
    if (argc == 5 && !strcmp(argv[1], "child")) return child(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_anywhere),
        cmocka_unit_test(test_resume_without_checkpoint),
        cmocka_unit_test(test_folder_in_use),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, make_reference, remove_reference);
}
