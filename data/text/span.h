/* SPDX-License-Identifier: Apache-2.0
 * A stretch of somebody else's text, and taking white space off its ends. White space is what
 * Python's str.strip takes (the released tokenizer and preprocessor run there): U+0009-000D,
 * 001C-0020, 0085, 00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000. */
#ifndef COTRAIN_DATA_TEXT_SPAN_H
#define COTRAIN_DATA_TEXT_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *text;
    size_t n;
};

struct span span_strip_start(struct span s);
struct span span_strip_end(struct span s);
struct span span_strip(struct span s);
bool span_blank(struct span s); /* empty, or nothing but white space */
bool span_equal(struct span a, struct span b);
bool white_space(uint32_t codepoint);

#endif
