/* SPDX-License-Identifier: Apache-2.0
 * The thread's present error: message and hint in fixed buffers, so that recording an error cannot
 * itself fail (out of memory included). A chain of contexts that does not fit loses the middle: the
 * outermost place and the innermost cause stay. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[ERR_TEXT_SIZE];
static _Thread_local char hint[ERR_TEXT_SIZE];

static void put(char *to, const char *format, va_list args) PRINTF_LIKE(2, 0);

static void put(char *to, const char *format, va_list args) {
    char text[ERR_TEXT_SIZE]; /* args may point into `to` */
    const int n = vsnprintf(text, sizeof text, format, args);
    if (n >= ERR_TEXT_SIZE) memcpy(text + sizeof text - 4, "...", 4); /* a command would be half */
    memcpy(to, text, strlen(text) + 1);
}

err fail(err code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    put(message, format, args);
    va_end(args);
    hint[0] = '\0';
    return code;
}

static void append(char *to, const char *before, const char *text) {
    size_t used = strlen(to);
    snprintf(to + used, ERR_TEXT_SIZE - used, "%s%s", before, text);
}

err fail_errno(err code, int errno_value, const char *format, ...) {
    va_list args;
    va_start(args, format);
    put(message, format, args);
    va_end(args);
    hint[0] = '\0';
    char buffer[128];
    append(message, ": ", strerror_r(errno_value, buffer, sizeof buffer));
    return code;
}

err fail_in(err code, const char *format, ...) {
    if (code == ERR_OK) return code;
    char inner[ERR_TEXT_SIZE];
    memcpy(inner, message, sizeof inner);
    va_list args;
    va_start(args, format);
    put(message, format, args);
    va_end(args);
    size_t outer_len = strlen(message), room = ERR_TEXT_SIZE - 1 - outer_len;
    const char *kept = inner;
    if (room > 2 && strlen(inner) > room - 2) kept = inner + strlen(inner) - (room - 2);
    append(message, ": ", kept);
    return code;
}

err fail_hint(err code, const char *format, ...) {
    if (code == ERR_OK || hint[0] != '\0') return code;
    va_list args;
    va_start(args, format);
    put(hint, format, args);
    va_end(args);
    return code;
}

void err_keep(struct err_kept *out) {
    memcpy(out->message, message, sizeof message);
    memcpy(out->hint, hint, sizeof hint);
}

void err_put_back(const struct err_kept *kept) {
    memcpy(message, kept->message, sizeof message);
    memcpy(hint, kept->hint, sizeof hint);
}

const char *err_message(void) {
    return message;
}

const char *err_hint(void) {
    return hint;
}

void err_clear(void) {
    message[0] = hint[0] = '\0';
}

const char *err_name(err code) {
    switch (code) {
    case ERR_OK: return "OK";
#define ERR(name, exit_code, meaning)                                                              \
    case ERR_##name:                                                                               \
        return #name;
#include "base/err.def"
#undef ERR
    default: return "unknown";
    }
}

int err_exit_code(err code) {
    switch (code) {
    case ERR_OK: return 0;
#define ERR(name, exit_code, meaning)                                                              \
    case ERR_##name:                                                                               \
        return exit_code;
#include "base/err.def"
#undef ERR
    default: return 1;
    }
}

void bug_found(const char *file, int line, const char *condition) {
    fprintf(stderr, "cotrain: bug: %s:%d: %s\n", file, line, condition);
    abort();
}
