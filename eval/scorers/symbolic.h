/* SPDX-License-Identifier: Apache-2.0
 * Whether two short mathematical answers in LaTeX or plain text say the same: \frac12 = 1/2 = 0.5.
 * Numbers are compared by value, everything else by its parts: sides of an equation, members of a
 * pair or interval, and at last the spelling. It is no algebra system: x+1 and 1+x differ.
 * Read next: eval/scorers/cloze.c. */
#ifndef COTRAIN_EVAL_SCORERS_SYMBOLIC_H
#define COTRAIN_EVAL_SCORERS_SYMBOLIC_H

#include "base/err.h"
#include "data/text/span.h"

/* "a=b" is also met by "b" alone where a is what was asked for, and "b" by "a=b". */
MUST_CHECK err symbolic_equal(struct span expected, struct span got, bool *out);
/* The value of a number's spelling: + - * / ^, implicit products, \frac, \sqrt, \pi, e. False: it
 * is no number. */
bool symbolic_value(const char *text, double *out);

#endif
