/* SPDX-License-Identifier: Apache-2.0
 * Numbers brought to one form, so that texts which write them differently compare as the same:
 * full-width digits, commas between groups of three, and Chinese numerals. Of these only what is
 * surely a number: two characters or more, beginning with a digit or ten and with a unit among them
 * (the numerals of three hundred and twenty, of fifteen), or four digits or more one by one, or
 * fewer with the round zero. Single ones are left, since they are parts of words far more often.
 * All else stays as it is. */
#ifndef COTRAIN_DATA_TEXT_DIGITS_H
#define COTRAIN_DATA_TEXT_DIGITS_H

#include "base/str.h"

/* Replaces *out. Any bytes. */
MUST_CHECK err digits_fold(const char *text, size_t n, struct str *out);

#endif
