/* SPDX-License-Identifier: Apache-2.0
 * Log to stderr: LOG(DATA, INFO, "read %d rows", n). Levels by subsystem through COTRAIN_LOG.
 * stdout carries results and is never written here.
 * Read next: base/env.def for the variable; run.jsonl, the machine's record, is the trainer's. */
#ifndef COTRAIN_BASE_LOG_H
#define COTRAIN_BASE_LOG_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

#define LOG_SUBSYSTEMS(X)                                                                          \
    X(BASE)                                                                                        \
    X(REMOTE)                                                                                      \
    X(RECIPES)                                                                                     \
    X(COMPUTE) X(DATA) X(MODEL) X(ADAPTERS) X(ISSUES) X(TRAINER) X(EVAL) X(RELEASE) X(CLI)
enum log_subsystem {
#define X(name) LOG_##name,
    LOG_SUBSYSTEMS(X)
#undef X
        LOG_SUBSYSTEM_COUNT
};
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

MUST_CHECK err log_configure(const char *spec); /* NULL: warnings and errors of all */
bool log_on(enum log_subsystem subsystem, enum log_level level);
void log_write(enum log_subsystem subsystem, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
#define LOG(subsystem, level, ...)                                                                 \
    do {                                                                                           \
        if (log_on(LOG_##subsystem, LOG_##level))                                                  \
            log_write(LOG_##subsystem, LOG_##level, __VA_ARGS__);                                  \
    } while (0)

#endif
