/* SPDX-License-Identifier: Apache-2.0
 * Spans of text and their white space. Ill-formed UTF-8 is never white space, so it stops the
 * stripping, and a span never grows. The contract, with the list of characters and where it
 * comes from, is data/text/span.h. */
#include "data/text/span.h"
#include "base/str.h"
#include <string.h>

bool white_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool is_continuation(char byte) {
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Bytes of the white space character that begins here, or 0. */
static size_t white_at(const char *text, size_t n) {
    size_t len = 1;
    uint32_t c;
    while (len < n && len < 4 && is_continuation(text[len])) len++;
    if (utf8_invalid_at(text, len) >= 0) return 0;
    return utf8_next(text, len, &c) == len && white_space(c) ? len : 0;
}

struct span span_strip_start(struct span s) {
    while (s.n > 0) {
        size_t len = white_at(s.text, s.n);
        if (len == 0) break;
        s.text += len;
        s.n -= len;
    }
    return s;
}

struct span span_strip_end(struct span s) {
    while (s.n > 0) {
        size_t at = s.n - 1;
        while (at > 0 && s.n - at < 4 && is_continuation(s.text[at])) at--;
        if (white_at(s.text + at, s.n - at) != s.n - at) break;
        s.n = at;
    }
    return s;
}

struct span span_strip(struct span s) {
    return span_strip_end(span_strip_start(s));
}

bool span_blank(struct span s) {
    return span_strip_start(s).n == 0;
}

bool span_equal(struct span a, struct span b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.text, b.text, a.n) == 0);
}
