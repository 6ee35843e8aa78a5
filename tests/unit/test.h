/* SPDX-License-Identifier: Apache-2.0
 * What every cmocka program includes: the headers in the order cmocka wants, checks for err
 * results, and a temporary folder per test. A failing check prints the message of the error behind
 * it. */
#ifndef COTRAIN_TESTS_UNIT_TEST_H
#define COTRAIN_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#undef fail /* the name is base/err.h's here */
#undef fail_msg
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        _fail(__FILE__, __LINE__);                                                                 \
    } while (0)

#include "base/err.h"
#include "base/file.h"

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        err result_ = (call);                                                                      \
        if (result_ != ERR_OK) fail_msg("%s: %s: %s", #call, err_name(result_), err_message());    \
    } while (0)
/* Fails with that code, and the message contains `part`. */
#define assert_fails(call, code, part)                                                             \
    do {                                                                                           \
        err result_ = (call);                                                                      \
        if (result_ != (code))                                                                     \
            fail_msg("%s: %s instead of %s (%s)", #call, err_name(result_), err_name(code),        \
                     err_message());                                                               \
        if (strstr(err_message(), part) == NULL)                                                   \
            fail_msg("%s: message \"%s\" lacks \"%s\"", #call, err_message(), part);               \
    } while (0)

/* A fresh folder; static storage, one per program at a time. Remove it with test_folder_remove. */
static inline const char *test_folder(void) {
    static char path[64];
    const char *parent = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/cotrain-test-XXXXXX", parent ? parent : "/tmp");
    if (mkdtemp(path) == NULL) abort();
    return path;
}
static inline void test_folder_remove(const char *path) {
    assert_ok(dir_remove(path));
}

#endif
