/* SPDX-License-Identifier: Apache-2.0
 * Option tables: every type, presets, ranges, choices, aliases, and the command line over them.
 * A refusal must say what is allowed, or which name was near.
 * Under test: base/opt.h. */
#include "tests/unit/test.h"

#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"

struct settings {
    bool packing;
    int64_t epochs;
    double learning_rate;
    const char *mask, *recipe;
    struct opt_list tasks, set;
};
#define ROW(field, ...) OPT(struct settings, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .positional = true, .required = true, .value = "RECIPE"),
    ROW(packing, .preset = "true", .help = "pack"),
    ROW(epochs, .preset = "3", .min = 1, .max = 100, .aliases = "num_epochs,num_train_epochs"),
    ROW(learning_rate, .preset = "1e-4"),
    ROW(mask, .preset = "answer", .choices = "answer,all"),
    ROW(tasks, .preset = "requests"),
    ROW(set, .repeated = true),
};
static const struct opt_table table = {rows, sizeof rows / sizeof rows[0]};

static err parse(struct settings *s, struct arena *a, int argc, const char **argv) {
    *s = (struct settings){0};
    return opt_parse_args(table, s, argc, (char **)argv, a);
}
#define PARSE(...)                                                                                 \
    parse(&s, &a, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                   \
          (const char *[]){__VA_ARGS__})

static void a_full_line(void **state) {
    (void)state;
    struct arena a = {0};
    struct settings s;
    assert_ok(PARSE("--no-packing", "r.yaml", "--num-train-epochs=7", "--learning_rate", "2e-5",
                    "--set", "a=1,2", "--tasks", "a,b", "--set", "b=2", "--mask=all"));
    assert_false(s.packing);
    assert_int_equal(s.epochs, 7);
    assert_true(s.learning_rate == 2e-5);
    assert_string_equal(s.recipe, "r.yaml");
    assert_string_equal(s.mask, "all");
    assert_int_equal(s.set.n, 2);
    assert_string_equal(s.set.items[0], "a=1,2");
    assert_int_equal(s.tasks.n, 2);
    assert_string_equal(s.tasks.items[1], "b");
    arena_release(&a);
}

static void presets_fill_the_rest(void **state) {
    (void)state;
    struct arena a = {0};
    struct settings s;
    assert_ok(PARSE("--", "--odd-name"));
    assert_string_equal(s.recipe, "--odd-name");
    assert_ok(PARSE("--recipe", "by-name"));
    assert_string_equal(s.recipe, "by-name");
    assert_true(s.packing);
    assert_int_equal(s.epochs, 3);
    assert_int_equal(s.tasks.n, 1);
    assert_int_equal(s.set.n, 0);
    arena_release(&a);
}

static void wrong_lines_say_what_is_wrong(void **state) {
    (void)state;
    struct arena a = {0};
    struct settings s;
    assert_fails(PARSE("--packing"), ERR_USAGE, "'recipe' is missing");
    assert_fails(PARSE("r", "--epoch", "3"), ERR_USAGE, "unknown option '--epoch'");
    assert_string_equal(err_hint(), "did you mean '--epochs'?");
    assert_fails(PARSE("r", "--epochs"), ERR_USAGE, "needs a value");
    assert_fails(PARSE("r", "--epochs", "0"), ERR_USAGE, "'epochs': 0 is not from 1 to 100");
    assert_fails(PARSE("r", "--epochs", "1", "--epochs", "2"), ERR_USAGE, "given twice");
    assert_fails(PARSE("r", "--mask", "some"), ERR_USAGE, "none of answer,all");
    assert_fails(PARSE("r", "--recipe", "s"), ERR_USAGE, "'recipe' is given twice");
    assert_fails(PARSE("r", "s"), ERR_USAGE, "'s' is one word too many");
    assert_fails(PARSE("r", "--packing=maybe"), ERR_USAGE, "not true or false");
    arena_release(&a);
}

static void text_of_a_value_reads_back(void **state) {
    (void)state;
    struct arena a = {0};
    struct settings s = {.learning_rate = 0.1,
                         .epochs = 5,
                         .tasks = {(const char *[]){"x", "y"}, 2}},
                    t;
    memset(&t, 0, sizeof t);
    for (size_t i = 0; i < table.n; i++) {
        const char *text, *again;
        assert_ok(opt_text(&rows[i], &s, &a, &text));
        if (text[0] == '\0') continue;
        assert_ok(opt_set(&rows[i], &t, text, &a));
        assert_ok(opt_text(&rows[i], &t, &a, &again));
        assert_string_equal(text, again);
    }
    assert_true(t.learning_rate == s.learning_rate);
    bool alias;
    assert_ptr_equal(opt_find(table, "num-epochs", &alias), &rows[2]);
    assert_true(alias);
    arena_release(&a);
}

static void help_names_every_row(void **state) {
    (void)state;
    struct str help = {0};
    assert_ok(opt_help(table, &help));
    assert_non_null(strstr(help.data, "--learning-rate"));
    assert_non_null(strstr(help.data, "RECIPE"));
    assert_non_null(strstr(help.data, "(default: 3)"));
    str_release(&help);
}

/* Of every type, a row without a preset that nothing was given for. */
static void rows_without_preset(void **state) {
    (void)state;
    static const struct opt bare[] = {ROW(packing), ROW(epochs), ROW(learning_rate),
                                      ROW(mask),    ROW(tasks),  ROW(set)};
    static const char *const given[] = {"true", "-1", "0.5", "all", "a", "b"};
    struct arena a = {0};
    struct settings s = {0};
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
        assert_true(opt_left_out(&bare[i], &s));
        assert_ok(opt_set(&bare[i], &s, given[i], &a));
        assert_false(opt_left_out(&bare[i], &s));
    }
    s.epochs = 0;
    assert_false(opt_left_out(opt_find(table, "epochs", NULL), &s)); /* it has a preset */
    arena_release(&a);
}

static void a_list_grows_text_by_text(void **state) {
    (void)state;
    static const char *const texts[] = {"a", "b", "c", "d", "e"};
    struct arena a = {0};
    struct opt_list list = {0};
    for (int64_t i = 0; i < 5; i++) assert_ok(opt_list_add(&list, &a, texts[i]));
    assert_int_equal(list.n, 5);
    for (int64_t i = 0; i < 5; i++) assert_ptr_equal(list.items[i], texts[i]);
    arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_line),
        cmocka_unit_test(presets_fill_the_rest),
        cmocka_unit_test(wrong_lines_say_what_is_wrong),
        cmocka_unit_test(text_of_a_value_reads_back),
        cmocka_unit_test(help_names_every_row),
        cmocka_unit_test(rows_without_preset),
        cmocka_unit_test(a_list_grows_text_by_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
