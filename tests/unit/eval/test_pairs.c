/* SPDX-License-Identifier: Apache-2.0
 * Pairing of items whatever their order: what is won, lost, only in one, and items that stand twice
 * in a list.
 * Read next: eval/pairs.h. */
#include "tests/unit/test.h"

#include "eval/pairs.h"

static json_t *parse(const char *text) {
    json_t *value = NULL;
    assert_ok(json_parse(text, strlen(text), "test", &value));
    return value;
}

static const char cases_a[] =
    "[{\"request\":\"r1\",\"prompt\":\"p\",\"expected\":\"e\",\"exact\":true},"
    "{\"request\":\"r1\",\"prompt\":\"q\",\"expected\":\"e\",\"exact\":true},"
    "{\"request\":\"r2\",\"prompt\":\"p\",\"expected\":\"e\",\"exact\":false},"
    "{\"request\":\"r2\",\"prompt\":\"s\",\"expected\":\"e\",\"exact\":false}]";
static const char cases_b[] =
    "[{\"request\":\"r2\",\"prompt\":\"p\",\"expected\":\"e\",\"got\":\"x\",\"exact\":true},"
    "{\"request\":\"r1\",\"prompt\":\"q\",\"expected\":\"e\",\"exact\":false},"
    "{\"request\":\"r1\",\"prompt\":\"p\",\"expected\":\"e\",\"exact\":true},"
    "{\"request\":\"r1\",\"prompt\":\"p\",\"expected\":\"other\",\"exact\":true}]";

static void order_does_not_matter(void **state) {
    (void)state;
    json_t *a = parse(cases_a), *b = parse(cases_b);
    struct item_pairs p;
    assert_ok(item_pairs_count(a, b, NULL, &p));
    assert_int_equal(p.n, 3);
    assert_int_equal(p.won, 1);
    assert_int_equal(p.lost, 1);
    assert_int_equal(p.only_a, 1);
    assert_int_equal(p.only_b, 1);
    assert_ok(item_pairs_count(a, b, "r1", &p));
    assert_int_equal(p.n, 2);
    assert_int_equal(p.lost, 1);
    assert_int_equal(p.only_a, 0);
    assert_int_equal(p.only_b, 1);
    json_decref(a);
    json_decref(b);
}

static void an_item_that_stands_twice_pairs_twice(void **state) {
    (void)state;
    json_t *a = parse("[{\"item\":0,\"correct\":true},{\"item\":0,\"correct\":false}]");
    json_t *b = parse("[{\"item\":0,\"correct\":true},{\"item\":0,\"correct\":true},"
                      "{\"item\":0,\"correct\":true}]");
    struct item_pairs p;
    assert_ok(item_pairs_count(a, b, NULL, &p));
    assert_int_equal(p.n, 2);
    assert_int_equal(p.won, 1);
    assert_int_equal(p.only_b, 1);
    json_decref(a);
    json_decref(b);
}

static void what_was_not_judged_is_no_pair(void **state) {
    (void)state;
    json_t *a = parse("[{\"item\":1,\"correct\":null},{\"item\":2,\"correct\":true}]");
    json_t *b = parse("[{\"item\":2,\"correct\":true},{\"item\":1,\"correct\":true}]");
    struct item_pairs p;
    assert_ok(item_pairs_count(a, b, NULL, &p));
    assert_int_equal(p.n, 1);
    assert_int_equal(p.unjudged, 1);
    assert_int_equal(p.only_a + p.only_b, 0);
    assert_ok(item_pairs_count(NULL, b, NULL, &p));
    assert_int_equal(p.n, 0);
    assert_int_equal(p.only_b, 2);
    json_decref(a);
    json_decref(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(an_item_that_stands_twice_pairs_twice),
        cmocka_unit_test(what_was_not_judged_is_no_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
