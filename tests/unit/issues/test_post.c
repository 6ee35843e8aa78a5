/* SPDX-License-Identifier: Apache-2.0
 * Posts out of saved JSON: every shape that tools leave it in, what is passed over, each post once
 * in its newest state, what comments learn of their issue, times, and texts as people typed them.
 * Under test: issues/post.h. Read next: test_collect.c. */
#include "tests/unit/folder_test.h"

#include "base/mem.h"
#include "issues/post.h"

#define ISSUE                                                                                      \
    "{\"id\": 3000000001, \"number\": 22, \"title\": \"needs\", \"url\": \"https://api.github.com" \
    "/repos/O/R/issues/22\", \"html_url\": \"https://github.com/O/R/issues/22\", \"user\": "       \
    "{\"login\": \"ann\", \"type\": \"User\"}, \"created_at\": \"2024-01-01T00:00:00Z\", "         \
    "\"updated_at\": \"2024-01-02T00:00:00Z\", \"body\": \"text\", \"author_association\": "       \
    "\"MEMBER\", \"labels\": [{\"name\": \"one\"}, \"two\", {}, null, {\"name\": \"\"}], "         \
    "\"reactions\": {\"+1\": 3, \"total_count\": 9}}"
#define COMMENT(id, time, body)                                                                    \
    "{\"id\": " id ", \"issue_url\": \"https://api.github.com/repos/O/R/issues/22\", "             \
    "\"html_url\": \"https://github.com/O/R/issues/22#issuecomment-" id "\", \"user\": {\"login\"" \
    ": \"bob\"}, \"created_at\": \"" time "\", \"updated_at\": \"" time "\", \"body\": " body "}"
#define FIRST COMMENT("2200000001", "2024-01-03T00:00:00Z", "\"first\"")
#define SECOND COMMENT("2200000002", "2024-01-04T00:00:00Z", "\"second\"")

static struct post_list posts;

static const char *file(const char *name, const char *text) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *parent = path_dir(path);
    assert_ok(dir_make(parent));
    mem_free(parent);
    assert_ok(file_write(path, text, strlen(text)));
    return path;
}

/* The ids of all posts, in their order. */
static void has(const char *path, const char *wanted) {
    struct str ids = {0};
    post_list_release(&posts);
    assert_ok(posts_read(path, &posts));
    for (int64_t i = 0; i < posts.n; i++) assert_ok(str_printf(&ids, "%s ", posts.items[i].id));
    assert_string_equal(str_text(&ids), wanted);
    str_release(&ids);
}

#define ALL "O/R#22 O/R#22@2200000001 O/R#22@2200000002 "
static void every_shape_is_read(void **state) {
    (void)state;
    static const char *const texts[] = {
        ISSUE "\n" FIRST "\n" SECOND "\n",    /* JSON Lines */
        "[" ISSUE ", " SECOND ", " FIRST "]", /* one list */
        "[" ISSUE "]"
        "[" FIRST "]"
        "[" SECOND "]",                                                /* gh api --paginate */
        "[[" ISSUE "], [" FIRST "], [" SECOND "]]",                    /* --slurp */
        "{\"total_count\": 1, \"items\": [" ISSUE "]}\n" FIRST SECOND, /* a search */
        "{\"action\": \"created\", \"issue\": " ISSUE ", \"comment\": " FIRST "}\r\n" SECOND,
        " \n[]\n{}[" ISSUE "]\n\n[" FIRST ", 7, null, \"x\", {\"id\": 1}]" SECOND "[]",
        "{\"items\": [" ISSUE ", {\"items\": [" FIRST "]}], \"issue\": null}" SECOND,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) has(file("x.json", texts[i]), ALL);
    has(file("x.json", ISSUE), "O/R#22 ");
    has(file("x.json", SECOND), "O/R#22@2200000002 ");
}

static void folders_are_walked(void **state) {
    (void)state;
    file("repos/O/R/issues.json", "[" ISSUE "]");
    file("repos/O/R/issues/22.json", ISSUE);
    file("repos/O/R/issues/22/comments.json", "[" FIRST "]");
    file("repos/O/R/more.jsonl", SECOND "\n" FIRST "\n");
    file("repos/O/R/notes.txt", "no JSON");
    file("manifest.json", "[{\"repo\": \"O/R\", \"number\": 22, \"kind\": \"issue\"}]");
    has(folder, ALL);
    file("broken.json", "[1, ");
    post_list_release(&posts);
    assert_fails(posts_read(folder, &posts), ERR_PARSE, "broken.json': byte 4");
}

static void what_holds_no_post(void **state) {
    (void)state;
    static const char *const texts[] = {"", "[]", "{}", "7", "null", "[{\"number\": 3}]", "\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        post_list_release(&posts);
        assert_fails(posts_read(file("x.json", texts[i]), &posts), ERR_MISSING, "holds no issue");
    }
    post_list_release(&posts);
    assert_fails(posts_read("/nonexistent", &posts), ERR_IO, "/nonexistent");
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"[{\"issue_url\": \"x\", \"id\": \"7\"}]", "a comment without a whole number as 'id'"},
        {"[{\"issue_url\": \"https://h/x\", \"id\": 7}]", "names no repository and issue"},
        {"[{\"issue_url\": \"https://h/repos/O/R/issues/x\", \"id\": 7}]", "names no repository"},
        {"[{\"issue_url\": \"https://h/repos/O/R/issues/2\", \"id\": 7}]", "is no time as in"},
        {"[", "not valid JSON"},
        {ISSUE "x", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        post_list_release(&posts);
        assert_fails(posts_read(file("x.json", bad[i].text), &posts), ERR_PARSE, bad[i].part);
        assert_non_null(strstr(err_message(), "x.json"));
    }
}

static void fields_of_an_issue_and_its_comment(void **state) {
    (void)state;
    has(file("x.json", ISSUE FIRST), "O/R#22 O/R#22@2200000001 ");
    const struct post *issue = &posts.items[0], *comment = &posts.items[1];
    assert_string_equal(issue->repository, "O/R");
    assert_int_equal(issue->issue, 22);
    assert_int_equal(issue->comment, 0);
    assert_string_equal(issue->title, "needs");
    assert_string_equal(issue->login, "ann");
    assert_string_equal(issue->association, "MEMBER");
    assert_string_equal(issue->body, "text");
    assert_string_equal(issue->url, "https://github.com/O/R/issues/22");
    assert_int_equal(issue->votes, 3);
    assert_int_equal(issue->created_s, 1704067200);
    assert_int_equal(issue->updated_s, 1704153600);
    assert_int_equal(issue->labels.n, 2);
    assert_string_equal(issue->labels.items[1], "two");
    assert_int_equal(comment->comment, 2200000001);
    assert_string_equal(comment->title, "needs"); /* learned of the issue */
    assert_string_equal(comment->labels.items[0], "one");
    assert_string_equal(comment->association, "");
    assert_false(comment->bot || comment->minimized || comment->pull_request);
    assert_int_equal(strlen(comment->digest), 64);
    has(file("x.json", FIRST), "O/R#22@2200000001 ");
    assert_null(posts.items[0].title);
}

static void nulls_bots_and_pull_requests(void **state) {
    (void)state;
    has(file("x.json",
             "[{\"id\": 1, \"number\": 7, \"title\": \"t\", \"url\": "
             "\"https://h/api/v3/repos/O/R/issues/7\", \"user\": null, \"body\": null, "
             "\"created_at\": \"2024-01-01T00:00:00Z\", \"pull_request\": {}},"
             "{\"id\": 8, \"issue_url\": \"https://h/api/v3/repos/O/R/issues/7\", \"user\": "
             "{\"login\": \"x[bot]\"}, \"body\": \"b\", \"minimized\": {\"reason\": \"spam\"}, "
             "\"created_at\": \"2024-01-01T00:00:01Z\"},"
             "{\"id\": 9, \"issue_url\": \"https://h/api/v3/repos/O/R/issues/7\", \"user\": "
             "{\"login\": \"y\", \"type\": \"Bot\"}, \"created_at\": \"2024-01-01T00:00:02Z\"}]"),
        "O/R#7 O/R#7@8 O/R#7@9 ");
    assert_null(posts.items[0].login);
    assert_string_equal(posts.items[0].body, "");
    assert_int_equal(posts.items[0].updated_s, posts.items[0].created_s);
    for (int i = 0; i < 3; i++) assert_true(posts.items[i].pull_request);
    assert_true(posts.items[1].bot && posts.items[2].bot && !posts.items[0].bot);
    assert_true(posts.items[1].minimized && !posts.items[2].minimized);
    assert_string_equal(posts.items[2].body, "");
}

static void each_post_once_in_its_newest_state(void **state) {
    (void)state;
    char edited[1024];
    snprintf(edited, sizeof edited, "%s", COMMENT("2200000001", "2024-01-03T00:00:00Z", "\"new\""));
    char *updated = strstr(edited, "\"updated_at\": \"2024-01-03");
    assert_non_null(updated);
    updated[strlen("\"updated_at\": \"2024-01-0")] = '9';
    char text[4096];
    snprintf(text, sizeof text, "[%s, %s, %s, %s]", FIRST, edited, FIRST, SECOND);
    has(file("x.json", text), "O/R#22@2200000001 O/R#22@2200000002 ");
    assert_string_equal(posts.items[0].body, "new");
    snprintf(text, sizeof text, "[%s, %s]", edited, FIRST);
    has(file("x.json", text), "O/R#22@2200000001 ");
    assert_string_equal(posts.items[0].body, "new");
}

static void digests_are_of_the_content(void **state) {
    (void)state;
    char digest[SHA256_HEX_SIZE];
    has(file("x.json",
             "{\"id\": 1, \"issue_url\": \"https://h/repos/O/R/issues/2\", \"created_at\": "
             "\"2024-01-01T00:00:00Z\"}"),
        "O/R#2@1 ");
    memcpy(digest, posts.items[0].digest, sizeof digest);
    has(file("x.json",
             "[ {\"created_at\": \"2024-01-01T00:00:00Z\",\n\"issue_url\": \"https://h/repos"
             "/O/R/issues/2\", \"id\": 1} ]"),
        "O/R#2@1 ");
    assert_string_equal(posts.items[0].digest, digest);
    has(file("x.json",
             "{\"id\": 1, \"issue_url\": \"https://h/repos/O/R/issues/2\", \"created_at\": "
             "\"2024-01-01T00:00:00Z\", \"more\": 1}"),
        "O/R#2@1 ");
    assert_string_not_equal(posts.items[0].digest, digest);
}

/* What people type comes through as it is; what is no text at all becomes U+FFFD. */
static void bodies_are_kept(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"\"a\\r\\nb\\t\"", "a\r\nb\t"},
        {"\"\xE2\x80\x8B\xEF\xBB\xBF\xE2\x80\xAEz\xE2\x81\xA9\"",
         "\xE2\x80\x8B\xEF\xBB\xBF\xE2\x80\xAEz\xE2\x81\xA9"},
        {"\"\\ud83e\\udd1d\"", "\xF0\x9F\xA4\x9D"},
        {"\"a\xFFz\"", "a\xEF\xBF\xBDz"},
        {"\"a\\u0000z\"", "a\xEF\xBF\xBDz"},
        {"\"a\\ud83ez\"", "a\xEF\xBF\xBDz"},
        {"7", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{\"id\": 1, \"issue_url\": \"https://h/repos/O/R/issues/2\", \"created_at\": "
                 "\"2024-01-01T00:00:00Z\", \"body\": %s}",
                 cases[i][0]);
        has(file("x.json", text), "O/R#2@1 ");
        assert_string_equal(posts.items[0].body, cases[i][1]);
    }
}

/* By repository, time, issue, comment. */
static void order_does_not_depend_on_the_files(void **state) {
    (void)state;
    static const char *const lines[] = {
        "{\"id\": 5, \"issue_url\": \"https://h/repos/O/R/issues/2\", \"created_at\": "
        "\"2024-01-01T00:00:00Z\"}",
        "{\"id\": 4, \"issue_url\": \"https://h/repos/O/R/issues/3\", \"created_at\": "
        "\"2024-01-01T00:00:00Z\"}",
        "{\"id\": 9, \"issue_url\": \"https://h/repos/A/Z/issues/9\", \"created_at\": "
        "\"2025-01-01T00:00:00Z\"}",
        "{\"id\": 1, \"issue_url\": \"https://h/repos/O/R/issues/4\", \"created_at\": "
        "\"2024-01-01T08:00:01+08:00\"}",
        "{\"id\": 6, \"issue_url\": \"https://h/repos/O/R/issues/2\", \"created_at\": "
        "\"2024-01-01T00:00:00Z\"}",
    };
    for (int shift = 0; shift < 5; shift++) {
        struct str text = {0};
        for (int i = 0; i < 5; i++) assert_ok(str_add(&text, lines[(i + shift) % 5]));
        has(file("x.json", text.data), "A/Z#9@9 O/R#2@5 O/R#2@6 O/R#3@4 O/R#4@1 ");
        str_release(&text);
    }
}

static void times(void **state) {
    (void)state;
    struct arena a = {0};
    const char *text;
    static const struct {
        const char *text;
        int64_t s;
    } good[] = {{"1970-01-01T00:00:00Z", 0},
                {"2024-02-29T23:59:59Z", 1709251199},
                {"2024-01-18T10:00:00+08:00", 1705543200},
                {"2024-01-18T02:00:00.123Z", 1705543200},
                {"2024-01-17T21:30:00-04:30", 1705543200},
                {"1969-12-31T23:59:59Z", -1}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t s;
        assert_ok(time_parse(good[i].text, &s));
        assert_int_equal(s, good[i].s);
    }
    static const char *const bad[] = {"",
                                      "2024-01-18",
                                      "2024-01-18T02:00:00",
                                      "2024-13-18T02:00:00Z",
                                      "2024-01-18T02:00:00Zx",
                                      "2024-01-18T02:00:00+08:00x",
                                      "2024-01-18T02:00:00 08:00",
                                      "yesterday"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t s;
        assert_fails(time_parse(bad[i], &s), ERR_PARSE, "is no time as in");
    }
    assert_ok(time_text(1705543200, &a, &text));
    assert_string_equal(text, "2024-01-18T02:00:00Z");
    assert_fails(time_text(INT64_MAX, &a, &text), ERR_RANGE, "no calendar");
    arena_release(&a);
}

static int remove_posts(void **state) {
    post_list_release(&posts);
    return folder_remove(state);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, folder_make, remove_posts)
int main(void) {
    const struct CMUnitTest tests[] = {
        EACH(every_shape_is_read),
        EACH(folders_are_walked),
        EACH(what_holds_no_post),
        EACH(fields_of_an_issue_and_its_comment),
        EACH(nulls_bots_and_pull_requests),
        EACH(each_post_once_in_its_newest_state),
        EACH(digests_are_of_the_content),
        EACH(bodies_are_kept),
        EACH(order_does_not_depend_on_the_files),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
