/* SPDX-License-Identifier: Apache-2.0
 * Synthesis with a teacher of this file: that what is accepted depends on recipe, seed and answers
 * alone, what the log keeps and refuses, what is rejected and asked again, budgets, the seal.
 * Under test: data/synth/expand.h. Read next: tests/unit/data/test_checks.c for the checks, and
 * tests/shell/test_expand.sh for a teacher behind a real endpoint. */
#include "tests/unit/folder_test.h"

#include "base/fault.h"
#include "base/json.h"
#include "base/par.h"
#include "data/synth/checks/check.h"
#include "data/synth/expand.h"
#include "data/synth/log.h"

/* ---- a teacher ---- */

enum manner { RIGHT, WRONG, NONSENSE, SAME, MARKED, SEALED_ROW, SILENT };
static struct script {
    enum manner (*manner)(int64_t seed, const char *prompt);
    bool backwards;      /* answers come last question first */
    int64_t stops_after; /* answers, then it is asked to stop; 0: never */
    int64_t n_asked;
    struct str seen; /* all prompts */
} script;

static enum manner always_right(int64_t seed, const char *prompt) {
    (void)seed, (void)prompt;
    return RIGHT;
}

/* Questions that are not for a whole row: topics, a judge, another prompt to a response. */
static bool answer_other(const struct teacher_question *q, char *text, size_t size) {
    int64_t n = q->seed % 1000000;
    const char *judged = strstr(q->prompt, "Judge this one");
    if (strstr(q->prompt, "JSON array"))
        snprintf(text, size, "[\"at sea\", 5, \"\", \"in town\"]");
    else if (judged)
        snprintf(text, size, "{\"score\": %d, \"reason\": \"dull\"}",
                 strcspn(judged, "3") < strlen(judged) ? 6 : 9);
    else if (strstr(q->prompt, "in other words") || strstr(q->prompt, "Write a prompt that"))
        snprintf(text, size, "{\"prompt\": \"twice %lld\"}", (long long)n);
    else
        return false;
    return true;
}

/* A row that doubles a number, "double 12" -> "24"; the number comes from the seed. */
static err answer_one(const struct teacher_call *call, int64_t i) {
    const struct teacher_question *q = &call->questions[i];
    int64_t n = q->seed % 1000000;
    char text[256];
    struct teacher_answer a = {
        .outcome = "answered", .text = text, .tried = "answered", .n_tries = 1};
    a.prompt_tokens = 7;
    a.answer_tokens = 3;
    assert_ok(str_printf(&script.seen, "%s\n====\n", q->prompt));
    if (answer_other(q, text, sizeof text)) return call->done(call->ctx, i, &a);
    switch (script.manner(q->seed, q->prompt)) {
    case RIGHT:
        snprintf(text, sizeof text, "{\"prompt\": \"double %lld\", \"response\": \"%lld\"}",
                 (long long)n, (long long)(2 * n));
        break;
    case WRONG:
        snprintf(text, sizeof text, "{\"prompt\": \"double %lld\", \"response\": \"about %lld\"}",
                 (long long)n, (long long)n);
        break;
    case NONSENSE: snprintf(text, sizeof text, "I do not know"); break;
    case SAME:
        snprintf(text, sizeof text, "{\"prompt\": \"Double 1\", \"response\": \"2\"}");
        break;
    case MARKED:
        snprintf(text, sizeof text, "{\"prompt\": \"double %lld\", \"response\": \"<sep>\"}",
                 (long long)n);
        break;
    case SEALED_ROW:
        snprintf(text, sizeof text, "{\"prompt\": \"DOUBLE  777\", \"response\": \"1554\"}");
        break;
    case SILENT:
        text[0] = '\0';
        a.outcome = "late";
        a.tried = "busy late";
        a.n_tries = 2;
        a.prompt_tokens = a.answer_tokens = 0;
        break;
    }
    return call->done(call->ctx, i, &a);
}

static err ask(void *context, const struct teacher_call *call) {
    int64_t n = call->n, tokens = 0;
    (void)context;
    if (call->max_requests > 0 && call->max_requests < n) n = call->max_requests;
    for (int64_t i = 0; i < n; i++) {
        if (call->max_tokens > 0 && tokens >= call->max_tokens) return ERR_OK;
        if (script.stops_after > 0 && script.n_asked == script.stops_after)
            return fail(ERR_STOPPED, "asked to stop");
        script.n_asked++;
        tokens += 10;
        TRY(answer_one(call, script.backwards ? n - 1 - i : i));
    }
    return ERR_OK;
}
static const struct teacher teacher = {
    .generator = "test", .model = "m", .settings = "s", .ask = ask};

/* ---- a recipe ---- */

static struct example examples[] = {{.prompt = "double 1", .response = "2"},
                                    {.prompt = "double 21", .response = "42"}};
static struct check_spec number_check = {.type = "regex", .pattern = "^\\d+\\z"};
static struct request requests[2];
static struct expand_options options;
static struct name_list sealed;
static struct expand_result result;

static int make(void **state) {
    static const char *methods[] = {"self_instruct", "evolve"};
    folder_make(state);
    for (int i = 0; i < 2; i++)
        requests[i] = (struct request){.id = i ? "o/r#1@2" : "o/r#1@1",
                                       .scenario = "school",
                                       .capability = i ? "doubling" : "doubles",
                                       .examples = examples,
                                       .n_examples = 2,
                                       .checks = &number_check,
                                       .n_checks = 1};
    options = (struct expand_options){.per_request = 20,
                                      .near_similarity = 1,
                                      .methods = {methods, 2},
                                      .teacher = {.url = "u", .model = "m"}};
    script = (struct script){.manner = always_right};
    return 0;
}

static int clean(void **state) {
    str_release(&script.seen);
    name_list_release(&sealed);
    json_decref(result.report);
    result.report = NULL;
    return folder_remove(state);
}

static err run_in(const char *name) {
    const struct request_list list = {requests, 2};
    struct expand_options settled = options;
    struct expand how = {
        .options = &settled, .requests = &list, .teacher = &teacher, .seed = 42, .sealed = &sealed};
    char dir[256];
    snprintf(dir, sizeof dir, "%s/%s", folder, name);
    script.n_asked = 0;
    json_decref(result.report);
    TRY(expand_settle(&settled));
    return expand(&how, dir, &result);
}

static struct str read_in(const char *name, const char *file) {
    struct str text = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
    assert_ok(file_read(path, 1 << 24, &text));
    return text;
}

static void write_in(const char *name, const char *file, const struct str *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
    assert_ok(file_write(path, str_text(text), text->len));
}

/* Rows and report, byte for byte. */
static void assert_same_rows(const char *a, const char *b) {
    static const char *const files[] = {"o-r-1-1.jsonl", "o-r-1-2.jsonl", "expand.json"};
    for (size_t i = 0; i < 3; i++) {
        struct str left = read_in(a, files[i]), right = read_in(b, files[i]);
        assert_string_equal(str_text(&left), str_text(&right));
        str_release(&left);
        str_release(&right);
    }
}

static int64_t count(int request, const char *table, const char *word) {
    const json_t *r = json_array_get(json_object_get(result.report, "requests"), (size_t)request);
    if (table) r = json_object_get(r, table);
    return json_integer_value(json_object_get(r, word));
}

/* ---- tests ---- */

static void rows_with_their_origin(void **state) {
    (void)state;
    options.license = "apache-2.0";
    assert_ok(run_in("a"));
    assert_int_equal(count(0, NULL, "accepted"), 20);
    assert_int_equal(count(1, NULL, "accepted"), 20);
    assert_string_equal(json_text_of(result.report, "ended"), "reached");
    struct str text = read_in("a", "o-r-1-1.jsonl"), log = read_in("a", "expand.log.jsonl");
    json_t *row;
    assert_ok(json_parse(text.data, strcspn(text.data, "\n"), "row", &row));
    const json_t *origin = json_object_get(row, "origin");
    assert_int_equal(strncmp(json_text_of(row, "prompt"), "double ", 7), 0);
    assert_string_equal(json_text_of(row, "license"), "apache-2.0");
    assert_string_equal(json_text_of(origin, "generator"), "test");
    assert_string_equal(json_text_of(origin, "model"), "m");
    assert_string_equal(json_text_of(origin, "method"), "self_instruct");
    assert_string_equal(json_text_of(origin, "check_kind"), "machine");
    assert_string_equal(json_string_value(json_array_get(json_object_get(origin, "checks"), 0)),
                        "regex");
    /* the question stands in the log under this key */
    assert_non_null(strstr(log.data, json_text_of(origin, "prompt_sha256")));
    json_decref(row);
    str_release(&text);
    str_release(&log);
    /* every request was asked about by itself */
    assert_non_null(strstr(script.seen.data, "Capability: doubles\n"));
    assert_non_null(strstr(script.seen.data, "Capability: doubling\n"));
}

static enum manner mixed(int64_t seed, const char *prompt) {
    (void)prompt;
    static const enum manner manners[] = {RIGHT, RIGHT,    RIGHT,  WRONG,
                                          SAME,  NONSENSE, MARKED, SILENT};
    return manners[seed / 7 % 8];
}

/* Whatever the order of answers and the number of threads, and however often it was stopped. */
static void the_same_rows_always(void **state) {
    (void)state;
    script.manner = mixed;
    options.regenerate = 1;
    assert_ok(run_in("a"));
    int64_t n = script.n_asked;
    script.backwards = true;
    par_set_threads(3);
    assert_ok(run_in("b"));
    par_set_threads(0);
    assert_int_equal(script.n_asked, n);
    assert_same_rows("a", "b");
    /* again, from the log */
    assert_ok(run_in("b"));
    assert_int_equal(script.n_asked, 0);
    assert_int_equal(result.n_asked, 0);
    assert_int_equal(result.n_from_log, n);
    assert_same_rows("a", "b");
    /* stopped after every fifth answer */
    script.stops_after = 5;
    int64_t in_pieces = 0;
    err e;
    while ((e = run_in("c")) == ERR_STOPPED) in_pieces += script.n_asked;
    assert_ok(e);
    assert_int_equal(in_pieces + script.n_asked, n);
    assert_same_rows("a", "c");
}

static void what_is_rejected(void **state) {
    (void)state;
    script.manner = mixed;
    options.regenerate = 2;
    assert_ok(run_in("a"));
    int64_t proposed = count(0, NULL, "rows_proposed"), rejected = 0;
    static const char *const words[] = {"regex", "duplicate", "text"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(count(0, "rejected", words[i]) > 0);
        rejected += count(0, "rejected", words[i]);
    }
    assert_int_equal(proposed, rejected + 20 + count(0, NULL, "surplus"));
    assert_true(count(0, "rejected", "no_json") > 0);
    assert_true(count(0, "outcomes", "late") > 0);
    assert_int_equal(count(0, "tries", "busy"), count(0, "outcomes", "late"));
    assert_true(count(0, NULL, "regenerated") > 0);
    /* with the answer and the reason in the prompt */
    assert_non_null(strstr(script.seen.data, "\"response\": \"about "));
    assert_non_null(strstr(script.seen.data, "It was rejected: the response does not match the "
                                             "pattern ^\\d+\\z"));
    assert_non_null(strstr(script.seen.data, "It was rejected: the answer holds no JSON"));
    struct str rows = read_in("a", "o-r-1-1.jsonl");
    assert_null(strstr(rows.data, "about"));
    assert_null(strstr(rows.data, "<sep>"));
    str_release(&rows);
}

/* Topics are asked for once a request and come back in its questions; the other two methods keep
 * the response of the row that they begin with. */
static void every_method(void **state) {
    (void)state;
    static const char *methods[] = {"topics", "paraphrase", "back_instruct"};
    options.methods = (struct opt_list){methods, 3};
    assert_ok(run_in("a"));
    assert_non_null(strstr(script.seen.data, "Topic: at sea\n"));
    assert_non_null(strstr(script.seen.data, "Topic: in town\n"));
    assert_null(strstr(script.seen.data, "Topic: \n"));
    assert_non_null(strstr(script.seen.data, "Here is a response:\n---\n"));
    struct str rows = read_in("a", "o-r-1-1.jsonl");
    for (size_t i = 0; i < 3; i++) {
        char origin[64];
        snprintf(origin, sizeof origin, "\"method\":\"%s\"", methods[i]);
        assert_non_null(strstr(rows.data, origin));
    }
    const char *kept = strstr(rows.data, "\"prompt\":\"twice ");
    assert_non_null(kept);
    assert_non_null(strstr(kept, "\"response\":\""));
    str_release(&rows);
    /* topics of the recipe's own are not asked for */
    static const char *topics[] = {"on the moon"};
    options.topics = (struct opt_list){topics, 1};
    str_clear(&script.seen);
    assert_ok(run_in("b"));
    assert_non_null(strstr(script.seen.data, "Topic: on the moon\n"));
    assert_null(strstr(script.seen.data, "JSON array"));
}

static void a_judge_where_there_is_no_check(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) requests[i].n_checks = 0;
    options.judge_score = 7;
    options.regenerate = 1;
    assert_ok(run_in("a"));
    assert_true(count(0, "rejected", "judge") > 0);
    assert_non_null(strstr(script.seen.data, "It was rejected: judged 6 of 10: dull"));
    const json_t *by = json_object_get(result.report, "checked_by");
    assert_true(json_number_value(json_object_get(by, "judge")) > 0.999);
    struct str rows = read_in("a", "o-r-1-1.jsonl");
    assert_non_null(strstr(rows.data, "\"check_kind\":\"judge\""));
    str_release(&rows);
    /* a row that nobody could look at any more is none */
    options.max_requests = 30;
    assert_fails(run_in("b"), ERR_GATE, "too few rows");
    assert_int_equal(count(0, NULL, "accepted") + count(1, NULL, "accepted"), 0);
    assert_true(count(0, "rejected", "budget") + count(1, "rejected", "budget") > 0);
}

static enum manner similar(int64_t seed, const char *prompt) {
    (void)prompt;
    return seed % 2 ? RIGHT : SAME;
}

static void near_duplicates(void **state) {
    (void)state;
    script.manner = similar;
    options.near_similarity = 0.05;
    assert_fails(run_in("a"), ERR_GATE, "2 of 2 requests have too few rows; 'o/r#1@1' has ");
    assert_true(count(0, "rejected", "near_duplicate") > 0);
    assert_string_equal(json_text_of(result.report, "ended"), "rounds");
    options.at_least = 1;
    assert_ok(run_in("a"));
}

static enum manner sealed_often(int64_t seed, const char *prompt) {
    (void)prompt;
    return seed % 4 == 0 ? SEALED_ROW : RIGHT;
}

static void sealed_prompts_are_dropped(void **state) {
    (void)state;
    char hash[SHA256_HEX_SIZE];
    script.manner = sealed_often;
    options.regenerate = 3;
    assert_ok(expand_prompt_hash("double 777", 10, hash));
    assert_ok(name_list_add(&sealed, hash));
    assert_ok(run_in("a"));
    assert_true(count(0, "rejected", "sealed") > 1);
    struct str rows = read_in("a", "o-r-1-1.jsonl");
    assert_null(strcasestr(rows.data, "double  777"));
    str_release(&rows);
    assert_null(strstr(script.seen.data, "777\"")); /* nor was the teacher told why */
}

static void budgets(void **state) {
    (void)state;
    options.max_requests = 12;
    assert_fails(run_in("a"), ERR_GATE, "too few rows");
    assert_non_null(strstr(err_hint(), "a budget ended it"));
    assert_int_equal(script.n_asked, 12);
    assert_string_equal(json_text_of(result.report, "ended"), "budget");
    /* what was spent before counts */
    assert_fails(run_in("a"), ERR_GATE, "too few rows");
    assert_int_equal(script.n_asked, 0);
    options.max_requests = 0;
    options.max_tokens = 200;
    assert_fails(run_in("a"), ERR_GATE, "too few rows");
    assert_int_equal(script.n_asked, 8);
    options.max_tokens = 0;
    assert_ok(run_in("a"));
    assert_ok(run_in("b"));
    assert_same_rows("a", "b");
}

static enum manner hopeless(int64_t seed, const char *prompt) {
    (void)seed, (void)prompt;
    return NONSENSE;
}

static void a_hopeless_teacher_is_given_up(void **state) {
    (void)state;
    script.manner = hopeless;
    assert_fails(run_in("a"), ERR_GATE, "has 0 of 20");
    assert_int_equal(script.n_asked, 3 * 2 * 16); /* three rounds without a row */
}

/* ---- the log ---- */

static void a_line_that_was_cut_off(void **state) {
    (void)state;
    assert_ok(run_in("a"));
    int64_t n = script.n_asked;
    struct str log = read_in("a", "expand.log.jsonl");
    for (size_t cut = 1; cut < 40; cut += 19) {
        struct str half = {0};
        assert_ok(str_append(&half, log.data, log.len - cut));
        write_in("a", "expand.log.jsonl", &half);
        assert_ok(run_in("a"));
        assert_int_equal(script.n_asked, 1);
        struct str again = read_in("a", "expand.log.jsonl");
        assert_string_equal(again.data, log.data);
        str_release(&again);
        str_release(&half);
    }
    /* nothing but the beginning of the first line */
    log.len = 20;
    write_in("a", "expand.log.jsonl", &log);
    assert_ok(run_in("a"));
    assert_int_equal(script.n_asked, n);
    str_release(&log);
}

/* Whatever write fails, no answer is lost and nothing is half there. */
static void a_full_disk(void **state) {
    (void)state;
    err e = ERR_IO;
    int64_t n_lost = 0, n_asked = 0;
    for (int64_t nth = 1; e != ERR_OK; nth++) {
        fault_arm(FAULT_IO, FAULT_FAIL, nth);
        e = run_in("a");
        fault_arm(FAULT_IO, FAULT_FAIL, 0);
        n_asked += script.n_asked;
        if (e != ERR_OK && !strstr(err_message(), "No space left")) fail_msg("%s", err_message());
        n_lost += e != ERR_OK && script.n_asked > 0;
    }
    assert_ok(run_in("b"));
    assert_same_rows("a", "b");
    assert_true(n_lost > 4);
    assert_true(n_asked <= script.n_asked + n_lost); /* at most the one that could not be written */
}

static void a_log_that_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *why;
        err code;
    } edits[] = {
        {"\"version\":1", "\"version\":2", "line 1: the log was written by another version",
         ERR_MISMATCH},
        {"cotrain-expand-log\",", "something-else-log\",", "line 1: this is no log of answers",
         ERR_MISMATCH},
        {"\\ndouble", "\\nDouble", "", ERR_OK},
        {"Scenario: school", "Scenario: School", "line 2: the line's key is not of its question",
         ERR_MISMATCH},
        {"\"outcome\":", "\"outcome\";", "line 2: ", ERR_PARSE},
    };
    assert_ok(run_in("a"));
    struct str log = read_in("a", "expand.log.jsonl");
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct str edited = {0};
        char *at = strstr(log.data, edits[i].from);
        if (!at) continue;
        assert_ok(str_append(&edited, log.data, (size_t)(at - log.data)));
        assert_ok(str_add(&edited, edits[i].to));
        assert_ok(str_add(&edited, at + strlen(edits[i].from)));
        write_in("a", "expand.log.jsonl", &edited);
        assert_fails(run_in("a"), edits[i].code, edits[i].why);
        assert_int_equal(script.n_asked, 0);
        struct str kept = read_in("a", "expand.log.jsonl");
        assert_string_equal(kept.data, edited.data);
        str_release(&kept);
        str_release(&edited);
    }
    str_release(&log);
}

static void a_folder_of_somebody_else(void **state) {
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/a", folder);
    assert_ok(dir_make(path));
    struct str text = {0};
    write_in("a", "thesis.txt", &text);
    assert_fails(run_in("a"), ERR_EXISTS, "holds no 'expand.log.jsonl'");
}

static void names_of_files(void **state) {
    (void)state;
    struct str name = {0};
    requests[1].id = "o-r/1@1";
    assert_ok(expand_file_name(&(struct request_list){requests, 2}, 1, &name));
    assert_string_equal(name.data, "o-r-1-1-n2.jsonl");
    str_clear(&name);
    requests[0].id = "../.A/\xE4\xB8\xAD";
    assert_ok(expand_file_name(&(struct request_list){requests, 2}, 0, &name));
    assert_null(strchr(name.data, '/'));
    assert_int_equal(name.data[0], '-');
    str_release(&name);
}

static void settings_that_contradict(void **state) {
    (void)state;
    static const char *unknown[] = {"magic"};
    options.teacher.model_dir = "d";
    assert_fails(run_in("a"), ERR_USAGE, "no teacher, or two");
    options.teacher = (struct expand_teacher){.url = "u"};
    assert_fails(run_in("a"), ERR_USAGE, "is not told which model");
    options.teacher.model = "m";
    options.methods = (struct opt_list){unknown, 1};
    assert_fails(run_in("a"), ERR_MISSING, "there is no method 'magic'");
    options.methods.n = 0;
    options.per_request = 0;
    assert_fails(run_in("a"), ERR_USAGE, "synthesis is off");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make, clean)
int main(void) {
    const struct CMUnitTest tests[] = {
        EACH(rows_with_their_origin),
        EACH(the_same_rows_always),
        EACH(what_is_rejected),
        EACH(every_method),
        EACH(a_judge_where_there_is_no_check),
        EACH(near_duplicates),
        EACH(sealed_prompts_are_dropped),
        EACH(budgets),
        EACH(a_hopeless_teacher_is_given_up),
        EACH(a_line_that_was_cut_off),
        EACH(a_full_disk),
        EACH(a_log_that_is_refused),
        EACH(a_folder_of_somebody_else),
        EACH(names_of_files),
        EACH(settings_that_contradict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
