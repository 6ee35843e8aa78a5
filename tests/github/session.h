/* SPDX-License-Identifier: Apache-2.0
 * The state that a test of the GitHub client has: one stand-in, one client of it with the test's
 * clock, a token and a cache, made by START(options of the stand-in...) and ended by stop(), which
 * also looks for the token in every file. FOLDER_TEST gives each test its folder.
 * Read next: tests/github/client.h. */
#ifndef COTRAIN_TESTS_GITHUB_SESSION_H
#define COTRAIN_TESTS_GITHUB_SESSION_H

#include "tests/github/client.h"

static struct standin standin;
static struct test_clock clock_;
static struct github *client;
static struct github_options options; /* of `client`; after a change: new_run() */

#define START(...) session_start((const char *const[]){"", __VA_ARGS__, NULL})
static inline void session_start(const char *const *args) {
    clock_ = (struct test_clock){0};
    standin_start(&standin, args);
    options = test_options(&standin, &clock_, "cache");
    assert_ok(github_new(&options, &client));
}

/* As another process would begin, with the same cache. */
static inline void new_run(void) {
    github_free(client);
    assert_ok(github_new(&options, &client));
}

/* Every wait must have been looked at. */
static inline void stop(void) {
    assert_int_equal(clock_.n, 0);
    github_free(client);
    client = NULL;
    assert_no_token();
    standin_stop(&standin);
}

/* Collections that were begun and not ended. */
static inline int64_t count_unfinished(void) {
    struct name_list names = {0};
    int64_t n = 0;
    assert_ok(dir_list(in_folder("cache"), &names));
    for (size_t i = 0; i < names.n; i++) n += str_ends(names.names[i], ".unfinished");
    name_list_release(&names);
    return n;
}

#endif
