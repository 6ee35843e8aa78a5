/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions: what is found and replaced in Chinese text, groups that took no part, empty
 * matches, faults with their place, and a search without end that ends.
 * Under test: data/text/regex.h. */
#include "tests/unit/test.h"

#include "data/text/regex.h"

static void matches_are_counted_in_characters(void **state) {
    (void)state;
    struct regex *r = NULL;
    struct regex_match m;
    const char *text = "答案是１２，故选：B。";
    assert_ok(regex_new(&r, "(x)?(\\d+).故选[:：]?([A-D])"));
    assert_ok(regex_find(r, text, strlen(text), 0, &m));
    assert_int_equal(m.n_groups, 4);
    assert_int_equal(m.groups[0].begin, 9);
    assert_int_equal(m.groups[1].end, 0); /* took no part */
    assert_int_equal(m.groups[2].end - m.groups[2].begin, 6);
    assert_int_equal(text[m.groups[3].begin], 'B');
    assert_ok(regex_find(r, text, strlen(text), 12, &m));
    assert_int_equal(m.groups[2].begin, 12); /* the second digit alone */
    assert_ok(regex_find(r, text, strlen(text), 15, &m));
    assert_int_equal(m.n_groups, 0);
    regex_free(r);
}

static void replacements_take_groups(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text, *with, *result;
    } rows[] = {
        {"\\\\frac\\{(\\d+)\\}\\{(\\d+)\\}", "x=\\frac{1}{2},\\frac{3}{4}", "$1/$2", "x=1/2,3/4"},
        {"b*", "abc", "-", "-a--c-"},
        {"和", "A和B和", "$$", "A$B$"},
        {"z", "none", "$0", "none"},
        {"", "一", "|", "|一|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct regex *r = NULL;
        struct str out = {0};
        assert_ok(regex_new(&r, rows[i].pattern));
        assert_ok(regex_replace(r, rows[i].text, strlen(rows[i].text), rows[i].with, &out));
        assert_string_equal(str_text(&out), rows[i].result);
        str_release(&out);
        regex_free(r);
    }
}

static void faults_are_told(void **state) {
    (void)state;
    struct regex *r = NULL;
    struct regex_match m;
    assert_fails(regex_new(&r, "答案(是"), ERR_PARSE, "at byte 10");
    assert_null(r);
    assert_ok(regex_new(&r, "."));
    assert_fails(regex_find(r, "\xff", 1, 0, &m), ERR_PARSE, "no UTF-8");
    regex_free(r);
    char long_text[64];
    memset(long_text, 'a', sizeof long_text);
    assert_ok(regex_new(&r, "(a|aa)+$"));
    long_text[sizeof long_text - 1] = 'b';
    assert_fails(regex_find(r, long_text, sizeof long_text, 0, &m), ERR_LIMIT, "no end");
    regex_free(r);
    regex_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_counted_in_characters),
        cmocka_unit_test(replacements_take_groups),
        cmocka_unit_test(faults_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
