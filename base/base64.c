/* SPDX-License-Identifier: Apache-2.0
 * Base64 (base/base64.h), three bytes to four characters.
 * Strict in reading: what is signed must not be readable in two ways.
 * Read next: base/base64.h, the contract. */
#include "base/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

err base64_encode(const void *data, size_t n, struct str *out) {
    const unsigned char *at = data;
    for (; n > 0; n -= n < 3 ? n : 3, at += 3) {
        uint32_t bits = (uint32_t)at[0] << 16;
        if (n > 1) bits |= (uint32_t)at[1] << 8;
        if (n > 2) bits |= at[2];
        const char four[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                              n > 1 ? alphabet[bits >> 6 & 63] : '=',
                              n > 2 ? alphabet[bits & 63] : '='};
        TRY(str_append(out, four, sizeof four));
    }
    return ERR_OK;
}

static int value_of(char c) {
    if (c == '-') return 62;
    if (c == '_') return 63;
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

err base64_decode(const char *text, size_t n, struct str *out) {
    if (n % 4 != 0) return fail(ERR_PARSE, "base64 text is cut off");
    for (size_t i = 0; i < n; i += 4) {
        int padding = 0;
        uint32_t bits = 0;
        if (i + 4 == n) padding = (text[n - 1] == '=') + (text[n - 1] == '=' && text[n - 2] == '=');
        for (int k = 0; k < 4 - padding; k++) {
            int value = value_of(text[i + (size_t)k]);
            if (value < 0)
                return fail(ERR_PARSE, "base64 text has a strange character at byte %zu",
                            i + (size_t)k + 1);
            bits |= (uint32_t)value << (18 - 6 * k);
        }
        if (bits & (padding == 2 ? 0xffffu : padding == 1 ? 0xffu : 0u))
            return fail(ERR_PARSE, "base64 text has stray bits at its end");
        const char three[3] = {(char)(bits >> 16), (char)(bits >> 8 & 255), (char)(bits & 255)};
        TRY(str_append(out, three, (size_t)(3 - padding)));
    }
    return ERR_OK;
}
