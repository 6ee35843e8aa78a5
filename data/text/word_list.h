/* SPDX-License-Identifier: Apache-2.0
 * Words of a user's own list, a file of words one a line; blank lines and those that begin with #
 * are none. Words and texts are compared after normalisation (data/text/normal.h), so that case,
 * width, invisible characters and blanks between Chinese characters hide nothing; a word that
 * begins or ends with a Latin letter or a digit must stand apart there. */
#ifndef COTRAIN_DATA_TEXT_WORD_LIST_H
#define COTRAIN_DATA_TEXT_WORD_LIST_H

#include "base/err.h"
#include "data/text/normal.h"

struct word_list;
/* Faults name file and line: what is no UTF-8, a word of nothing but marks. */
MUST_CHECK err word_list_read(struct word_list **out, const char *path);
void word_list_free(struct word_list *w);
int64_t word_list_count(const struct word_list *w);
/* The first word of the list at *from or behind it, the longer one of two that begin alike, as the
 * list has it; NULL: none. *from moves behind it. */
const char *word_list_find(const struct word_list *w, const struct normal *text, int64_t *from);

#endif
