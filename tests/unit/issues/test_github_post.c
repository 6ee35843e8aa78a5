/* SPDX-License-Identifier: Apache-2.0
 * Posting comments: a second between two, looked at before they leave, tried again after a rate
 * limit and never after a fault, when nobody knows whether the comment was made.
 * Under test: issues/github/github.h. Read next: test_github.c, test_github_faults.c. */
#include "tests/github/session.h"

#include "issues/github/github.h"

#define SPENT "status=403 remaining=0 message=\"API rate limit exceeded for 1.2.3.4.\""
#define SECONDARY "message=\"You have exceeded a secondary rate limit. Please wait a few minutes.\""

static void comments_are_posted_a_second_apart(void **state) {
    (void)state;
    json_t *posted;
    write_thread(2);
    START("--limit", "50");
    static const char *const bodies[] = {"first\r\n\"x\"", "\xE6\xBA\x90\xE2\x80\x8B", "3"};
    struct post_list list = {0};
    for (int i = 0; i < 3; i++) {
        assert_ok(github_comment(client, "a/b", 1, bodies[i], &posted));
        assert_string_equal(json_string_value(json_object_get(posted, "body")), bodies[i]);
        assert_int_equal(json_integer_value(json_object_get(posted, "id")), 3000000000 + i);
        assert_ok(posts_add(&list, posted, "what was posted"));
        json_decref(posted);
    }
    posts_finish(&list);
    assert_string_equal(list.items[0].id, "a/b#1@3000000000");
    post_list_release(&list);
    ASSERT_WAITS(&clock_, 1, 1);
    assert_asked(&standin, "POST /repos/a/b/issues/1/comments 201 auth plain\n"
                           "POST /repos/a/b/issues/1/comments 201 auth plain\n"
                           "POST /repos/a/b/issues/1/comments 201 auth plain\n");
    struct github_found found;
    assert_ok(github_comments(client, "a/b", 1, NULL, &found));
    assert_int_equal(json_array_size(found.value), 5);
    github_found_release(&found);
    stop();
}

static void comments_are_looked_at_before_they_are_posted(void **state) {
    (void)state;
    json_t *posted;
    write_thread(0);
    START("--limit", "50");
    struct str text = {0};
    for (int i = 0; i < 65536; i++) assert_ok(str_add(&text, "\xE6\xBA\x90"));
    assert_ok(github_comment(client, "a/b", 1, text.data, &posted));
    json_decref(posted);
    assert_ok(file_remove(standin.log));
    assert_ok(str_add(&text, "x"));
    assert_fails(github_comment(client, "a/b", 1, text.data, &posted), ERR_LIMIT, "65537");
    assert_fails(github_comment(client, "a/b", 1, " \r\n", &posted), ERR_USAGE, "empty");
    assert_fails(github_comment(client, "a/b", 1, "a\xFF", &posted), ERR_PARSE, "byte 1");
    str_release(&text);
    github_free(client);
    struct github_options o = test_options(&standin, &clock_, NULL);
    o.token = NULL;
    assert_ok(github_new(&o, &client));
    assert_fails(github_comment(client, "a/b", 1, "x", &posted), ERR_DENIED, "needs a token");
    assert_asked(&standin, "");
    stop();
}

static void posts_fail(err code, const char *part, const char *hint) {
    json_t *posted;
    assert_fails(github_comment(client, "a/b", 1, "text", &posted), code, part);
    assert_null(posted);
    assert_non_null(strstr(err_message(), "POST http"));
    if (!strstr(err_hint(), hint)) fail_msg("hint '%s' lacks '%s'", err_hint(), hint);
    assert_null(strstr(err_message(), TEST_TOKEN));
}

/* Nobody knows whether a post was made that had no answer: it is not made twice. */
static void posts_are_not_repeated_after_a_fault(void **state) {
    (void)state;
    static const char unknown[] = "whether it was posted is not known";
    write_thread(0);
    START("--fault", "POST * times=1 status=500", "--fault", "POST * times=1 status=502 html",
          "--fault", "POST * times=1 cut=10", "--fault", "POST * times=1 drop", "--fault",
          "POST * times=1 truncate=10", "--fault", "POST * times=1 status=404");
    posts_fail(ERR_IO, "500: the server has a fault", unknown);
    posts_fail(ERR_IO, "502: the server has a fault", unknown);
    posts_fail(ERR_IO, "no answer from", unknown);
    posts_fail(ERR_IO, "no answer from", unknown);
    posts_fail(ERR_PARSE, "JSON", unknown);
    posts_fail(ERR_MISSING, "404: not there", "check owner");
    ASSERT_WAITS(&clock_, 1, 1, 1, 1, 1); /* the pause between posts */
    assert_asked(&standin, "POST /repos/a/b/issues/1/comments 500\n"
                           "POST /repos/a/b/issues/1/comments 502\n"
                           "POST /repos/a/b/issues/1/comments 201\n"
                           "POST /repos/a/b/issues/1/comments dropped\n"
                           "POST /repos/a/b/issues/1/comments 201\n"
                           "POST /repos/a/b/issues/1/comments 404\n");
    stop();
}

static void posts_are_repeated_after_a_limit(void **state) {
    (void)state;
    json_t *posted;
    write_thread(0);
    START("--fault", "POST * times=1 status=403 retry-after=9 " SECONDARY, "--fault",
          "POST * times=1 reset=1710000100 " SPENT);
    assert_ok(github_comment(client, "a/b", 1, "text", &posted));
    json_decref(posted);
    ASSERT_WAITS(&clock_, 9, 91);
    assert_asked(&standin, "POST /repos/a/b/issues/1/comments 403\n"
                           "POST /repos/a/b/issues/1/comments 403\n"
                           "POST /repos/a/b/issues/1/comments 201\n");
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(comments_are_posted_a_second_apart),
        FOLDER_TEST(comments_are_looked_at_before_they_are_posted),
        FOLDER_TEST(posts_are_not_repeated_after_a_fault),
        FOLDER_TEST(posts_are_repeated_after_a_limit),
    };
    return STANDIN_RUN(tests);
}
