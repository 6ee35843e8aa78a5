/* SPDX-License-Identifier: Apache-2.0
 * The client against pages recorded from api.github.com (@octokit/fixtures, MIT): pagination in
 * five pages, a renamed repository, a search, labels, and the body of a 422. They are not part of
 * this repository: see CONTRIBUTING.md, and without them this is skipped.
 * Under test: issues/github/github.h. Read next: tests/github/recorded.c. */
#include "tests/github/session.h"

#include "issues/github/github.h"

/* Serves one of the recordings. */
static void start(const char *name, const char *fault) {
    char file[64], path[512];
    snprintf(file, sizeof file, "data/octokit-fixtures/%s.json", name);
    shared_path(file, path, sizeof path);
    START("--recorded", path, "--fault", fault);
}

static void is_thirteen_issues(const struct github_found *found) {
    assert_int_equal(json_array_size(found->value), 13);
    assert_int_equal(found->n_pages, 5);
    for (size_t i = 0; i < 13; i++) {
        const json_t *issue = json_array_get(found->value, i);
        assert_non_null(json_string_value(json_object_get(issue, "title")));
        for (size_t k = 0; k < i; k++)
            assert_false(json_equal(json_object_get(issue, "id"),
                                    json_object_get(json_array_get(found->value, k), "id")));
    }
}

static void five_pages(void **state) {
    (void)state;
    struct github_found found;
    start("paginate-issues", "GET /none status=500");
    assert_ok(github_list(client, "/repos/octokit-fixture-org/paginate-issues/issues?per_page=3",
                          &found));
    is_thirteen_issues(&found);
    github_found_release(&found);
    assert_asked(&standin, "GET /repos/octokit-fixture-org/paginate-issues/issues?per_page=3 200\n"
                           "GET /repositories/1000/issues?per_page=3&page=2 200\n"
                           "GET /repositories/1000/issues?per_page=3&page=3 200\n"
                           "GET /repositories/1000/issues?per_page=3&page=4 200\n"
                           "GET /repositories/1000/issues?per_page=3&page=5 200\n");
    assert_ok(github_issues(client, "octokit-fixture-org/paginate-issues",
                            &(struct github_filter){0}, &found)); /* by our own first page */
    is_thirteen_issues(&found);
    struct post_list list = {0};
    assert_ok(posts_add(&list, found.value, "recorded"));
    posts_finish(&list);
    assert_int_equal(list.n, 13);
    assert_string_equal(list.items[0].repository, "octokit-fixture-org/paginate-issues");
    post_list_release(&list);
    github_found_release(&found);
    stop();
}

/* The recorded reset is in milliseconds and lies in 2017. */
static void the_recorded_reset_makes_nobody_sleep(void **state) {
    (void)state;
    struct github_found found;
    start("paginate-issues", "GET *issues page=3 times=2 status=403 remaining=0 "
                             "reset=1507651200000 message=\"API rate limit exceeded\"");
    assert_ok(github_list(client, "/repos/octokit-fixture-org/paginate-issues/issues?per_page=3",
                          &found));
    is_thirteen_issues(&found);
    github_found_release(&found);
    ASSERT_WAITS(&clock_, 1, 2);
    stop();
}

static void a_renamed_repository(void **state) {
    (void)state;
    struct github_found found;
    json_t *posted, *body = json_pack("{s:s}", "name", "x");
    start("rename-repository", "POST * status=307 location=/repositories/1000");
    assert_ok(github_get(client, "/repos/octokit-fixture-org/rename-repository", &found));
    assert_string_equal(str_text(&found.moved_to), "octokit-fixture-org/rename-repository-newname");
    github_found_release(&found);
    assert_fails(github_post(client, "/repos/octokit-fixture-org/rename-repository", body, &posted),
                 ERR_MISMATCH, "it has moved to");
    json_decref(body);
    stop();
}

static void a_search(void **state) {
    (void)state;
    struct github_found found;
    start("search-issues", "GET /none status=500");
    assert_ok(github_list(
        client, "/search/issues?q=sesame%20repo%3Aoctokit-fixture-org%2Fsearch-issues", &found));
    assert_true(json_array_size(found.value) > 0);
    struct post_list list = {0};
    assert_ok(posts_add(&list, found.value, "recorded"));
    posts_finish(&list);
    assert_int_equal(list.n, json_array_size(found.value));
    post_list_release(&list);
    github_found_release(&found);
    stop();
}

static void labels(void **state) {
    (void)state;
    struct github_found found;
    start("labels", "GET /none status=500");
    assert_ok(github_list(client, "/repos/octokit-fixture-org/labels/labels", &found));
    assert_true(json_array_size(found.value) > 3);
    github_found_release(&found);
    assert_ok(github_get(client, "/repos/octokit-fixture-org/labels/labels/test-label", &found));
    assert_string_equal(json_string_value(json_object_get(found.value, "name")), "test-label");
    github_found_release(&found);
    stop();
}

static void an_error_with_its_reasons(void **state) {
    (void)state;
    json_t *posted, *body = json_pack("{s:s,s:s}", "name", "foo", "color", "invalid");
    start("errors", "GET /none status=500");
    assert_fails(github_post(client, "/repos/octokit-fixture-org/errors/labels", body, &posted),
                 ERR_RANGE, "(Validation Failed; Label.color: invalid");
    json_decref(body);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(five_pages),
        FOLDER_TEST(the_recorded_reset_makes_nobody_sleep),
        FOLDER_TEST(a_renamed_repository),
        FOLDER_TEST(a_search),
        FOLDER_TEST(labels),
        FOLDER_TEST(an_error_with_its_reasons),
    };
    return STANDIN_RUN(tests);
}
