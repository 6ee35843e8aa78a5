/* SPDX-License-Identifier: Apache-2.0
 * Numbers as answers write them, read as Python's float and Fraction read them: digits of any
 * script, commas between thousands, fractions of whole numbers.
 * Read next: eval/scorers/gsm8k.c. */
#ifndef COTRAIN_EVAL_SCORERS_NUMBER_H
#define COTRAIN_EVAL_SCORERS_NUMBER_H

#include "base/err.h"
#include "data/text/span.h"

/* "-1,450.5" or "3/4". What Python would end on is told as its error's name in *out_error ("" is
 * none): a division by zero, a fraction of decimals, no number at all. */
MUST_CHECK err number_read(struct span text, double *out, const char **out_error);

#endif
