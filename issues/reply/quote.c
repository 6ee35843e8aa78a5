/* SPDX-License-Identifier: Apache-2.0
 * Strangers' texts in replies. A code span ends only at a run of as many backticks as began it, so
 * one more than the longest run of the text keeps all of the text inside (CommonMark 0.30, section
 * 6.1); there are no line ends in it, so no block can begin either.
 * Read next: issues/reply/reply.h. */
#include "issues/reply/reply_int.h"

#include "data/text/span.h"
#include <string.h>

static bool control(uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

err quote_plain(const char *text, int64_t max, struct str *out) {
    size_t n = text ? strlen(text) : 0;
    int64_t written = 0;
    bool blank = false;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += utf8_next_any(text + i, n - i, &c);
        if (utf8_invisible(c)) continue;
        if (white_space(c) || control(c)) {
            blank = true;
            continue;
        }
        if (written + (blank && written > 0) >= max) return str_add(out, "…");
        if (blank && written > 0) {
            TRY(str_add(out, " "));
            written++;
        }
        TRY(str_codepoint(out, c));
        written++;
        blank = false;
    }
    return ERR_OK;
}

static size_t longest_run(const struct str *text) {
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < text->len; i++) {
        run = text->data[i] == '`' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    return longest;
}

static err add_span(const struct str *text, struct str *out) {
    size_t n_marks = longest_run(text) + 1;
    bool padded = text->data[0] == '`' || text->data[text->len - 1] == '`';
    for (size_t i = 0; i < n_marks; i++) TRY(str_add(out, "`"));
    if (padded) TRY(str_add(out, " ")); /* one blank at both ends is not part of the span */
    TRY(str_append(out, text->data, text->len));
    if (padded) TRY(str_add(out, " "));
    for (size_t i = 0; i < n_marks; i++) TRY(str_add(out, "`"));
    return ERR_OK;
}

err reply_quote(const char *text, int64_t max, struct str *out) {
    struct str plain = {0};
    err code = quote_plain(text, max, &plain);
    if (code == ERR_OK && plain.len > 0) code = add_span(&plain, out);
    str_release(&plain);
    return code;
}
