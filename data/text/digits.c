/* SPDX-License-Identifier: Apache-2.0
 * One pass over the code points; runs of digits and runs of Chinese numerals are taken whole, and
 * what is no number for sure goes through as it is.
 * The contract, with what counts as a numeral, is data/text/digits.h. */
#include "data/text/digits.h"

#include <string.h>

enum { NUMERAL_MAX = 24, NOT_ONE = -1 };

/* 0 to 9, or the unit 10, 100, 1000, 10^4, 10^8; NOT_ONE. */
static int64_t numeral(uint32_t c) {
    switch (c) {
    case 0x96F6: /* zero */
    case 0x3007: return 0;
    case 0x4E00: return 1;
    case 0x4E8C:
    case 0x4E24: return 2; /* two, and the two of pairs */
    case 0x4E09: return 3;
    case 0x56DB: return 4;
    case 0x4E94: return 5;
    case 0x516D: return 6;
    case 0x4E03: return 7;
    case 0x516B: return 8;
    case 0x4E5D: return 9;
    case 0x5341: return 10;
    case 0x767E: return 100;
    case 0x5343: return 1000;
    case 0x4E07: return 10000;
    case 0x4EBF: return 100000000;
    default: return NOT_ONE;
    }
}

struct numerals {
    int64_t items[NUMERAL_MAX];
    int n;
    size_t bytes;
    bool round_zero, pair; /* the zero of years; the two of pairs, never spelt one by one */
};

/* The run of numerals that begins here; one that is too long is none. */
static void take_run(const char *text, size_t n, struct numerals *out) {
    *out = (struct numerals){.n = 0};
    while (out->bytes < n) {
        uint32_t c;
        size_t size = utf8_next_any(text + out->bytes, n - out->bytes, &c);
        int64_t value = numeral(c);
        if (value == NOT_ONE) return;
        if (out->n < NUMERAL_MAX) out->items[out->n] = value;
        out->n++;
        out->round_zero = out->round_zero || c == 0x3007;
        out->pair = out->pair || c == 0x4E24;
        out->bytes += size;
    }
}

/* Digits one by one: 2, 0, 2, 4. */
static bool spelt(const struct numerals *r) {
    for (int i = 0; i < r->n; i++)
        if (r->items[i] >= 10) return false;
    return !r->pair && (r->n >= 4 || (r->n >= 2 && r->round_zero));
}

/* Units descend within each group of 10^4 and 10^8, and a digit stands before each but ten. */
static bool counted(const struct numerals *r, int64_t *out) {
    int64_t total = 0, group = 0, digit = NOT_ONE, last = INT64_MAX, last_group = INT64_MAX;
    if (r->n < 2 || (r->items[0] > 10) || r->items[0] == 0) return false;
    for (int i = 0; i < r->n; i++) {
        int64_t v = r->items[i];
        if (v == 0) { /* only between units: ten thousand, zero, five */
            if (digit != NOT_ONE) return false;
        } else if (v < 10) {
            if (digit != NOT_ONE) return false;
            digit = v;
        } else if (v < 10000) {
            if (v >= last || (digit == NOT_ONE && !(v == 10 && group == 0))) return false;
            group += (digit == NOT_ONE ? 1 : digit) * v;
            digit = NOT_ONE;
            last = v;
        } else {
            if (digit != NOT_ONE) group += digit;
            if (group == 0 || v >= last_group) return false;
            total += group * v;
            group = 0;
            digit = NOT_ONE;
            last = INT64_MAX;
            last_group = v;
        }
    }
    if (digit != NOT_ONE) group += digit;
    *out = total + group;
    return last < INT64_MAX || last_group < INT64_MAX;
}

static err put_numerals(const char *text, const struct numerals *r, struct str *out) {
    int64_t value = 0;
    if (r->n > NUMERAL_MAX || !(spelt(r) || counted(r, &value)))
        return str_append(out, text, r->bytes);
    if (!spelt(r)) return str_printf(out, "%lld", (long long)value);
    for (int i = 0; i < r->n; i++) TRY(str_printf(out, "%d", (int)r->items[i]));
    return ERR_OK;
}

static bool digit_at(const char *text, size_t n, size_t at) {
    return at < n && text[at] >= '0' && text[at] <= '9';
}

/* Whether the comma at `at` separates a group of exactly three digits. */
static bool groups(const char *text, size_t n, size_t at, size_t digits_before) {
    return digits_before >= 1 && digits_before <= 3 && digit_at(text, n, at + 1) &&
           digit_at(text, n, at + 2) && digit_at(text, n, at + 3) && !digit_at(text, n, at + 4);
}

/* A number of ASCII digits, without the commas of its groups. */
static err put_number(const char *text, size_t n, size_t *at, struct str *out) {
    size_t run = 0;
    while (digit_at(text, n, *at)) {
        TRY(str_append(out, text + *at, 1));
        ++*at;
        run++;
        if (*at < n && text[*at] == ',' && groups(text, n, *at, run)) {
            ++*at;
            run = 0;
        }
    }
    return ERR_OK;
}

err digits_fold(const char *text, size_t n, struct str *out) {
    str_clear(out);
    for (size_t at = 0; at < n;) {
        uint32_t c;
        struct numerals run;
        size_t size = utf8_next_any(text + at, n - at, &c);
        if (digit_at(text, n, at)) {
            TRY(put_number(text, n, &at, out));
        } else if (numeral(c) != NOT_ONE) {
            take_run(text + at, n - at, &run);
            TRY(put_numerals(text + at, &run, out));
            at += run.bytes;
        } else {
            if (c >= 0xFF10 && c <= 0xFF19)
                TRY(str_printf(out, "%d", (int)(c - 0xFF10)));
            else
                TRY(str_append(out, text + at, size));
            at += size;
        }
    }
    return ERR_OK;
}
