/* SPDX-License-Identifier: Apache-2.0
 * What an answer means: every status, the order of the rate limits, waits to the second, absurd
 * times, and the words of the errors.
 * Under test: issues/github/github_wait.h, a pure function, so no server is needed. */
#include "tests/unit/test.h"

#include "issues/github/github_wait.h"

enum { NOW = 1710000000 };
#define JSON_TYPE "content-type: application/json; charset=utf-8\n"
#define SECONDARY "{\"message\": \"You have exceeded a secondary rate limit. Please wait.\"}"

static struct github_verdict decide(long status, const char *headers, const char *body,
                                    struct github_tries tries) {
    struct http_answer a = {.status = status};
    struct github_verdict v;
    assert_ok(str_add(&a.headers, headers));
    assert_ok(str_add(&a.body, body));
    assert_ok(github_decide(&a, &tries, NOW, &v));
    http_answer_release(&a);
    return v;
}

struct wait_case {
    const char *headers, *body;
    int64_t limits, wait_s;
};

static void waits_for(long status, const struct wait_case *c) {
    struct github_verdict v =
        decide(status, c->headers, c->body, (struct github_tries){.limits = c->limits});
    if (v.action != GITHUB_WAIT || v.wait_s != c->wait_s || !v.limit)
        fail_msg("%ld with %s%s: action %d, %lld s instead of %lld", status, c->headers, c->body,
                 v.action, (long long)v.wait_s, (long long)c->wait_s);
}

static void limits_in_their_order(void **state) {
    (void)state;
    static const struct wait_case cases[] = {
        /* retry-after comes before all else */
        {"retry-after: 30\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1710001000\n", "", 0, 30},
        {JSON_TYPE "retry-after: 7\n", SECONDARY, 3, 7},
        {"retry-after: 0\n", "", 0, 1},
        {"retry-after: Sat, 09 Mar 2024 16:01:30 GMT\n", "", 0, 90},
        {"retry-after: Sat, 09 Mar 2024 15:00:00 GMT\n", "", 0, 1},
        {"retry-after: 99999999999\n", "", 0, 86400},
        /* then a spent primary limit */
        {"x-ratelimit-remaining: 0\nx-ratelimit-reset: 1710000060\n", "", 0, 60},
        {JSON_TYPE "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1710000060\n", SECONDARY, 0, 60},
        {"x-ratelimit-remaining: 0\nx-ratelimit-reset: 1710003600\n", "", 2, 3600},
        /* one in milliseconds, one in no time at all, one that is over, more so every time */
        {"x-ratelimit-remaining: 0\nx-ratelimit-reset: 1710000060000\n", "", 0, 60},
        {"x-ratelimit-remaining: 0\nx-ratelimit-reset: 1507651200000\n", "", 0, 1},
        {"x-ratelimit-remaining: 0\nx-ratelimit-reset: 9999999999\n", "", 0, 3600},
        {"x-ratelimit-remaining: 0\nx-ratelimit-reset: 9223372036854775807\n", "", 0, 3600},
        {"x-ratelimit-remaining: 0\nx-ratelimit-reset: 1709999999\n", "", 0, 1},
        {"x-ratelimit-remaining: 0\nx-ratelimit-reset: 1709999999\n", "", 3, 8},
        {"x-ratelimit-remaining: 0\n", "", 1, 120},
        /* then a secondary one: a minute, then twice as long */
        {JSON_TYPE "x-ratelimit-remaining: 4000\n", SECONDARY, 0, 60},
        {JSON_TYPE, SECONDARY, 1, 120},
        {JSON_TYPE, SECONDARY, 4, 960},
        {JSON_TYPE, "{\"message\": \"You have triggered an abuse detection mechanism.\"}", 0, 60},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        waits_for(403, &cases[i]);
        waits_for(429, &cases[i]);
    }
    waits_for(429, &(struct wait_case){"", "", 0, 60});
}

static void a_limit_is_given_up(void **state) {
    (void)state;
    static const char *const headers[] = {"retry-after: 3\n", JSON_TYPE,
                                          "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1\n"};
    for (int i = 0; i < 3; i++) {
        struct github_verdict v =
            decide(403, headers[i], SECONDARY, (struct github_tries){.limits = GITHUB_LIMIT_TRIES});
        assert_int_equal(v.action, GITHUB_FAIL);
        assert_int_equal(v.code, ERR_STOPPED);
        assert_non_null(strstr(v.hint, "run it again"));
    }
}

static void faults_are_tried_three_times(void **state) {
    (void)state;
    static const long statuses[] = {500, 502, 503, 504, 599};
    for (size_t i = 0; i < 5; i++) {
        for (int64_t n = 0; n < 3; n++) {
            struct github_verdict v =
                decide(statuses[i], "content-type: text/html\n", "<html>{\"message\":\"x\"}",
                       (struct github_tries){.faults = n});
            assert_int_equal(v.action, GITHUB_WAIT);
            assert_int_equal(v.wait_s, 1 << n);
            assert_false(v.limit);
            assert_int_equal(v.slow, statuses[i] == 502 || statuses[i] == 504);
        }
        struct github_verdict v = decide(statuses[i], "", "", (struct github_tries){.faults = 3});
        assert_int_equal(v.action, GITHUB_FAIL);
        assert_int_equal(v.code, ERR_IO);
    }
    assert_int_equal(decide(503, "retry-after: 20\n", "", (struct github_tries){0}).wait_s, 20);
    struct github_verdict v;
    github_decide_cut(&(struct github_tries){.faults = 2}, &v);
    assert_true(v.action == GITHUB_WAIT && v.wait_s == 4);
    github_decide_cut(&(struct github_tries){.faults = 3}, &v);
    assert_int_equal(v.action, GITHUB_FAIL);
}

static void statuses_have_their_meaning(void **state) {
    (void)state;
    static const struct {
        long status;
        const char *headers, *body;
        enum github_action action;
        err code;
    } cases[] = {
        {200, JSON_TYPE, "[]", GITHUB_TAKE, ERR_OK},
        {201, "content-type: application/vnd.github+json\n", "{}", GITHUB_TAKE, ERR_OK},
        {200, "content-type: APPLICATION/JSON\n", "{}", GITHUB_TAKE, ERR_OK},
        {204, "", "", GITHUB_TAKE, ERR_OK},
        {200, "content-type: text/html\n", "<html>", GITHUB_FAIL, ERR_PARSE},
        {200, "", "[]", GITHUB_FAIL, ERR_PARSE},
        {200, "content-type: application/jsonp\n", "[]", GITHUB_FAIL, ERR_PARSE},
        {304, "", "", GITHUB_UNCHANGED, ERR_OK},
        {301, "location: /a\n", "", GITHUB_FOLLOW, ERR_OK},
        {302, "location: /a\n", "", GITHUB_FOLLOW, ERR_OK},
        {307, "location: /a\n", "", GITHUB_FOLLOW, ERR_OK},
        {308, "location: /a\n", "", GITHUB_FOLLOW, ERR_OK},
        {301, "", "", GITHUB_FAIL, ERR_UNSUPPORTED},
        {300, "", "", GITHUB_FAIL, ERR_UNSUPPORTED},
        {400, "", "", GITHUB_FAIL, ERR_UNSUPPORTED},
        {401, "", "", GITHUB_FAIL, ERR_DENIED},
        {403, "", "", GITHUB_FAIL, ERR_DENIED},
        {403, "x-ratelimit-remaining: 12\nx-ratelimit-reset: 1710000060\n", "", GITHUB_FAIL,
         ERR_DENIED},
        {403, "content-type: text/html\n", SECONDARY, GITHUB_FAIL, ERR_DENIED},
        {404, "", "", GITHUB_FAIL, ERR_MISSING},
        {410, "", "", GITHUB_FAIL, ERR_MISSING},
        {418, "", "", GITHUB_FAIL, ERR_UNSUPPORTED},
        {422, "", "", GITHUB_FAIL, ERR_RANGE},
        {451, "", "", GITHUB_FAIL, ERR_MISSING},
        {100, "", "", GITHUB_FAIL, ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct github_verdict v =
            decide(cases[i].status, cases[i].headers, cases[i].body, (struct github_tries){0});
        if (v.action != cases[i].action || (v.action == GITHUB_FAIL && v.code != cases[i].code))
            fail_msg("%ld: action %d, %s", cases[i].status, v.action, err_name(v.code));
    }
}

/* The error of an answer that is refused. */
static void refused(long status, const char *headers, const char *body, const char *message,
                    const char *hint) {
    struct http_answer a = {.status = status};
    struct github_verdict v;
    assert_ok(str_add(&a.headers, headers));
    assert_ok(str_add(&a.body, body));
    assert_ok(github_decide(&a, &(struct github_tries){.faults = 9}, NOW, &v));
    assert_int_equal(v.action, GITHUB_FAIL);
    assert_int_equal(github_refusal(&a, &v), v.code);
    assert_string_equal(err_message(), message);
    if (!strstr(err_hint(), hint)) fail_msg("hint '%s' lacks '%s'", err_hint(), hint);
    http_answer_release(&a);
}

static void refusals_say_what_to_do(void **state) {
    (void)state;
    refused(401, JSON_TYPE, "{\"message\": \"Bad credentials\"}",
            "401: the token is not valid (Bad credentials)", "unset GH_TOKEN");
    refused(403, JSON_TYPE "x-accepted-github-permissions: issues=write\n",
            "{\"message\": \"Resource not accessible by personal access token\"}",
            "403: the token's rights do not reach that far (Resource not accessible by personal "
            "access token; needed are issues=write)",
            "Issues: write");
    refused(404, JSON_TYPE, "{\"message\": \"Not Found\"}", "404: not there (Not Found)",
            "a private repository reads as missing");
    refused(410, JSON_TYPE, "{\"message\": \"Issues are disabled for this repo\"}",
            "410: gone: it was deleted, or the repository's issues are switched off (Issues are "
            "disabled for this repo)",
            "");
    refused(422, JSON_TYPE,
            "{\"message\": \"Validation Failed\", \"errors\": [{\"resource\": \"Label\", \"code\":"
            " \"invalid\", \"field\": \"color\"}, \"too long\"]}",
            "422: the server does not accept a value of the request (Validation Failed; "
            "Label.color: invalid ; too long)",
            "");
    refused(502, "content-type: text/html\n", "<html>{\"message\": \"x\"}</html>",
            "502: the server's own fault, again and again", "githubstatus.com");
    refused(200, "content-type: text/html\n", "<html>", "200: the answer is no JSON",
            "GITHUB_API_URL");
    refused(404, JSON_TYPE, "{\"message\": 7}", "404: not there", "");
    refused(404, JSON_TYPE, "[\"message\"", "404: not there", "");
}

static void words_of_others_stay_on_their_line(void **state) {
    (void)state;
    struct http_answer a = {.status = 404};
    struct str words = {0}, body = {0};
    assert_ok(str_add(&a.headers, JSON_TYPE));
    assert_ok(str_add(&a.body, "{\"message\": \"a\\n\\u001b[31mb\\u009b\\u0000c\\ud800\"}"));
    assert_ok(github_words(&a, &words));
    assert_string_equal(words.data, "a  [31mb \xEF\xBF\xBD"
                                    "c\xEF\xBF\xBD");
    assert_ok(str_add(&body, "{\"message\": \""));
    for (int i = 0; i < 2000; i++) assert_ok(str_add(&body, "\xE6\xBA\x90"));
    assert_ok(str_add(&body, "\"}"));
    str_release(&a.body);
    a.body = body;
    assert_ok(github_words(&a, &words));
    assert_true(words.len >= 300 && words.len < 304 && utf8_invalid_at(words.data, words.len) < 0);
    str_release(&words);
    http_answer_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_in_their_order),
        cmocka_unit_test(a_limit_is_given_up),
        cmocka_unit_test(faults_are_tried_three_times),
        cmocka_unit_test(statuses_have_their_meaning),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(words_of_others_stay_on_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
