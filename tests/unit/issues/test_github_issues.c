/* SPDX-License-Identifier: Apache-2.0
 * Issues: one, lists by label, login and time, and how many problems a login has reported; pull
 * requests, requests and the collecting issue do not count.
 * Under test: issues/github/github.h. Read next: test_github.c. */
#include "tests/github/session.h"

#include "issues/github/github.h"

static void write_issues(void) {
    json_t *list = json_array(), *pull = test_issue("a/b", 4, "dev", NULL);
    assert_ok(json_put(pull, "pull_request", json_pack("{s:s}", "url", "x")));
    assert_ok(json_push(list, test_issue("a/b", 7, "other", "bug")));
    assert_ok(json_push(list, test_issue("a/b", 6, "Dev", "co-training")));
    json_t *closed = test_issue("a/b", 5, "dev", "bug");
    assert_ok(json_put(closed, "state", json_string("closed")));
    assert_ok(json_push(list, closed));
    assert_ok(json_push(list, pull));
    json_t *plain = test_issue("a/b", 3, "other", NULL); /* labels may be plain strings */
    assert_ok(json_put(plain, "labels", json_pack("[s,s]", "bug", "Co-Training")));
    assert_ok(json_push(list, plain));
    assert_ok(json_push(list, test_issue("a/b", 2, "dev", NULL)));
    assert_ok(json_push(list, test_issue("a/b", 1, "dev", NULL)));
    write_json("a/b/issues.json", list);
}

static void gives_numbers(const struct github_filter *filter, const char *wanted) {
    struct github_found found;
    struct str numbers = {0};
    size_t i;
    const json_t *issue;
    assert_ok(github_issues(client, "a/b", filter, &found));
    json_array_foreach(found.value, i, issue) assert_ok(str_printf(
        &numbers, "%lld ", (long long)json_integer_value(json_object_get(issue, "number"))));
    assert_string_equal(str_text(&numbers), wanted);
    str_release(&numbers);
    github_found_release(&found);
}

static void issues_by_label_login_and_time(void **state) {
    (void)state;
    write_issues();
    START("--limit", "50");
    gives_numbers(&(struct github_filter){0}, "1 2 3 4 5 6 7 ");
    gives_numbers(&(struct github_filter){.labels = "co-training"}, "3 6 ");
    gives_numbers(&(struct github_filter){.labels = "bug,co-training"}, "3 ");
    gives_numbers(&(struct github_filter){.creator = "dev"}, "1 2 4 5 6 ");
    gives_numbers(&(struct github_filter){.since = "2024-03-01T00:06:00Z"}, "6 7 ");
    gives_numbers(&(struct github_filter){.labels = "a&creator=dev"}, "");
    assert_ok(file_remove(standin.log));
    gives_numbers(&(struct github_filter){.labels = "\xE5\x85\xB1 &=#+%", .creator = "x[bot]"}, "");
    assert_asked(&standin, "GET /repos/a/b/issues?state=all&sort=created&direction=asc&labels="
                           "%E5%85%B1%20%26%3D%23%2B%25&creator=x%5Bbot%5D&per_page=100 200");
    stop();
}

static void reports_leave_out_pulls_and_requests(void **state) {
    (void)state;
    int64_t n;
    write_issues();
    START("--fault", "GET /repos/a/b/issues creator=gone status=422 message=\"Validation Failed\"");
    struct github_reports of = {.login = "dev", .label = "co-training", .issue = 1};
    assert_ok(github_count_reports(client, "a/b", &of, &n));
    assert_int_equal(n, 2); /* 2 and 5 */
    of.label = NULL;
    assert_ok(github_count_reports(client, "a/b", &of, &n));
    assert_int_equal(n, 3);
    of.issue = 0;
    assert_ok(github_count_reports(client, "a/b", &of, &n));
    assert_int_equal(n, 4);
    of.login = "gone";
    assert_ok(github_count_reports(client, "a/b", &of, &n));
    assert_int_equal(n, 0);
    stop();
}

static void reports_over_many_pages(void **state) {
    (void)state;
    int64_t n;
    json_t *list = json_array();
    for (int i = 230; i > 0; i--) assert_ok(json_push(list, test_issue("a/b", i, "dev", NULL)));
    write_json("a/b/issues.json", list);
    START("--limit", "50");
    assert_ok(github_count_reports(client, "a/b", &(struct github_reports){.login = "dev"}, &n));
    assert_int_equal(n, 230);
    assert_int_equal(github_requests(client), 3);
    stop();
}

static void one_issue(void **state) {
    (void)state;
    struct github_found found;
    write_thread(0);
    START("--limit", "50");
    for (int i = 0; i < 2; i++) {
        assert_ok(github_issue(client, "a/b", 1, &found));
        assert_int_equal(json_integer_value(json_object_get(found.value, "id")), 3100000001);
        github_found_release(&found);
    }
    assert_asked(&standin, "GET /repos/a/b/issues/1 200 auth plain\n"
                           "GET /repos/a/b/issues/1 304 auth cond\n");
    assert_fails(github_issue(client, "a/b", 2, &found), ERR_MISSING, "/repos/a/b/issues/2: 404");
    assert_fails(github_list(client, "/repos/a/b/issues/1", &found), ERR_PARSE, "is no list");
    assert_fails(github_get(client, "/repos/a/b/issues", &found), ERR_PARSE, "is no object");
    assert_fails(github_get(client, "/repos/a/b/issues/1/", &found), ERR_MISSING, "404");
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(issues_by_label_login_and_time),
        FOLDER_TEST(reports_leave_out_pulls_and_requests),
        FOLDER_TEST(reports_over_many_pages),
        FOLDER_TEST(one_issue),
    };
    return STANDIN_RUN(tests);
}
