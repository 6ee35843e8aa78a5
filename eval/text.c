/* SPDX-License-Identifier: Apache-2.0
 * Cutting and replacing in texts (eval/text.h). Separators and parts are valid UTF-8, so a match
 * never begins inside a character.
 * Read next: eval/scorers/gsm8k.c. */
#include "eval/text.h"

#include <string.h>

struct span text_span(const char *text) {
    return (struct span){text, strlen(text)};
}

struct span text_of(const struct str *s) {
    return (struct span){str_text(s), s->len};
}

static int64_t find(struct span s, struct span part, size_t from) {
    if (from > s.n) return TEXT_NOWHERE;
    if (part.n == 0) return (int64_t)from;
    const char *at = memmem(s.text + from, s.n - from, part.text, part.n);
    return at != NULL ? at - s.text : TEXT_NOWHERE;
}

int64_t text_find(struct span s, const char *part, size_t from) {
    return find(s, text_span(part), from);
}

int64_t text_find_last(struct span s, const char *part) {
    int64_t last = TEXT_NOWHERE;
    for (int64_t at = text_find(s, part, 0); at >= 0; at = text_find(s, part, (size_t)at + 1))
        last = at;
    return last;
}

bool text_has(struct span s, const char *part) {
    return text_find(s, part, 0) >= 0;
}

bool text_has_span(struct span s, struct span part) {
    return find(s, part, 0) >= 0;
}

int64_t text_count(struct span s, const char *part) {
    int64_t n = 0;
    for (int64_t at = text_find(s, part, 0); at >= 0;
         at = text_find(s, part, (size_t)at + strlen(part)))
        n++;
    return n;
}

bool text_starts(struct span s, const char *part) {
    size_t n = strlen(part);
    return s.n >= n && memcmp(s.text, part, n) == 0;
}

bool text_ends(struct span s, const char *part) {
    size_t n = strlen(part);
    return s.n >= n && memcmp(s.text + s.n - n, part, n) == 0;
}

struct span text_cut(struct span s, size_t begin, size_t end) {
    return (struct span){s.text + begin, end - begin};
}

struct span text_after_last(struct span s, const char *part) {
    int64_t at = text_find_last(s, part);
    return at < 0 ? s : text_cut(s, (size_t)at + strlen(part), s.n);
}

int64_t text_n_pieces(struct span s, const char *separator) {
    return text_count(s, separator) + 1;
}

struct span text_piece(struct span s, const char *separator, int64_t index) {
    int64_t n = text_n_pieces(s, separator);
    size_t begin = 0;
    if (index < 0) index += n;
    if (index < 0 || index >= n) return (struct span){NULL, 0};
    for (; index > 0; index--) begin = (size_t)text_find(s, separator, begin) + strlen(separator);
    int64_t end = text_find(s, separator, begin);
    return text_cut(s, begin, end < 0 ? s.n : (size_t)end);
}

err text_replace_span(struct str *s, struct span from, const char *to) {
    struct str result = {0};
    size_t kept = 0;
    int64_t at = find(text_of(s), from, 0);
    if (at < 0) return ERR_OK;
    for (; at >= 0; at = find(text_of(s), from, kept)) {
        err code = str_append(&result, s->data + kept, (size_t)at - kept);
        if (code == ERR_OK) code = str_add(&result, to);
        if (code != ERR_OK) {
            str_release(&result);
            return code;
        }
        kept = (size_t)at + from.n;
    }
    err code = str_append(&result, s->data + kept, s->len - kept);
    if (code != ERR_OK) {
        str_release(&result);
        return code;
    }
    str_release(s);
    *s = result;
    return ERR_OK;
}

err text_replace(struct str *s, const char *from, const char *to) {
    return text_replace_span(s, text_span(from), to);
}

err text_set(struct str *s, struct span to) {
    struct str copy = {0};
    err code = str_append(&copy, to.text, to.n);
    if (code != ERR_OK) {
        str_release(&copy);
        return code;
    }
    str_release(s);
    *s = copy;
    return ERR_OK;
}

err text_add_clean(struct str *to, struct span s, int64_t n_most) {
    for (size_t at = 0; at < s.n && n_most > 0; n_most--) {
        uint32_t c = 0;
        at += utf8_next_any(s.text + at, s.n - at, &c);
        bool shown = c >= ' ' && (c < 0x7F || c > 0x9F) && !utf8_invisible(c);
        TRY(str_codepoint(to, shown ? c : c == '\n' || c == '\t' ? ' ' : 0xFFFD));
    }
    return ERR_OK;
}
