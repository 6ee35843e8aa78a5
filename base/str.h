/* SPDX-License-Identifier: Apache-2.0
 * Growable byte strings, UTF-8 and name comparison. `data` is always NUL-terminated once non-NULL;
 * the text may hold NUL bytes, so `len` decides.
 * Also whole-text numbers, and the nearest known name for an unknown one. */
#ifndef COTRAIN_BASE_STR_H
#define COTRAIN_BASE_STR_H

#include "base/err.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    char *data;
    size_t len, capacity;
};

/* A zeroed struct str is the empty string. */
MUST_CHECK err str_append(struct str *s, const void *bytes, size_t n);
MUST_CHECK err str_add(struct str *s, const char *text);
MUST_CHECK err str_printf(struct str *s, const char *format, ...) PRINTF_LIKE(2, 3);
MUST_CHECK err str_vprintf(struct str *s, const char *format, va_list args) PRINTF_LIKE(2, 0);
MUST_CHECK err str_codepoint(struct str *s, uint32_t codepoint);
/* In single quotes, as a shell takes it for one word. */
MUST_CHECK err str_quoted(struct str *s, const char *word);
void str_clear(struct str *s);
void str_release(struct str *s);
const char *str_text(const struct str *s); /* never NULL */

/* Byte offset of the first ill-formed UTF-8 sequence, or -1. Surrogates and overlong forms count.
 */
int64_t utf8_invalid_at(const char *text, size_t n);
/* Reads one code point of well-formed text; returns its length in bytes (0 at the end). */
size_t utf8_next(const char *text, size_t n, uint32_t *codepoint);
/* The same of any bytes: one that begins no well-formed sequence reads as U+FFFD, length 1. */
size_t utf8_next_any(const char *text, size_t n, uint32_t *codepoint);
/* Draws nothing, or turns the direction of what is drawn: zero-width characters, bidirectional
 * controls, fillers, variation selectors, tags (Unicode: Default_Ignorable_Code_Point, and the
 * interlinear annotation marks). */
bool utf8_invisible(uint32_t codepoint);
/* Steers whoever reads it, or what shows it to them: controls but tab and newline, the separators
 * of lines and paragraphs, what is invisible. */
bool utf8_steers(uint32_t codepoint);
/* Columns of a terminal that it takes: 2 of what East Asian writing draws wide and of emoji, 0 of
 * what is drawn over the character before it or not at all, else 1. Source: Unicode's East Asian
 * Width (W and F), by blocks. */
int utf8_columns(uint32_t codepoint);
int64_t utf8_count(const char *text, size_t n);
/* How many of its bytes stay where at most `most` may, whole characters; any bytes. */
size_t utf8_cut(const char *text, size_t n, size_t most);
/* Byte at which character number `character` (from 0) of well-formed text begins; n: behind all. */
size_t utf8_offset(const char *text, size_t n, int64_t character);
/* Decodes into an array of code points (mem_alloc; the caller frees). Ill-formed text is an error.
 */
MUST_CHECK err utf8_decode(const char *text, size_t n, uint32_t **out, int64_t *out_n);

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
/* The candidate nearest to `name` by edit distance, or NULL when none is near enough to suggest. */
const char *str_nearest(const char *name, const char *const *candidates, size_t n);
/* Whole-text numbers: anything left over, overflow or a non-finite value is ERR_PARSE. */
MUST_CHECK err str_to_int64(const char *text, int64_t *out);
MUST_CHECK err str_to_double(const char *text, double *out);
/* "24GiB", "24G" (the same), "800MB" (decimal), "4096" -> bytes. */
MUST_CHECK err str_to_bytes(const char *text, int64_t *out);

#endif
