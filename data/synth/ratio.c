/* SPDX-License-Identifier: Apache-2.0
 * Fractions in lowest terms. Sums and products are reduced crosswise before they are formed, so
 * that only what truly does not fit overflows:
 *   a/b c/d = (a/g)(c/h) / ((b/h)(d/g))      g = gcd(a, d), h = gcd(c, b)
 *   a/b + c/d = (a (d/g) + c (b/g)) / (b (d/g))      g = gcd(b, d)
 * Source: Knuth, The Art of Computer Programming, volume 2, section 4.5.1. */
#include "data/synth/ratio.h"

enum { POWER_MAX = 64, DIGITS_MAX = 48 };

static __int128 greatest_common(__int128 a, __int128 b) {
    if (a < 0) a = -a;
    if (b < 0) b = -b;
    while (b != 0) {
        __int128 rest = a % b;
        a = b;
        b = rest;
    }
    return a == 0 ? 1 : a;
}

/* The smallest number has no opposite, so it is none of ours. */
static bool fits(__int128 value) {
    __int128 opposite;
    return !__builtin_sub_overflow((__int128)0, value, &opposite);
}

static bool product(__int128 a, __int128 b, __int128 *out) {
    return !__builtin_mul_overflow(a, b, out) && fits(*out);
}

bool ratio_add(struct ratio a, struct ratio b, struct ratio *out) {
    __int128 g = greatest_common(a.under, b.under), left, right, sum, under;
    if (!product(a.over, b.under / g, &left) || !product(b.over, a.under / g, &right)) return false;
    if (__builtin_add_overflow(left, right, &sum) || !fits(sum)) return false;
    __int128 h = greatest_common(sum, g); /* all that the sum can have in common with below */
    if (!product(a.under / g, b.under / h, &under)) return false;
    *out = (struct ratio){sum / h, under};
    return true;
}

bool ratio_subtract(struct ratio a, struct ratio b, struct ratio *out) {
    return ratio_add(a, (struct ratio){-b.over, b.under}, out);
}

bool ratio_multiply(struct ratio a, struct ratio b, struct ratio *out) {
    __int128 g = greatest_common(a.over, b.under), h = greatest_common(b.over, a.under);
    return product(a.over / g, b.over / h, &out->over) &&
           product(a.under / h, b.under / g, &out->under);
}

bool ratio_divide(struct ratio a, struct ratio b, struct ratio *out) {
    if (b.over == 0) return false;
    struct ratio turned =
        b.over < 0 ? (struct ratio){-b.under, -b.over} : (struct ratio){b.under, b.over};
    return ratio_multiply(a, turned, out);
}

bool ratio_power(struct ratio a, struct ratio b, struct ratio *out) {
    struct ratio result = {1, 1};
    if (b.under != 1 || b.over > POWER_MAX || b.over < -POWER_MAX) return false;
    for (int i = 0; i < (b.over < 0 ? -b.over : b.over); i++)
        if (!ratio_multiply(result, a, &result)) return false;
    *out = result;
    return b.over >= 0 || ratio_divide((struct ratio){1, 1}, result, out);
}

bool ratio_same(struct ratio a, struct ratio b) {
    return a.over == b.over && a.under == b.under;
}

static err whole_text(__int128 value, struct str *out) {
    char digits[DIGITS_MAX];
    int n = 0;
    if (value < 0) TRY(str_add(out, "-"));
    if (value < 0) value = -value;
    do digits[n++] = (char)('0' + (int)(value % 10));
    while ((value /= 10) > 0);
    while (n > 0) TRY(str_append(out, &digits[--n], 1));
    return ERR_OK;
}

err ratio_text(struct ratio a, struct str *out) {
    TRY(whole_text(a.over, out));
    if (a.under == 1) return ERR_OK;
    TRY(str_add(out, "/"));
    return whole_text(a.under, out);
}
