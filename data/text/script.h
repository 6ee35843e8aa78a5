/* SPDX-License-Identifier: Apache-2.0
 * What a text is written in, by its characters: Chinese, English (Latin letters of any language),
 * program code, or another script. Digits, blanks and marks are none of them, but in code every
 * character counts that is no blank. A line is code within a fence (```), or where it looks like
 * it: it ends as a statement or block does, or is full of operators, and holds hardly any Chinese.
 * It is a measure for mixes and lints, not a detector of languages: French counts as English. */
#ifndef COTRAIN_DATA_TEXT_SCRIPT_H
#define COTRAIN_DATA_TEXT_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

/* NONE: nothing that counts, as in "42". */
enum script {
    SCRIPT_CHINESE,
    SCRIPT_ENGLISH,
    SCRIPT_CODE,
    SCRIPT_OTHER,
    SCRIPT_NONE,
    SCRIPT_COUNT
};
extern const char *const script_names[SCRIPT_COUNT]; /* "zh", "en", "code", "other", "none" */

/* Characters of each; SCRIPT_NONE's are those that do not count. */
struct script_counts {
    int64_t n[SCRIPT_COUNT];
};
/* Adds a text's characters; any bytes. */
void script_count(const char *text, size_t n, struct script_counts *counts);
/* A script's part of what counts, 0 to 1. A Chinese character weighs as much as two and a half
 * others, since it says as much. */
double script_share(const struct script_counts *counts, enum script script);
/* The one with the largest part (the first of equal ones). */
enum script script_main(const struct script_counts *counts);

#endif
