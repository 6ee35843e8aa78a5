/* SPDX-License-Identifier: Apache-2.0
 * How far a long piece of work is, on stderr: count, time taken and time left, and notes. On a
 * terminal it is one line that is drawn again, at most ten times a second; elsewhere, and on
 * TERM=dumb, a plain line every tenth of the way. The line is no longer than the terminal is wide
 * (or COLUMNS says), counted in columns: the bar is left out first, then notes that do not fit. It
 * has no colours, and the cursor is never hidden: however the program ends, the terminal is as it
 * was.
 * Log lines (base/log.h) clear it, and it is drawn again below them.
 * Read next: base/progress.c. */
#ifndef COTRAIN_BASE_PROGRESS_H
#define COTRAIN_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;     /* UTF-8 of one line without controls; the caller's */
    int64_t begun, total; /* done before it started (the caller's, once it knows); of all */
    int64_t shown;        /* tenths */
    double started_s, drawn_s;
    bool terminal;
};
void progress_start(struct progress *p, const char *what, int64_t total);
/* Shows it where that is due. */
void progress_step(struct progress *p, int64_t done);
/* The same with notes behind, the more important ones first; made only where one is due. */
bool progress_is_due(const struct progress *p, int64_t done);
void progress_draw(struct progress *p, int64_t done, const char *const *notes, int n);
/* Leaves the line as it is, and the cursor below it. */
void progress_end(struct progress *p);

/* For base/log.c, around a line of its own: what clears the line that is drawn, and what draws it
 * again; "" where there is none. */
const char *progress_clearing(void);
const char *progress_drawn(void);

#endif
