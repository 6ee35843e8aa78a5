/* SPDX-License-Identifier: Apache-2.0
 * Cleaning a line of Yuan text. The replacements are made one after the other over the whole text,
 * in the official order, because one may make the text that the next one replaces. The contract is
 * data/source/yuan_line.h. */
#include "data/source/yuan_line.h"
#include "data/text/span.h"
#include <string.h>

static const struct {
    const char *from, *to;
} replacements[] = {
    {"\r", ""}, {"\n", ""}, {"<n>", "\n"}, {"\xE2\x96\x83", ""}, {"[SEP]", "<sep>"},
};
enum { N_REPLACEMENTS = sizeof replacements / sizeof replacements[0] };

static err replace(struct span s, const char *from, const char *to, struct str *out) {
    size_t from_len = strlen(from);
    str_clear(out);
    for (;;) {
        const char *found = s.n > 0 ? memmem(s.text, s.n, from, from_len) : NULL;
        size_t before = found ? (size_t)(found - s.text) : s.n;
        TRY(str_append(out, s.text, before));
        if (!found) return ERR_OK;
        TRY(str_add(out, to));
        s = (struct span){found + from_len, s.n - before - from_len};
    }
}

err yuan_line_clean(const char *line, size_t n, struct str *out, bool *out_skip) {
    struct span s = {line, n};
    struct str text[2] = {{0}, {0}};
    err e = ERR_OK;
    if (n >= 3 && memcmp(line, "<n>", 3) == 0) s = (struct span){line + 3, n - 3};
    s = span_strip(s);
    for (int i = 0; i < N_REPLACEMENTS && e == ERR_OK; i++) {
        struct str *into = &text[i % 2];
        e = replace(s, replacements[i].from, replacements[i].to, into);
        s = (struct span){str_text(into), into->len};
    }
    *out_skip = true;
    for (size_t i = 0; i < s.n && *out_skip; i++) *out_skip = s.text[i] == '\n';
    if (e == ERR_OK) e = str_append(out, s.text, s.n);
    str_release(&text[0]);
    str_release(&text[1]);
    return e;
}
