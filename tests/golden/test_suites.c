/* SPDX-License-Identifier: Apache-2.0
 * Every published suite, over the table: an oracle, which gives the file's own answers, and an
 * answerer that always says the same go through the real tokenizer, the official cutting and the
 * official scoring, and must get exactly what the suite states of them. Skipped where the published
 * inputs are absent.
 * Under test: eval/tasks/, eval/scorers/, eval/suite.c. */
#include "base/json.h"
#include "data/tokens/tokenizer.h"
#include "eval/score.h"
#include "tests/golden/shared.h"
#include "tests/unit/test.h"

static struct datasets where;
static struct tokenizer *tokenizer;
static int n_wrong;

/* What a model's run leaves that answers `text` and <eod> to the item. */
static json_t *answer(const struct suite *suite, const struct suite_item *item, const char *text) {
    struct tokens ids = {0};
    struct str decoded = {0}, whole = {0};
    json_t *line = json_object();
    assert_ok(json_put(line, "item", json_integer(item->number)));
    assert_ok(str_printf(&whole, "%s%s", item->prompt, text));
    assert_ok(tokenizer_encode(tokenizer, str_text(&whole), whole.len, WHITESPACE_STRIP, &ids));
    assert_ok(tokens_add(&ids, tokenizer_special(tokenizer, SPECIAL_EOD)));
    assert_ok(tokenizer_decode(tokenizer, ids.ids, ids.n, false, &decoded));
    assert_ok(suite_record(suite, item, str_text(&decoded), line));
    tokens_release(&ids);
    str_release(&decoded);
    str_release(&whole);
    return line;
}

/* Options of which the right one is held `more` likely than the others, which are all equal. */
static json_t *weighed(const struct suite_item *item, double more) {
    json_t *line = json_object(), *choices = json_array();
    assert_ok(json_put(line, "item", json_integer(item->number)));
    assert_ok(json_put(line, "choices", choices));
    for (int i = 0; item->choices[i] != NULL; i++)
        assert_ok(json_push(choices,
                            json_pack("{s:f,s:i,s:i}", "log_likelihood", i == 0 ? more - 9.0 : -9.0,
                                      "n_tokens", 3, "n_characters", 5)));
    return line;
}

/* Of the verdicts those that fewer items have, some of them. */
static void show_unusual(const json_t *items, bool mostly_right) {
    size_t i = 0, n_shown = 0;
    json_t *item = NULL;
    json_array_foreach(items, i, item) {
        struct str text = {0};
        if (json_is_true(json_object_get(item, "correct")) == mostly_right || n_shown++ >= 8)
            continue;
        assert_ok(json_text(item, 0, &text));
        print_error("  %s\n", str_text(&text));
        str_release(&text);
    }
}

static void expect_right(const struct eval_task *task, const struct suite_items *items,
                         json_t *lines, int64_t wanted, const char *who) {
    json_t *part = NULL;
    assert_ok(score_answers(task, items, lines, false, &part));
    int64_t right = json_integer_value(json_object_get(part, "correct"));
    if (json_object_get(part, "n_unjudged") != NULL)
        print_message("%s: programs are not run here, so %s is not looked at\n", task->name, who);
    else if (right != wanted) {
        print_error("%s: %s gets %lld right, stated are %lld\n", task->name, who, (long long)right,
                    (long long)wanted);
        show_unusual(json_object_get(part, "items"), right > items->n / 2);
        n_wrong++;
    }
    json_decref(part);
    json_decref(lines);
}

static void check(const struct eval_task *task) {
    const struct suite *suite = task->suite;
    struct suite_items items;
    json_t *right = json_array(), *same = json_array();
    assert_ok(suite_load(suite, &where, &items));
    assert_int_equal(items.n, suite->n_items);
    assert_false(items.changed); /* allowed to be, and not */
    for (int64_t i = 0; i < items.n; i++) {
        const struct suite_item *item = &items.items[i];
        struct str said = {0};
        if (suite->form == ANSWER_CHOICES) {
            assert_ok(json_push(right, weighed(item, 1.0)));
            assert_ok(json_push(same, weighed(item, 0.0)));
            continue;
        }
        assert_ok(suite->oracle(item, &said));
        assert_ok(json_push(right, answer(suite, item, str_text(&said))));
        assert_ok(json_push(same, answer(suite, item, suite->stated.constant)));
        str_release(&said);
    }
    expect_right(task, &items, right, suite->stated.oracle, "the oracle");
    expect_right(task, &items, same, suite->stated.constant_right, "the constant answerer");
    n_wrong += suite->stated.why[0] == 0;
    suite_items_release(&items);
}

static void suites_keep_what_they_state(void **state) {
    int n = 0;
    (void)state;
    for (int i = 0; i < n_eval_tasks; i++) {
        if (eval_tasks[i]->suite == NULL) continue;
        check(eval_tasks[i]);
        n++;
    }
    assert_true(n > 0);
    assert_int_equal(n_wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suites_keep_what_they_state),
    };
    static char folder[1024];
    const char *datasets = shared_path("datasets"), *dir = shared_path("tokenizer");
    if (datasets == NULL || dir == NULL) return TEST_SKIPPED;
    snprintf(folder, sizeof folder, "%s", datasets);
    where = (struct datasets){.folder = folder, .allow_changed = true};
    if (tokenizer_open(&tokenizer, dir) != ERR_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tokenizer_free(tokenizer);
    return failed;
}
