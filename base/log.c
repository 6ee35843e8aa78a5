/* SPDX-License-Identifier: Apache-2.0
 * The log on stderr. A line is written with one call, so threads do not mix.
 * Levels are set once, at the start, by log_configure.
 * Read next: base/log.h, the contract. */
#include "base/log.h"

#include "base/progress.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const subsystem_names[LOG_SUBSYSTEM_COUNT] = {
#define X(name) #name,
    LOG_SUBSYSTEMS(X)
#undef X
};
static const char *const level_names[] = {"error", "warn", "info", "debug"};
enum { LEVEL_COUNT = sizeof level_names / sizeof level_names[0] };

static unsigned char levels[LOG_SUBSYSTEM_COUNT] = {
#define X(name) LOG_WARN,
    LOG_SUBSYSTEMS(X)
#undef X
};

static int find_word(const char *const *words, int n, const char *text, size_t len) {
    for (int i = 0; i < n; i++)
        if (strlen(words[i]) == len && strncasecmp(words[i], text, len) == 0) return i;
    return -1;
}

/* One item of the list: "level" for all subsystems, or "subsystem:level". */
static err configure_item(const char *item, size_t len) {
    const char *colon = memchr(item, ':', len);
    const char *level_text = colon != NULL ? colon + 1 : item;
    int level = find_word(level_names, LEVEL_COUNT, level_text, len - (size_t)(level_text - item));
    int one = colon != NULL
                  ? find_word(subsystem_names, LOG_SUBSYSTEM_COUNT, item, (size_t)(colon - item))
                  : 0;
    if (level < 0 || one < 0) {
        err e =
            fail(ERR_USAGE, "log setting '%.*s' is not a level or subsystem:level", (int)len, item);
        return fail_hint(e, "levels are error, warn, info, debug");
    }
    if (colon != NULL)
        levels[one] = (unsigned char)level;
    else
        memset(levels, level, sizeof levels);
    return ERR_OK;
}

err log_configure(const char *spec) {
    memset(levels, LOG_WARN, sizeof levels);
    while (spec != NULL && *spec != '\0') {
        size_t len = strcspn(spec, ",");
        TRY(configure_item(spec, len));
        spec += len + (spec[len] == ',');
    }
    return ERR_OK;
}

bool log_on(enum log_subsystem subsystem, enum log_level level) {
    return level <= (enum log_level)levels[subsystem];
}

void log_write(enum log_subsystem subsystem, enum log_level level, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char name[32];
    snprintf(name, sizeof name, "%s", subsystem_names[subsystem]);
    for (char *c = name; *c != '\0'; c++) *c = (char)(*c | 0x20);
    fprintf(stderr, "%s%s: %s: %s\n%s", progress_clearing(), level_names[level], name, text,
            progress_drawn());
}
