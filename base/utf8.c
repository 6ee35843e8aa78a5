/* SPDX-License-Identifier: Apache-2.0
 * UTF-8 by the table of well-formed sequences (Unicode standard, table 3-7).
 * Overlong forms, surrogates and what lies beyond U+10FFFF are ill-formed.
 * Read next: base/str.h, the contract. */
#include "base/str.h"

#include "base/mem.h"

/* Length of the well-formed sequence at text, or 0. */
static size_t sequence(const unsigned char *s, size_t n) {
    if (n == 0) return 0;
    if (s[0] < 0x80) return 1;
    size_t len = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
                 : (s[0] & 0xF0) == 0xE0        ? 3
                 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                                : 0;
    if (len == 0 || len > n) return 0;
    unsigned char low = 0x80, high = 0xBF; /* the second byte's range excludes overlong forms, */
    if (s[0] == 0xE0) low = 0xA0;
    if (s[0] == 0xED) high = 0x9F; /* surrogates, */
    if (s[0] == 0xF0) low = 0x90;
    if (s[0] == 0xF4) high = 0x8F; /* and code points over 10FFFF */
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    return len;
}

int64_t utf8_invalid_at(const char *text, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t len = sequence((const unsigned char *)text + i, n - i);
        if (len == 0) return (int64_t)i;
        i += len;
    }
    return -1;
}

size_t utf8_next(const char *text, size_t n, uint32_t *codepoint) {
    const unsigned char *s = (const unsigned char *)text;
    size_t len = sequence(s, n);
    if (len == 0) return 0;
    static const unsigned char lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value = s[0] & lead_mask[len];
    for (size_t i = 1; i < len; i++) value = value << 6 | (s[i] & 0x3Fu);
    *codepoint = value;
    return len;
}

size_t utf8_next_any(const char *text, size_t n, uint32_t *codepoint) {
    size_t len = utf8_next(text, n, codepoint);
    if (len > 0 || n == 0) return len;
    *codepoint = 0xFFFD;
    return 1;
}

size_t utf8_cut(const char *text, size_t n, size_t most) {
    size_t kept = 0, size;
    uint32_t c;
    if (n <= most) return n;
    while ((size = utf8_next_any(text + kept, n - kept, &c)) > 0 && kept + size <= most)
        kept += size;
    return kept;
}

bool utf8_invisible(uint32_t c) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00AD, 0x00AD},   {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},
        {0x17B4, 0x17B5},   {0x180B, 0x180F}, {0x200B, 0x200F},   {0x202A, 0x202E},
        {0x2060, 0x206F},   {0x3164, 0x3164}, {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
        {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
        {0xE0000, 0xE0FFF},
    };
    if (c < 0xAD || (c >= 0x3165 && c < 0xFE00)) return false; /* most of any text */
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    return false;
}

bool utf8_steers(uint32_t c) {
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || c == 0x2028 ||
           c == 0x2029 || utf8_invisible(c);
}

int utf8_columns(uint32_t c) {
    static const struct {
        uint32_t first, last;
    } wide[] = {
        {0x1100, 0x115E},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
        {0x4E00, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
        {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF},
        {0x1B000, 0x1B2FF}, {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF},
        {0x20000, 0x3FFFD},
    };
    if (c < 0x300) return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD ? 0 : 1;
    if (c < 0x370 || (c >= 0x20D0 && c < 0x2100) || utf8_invisible(c)) return 0; /* combining */
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (c >= wide[i].first && c <= wide[i].last) return 2;
    return 1;
}

int64_t utf8_count(const char *text, size_t n) {
    int64_t count = 0;
    for (size_t i = 0; i < n; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

size_t utf8_offset(const char *text, size_t n, int64_t character) {
    size_t at = 0;
    uint32_t c;
    while (character-- > 0 && at < n) at += utf8_next(text + at, n - at, &c);
    return at;
}

err utf8_decode(const char *text, size_t n, uint32_t **out, int64_t *out_n) {
    int64_t bad = utf8_invalid_at(text, n);
    if (bad >= 0) return fail(ERR_PARSE, "invalid UTF-8 at byte %lld", (long long)bad);
    uint32_t *points = mem_alloc(n + 1, sizeof *points);
    if (points == NULL) return ERR_MEMORY;
    int64_t count = 0;
    for (size_t i = 0; i < n; count++) i += utf8_next(text + i, n - i, &points[count]);
    *out = points;
    *out_n = count;
    return ERR_OK;
}

err str_codepoint(struct str *s, uint32_t c) {
    unsigned char bytes[4];
    if (c < 0x80) return str_append(s, &(unsigned char){(unsigned char)c}, 1);
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; c >>= 6) bytes[i] = (unsigned char)(0x80 | (c & 0x3F));
    bytes[0] = (unsigned char)((0xF00 >> len & 0xF0) | c);
    return str_append(s, bytes, len);
}
