/* SPDX-License-Identifier: Apache-2.0
 * The official scorers' recorded verdicts: every item must be scored the same, with the letters
 * that
 * were extracted and the error that the official program ended on. Prompts must be the recorded and
 * the published ones, byte for byte. Skipped where the published inputs are absent.
 * Under test: eval/scorers/, eval/tasks/. */
#include "base/json.h"
#include "eval/score.h"
#include "tests/golden/shared.h"
#include "tests/unit/test.h"

static struct datasets where;

struct recorded {
    const char *task, *file;
};
static const struct recorded gsm8k = {"gsm8k_cn", "golden/scorers_public/gsm8k.jsonl"},
                             mathqa = {"agieval_math_qa", "golden/scorers_public/mathqa.jsonl"},
                             truthfulqa = {"truthfulqa_cn",
                                           "golden/scorers_public/truthfulqa.jsonl"},
                             humaneval = {"humaneval_cn",
                                          "golden/scorers_public/humaneval_cut.jsonl"};

/* Recorded lines and their verdicts by this program; the caller json_decref()s both. */
static void score(const struct recorded *of, json_t **out_lines, json_t **out_items) {
    const struct eval_task *task = NULL;
    struct suite_items items;
    json_t *part = NULL;
    assert_ok(eval_task_find(of->task, &task));
    assert_ok(suite_load(task->suite, &where, &items));
    assert_ok(score_read(shared_path(of->file), of->task, out_lines));
    assert_ok(score_answers(task, &items, *out_lines, false, &part));
    *out_items = json_incref(json_object_get(part, "items"));
    assert_int_equal(json_array_size(*out_items), json_array_size(*out_lines));
    json_decref(part);
    suite_items_release(&items);
}

/* Whether a text of the record is that of the verdict; absent and "None" are the same. */
static bool same_text(const json_t *line, const json_t *item, const char *key) {
    const char *wanted = json_text_of(line, key), *got = json_text_of(item, key);
    return strcmp(strcmp(wanted, "None") == 0 ? "" : wanted, got) == 0;
}

static void compare(const struct recorded *of, const char *const *keys) {
    json_t *lines = NULL, *items = NULL;
    score(of, &lines, &items);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i), *item = json_array_get(items, i);
        const char *verdict = json_text_of(line, "verdict");
        if (verdict[0] != '\0')
            if (json_is_true(json_object_get(item, "correct")) != !strcmp(verdict, "correct"))
                fail_msg("%s answer %zu (%s): recorded as %s", of->task, i + 1,
                         json_text_of(line, "variant"), verdict);
        for (const char *const *key = keys; *key != NULL; key++)
            if (!same_text(line, item, *key))
                fail_msg("%s answer %zu: %s is '%s', recorded '%s'", of->task, i + 1, *key,
                         json_text_of(item, *key), json_text_of(line, *key));
    }
    json_decref(lines);
    json_decref(items);
}

static void gsm8k_is_scored_as_recorded(void **state) {
    (void)state;
    compare(&gsm8k, (const char *const[]){"error", "gold", NULL});
}
static void mathqa_is_scored_as_recorded(void **state) {
    (void)state;
    compare(&mathqa, (const char *const[]){"extracted", "gold", NULL});
}
static void truthfulqa_is_scored_as_recorded(void **state) {
    (void)state;
    compare(&truthfulqa, (const char *const[]){NULL});
}
static void programs_are_cut_as_recorded(void **state) {
    (void)state;
    compare(&humaneval, (const char *const[]){"completion", NULL});
}

/* The published template with the item's texts in its places. */
static void fill_template(const json_t *rule, const struct suite_item *item, struct str *out) {
    const char *template = json_text_of(rule, "prompt"), *options = strstr(template, "{query}");
    struct str question = {0};
    assert_ok(str_add(&question, item->question));
    if (json_is_true(json_object_get(rule, "newline")))
        assert_ok(text_replace(&question, "<n>", "\n"));
    str_clear(out);
    if (options == NULL) {
        assert_ok(str_add(out, template));
        assert_ok(text_replace(out, "{question}", str_text(&question)));
    } else {
        assert_ok(str_printf(out, "%s\n", item->question));
        for (int i = 0; item->choices[i] != NULL; i++)
            assert_ok(str_printf(out, "%c. %s", 'A' + i, item->choices[i]));
        assert_ok(str_add(out, strstr(template, "...") + 3));
    }
    str_release(&question);
}

static void prompts_are_the_published_ones(void **state) {
    static const char *const tasks[] = {"gsm8k_cn", "agieval_math_qa", "agieval_math_cloze",
                                        "truthfulqa_cn"};
    json_t *rules = NULL;
    struct str wanted = {0};
    (void)state;
    assert_ok(json_parse_file(shared_path("datasets/prompts.json"), &rules));
    for (size_t k = 0; k < sizeof tasks / sizeof tasks[0]; k++) {
        const json_t *rule = json_object_get(rules, tasks[k]);
        const struct eval_task *task = NULL;
        struct suite_items items;
        assert_ok(eval_task_find(tasks[k], &task));
        assert_ok(suite_load(task->suite, &where, &items));
        assert_int_equal(json_integer_value(json_object_get(rule, "max_new_tokens")),
                         task->suite->max_new_tokens);
        for (int64_t i = 0; i < items.n; i++) {
            fill_template(rule, &items.items[i], &wanted);
            assert_string_equal(items.items[i].prompt, str_text(&wanted));
        }
        suite_items_release(&items);
    }
    str_release(&wanted);
    json_decref(rules);
}

/* Prompts that were recorded whole, or as the beginning of a response or of an official line. */
static void prompts_are_the_recorded_ones(void **state) {
    static const struct recorded *const all[] = {&gsm8k, &mathqa, &truthfulqa, &humaneval};
    int64_t n_compared = 0;
    (void)state;
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        const struct eval_task *task = NULL;
        struct suite_items items;
        json_t *lines = NULL;
        assert_ok(eval_task_find(all[k]->task, &task));
        assert_ok(suite_load(task->suite, &where, &items));
        assert_ok(score_read(shared_path(all[k]->file), all[k]->task, &lines));
        for (size_t i = 0; i < json_array_size(lines); i++) {
            const json_t *line = json_array_get(lines, i);
            const struct suite_item *item = suite_find_item(&items, line);
            const char *response = json_text_of(line, "response");
            bool official = strstr(json_text_of(line, "variant"), "+official_prompt") != NULL;
            if (item == NULL) continue;
            if (json_text_of(line, "prompt")[0] != '\0')
                assert_string_equal(json_text_of(line, "prompt"), item->prompt);
            else if (response[0] != '\0' && str_starts(response, item->prompt))
                n_compared++; /* a variant may change the prompt; most must keep it */
            else if (official) {
                struct str decoded = {0};
                json_t *record = json_object();
                assert_ok(str_printf(&decoded, " %sx<eod>", item->prompt));
                assert_ok(suite_record(task->suite, item, str_text(&decoded), record));
                struct span said = text_span(json_text_of(record, "line"));
                assert_int_equal(memcmp(json_text_of(line, "line"), said.text, said.n - 1), 0);
                str_release(&decoded);
                json_decref(record);
                n_compared++;
            }
        }
        json_decref(lines);
        suite_items_release(&items);
    }
    assert_true(n_compared > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gsm8k_is_scored_as_recorded),
        cmocka_unit_test(mathqa_is_scored_as_recorded),
        cmocka_unit_test(truthfulqa_is_scored_as_recorded),
        cmocka_unit_test(programs_are_cut_as_recorded),
        cmocka_unit_test(prompts_are_the_published_ones),
        cmocka_unit_test(prompts_are_the_recorded_ones),
    };
    static char folder[1024];
    const char *datasets = shared_path("datasets");
    if (datasets == NULL || shared_path("golden/scorers_public") == NULL) return TEST_SKIPPED;
    snprintf(folder, sizeof folder, "%s", datasets);
    where.folder = folder;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
