/* SPDX-License-Identifier: Apache-2.0
 * Texts brought to one form before they are compared: what a person reads as the same is the same.
 *   case         folded: Latin, Greek, Cyrillic (data/text/cases.def)
 *   width        full-width ASCII becomes ASCII
 *   invisible    left out (utf8_invisible), and so are control characters
 *   marks        , . ; : ! ? and quotes of any script separate as white space does, unless one
 *                stands tight between two other characters, none Chinese: 3.14, a.b, it's
 *   white space  a run is one blank; none at the ends, none beside a Chinese character
 * Other signs are content (+ - ( ) = #) and stay. Composed and decomposed accents, and simplified
 * and traditional characters, are not made the same. */
#ifndef COTRAIN_DATA_TEXT_NORMAL_H
#define COTRAIN_DATA_TEXT_NORMAL_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code points of a text in that form. A zeroed one is the empty text and may be set again. */
struct normal {
    uint32_t *points;
    int64_t n, capacity;
};
/* Any bytes: those that are no UTF-8 count as U+FFFD. */
MUST_CHECK err normal_set(struct normal *out, const char *text, size_t n);
void normal_release(struct normal *normal);

/* Whether all of `part` is a stretch of `whole` (of every text, where it is empty), and whether the
 * two are the same. */
bool normal_holds(const struct normal *whole, const struct normal *part);
bool normal_equal(const struct normal *a, const struct normal *b);

uint32_t normal_width(uint32_t codepoint); /* U+FF01-FF5E and U+3000 to ASCII, others unchanged */
uint32_t normal_case(uint32_t codepoint);  /* of ASCII too */
/* Scripts whose characters are words or syllables and need no blanks: Han, kana, bopomofo, hangul.
 */
bool normal_dense(uint32_t codepoint);
/* How much a character says beside others: 5 of such a script, 2 of any other. */
int normal_weight(uint32_t codepoint);

#endif
