/* SPDX-License-Identifier: Apache-2.0
 * Errors with context.  A fallible function returns `err`; the message is kept per thread.
 * The function that finds the fault calls fail(); each caller that knows more wraps with fail_in();
 * only cli/main.c prints.  Messages: lower case, no full stop, what failed first, subject quoted.
 */
#ifndef COTRAIN_BASE_ERR_H
#define COTRAIN_BASE_ERR_H

#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum err {
    ERR_OK = 0,
#define ERR(name, exit_code, meaning) ERR_##name##_index,
#include "base/err.def"
#undef ERR
    ERR_COUNT,
#define ERR(name, exit_code, meaning) ERR_##name = -ERR_##name##_index,
#include "base/err.def"
#undef ERR
} err;

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

/* Starts a new error: replaces the message and drops the hint. Returns `code`. */
err fail(err code, const char *format, ...) PRINTF_LIKE(2, 3);
/* As fail, with ": " and the text of `errno_value` behind. */
err fail_errno(err code, int errno_value, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts "text: " before the present message. Returns `code`. With ERR_OK it does nothing. */
err fail_in(err code, const char *format, ...) PRINTF_LIKE(2, 3);
/* What to do about it, a line or a list of lines; shown after the message. Keeps the first one set.
 * Returns `code`. */
err fail_hint(err code, const char *format, ...) PRINTF_LIKE(2, 3);

/* Keeps the present message and hint beside clearing up that may fail in its turn. */
enum { ERR_TEXT_SIZE = 2048 };
struct err_kept {
    char message[ERR_TEXT_SIZE], hint[ERR_TEXT_SIZE];
};
void err_keep(struct err_kept *out);
void err_put_back(const struct err_kept *kept);

/* The thread's present message and hint ("" when none). Valid until the next fail on this thread.
 */
const char *err_message(void);
const char *err_hint(void);
void err_clear(void);
const char *err_name(err code);
int err_exit_code(err code);

/* Returns from the calling function on failure. Where something must be released, use a label. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        err try_result_ = (call);                                                                  \
        if (try_result_ != ERR_OK) return try_result_;                                             \
    } while (0)

/* For impossible states only, never for input: names the place and aborts. */
#define BUG_IF(condition)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!!(condition), 0)) bug_found(__FILE__, __LINE__, #condition);         \
    } while (0)
void bug_found(const char *file, int line, const char *condition) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
