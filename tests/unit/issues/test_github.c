/* SPDX-License-Identifier: Apache-2.0
 * The client against the stand-in where all goes well: whole lists over any number of pages, what
 * is asked again and what is not, growing and shrinking lists, moved repositories, texts that must
 * come through unchanged, and a token that shows nowhere.
 * Under test: issues/github/github.h. Read next: test_github_issues.c, test_github_post.c,
 * test_github_faults.c, test_github_resume.c. */
#include "tests/github/session.h"

#include "base/log.h"
#include "issues/github/github.h"

/* Reads the comments of a/b#1: n, with ids from `first` on. */
static void reads_comments(int64_t first, int64_t n) {
    struct github_found found;
    assert_ok(github_comments(client, "a/b", 1, NULL, &found));
    assert_ids(found.value, first, n);
    assert_int_equal(found.moved_to.len, 0);
    github_found_release(&found);
}

static void pages_are_followed_and_asked_again_on_condition(void **state) {
    (void)state;
    write_thread(250);
    START("--reset", "1710003600");
    reads_comments(1, 250);
    assert_asked(&standin,
                 "GET /repos/a/b/issues/1/comments?per_page=100 200 auth plain\n"
                 "GET /repositories/1000/issues/1/comments?per_page=100&page=2 200 auth plain\n"
                 "GET /repositories/1000/issues/1/comments?per_page=100&page=3 200 auth plain\n");
    reads_comments(1, 250);
    assert_asked(&standin,
                 "GET /repos/a/b/issues/1/comments?per_page=100 304 auth cond\n"
                 "GET /repositories/1000/issues/1/comments?per_page=100&page=2 304 auth cond\n"
                 "GET /repositories/1000/issues/1/comments?per_page=100&page=3 304 auth cond\n");
    assert_int_equal(github_requests(client), 6);
    stop();
}

static void without_a_cache_all_is_asked(void **state) {
    (void)state;
    write_thread(3);
    START("--limit", "50");
    github_free(client);
    struct github_options o = test_options(&standin, &clock_, NULL);
    o.token = NULL;
    assert_ok(github_new(&o, &client));
    assert_ok(github_begin(client, "nothing comes of it"));
    reads_comments(1, 3);
    reads_comments(1, 3);
    assert_ok(github_end(client));
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 200 anonymous plain\n"
                           "GET /repos/a/b/issues/1/comments?per_page=100 200 anonymous plain\n");
    stop();
}

/* Another token's pages are not taken for one's own. */
static void pages_belong_to_a_token(void **state) {
    (void)state;
    write_thread(3);
    START("--limit", "50");
    reads_comments(1, 3);
    github_free(client);
    struct github_options o = test_options(&standin, &clock_, "cache");
    o.token = "another";
    assert_ok(github_new(&o, &client));
    reads_comments(1, 3);
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 200 auth plain\n"
                           "GET /repos/a/b/issues/1/comments?per_page=100 200 auth plain\n");
    stop();
}

/* A full last page stays as it is when another comes behind it: its ETag is the same, and a 304
 * says nothing of the new page. */
static void growth_behind_a_full_page_is_seen(void **state) {
    (void)state;
    write_thread(200);
    START("--limit", "50");
    reads_comments(1, 200);
    write_thread(201);
    reads_comments(1, 201);
    write_thread(150);
    reads_comments(1, 150);
    write_thread(100);
    reads_comments(1, 100);
    write_thread(99);
    reads_comments(1, 99);
    write_thread(0);
    reads_comments(1, 0);
    stop();
}

static void ten_thousand_comments(void **state) {
    (void)state;
    write_thread(10000);
    START("--limit", "5000");
    reads_comments(1, 10000);
    assert_int_equal(github_requests(client), 100);
    stop();
}

static void each_id_once_in_its_newest_state_by_time(void **state) {
    (void)state;
    json_t *list = json_array();
    static const struct {
        int n, minute, updated;
    } items[] = {{5, 9, 9}, {4, 9, 9}, {3, 1, 1}, {5, 9, 12}, {2, 3, 3}, {5, 9, 10}};
    for (size_t i = 0; i < 6; i++) {
        json_t *comment = test_comment("a/b", 1, items[i].n, "dev", "text");
        assert_ok(json_put(comment, "created_at", test_time(items[i].minute)));
        assert_ok(json_put(comment, "updated_at", test_time(items[i].updated)));
        assert_ok(json_push(list, comment));
    }
    write_thread(0);
    write_json("a/b/issues/1/comments.json", list);
    START("--limit", "50");
    struct github_found found;
    static const int order[] = {3, 2, 4, 5};
    assert_ok(github_comments(client, "a/b", 1, NULL, &found));
    assert_int_equal(json_array_size(found.value), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(found.value, i), "id")),
                         2200000000 + order[i]);
    json_t *twelve = test_time(12);
    assert_true(json_equal(json_object_get(json_array_get(found.value, 3), "updated_at"), twelve));
    json_decref(twelve);
    github_found_release(&found);
    stop();
}

/* Every byte of a body comes through, also as gzip: lengths, line ends, characters nobody sees. */
static void bodies_come_through_unchanged(void **state) {
    (void)state;
    struct str longest = {0};
    for (int i = 0; i < 65536; i++) assert_ok(str_add(&longest, i % 3 ? "\xE6\xBA\x90" : "x"));
    const char *const bodies[] = {
        longest.data,
        "a\r\nb\r\n\r\n  c\t\r",
        "zero\xE2\x80\x8Bwidth \xEF\xBB\xBF bidi \xE2\x80\xAE"
        "abc\xE2\x80\xAC \xE2\x81\xA6x\xE2\x81\xA9",
        "\xF0\x9F\xA4\x9D \"quoted\" \\ / \x01\x1f\x7f",
        "",
        NULL,
    };
    json_t *list = json_array();
    for (int i = 0; i < 6; i++)
        assert_ok(json_push(list, test_comment("a/b", 1, i, i == 3 ? NULL : "dev", bodies[i])));
    write_thread(0);
    write_json("a/b/issues/1/comments.json", list);
    START("--limit", "50");
    for (int round = 0; round < 2; round++) { /* from the server, then from the cache */
        struct github_found found;
        assert_ok(github_comments(client, "a/b", 1, NULL, &found));
        for (size_t i = 0; i < 6; i++) {
            const json_t *item = json_array_get(found.value, i);
            const char *body = json_string_value(json_object_get(item, "body"));
            if (bodies[i])
                assert_string_equal(body, bodies[i]);
            else
                assert_null(body);
            assert_int_equal(json_is_null(json_object_get(item, "user")), i == 3);
        }
        github_found_release(&found);
    }
    str_release(&longest);
    stop();
}

static void renamed_repositories_are_followed(void **state) {
    (void)state;
    struct github_found found;
    json_t *posted;
    write_thread(120);
    START("--rename", "old/name=a/b");
    assert_ok(github_issue(client, "old/name", 1, &found));
    assert_string_equal(str_text(&found.moved_to), "a/b");
    github_found_release(&found);
    assert_asked(&standin, "GET /repos/old/name/issues/1 301 auth plain\n"
                           "GET /repositories/1000/issues/1 200 auth plain\n");
    assert_ok(github_comments(client, "old/name", 1, NULL, &found));
    assert_ids(found.value, 1, 120);
    assert_string_equal(str_text(&found.moved_to), "a/b");
    github_found_release(&found);
    assert_asked(&standin,
                 "GET /repos/old/name/issues/1/comments?per_page=100 301 auth plain\n"
                 "GET /repositories/1000/issues/1/comments?per_page=100 200 auth plain\n"
                 "GET /repositories/1000/issues/1/comments?per_page=100&page=2 200 auth plain\n");
    assert_ok(github_get(client, "/repos/old/name", &found));
    assert_string_equal(str_text(&found.moved_to), "a/b");
    github_found_release(&found);
    assert_fails(github_comment(client, "old/name", 1, "text", &posted), ERR_MISMATCH,
                 "it has moved to 'http");
    assert_null(posted);
    assert_non_null(strstr(err_hint(), "nothing was posted"));
    stop();
}

static void names_cannot_be_paths(void **state) {
    (void)state;
    static const char *const names[] = {
        "a",     "a/",   "/b",    "a/b/c", "a/..",   "a/.",    "../b", "a/b?c",
        "a/b#c", "a /b", "a/b\n", "",      "a/b%2f", "a\\b/c", "./b",  "a/\xE6\xBA\x90"};
    struct github_found found;
    json_t *posted;
    write_thread(0);
    START("--limit", "50");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_fails(github_issue(client, names[i], 1, &found), ERR_USAGE, "is no repository");
        assert_fails(github_comments(client, names[i], 1, NULL, &found), ERR_USAGE, "repository");
        assert_fails(github_issues(client, names[i], &(struct github_filter){0}, &found), ERR_USAGE,
                     "is no repository");
        assert_fails(github_comment(client, names[i], 1, "x", &posted), ERR_USAGE, "repository");
    }
    assert_asked(&standin, "");
    stop();
}

static void addresses_are_checked(void **state) {
    (void)state;
    struct github *g;
    static const char *const urls[] = {
        "http://api.github.com",      "ftp://api.github.com", "x", "",
        "https://api.github.com?x=y", "https://user:pw@host"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_int_equal(github_new(&(struct github_options){.api_url = urls[i]}, &g), ERR_RANGE);
        assert_null(g);
    }
    struct github_options bad = {.api_url = "http://127.0.0.1:1", .token = "a\r\nX: y"};
    assert_fails(github_new(&bad, &g), ERR_RANGE, "the token holds a character");
    write_thread(1);
    START("--limit", "50");
    char url[80];
    snprintf(url, sizeof url, "%s//", standin.url);
    setenv("GITHUB_API_URL", url, 1); /* asked where no option says otherwise */
    github_free(client);
    struct github_options o = test_options(&standin, &clock_, NULL);
    o.api_url = NULL;
    assert_ok(github_new(&o, &client));
    unsetenv("GITHUB_API_URL");
    reads_comments(1, 1);
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 200");
    stop();
}

/* With every log on, through waits, errors, redirects and posts: what goes to stderr lies in the
 * test's folder here, where stop() looks for the token in every file. */
static void the_token_is_nowhere(void **state) {
    (void)state;
    struct github_found found;
    json_t *posted;
    write_thread(3);
    int kept = dup(2), log = open(in_folder("stderr"), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(dup2(log, 2), 2);
    close(log);
    assert_ok(log_configure("debug"));
    START("--fault", "GET * times=1 status=403 retry-after=30", "--fault", "GET * times=1 cut=9",
          "--fault", "GET */2 status=401 message=\"Bad credentials\"", "--fault",
          "POST * status=500", "--rename", "old/name=a/b");
    assert_ok(github_begin(client, "what"));
    reads_comments(1, 3);
    ASSERT_WAITS(&clock_, 30, 1);
    assert_ok(github_issue(client, "old/name", 1, &found));
    github_found_release(&found);
    assert_fails(github_issue(client, "a/b", 2, &found), ERR_DENIED, "Bad credentials");
    assert_null(strstr(err_message(), TEST_TOKEN));
    assert_fails(github_comment(client, "a/b", 1, "x", &posted), ERR_IO, "500");
    assert_null(strstr(err_message(), TEST_TOKEN));
    assert_ok(log_configure(NULL));
    assert_int_equal(dup2(kept, 2), 2);
    close(kept);
    struct str text = {0};
    assert_ok(file_read(in_folder("stderr"), 1 << 16, &text));
    assert_non_null(
        strstr(text.data, "warn: issues: GitHub asks for a pause: waiting 30 s, until "));
    assert_non_null(
        strstr(text.data, "info: issues: the line was cut or stood still: waiting 1 s"));
    assert_non_null(strstr(text.data, "is found at 'a/b' now\n"));
    str_release(&text);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(pages_are_followed_and_asked_again_on_condition),
        FOLDER_TEST(without_a_cache_all_is_asked),
        FOLDER_TEST(pages_belong_to_a_token),
        FOLDER_TEST(growth_behind_a_full_page_is_seen),
        FOLDER_TEST(ten_thousand_comments),
        FOLDER_TEST(each_id_once_in_its_newest_state_by_time),
        FOLDER_TEST(bodies_come_through_unchanged),
        FOLDER_TEST(renamed_repositories_are_followed),
        FOLDER_TEST(names_cannot_be_paths),
        FOLDER_TEST(addresses_are_checked),
        FOLDER_TEST(the_token_is_nowhere),
    };
    return STANDIN_RUN(tests);
}
