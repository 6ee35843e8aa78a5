/* SPDX-License-Identifier: Apache-2.0
 * What of a response to HumanEval in its Chinese form is taken for the program, by the rules of
 * Yuan 2.0's eval_humaneval.py.
 * Read next: eval/scorers/cut.c for the rules. */
#ifndef COTRAIN_EVAL_SCORERS_CUT_H
#define COTRAIN_EVAL_SCORERS_CUT_H

#include "base/str.h"
#include "data/text/span.h"

/* `response` is the decoded prompt and completion; `out` is replaced. */
MUST_CHECK err cut_program(struct span response, struct str *out);

#endif
