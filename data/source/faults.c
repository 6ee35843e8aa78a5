/* SPDX-License-Identifier: Apache-2.0
 * Collecting the faults of many records into one message. A single one is cut so that ten of
 * them fit the text of an error, never within a character; what is no fault of the input
 * (memory, the system) is handed on at once. The contract is data/source/faults.h. */
#include "data/source/faults.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SHOWN = 10, MAX_BYTES = 180 };

err faults_add(struct faults *f, err e, const char *format, ...) {
    if (e == ERR_MEMORY || e == ERR_IO) return e;
    f->n++;
    if (f->n > MAX_SHOWN) return ERR_OK;
    char text[4096];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(text, sizeof text / 2, format, args);
    va_end(args);
    size_t at = used < 0 ? 0 : (size_t)used < sizeof text / 2 ? (size_t)used : sizeof text / 2 - 1;
    snprintf(text + at, sizeof text - at, ": %s", err_message());
    size_t n = strlen(text);
    bool cut = n > MAX_BYTES;
    if (cut) { /* not within a character */
        n = MAX_BYTES;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
    }
    if (f->shown.len > 0) TRY(str_add(&f->shown, "; "));
    TRY(str_append(&f->shown, text, n));
    return cut ? str_add(&f->shown, "...") : ERR_OK;
}

err faults_end(const struct faults *f, int64_t n_seen, const char *what) {
    if (f->n == 0) return ERR_OK;
    char more[64] = "";
    if (f->n > MAX_SHOWN)
        snprintf(more, sizeof more, "; and %lld more", (long long)(f->n - MAX_SHOWN));
    return fail(ERR_PARSE, "%lld of %lld %s: %s%s", (long long)f->n, (long long)n_seen, what,
                str_text(&f->shown), more);
}

void faults_release(struct faults *f) {
    str_release(&f->shown);
    f->n = 0;
}
