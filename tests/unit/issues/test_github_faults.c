/* SPDX-License-Identifier: Apache-2.0
 * The client against faults on purpose: each with the exact waits, what was asked, and the error
 * when it does not end. Nothing that failed is kept, and the token shows nowhere.
 * Under test: issues/github/github.h. Read next: tests/github/faults.c, the faults. */
#include "tests/github/session.h"

#include "issues/github/github.h"

/* Serves a/b#1 with three comments. */
#define SERVE(...)                                                                                 \
    do {                                                                                           \
        write_thread(3);                                                                           \
        START(__VA_ARGS__);                                                                        \
    } while (0)
#define FAULT(what) "--fault", "GET /repos/a/b/issues/1/comments " what

static void reads(int64_t n) {
    struct github_found found;
    assert_ok(github_comments(client, "a/b", 1, NULL, &found));
    assert_ids(found.value, 1, n);
    github_found_release(&found);
}

/* The error names what was asked, and neither it nor its hint holds the token. */
static void fails(err code, const char *part, const char *hint) {
    struct github_found found;
    assert_fails(github_comments(client, "a/b", 1, NULL, &found), code, part);
    assert_non_null(strstr(err_message(), "/repos/a/b/issues/1/comments"));
    if (!strstr(err_hint(), hint)) fail_msg("hint '%s' lacks '%s'", err_hint(), hint);
    assert_null(strstr(err_message(), TEST_TOKEN));
    assert_null(strstr(err_hint(), TEST_TOKEN));
}

static void server_errors_pass(void **state) {
    (void)state;
    SERVE(FAULT("times=1 status=500"));
    reads(3);
    ASSERT_WAITS(&clock_, 1);
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 500\n"
                           "GET /repos/a/b/issues/1/comments?per_page=100 200\n");
    stop();
    SERVE(FAULT("times=3 status=503 html"));
    reads(3);
    ASSERT_WAITS(&clock_, 1, 2, 4);
    stop();
}

static void server_errors_stay(void **state) {
    (void)state;
    SERVE(FAULT("status=500 message=\"Server Error\""));
    fails(ERR_IO, "500: the server's own fault, again and again (Server Error)", "again later");
    ASSERT_WAITS(&clock_, 1, 2, 4);
    stop();
    SERVE(FAULT("status=503 html"));
    fails(ERR_IO, "503: the server's own fault", "githubstatus.com");
    assert_null(strstr(err_message(), "Unicorn"));
    ASSERT_WAITS(&clock_, 1, 2, 4);
    stop();
}

/* The server gives up what takes it over ten seconds: smaller pages are asked for. */
static void a_slow_server_gets_smaller_pages(void **state) {
    (void)state;
    SERVE("--fault", "GET /repositories/1000/issues/1/comments page=2 per_page=100 status=502 html",
          "--fault", "GET */comments page=3 per_page=50 times=2 status=504");
    write_thread(180);
    reads(180);
    ASSERT_WAITS(&clock_, 1, 1);
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=100&page=2 502\n"
                           "GET /repositories/1000/issues/1/comments?per_page=100&page=2 502\n"
                           "GET /repos/a/b/issues/1/comments?per_page=50 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=50&page=2 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=50&page=3 504\n"
                           "GET /repositories/1000/issues/1/comments?per_page=50&page=3 504\n"
                           "GET /repos/a/b/issues/1/comments?per_page=25 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=25&page=2 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=25&page=3 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=25&page=4 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=25&page=5 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=25&page=6 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=25&page=7 200\n"
                           "GET /repositories/1000/issues/1/comments?per_page=25&page=8 200\n");
    stop();
    SERVE(FAULT("status=502"));
    fails(ERR_IO, "per_page=12: 502: the server's own fault", "");
    ASSERT_WAITS(&clock_, 1, 1, 1, 1, 2, 4); /* 100, 50, 25, then 12 to the end */
    stop();
}

#define SPENT "status=403 remaining=0 message=\"API rate limit exceeded for 1.2.3.4.\""

static void a_spent_limit_is_waited_for(void **state) {
    (void)state;
    SERVE(FAULT("times=1 reset=1710000060 " SPENT));
    reads(3);
    ASSERT_WAITS(&clock_, 60);
    stop();
    SERVE(FAULT("times=1 retry-after=17 reset=1710000060 " SPENT));
    reads(3);
    ASSERT_WAITS(&clock_, 17);
    stop();
    SERVE(FAULT("times=1 reset=1507651200000 " SPENT)); /* as the recorded pages have it */
    reads(3);
    ASSERT_WAITS(&clock_, 1);
    stop();
}

static void a_longer_wait_stops_the_run(void **state) {
    (void)state;
    SERVE(FAULT("reset=1710001000 " SPENT));
    fails(ERR_STOPPED,
          "the hour's rate limit is spent until 2024-03-09T16:16:40Z: 1000 s, and 900 s is the "
          "longest wait",
          "what was fetched is kept");
    assert_null(strstr(err_hint(), "GH_TOKEN"));
    options.token = NULL;
    new_run();
    fails(ERR_STOPPED, "until 2024-03-09T16:16:40Z", "with a token (GH_TOKEN)");
    options.max_wait_s = 1000;
    new_run();
    clock_.now_s++;
    fails(ERR_STOPPED, "still limited after several waits", "run it again later");
    ASSERT_WAITS(&clock_, 999, 2, 4, 8, 16); /* the first one was the whole time */
    options.max_wait_s = -1;
    new_run();
    fails(ERR_STOPPED, "-1 s is the longest wait", "");
    stop();
    SERVE(FAULT("times=1 reset=99999999999999 " SPENT)); /* the year 5138 */
    fails(ERR_STOPPED, "until 2024-03-09T17:00:00Z: 3600 s", "");
    stop();
}

#define SECONDARY "message=\"You have exceeded a secondary rate limit. Please wait a few minutes.\""

static void secondary_limits(void **state) {
    (void)state;
    SERVE(FAULT("times=1 status=403 retry-after=30 " SECONDARY));
    reads(3);
    ASSERT_WAITS(&clock_, 30);
    stop();
    SERVE(FAULT("times=3 status=403 " SECONDARY));
    reads(3);
    ASSERT_WAITS(&clock_, 60, 120, 240);
    stop();
    SERVE(FAULT("times=1 status=429 retry-after=5"));
    reads(3);
    ASSERT_WAITS(&clock_, 5);
    stop();
    SERVE(FAULT("status=429"));
    fails(ERR_STOPPED, "a secondary rate limit until", "run the same command again");
    ASSERT_WAITS(&clock_, 60, 120, 240, 480); /* 960 is over 900 */
    options.max_wait_s = 2000;
    new_run();
    fails(ERR_STOPPED, "429: still limited after several waits", "run it again later");
    ASSERT_WAITS(&clock_, 60, 120, 240, 480, 960);
    stop();
}

static void refusals_are_told_apart(void **state) {
    (void)state;
    SERVE(FAULT("times=1 status=401 message=\"Bad credentials\""),
          FAULT("times=1 status=403 message=\"Resource not accessible by integration\" header="
                "\"x-accepted-github-permissions: issues=read\""),
          FAULT("times=1 status=404 message=\"Not Found\""),
          FAULT("times=1 status=410 message=\"This issue was deleted\""),
          FAULT("times=1 status=422 message=\"Validation Failed\""),
          FAULT("times=1 status=200 html"), FAULT("times=1 status=300"));
    fails(ERR_DENIED, "401: the token is not valid (Bad credentials)", "make a new one");
    fails(ERR_DENIED, "needed are issues=read", "Issues: read");
    fails(ERR_MISSING, "404: not there (Not Found)", "check owner, repository and number");
    fails(ERR_MISSING, "410: gone", "");
    fails(ERR_RANGE, "422: the server does not accept a value", "");
    fails(ERR_PARSE, "200: the answer is no JSON", "GITHUB_API_URL");
    fails(ERR_UNSUPPORTED, "300: an answer that leads nowhere", "");
    reads(3);
    stop();
}

static void cut_lines_are_tried_again(void **state) {
    (void)state;
    SERVE(FAULT("times=1 cut=20"));
    reads(3);
    ASSERT_WAITS(&clock_, 1);
    stop();
    SERVE(FAULT("times=2 truncate=20"));
    reads(3);
    ASSERT_WAITS(&clock_, 1, 2);
    stop();
    SERVE(FAULT("drop"));
    fails(ERR_IO, "no answer from '127.0.0.1' port", "");
    ASSERT_WAITS(&clock_, 1, 2, 4);
    stop();
    SERVE(FAULT("cut=0"));
    fails(ERR_IO, "no answer from '127.0.0.1' port", "");
    ASSERT_WAITS(&clock_, 1, 2, 4);
    stop();
    SERVE(FAULT("truncate=20"));
    fails(ERR_PARSE, "not valid JSON", "");
    ASSERT_WAITS(&clock_, 1, 2, 4);
    stop();
}

static void a_line_that_stands_still_is_left(void **state) {
    (void)state;
    SERVE(FAULT("stall=20"));
    options.http.stall_timeout_ms = 50;
    new_run();
    fails(ERR_IO, "nothing came for 0.1 s", "");
    ASSERT_WAITS(&clock_, 1, 2, 4);
    stop();
}

static void nobody_there(void **state) {
    (void)state;
    SERVE("--limit", "10");
    standin_stop(&standin);
    fails(ERR_IO, "no answer from '127.0.0.1' port", "");
    ASSERT_WAITS(&clock_, 1, 2, 4);
    github_free(client);
    client = NULL;
}

static void answers_over_the_limit(void **state) {
    (void)state;
    SERVE(FAULT("huge=3000000"));
    options.max_bytes = 1000000; /* it comes as gzip, in a few kilobytes: what counts is the text */
    new_run();
    fails(ERR_LIMIT, "the answer of '127.0.0.1' is over 1000000 bytes", "");
    stop();
}

static void odd_lists(void **state) {
    (void)state;
    SERVE("--limit", "50");
    write_json("a/b/issues/1/comments.json", json_pack("[{s:s}]", "id", "1"));
    fails(ERR_PARSE, "item 0 has no whole number as 'id'", "");
    write_json("a/b/issues/1/comments.json", json_pack("[n]"));
    fails(ERR_PARSE, "item 0 has no whole number as 'id'", "");
    stop();
}

static void links_that_lead_astray(void **state) {
    (void)state;
    SERVE(FAULT("times=1 link=https://evil.example/repos/a/b/issues/1/comments?page=2"),
          FAULT("times=1 link=http://127.0.0.1:1/x"), FAULT("times=1 header=\"Link: not a link\""),
          FAULT("times=1 link=/repos/a/b/issues/1/comments?per_page=100"));
    fails(ERR_MISMATCH, "the next page is on another host, 'https://evil.example/", "");
    fails(ERR_MISMATCH, "the next page is on another host, 'http://127.0.0.1:1/x'", "");
    fails(ERR_PARSE, "the link header 'not a link' is not one", "");
    fails(ERR_MISMATCH, "the pages lead round in a circle", "");
    reads(3);
    stop();
    SERVE("--fault",
          "GET /repos/a/b/issues/1/comments link=/repos/a/b/issues/1/comments?page=1&x=1",
          "--limit", "50");
    fails(ERR_MISMATCH, "in a circle", ""); /* the second page names itself */
    stop();
}

/* Each page names a new one, and none is empty. */
static void pages_without_end(void **state) {
    (void)state;
    char faults[12][128];
    const char *args[32] = {""};
    int n = 1;
    for (int i = 0; i < 12; i++) {
        snprintf(faults[i], sizeof faults[i],
                 "GET /repos/a/b/issues/1/comments times=1 link=/repos/a/b/issues/1/"
                 "comments?per_page=3&n=%d",
                 i);
        args[n++] = "--fault";
        args[n++] = faults[i];
    }
    write_thread(3);
    session_start(args);
    options.max_pages = 10;
    new_run();
    fails(ERR_LIMIT, "the list has over 10 pages", "");
    stop();
}

static void an_empty_page_is_the_last(void **state) {
    (void)state;
    SERVE("--fault", "GET /repos/a/b/issues/1/comments link=/repos/a/b/issues/1/comments?page=9");
    reads(3);
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 200\n"
                           "GET /repos/a/b/issues/1/comments?page=9 200\n");
    stop();
}

static void redirects_that_lead_astray(void **state) {
    (void)state;
    SERVE(FAULT("times=1 status=301 location=https://evil.example/x"),
          FAULT("times=1 status=302 location=//evil.example/x"),
          FAULT("times=1 status=307 location=http://127.0.0.1:1/x"), FAULT("times=1 status=301"),
          FAULT("times=1 status=308 location=?page=1"),
          FAULT("times=8 status=301 location=/repos/a/b/issues/1/comments"));
    fails(ERR_MISMATCH, "a redirect to another host, 'https://evil.example/x', is not", "");
    fails(ERR_MISMATCH, "a redirect to another host, 'http://evil.example/x', is not", "");
    fails(ERR_MISMATCH, "a redirect to another host", "");
    fails(ERR_UNSUPPORTED, "301: an answer that leads nowhere", "");
    fails(ERR_LIMIT, "more than 5 redirects", ""); /* the 308, then one to itself */
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 301\n"
                           "GET /repos/a/b/issues/1/comments?per_page=100 302\n"
                           "GET /repos/a/b/issues/1/comments?per_page=100 307\n"
                           "GET /repos/a/b/issues/1/comments?per_page=100 301\n"
                           "GET /repos/a/b/issues/1/comments?per_page=100 308\n"
                           "GET /repos/a/b/issues/1/comments?page=1 301\n"
                           "GET /repos/a/b/issues/1/comments 301\n"
                           "GET /repos/a/b/issues/1/comments 301\n"
                           "GET /repos/a/b/issues/1/comments 301\n"
                           "GET /repos/a/b/issues/1/comments 301\n");
    stop();
}

/* What failed is not kept: the next run asks for it without condition. */
static void failures_are_not_kept(void **state) {
    (void)state;
    SERVE(FAULT("times=1 status=404"), FAULT("times=4 truncate=5"), FAULT("times=1 status=422"));
    fails(ERR_MISSING, "404", "");
    fails(ERR_PARSE, "JSON", "");
    ASSERT_WAITS(&clock_, 1, 2, 4);
    fails(ERR_RANGE, "422", "");
    assert_false(dir_exists(in_folder("cache")));
    reads(3);
    stop();
}

static void a_304_out_of_nowhere(void **state) {
    (void)state;
    SERVE(FAULT("times=1 status=304"));
    fails(ERR_PARSE, "304, and nothing was known", "");
    reads(3);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(server_errors_pass),
        FOLDER_TEST(server_errors_stay),
        FOLDER_TEST(a_slow_server_gets_smaller_pages),
        FOLDER_TEST(a_spent_limit_is_waited_for),
        FOLDER_TEST(a_longer_wait_stops_the_run),
        FOLDER_TEST(secondary_limits),
        FOLDER_TEST(refusals_are_told_apart),
        FOLDER_TEST(cut_lines_are_tried_again),
        FOLDER_TEST(a_line_that_stands_still_is_left),
        FOLDER_TEST(nobody_there),
        FOLDER_TEST(answers_over_the_limit),
        FOLDER_TEST(odd_lists),
        FOLDER_TEST(links_that_lead_astray),
        FOLDER_TEST(pages_without_end),
        FOLDER_TEST(an_empty_page_is_the_last),
        FOLDER_TEST(redirects_that_lead_astray),
        FOLDER_TEST(failures_are_not_kept),
        FOLDER_TEST(a_304_out_of_nowhere),
    };
    return STANDIN_RUN(tests);
}
