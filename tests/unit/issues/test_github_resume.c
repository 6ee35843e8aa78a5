/* SPDX-License-Identifier: Apache-2.0
 * Collections that are ended half way by a limit and gone on with: pages that are there are not
 * fetched again, lists that change in between lose nothing and give nothing twice, every request
 * counts, and damaged files count as none.
 * Under test: issues/github/github.h (github_begin). Read next: test_github_kill.c. */
#include "tests/github/session.h"

#include "issues/github/github.h"

static err read_list(const char *query, struct github_found *found) {
    char path[80];
    snprintf(path, sizeof path, "/repos/a/b/issues/1/comments%s", query);
    TRY(github_begin(client, "comments"));
    TRY(github_list(client, path, found));
    return github_end(client);
}

static err read_comments(struct github_found *found) {
    return read_list("", found);
}

static void reads(int64_t first, int64_t n) {
    struct github_found found;
    assert_ok(read_comments(&found));
    assert_ids(found.value, first, n);
    github_found_release(&found);
    assert_int_equal(count_unfinished(), 0);
}

static void is_stopped(void) {
    struct github_found found;
    assert_fails(read_comments(&found), ERR_STOPPED, "the hour's rate limit is spent");
    assert_int_equal(count_unfinished(), 1);
}

#define PAGE "GET /repositories/1000/issues/1/comments?per_page=100&page="
#define LIMITED "status=403 remaining=0 reset=1710001000"

static void a_stopped_run_is_gone_on_with(void **state) {
    (void)state;
    write_thread(450);
    START("--fault", "GET *comments page=3 times=1 " LIMITED);
    is_stopped();
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 200 auth plain\n" PAGE
                           "2 200 auth plain\n" PAGE "3 403 auth plain\n");
    new_run();
    clock_.now_s += 1000;
    reads(1, 450); /* the first pages are asked again only whether they are still the same */
    assert_asked(&standin,
                 PAGE "3 200 auth plain\n" PAGE "4 200 auth plain\n" PAGE "5 200 auth plain\n"
                      "GET /repos/a/b/issues/1/comments?per_page=100 304 auth cond\n" PAGE
                      "2 304 auth cond\n");
    new_run();
    reads(1, 450); /* a new collection asks all of them */
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 304 auth cond\n" PAGE
                           "2 304 auth cond\n" PAGE "3 304 auth cond\n" PAGE
                           "4 304 auth cond\n" PAGE "5 304 auth cond\n");
    stop();
}

static void a_day_later_it_is_a_new_collection(void **state) {
    (void)state;
    write_thread(250);
    START("--fault", "GET *comments page=3 times=1 " LIMITED);
    is_stopped();
    assert_ok(file_remove(standin.log));
    new_run();
    clock_.now_s += 86400;
    reads(1, 250);
    assert_asked(&standin, "GET /repos/a/b/issues/1/comments?per_page=100 304 auth cond\n" PAGE
                           "2 304 auth cond\n" PAGE "3 200 auth plain\n");
    stop();
}

/* The comments of a/b#1 without number `left_out`, and with the text of `edited` changed. */
static void write_changed(int n, int left_out, int edited) {
    json_t *list = json_array();
    for (int i = 1; i <= n; i++)
        if (i != left_out)
            assert_ok(json_push(
                list, test_comment("a/b", 1, i, "dev-1", i == edited ? "edited" : "a comment")));
    write_json("a/b/issues/1/comments.json", list);
}

/* Nothing is lost, nothing comes twice, and edits are there. */
static void is_complete(const json_t *list, int64_t n, int64_t left_out, int64_t edited) {
    size_t at = 0;
    for (int64_t i = 1; i <= n; i++) {
        if (i == left_out) continue;
        const json_t *item = json_array_get(list, at++);
        assert_int_equal(json_integer_value(json_object_get(item, "id")), 2200000000 + i);
        assert_string_equal(json_string_value(json_object_get(item, "body")),
                            i == edited ? "edited" : "a comment");
    }
    assert_int_equal(json_array_size(list), at);
}

static void deleting_between_two_runs_loses_nothing(void **state) {
    (void)state;
    struct github_found found;
    for (int left_out = 1; left_out <= 250; left_out += 83) { /* on each of the pages */
        folder_make(NULL);
        write_thread(250);
        START("--fault", "GET *comments page=3 times=1 " LIMITED);
        is_stopped();
        new_run();
        write_changed(250, left_out, 120);
        assert_ok(read_comments(&found));
        is_complete(found.value, 250, left_out, 120);
        github_found_release(&found);
        stop();
        folder_remove(NULL);
    }
}

/* What comes into the middle (an old issue gets the label, say) moves the rest to later pages: the
 * last page, asked in the run before, has to be looked at once more. */
static void inserting_between_three_runs_loses_nothing(void **state) {
    (void)state;
    struct github_found found;
    write_thread(250);
    write_changed(250, 7, 0);
    START("--fault", "GET *comments page=3 times=1 " LIMITED, "--fault",
          "GET *comments page=1 times=1 after=1 " LIMITED);
    is_stopped();
    new_run();
    is_stopped();
    new_run();
    write_changed(250, 0, 0);
    assert_ok(read_comments(&found));
    is_complete(found.value, 250, 0, 0);
    github_found_release(&found);
    stop();
}

static void delete_during_a_wait(struct test_clock *clock) {
    if (clock->n == 1) write_changed(350, 7, 120);
    if (clock->n == 2) write_changed(360, 207, 9);
}

/* The same where one run waits in the middle, and once more while it looks again. */
static void deleting_during_a_wait_loses_nothing(void **state) {
    (void)state;
    struct github_found found;
    write_thread(350);
    START("--fault", "GET *comments page=3 times=1 status=429 retry-after=60", "--fault",
          "GET *comments page=4 times=1 status=429 retry-after=10");
    clock_.during = delete_during_a_wait;
    assert_ok(github_comments(client, "a/b", 1, NULL, &found));
    is_complete(found.value, 360, 207, 9);
    github_found_release(&found);
    ASSERT_WAITS(&clock_, 60, 10);
    stop();
}

static void keep_changing(struct test_clock *clock) {
    write_changed(350 + clock->n, 7 + clock->n, 120);
}

static void a_list_that_never_rests(void **state) {
    (void)state;
    struct github_found found;
    write_thread(350);
    char faults[8][80];
    const char *args[32] = {""};
    for (int i = 0; i < 8; i++) { /* page 3 at every other try */
        snprintf(faults[i], sizeof faults[i],
                 "GET *comments page=3 times=1 after=%d status=429 retry-after=1", i);
        args[1 + 2 * i] = "--fault";
        args[2 + 2 * i] = faults[i];
    }
    session_start(args);
    clock_.during = keep_changing;
    assert_fails(github_comments(client, "a/b", 1, NULL, &found), ERR_STOPPED, "kept changing");
    ASSERT_WAITS(&clock_, 1, 1, 1, 1, 1, 1, 1, 1);
    stop();
}

/* Whoever has no token pays for every look: with 4 requests an hour a list of 9 pages is read in
 * the end, since every request brings the collection further. */
static void every_request_counts(void **state) {
    (void)state;
    struct github_found found;
    int64_t asked = 0;
    int runs = 0;
    write_thread(25);
    START("--limit", "4", "--reset", "1710003600");
    options.token = NULL;
    for (err e = ERR_STOPPED; e != ERR_OK; runs++) {
        new_run();
        e = read_list("?per_page=3", &found);
        if (e != ERR_OK && e != ERR_STOPPED) fail_msg("%s", err_message());
        assert_true(github_requests(client) <= 5);
        asked += github_requests(client) - (e == ERR_STOPPED); /* the last one was refused */
        standin_new_hour(&standin);
        assert_true(runs < 20);
    }
    assert_ids(found.value, 1, 25);
    github_found_release(&found);
    assert_int_equal(asked, 17); /* 9 pages, and 8 of them whether they are still the same */
    assert_int_equal(runs, 5);
    stop();
}

static void reads_unfinished(int64_t n) {
    struct github_found found;
    new_run();
    assert_ok(github_begin(client, "comments"));
    assert_ok(github_list(client, "/repos/a/b/issues/1/comments?per_page=2", &found));
    assert_ids(found.value, 1, n);
    github_found_release(&found);
}

/* Bytes of kept pages and of the journal damaged one after the other, and files cut short: what is
 * not whole is fetched again, and the result is right. */
static void damaged_files_count_as_none(void **state) {
    (void)state;
    write_thread(3);
    START("--reset", "1710003600");
    reads_unfinished(3);
    struct name_list names = {0};
    assert_ok(dir_list(in_folder("cache"), &names));
    assert_int_equal(names.n, 3);
    for (size_t i = 0; i < names.n; i++) {
        char path[256];
        struct str text = {0};
        snprintf(path, sizeof path, "%s/cache/%s", folder, names.names[i]);
        assert_ok(file_read(path, 1 << 20, &text));
        for (size_t at = 0; at < text.len; at += 1 + at / 10) {
            text.data[at] ^= 0x55;
            assert_ok(file_write(path, text.data, text.len));
            text.data[at] ^= 0x55;
            reads_unfinished(3);
            assert_ok(file_write(path, text.data, at));
            reads_unfinished(3);
        }
        str_release(&text);
    }
    name_list_release(&names);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_stopped_run_is_gone_on_with),
        FOLDER_TEST(a_day_later_it_is_a_new_collection),
        cmocka_unit_test(deleting_between_two_runs_loses_nothing),
        FOLDER_TEST(inserting_between_three_runs_loses_nothing),
        FOLDER_TEST(deleting_during_a_wait_loses_nothing),
        FOLDER_TEST(a_list_that_never_rests),
        FOLDER_TEST(every_request_counts),
        FOLDER_TEST(damaged_files_count_as_none),
    };
    return STANDIN_RUN(tests);
}
