/* SPDX-License-Identifier: Apache-2.0
 * The Link header: as GitHub writes it, as others may, and what is none.
 * A header that cannot be read must not pass for a last page: items would be lost.
 * Under test: github_link_next of issues/github/github_int.h. */
#include "tests/unit/test.h"

#include "issues/github/github_int.h"

static void next_is(const char *link, const char *wanted) {
    struct str out = {0};
    bool found;
    assert_ok(github_link_next(link, &out, &found));
    if (found != (wanted != NULL) || (wanted && strcmp(out.data, wanted) != 0))
        fail_msg("%s: '%s'", link, str_text(&out));
    str_release(&out);
}

static void next_is_found(void **state) {
    (void)state;
    next_is("<https://api.github.com/repositories/1000/issues?per_page=3&page=2>; rel=\"next\", "
            "<https://api.github.com/repositories/1000/issues?per_page=3&page=5>; rel=\"last\"",
            "https://api.github.com/repositories/1000/issues?per_page=3&page=2");
    next_is("<a>; rel=\"prev\", <b>; rel=\"next\", <c>; rel=\"last\", <d>; rel=\"first\"", "b");
    next_is("<a>; rel=\"prev\", <d>; rel=\"first\"", NULL);
    next_is("<a>;rel=next", "a");
    next_is("<a>; REL=\"NeXt\"", "a");
    next_is("<a>; rel = \"next\"", "a");
    next_is("<a>; title=\"x, y; rel=\\\"prev\\\"\"; rel=\"next\"; type=text/html", "a");
    next_is("<a>; rel=\"last next\"", "a");
    next_is("<a>; rel=\"nextish\", <b>; rel=prev", NULL);
    next_is("<a>; rel=prev; rel=next", NULL);
    next_is("<a>; relx=next", NULL);
    next_is("<a>; crossorigin; rel=next", "a");
    next_is("<a?b=,;>; rel=next", "a?b=,;");
    next_is(" , <a>; rel=prev ,, <b>; rel=next,", "b");
    next_is("", NULL);
}

static void other_texts_are_none(void **state) {
    (void)state;
    static const char *const links[] = {"a; rel=next",
                                        "<a; rel=next",
                                        "<a>; rel=\"next",
                                        "<a> rel=next",
                                        "<b>; rel=prev <a>; rel=next",
                                        "x"};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        struct str out = {0};
        bool found;
        assert_fails(github_link_next(links[i], &out, &found), ERR_PARSE, "the link header");
        str_release(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_is_found),
        cmocka_unit_test(other_texts_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
