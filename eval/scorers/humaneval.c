/* SPDX-License-Identifier: Apache-2.0
 * HumanEval in its Chinese form: the program is cut out of the response by the official rules
 * (eval/scorers/cut.h). The official test is completion, tests and check(entry point), run without
 * the original prompt. Programs of a model are only run in a sandbox; where none is built in, the
 * verdict says that the program was not run.
 * Read next: eval/scorers/cut.c. */
#include "eval/scorers/cut.h"
#include "eval/suite.h"

static err score(const struct scoring *s, const struct scored_answer *a, struct verdict *out) {
    struct str code = {0};
    err result = cut_program(a->text, &code);
    if (result == ERR_OK) result = scorer_keep(s, text_of(&code), &out->completion);
    str_release(&code);
    out->unjudged = true;
    return result;
}

const struct scorer scorer_humaneval = {
    .metric = "pass@1",
    .summary =
        "Yuan 2.0's eval_humaneval.py and HumanEval's own tests: the program that is cut out "
        "of the response passes them",
    .runs_programs = true,
    .score = score,
};
