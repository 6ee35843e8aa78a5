/* SPDX-License-Identifier: Apache-2.0
 * Reading numbers of answers (eval/scorers/number.h). The table lists the zero of every script's
 * ten digits, which follow each other (Unicode 14, category Nd).
 * Read next: eval/scorers/gsm8k.c. */
#include "eval/scorers/number.h"

#include "base/str.h"
#include <math.h>
#include <string.h>

static const uint32_t zeros[] = {
    0x30,    0x660,   0x6F0,   0x7C0,   0x966,   0x9E6,   0xA66,   0xAE6,   0xB66,   0xBE6,
    0xC66,   0xCE6,   0xD66,   0xDE6,   0xE50,   0xED0,   0xF20,   0x1040,  0x1090,  0x17E0,
    0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,
    0xA8D0,  0xA900,  0xA9D0,  0xA9F0,  0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x11066,
    0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2,
    0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
};

/* The digit's value, or -1. */
static int digit_of(uint32_t c) {
    for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
        if (c >= zeros[i] && c < zeros[i] + 10) return (int)(c - zeros[i]);
    return -1;
}

/* The number in ASCII, without commas and spaces. */
static err plain(struct span text, struct str *out) {
    for (size_t at = 0; at < text.n;) {
        uint32_t c = 0;
        size_t n = utf8_next_any(text.text + at, text.n - at, &c);
        int digit = digit_of(c);
        if (digit >= 0)
            TRY(str_append(out, "0123456789" + digit, 1));
        else if (c != ',' && c != ' ')
            TRY(str_append(out, text.text + at, n));
        at += n;
    }
    return ERR_OK;
}

/* A decimal number and nothing else; of a denominator without a sign. */
static bool read_decimal(const char *text, size_t n, bool whole, double *out) {
    char *end = NULL;
    const char *allowed = whole ? "+-0123456789" : "+-0123456789.";
    if (n == 0 || strspn(text, allowed) < n) return false;
    *out = strtod(text, &end);
    return end == text + n;
}

static const char *read_plain(const struct str *number, double *out) {
    const char *text = str_text(number), *slash = memchr(text, '/', number->len);
    double above = 0.0, below = 0.0;
    if (slash == NULL) return read_decimal(text, number->len, false, out) ? "" : "ValueError";
    if (!read_decimal(text, (size_t)(slash - text), true, &above) || slash[1] == '+' ||
        slash[1] == '-' || !read_decimal(slash + 1, strlen(slash + 1), true, &below))
        return "ValueError";
    if (below == 0.0) return "ZeroDivisionError";
    if (isinf(above) || isinf(below)) return "OverflowError";
    *out = above / below;
    return "";
}

err number_read(struct span text, double *out, const char **out_error) {
    struct str number = {0};
    *out = 0.0;
    err result = plain(text, &number);
    if (result == ERR_OK) *out_error = read_plain(&number, out);
    str_release(&number);
    return result;
}
