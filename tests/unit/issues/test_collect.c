/* SPDX-License-Identifier: Apache-2.0
 * One month's collection: borders to the second, what is left out, reports by author, the same
 * bytes from GitHub and from saved JSON, moved repositories, and posts_add taking the result.
 * Under test: issues/github/collect.h. Read next: test_github_resume.c, collections that are ended.
 * */
#include "tests/github/session.h"

#include "issues/github/collect.h"

enum { MARCH = 1709251200, APRIL = 1711929600 };

static json_t *at_minute(json_t *post, int minute) {
    assert_ok(json_put(post, "created_at", test_time(minute)));
    return post;
}

/* Borders: minute 0 is in, minute -1 and the end are out. Of the labelled issues 3 is a pull
 * request and 6 was opened later; a bot and a deleted account have no reports. */
static void write_programme(void) {
    json_t *issues = json_array(), *comments = json_array();
    json_t *pull = test_issue("a/b", 3, "ann", "co-training");
    assert_ok(json_put(pull, "pull_request", json_pack("{s:s}", "url", "x")));
    json_t *collecting = at_minute(test_issue("a/b", 1, "maint", "co-training"), -90000);
    json_t *later = at_minute(test_issue("a/b", 6, "cid", "co-training"), 60 * 24 * 31);
    json_t *list[] = {later,
                      test_issue("a/b", 5, "ann", "bug"),
                      test_issue("a/b", 4, "bob", "co-training"),
                      pull,
                      at_minute(test_issue("a/b", 2, "ann", NULL), -5000),
                      collecting};
    for (size_t i = 0; i < 6; i++) assert_ok(json_push(issues, list[i]));
    json_t *old = at_minute(test_comment("a/b", 1, 1, "dan", "before"), -1);
    assert_ok(json_put(old, "updated_at", test_time(500)));
    json_t *posts[] = {old,
                       at_minute(test_comment("a/b", 1, 2, "ann", "first\r\nminute"), 0),
                       at_minute(test_comment("a/b", 1, 3, NULL, "gone"), 4),
                       at_minute(test_comment("a/b", 1, 4, "helper[bot]", "beep"), 4),
                       at_minute(test_comment("a/b", 1, 5, "eve", NULL), 60 * 24 * 31 - 1),
                       at_minute(test_comment("a/b", 1, 6, "dan", "after"), 60 * 24 * 31)};
    for (size_t i = 0; i < 6; i++) assert_ok(json_push(comments, posts[i]));
    write_json("a/b/issues.json", issues);
    write_json("a/b/issues/1/comments.json", comments);
    write_json("a/b/issues/4/comments.json",
               json_pack("[o]", test_comment("a/b", 4, 7, "zoe", "under another issue")));
}

static json_t *collected(const struct collect_options *o) {
    json_t *json;
    assert_ok(collect(o, &json));
    return json;
}

static struct collect_options march(void) {
    return (struct collect_options){.github = client,
                                    .repository = "a/b",
                                    .issue = 1,
                                    .label = "co-training",
                                    .from_s = MARCH,
                                    .to_s = APRIL};
}

static void assert_text(const json_t *value, const char *key, const char *wanted) {
    struct str text = {0};
    assert_ok(json_text(json_object_get(value, key), 0, &text));
    assert_string_equal(text.data, wanted);
    str_release(&text);
}

/* The items' numbers, comments by the last digits of their id. */
static void assert_items(const json_t *json, const char *wanted) {
    struct str text = {0};
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(json, "items"), i, item) {
        const json_t *number = json_object_get(item, "number");
        assert_ok(number ? str_printf(&text, "#%d ", (int)json_integer_value(number))
                         : str_printf(&text, "%d ",
                                      (int)(json_integer_value(json_object_get(item, "id")) -
                                            2200000000)));
    }
    assert_string_equal(str_text(&text), wanted);
    str_release(&text);
}

static void a_month_to_the_second(void **state) {
    (void)state;
    write_programme();
    START("--limit", "100");
    struct collect_options o = march();
    json_t *json = collected(&o);
    assert_items(json, "2 3 4 #4 5 ");
    assert_text(json, "repository", "\"a/b\"");
    assert_text(json, "number", "1");
    assert_text(json, "label", "\"co-training\"");
    assert_text(json, "from", "\"2024-03-01T00:00:00Z\"");
    assert_text(json, "to", "\"2024-04-01T00:00:00Z\"");
    assert_text(json, "problem_reports", "{\"ann\":2,\"bob\":0,\"eve\":0}");
    assert_null(json_object_get(json, "moved_to"));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "issue"), "number")),
                     1);
    json_decref(json);
    assert_asked(
        &standin,
        "GET /repos/a/b/issues/1 200\n"
        "GET /repos/a/b/issues/1/comments?since=2024-03-01T00%3A00%3A00Z&per_page=100 200\n"
        "GET /repos/a/b/issues?state=all&sort=created&direction=asc&labels=co-training&"
        "since=2024-03-01T00%3A00%3A00Z&per_page=100 200\n"
        "GET /repos/a/b/issues?state=all&sort=created&direction=asc&creator=ann&"
        "per_page=100 200\n"
        "GET /repos/a/b/issues?state=all&sort=created&direction=asc&creator=bob&"
        "per_page=100 200\n"
        "GET /repos/a/b/issues?state=all&sort=created&direction=asc&creator=eve&"
        "per_page=100 200\n");
    stop();
}

static void thread_or_label_alone(void **state) {
    (void)state;
    write_programme();
    START("--limit", "100");
    struct collect_options o = march();
    o.label = NULL;
    json_t *json = collected(&o);
    assert_items(json, "2 3 4 5 ");
    assert_text(json, "label", "null");
    assert_text(json, "problem_reports", "{\"ann\":2,\"eve\":0}");
    json_decref(json);
    o.label = "CO-TRAINING"; /* case does not count, with GitHub either */
    o.issue = 0;
    json = collected(&o);
    assert_items(json, "#4 ");
    assert_text(json, "issue", "null");
    assert_text(json, "problem_reports", "{\"bob\":0}");
    json_decref(json);
    o.label = NULL;
    assert_fails(collect(&o, &json), ERR_USAGE, "neither an issue nor a label");
    o.label = "x";
    o.to_s = o.from_s;
    assert_fails(collect(&o, &json), ERR_USAGE, "the span to collect is empty");
    o.to_s = APRIL;
    o.issue = 99;
    assert_fails(collect(&o, &json), ERR_MISSING, "issues/99: 404");
    assert_null(json);
    stop();
}

static void saved_json_gives_the_same_bytes(void **state) {
    (void)state;
    write_programme();
    START("--limit", "100");
    struct collect_options o = march();
    json_t *asked = collected(&o);
    char path[256];
    snprintf(path, sizeof path, "%s/repos", folder);
    o.path = path;
    json_t *saved = collected(&o);
    struct str one = {0}, other = {0};
    assert_ok(json_text(asked, 0, &one));
    assert_ok(json_text(saved, 0, &other));
    assert_string_equal(one.data, other.data);
    str_release(&one);
    str_release(&other);
    json_decref(asked);
    json_decref(saved);
    o.repository = "A/B"; /* as GitHub takes it */
    saved = collected(&o);
    assert_items(saved, "2 3 4 #4 5 ");
    json_decref(saved);
    snprintf(path, sizeof path, "%s/repos/a/b/issues/1/comments.json", folder);
    saved = collected(&o); /* comments alone: nothing is known of the issue and of reports */
    assert_items(saved, "2 3 4 5 ");
    assert_text(saved, "issue", "null");
    assert_text(saved, "problem_reports", "{\"ann\":0,\"eve\":0}");
    json_decref(saved);
    o.path = "/nonexistent";
    assert_fails(collect(&o, &saved), ERR_IO, "/nonexistent");
    stop();
}

static void the_result_is_input_again(void **state) {
    (void)state;
    struct post_list list = {0};
    write_programme();
    START("--limit", "100");
    struct collect_options o = march();
    json_t *json = collected(&o);
    assert_ok(posts_add(&list, json, "the collection"));
    posts_finish(&list);
    assert_int_equal(list.n, 6);
    assert_string_equal(list.items[0].id, "a/b#1");
    assert_string_equal(list.items[1].id, "a/b#1@2200000002");
    assert_string_equal(list.items[1].title, "a title");
    assert_string_equal(list.items[1].body, "first\r\nminute");
    assert_null(list.items[2].login);
    assert_true(list.items[3].bot);
    assert_string_equal(list.items[4].id, "a/b#4");
    post_list_release(&list);
    json_decref(json);
    stop();
}

static void a_moved_repository_is_told(void **state) {
    (void)state;
    write_programme();
    START("--rename", "old/name=a/b");
    struct collect_options o = march();
    o.repository = "old/name";
    json_t *json = collected(&o);
    assert_items(json, "2 3 4 #4 5 ");
    assert_text(json, "repository", "\"old/name\"");
    assert_text(json, "moved_to", "\"a/b\"");
    assert_text(json, "problem_reports", "{\"ann\":2,\"bob\":0,\"eve\":0}");
    json_decref(json);
    struct str log = {0};
    standin_log(&standin, &log); /* the new name is used from then on */
    assert_non_null(strstr(log.data, "GET /repos/old/name/issues/1 301"));
    assert_null(strstr(log.data, "GET /repos/old/name/issues/1/comments"));
    str_release(&log);
    stop();
}

static void later_edits_show_in_the_next_collection(void **state) {
    (void)state;
    write_programme();
    START("--limit", "100");
    struct collect_options o = march();
    json_decref(collected(&o));
    json_t *comments = json_array(),
           *edited = at_minute(test_comment("a/b", 1, 2, "ann", "another text"), 0);
    assert_ok(json_put(edited, "updated_at", test_time(9000)));
    assert_ok(json_push(comments, edited));
    write_json("a/b/issues/1/comments.json", comments);
    json_t *json = collected(&o);
    assert_items(json, "2 #4 ");
    const json_t *first = json_array_get(json_object_get(json, "items"), 0);
    assert_text(first, "body", "\"another text\"");
    assert_text(first, "updated_at", "\"2024-03-07T06:00:00Z\"");
    json_decref(json);
    stop();
}

/* The real thread, where the folder with it is there. */
static void the_recorded_thread(void **state) {
    (void)state;
    char path[512], link[128];
    shared_path("data/github/repos", path, sizeof path);
    snprintf(link, sizeof link, "%s/repos", folder);
    assert_int_equal(symlink(path, link), 0);
    START("--limit", "100");
    struct collect_options o = {.github = client,
                                .repository = "IEIT-Yuan/Yuan-2.0",
                                .issue = 22,
                                .from_s = 1709222400, /* March in Shanghai */
                                .to_s = 1711900800};
    json_t *asked = collected(&o);
    o.path = path;
    json_t *saved = collected(&o);
    assert_int_equal(json_array_size(json_object_get(asked, "items")), 2);
    static const char *const keys[] = {"items", "problem_reports", "from", "to", "number"};
    for (size_t i = 0; i < 5; i++)
        assert_true(json_equal(json_object_get(asked, keys[i]), json_object_get(saved, keys[i])));
    json_decref(asked);
    json_decref(saved);
    assert_int_equal(unlink(link), 0);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_month_to_the_second),
        FOLDER_TEST(thread_or_label_alone),
        FOLDER_TEST(saved_json_gives_the_same_bytes),
        FOLDER_TEST(the_result_is_input_again),
        FOLDER_TEST(a_moved_repository_is_told),
        FOLDER_TEST(later_edits_show_in_the_next_collection),
        FOLDER_TEST(the_recorded_thread),
    };
    return STANDIN_RUN(tests);
}
