/* SPDX-License-Identifier: Apache-2.0
 * The progress line (base/progress.h). The terminal's width is asked for at every drawing, so a
 * window that changes its size needs no signal.
 * Read next: base/log.c, whose lines pass it. */
#include "base/progress.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/str.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_BYTES = 1024, BAR_CELLS = 10, PLAIN_LINES = 10, WIDTH = 80 };
static const double between_s = 0.1;

static char drawn[LINE_BYTES]; /* what stands on the terminal; "": nothing */

static bool is_terminal(void) {
    const char *term = env_get(ENV_TERM);
    return isatty(STDERR_FILENO) == 1 && !(term && !strcmp(term, "dumb"));
}

static int terminal_columns(void) {
    const char *set = env_get(ENV_COLUMNS);
    struct winsize size;
    int64_t n;
    if (set && str_to_int64(set, &n) == ERR_OK && n > 0 && n < LINE_BYTES) return (int)n;
    if (set) err_clear();
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return WIDTH;
}

/* Whether the terminal's characters are UTF-8: the first of these that is set says. */
static bool shows_utf8(void) {
    const char *locale = env_get(ENV_LC_ALL);
    if (!locale) locale = env_get(ENV_LC_CTYPE);
    if (!locale) locale = env_get(ENV_LANG);
    return locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

/* ---- a line of so many columns ---- */

struct line {
    char text[LINE_BYTES];
    size_t len;
    int columns, most;
};

static int columns_of(const char *text) {
    const size_t n = strlen(text);
    uint32_t c;
    int columns = 0;
    for (size_t i = 0; i < n;) {
        i += utf8_next_any(text + i, n - i, &c);
        columns += utf8_columns(c);
    }
    return columns;
}

/* Adds as much of it as fits; what comes behind a cut does not fit either. */
static void add(struct line *l, const char *text) {
    const size_t n = strlen(text);
    uint32_t c;
    for (size_t i = 0, step; i < n; i += step) {
        step = utf8_next_any(text + i, n - i, &c);
        if (l->columns + utf8_columns(c) > l->most || l->len + step >= sizeof l->text) {
            l->most = l->columns;
            return;
        }
        memcpy(l->text + l->len, text + i, step);
        l->text[l->len += step] = '\0';
        l->columns += utf8_columns(c);
    }
}

/* Adds it behind two blanks, or nothing of it. */
static void add_whole(struct line *l, const char *text) {
    const bool fits =
        l->columns + 2 + columns_of(text) <= l->most && l->len + 2 + strlen(text) < sizeof l->text;
    if (!fits) return;
    add(l, "  ");
    add(l, text);
}

/* "|███▋      |": full cells, one that is full by eighths, empty ones. */
static void add_bar(struct line *l, double part) {
    const bool utf8 = shows_utf8();
    const int eighths = (int)floor(part * 8 * BAR_CELLS);
    add(l, "|");
    for (int i = 0; i < BAR_CELLS; i++) {
        const int full = eighths - 8 * i;
        char cell[4] = {(char)0xE2, (char)0x96, (char)0x88, 0};  /* U+2588, the full block */
        if (full > 0 && full < 8) cell[2] = (char)(0x90 - full); /* U+258F, an eighth, and on */
        add(l, full <= 0 ? " " : utf8 ? cell : "#");
    }
    add(l, "|");
}

/* ---- progress ---- */

void progress_start(struct progress *p, const char *what, int64_t total) {
    *p = (struct progress){
        .what = what,
        .total = total > 0 ? total : 1,
        .started_s = clock_seconds(),
        .terminal = is_terminal(),
    };
    p->drawn_s = p->started_s; /* what is quickly done shows its end alone */
}

bool progress_is_due(const struct progress *p, int64_t done) {
    if (done >= p->total) return p->shown < PLAIN_LINES; /* once */
    if (p->terminal) return clock_seconds() - p->drawn_s >= between_s;
    return done * PLAIN_LINES / p->total > p->shown;
}

/* "1:02:03", "2:03" */
static const char *clock_text(double seconds, char out[24]) {
    const long long s = llround(seconds);
    if (s >= 3600)
        snprintf(out, 24, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 24, "%lld:%02lld", s / 60, s % 60);
    return out;
}

/* " 370/1000 [0:12, 0:21 left]": what is left goes on as it went so far. */
static void add_count(struct line *l, const struct progress *p, int64_t done) {
    const double taken = p->drawn_s - p->started_s;
    char text[128], a[24], b[24];
    snprintf(text, sizeof text, " %lld/%lld [%s", (long long)done, (long long)p->total,
             clock_text(taken, a));
    add(l, text);
    if (done > p->begun && done < p->total) {
        const double each = taken / (double)(done - p->begun);
        snprintf(text, sizeof text, ", %s left", clock_text(each * (double)(p->total - done), b));
        add(l, text);
    }
    add(l, "]");
}

void progress_step(struct progress *p, int64_t done) {
    progress_draw(p, done, NULL, 0);
}

struct noted {
    const char *const *notes;
    int n;
};

static void fill(struct line *l, const struct progress *p, int64_t done, const struct noted *with,
                 bool bar) {
    const double part = fmin(1, (double)done / (double)p->total);
    char share[16];
    snprintf(share, sizeof share, " %3d%%", (int)floor(100 * part));
    add(l, p->what);
    if (p->terminal) add(l, share);
    if (bar) add_bar(l, part);
    add_count(l, p, done);
    for (int i = 0; i < with->n; i++) add_whole(l, with->notes[i]);
}

void progress_draw(struct progress *p, int64_t done, const char *const *notes, int n) {
    const struct noted with = {notes, n};
    struct line l = {.most = LINE_BYTES}; /* all of it; a terminal gets what fits, notes first */
    if (!progress_is_due(p, done)) return;
    p->shown = done < p->total ? done * PLAIN_LINES / p->total : PLAIN_LINES;
    p->drawn_s = clock_seconds();
    fill(&l, p, done, &with, p->terminal);
    if (!p->terminal) {
        fprintf(stderr, "%s\n", l.text);
        return;
    }
    const int most = terminal_columns() - 1; /* in the last one the cursor would wrap */
    if (l.columns > most) {
        l = (struct line){.most = most};
        fill(&l, p, done, &with, false);
    }
    memcpy(drawn, l.text, l.len + 1);
    fprintf(stderr, "\r%s\033[K", drawn);
}

void progress_end(struct progress *p) {
    if (p->terminal && drawn[0] != '\0') fputc('\n', stderr);
    drawn[0] = '\0';
}

const char *progress_clearing(void) {
    return drawn[0] != '\0' ? "\r\033[K" : "";
}

const char *progress_drawn(void) {
    return drawn;
}
