/* SPDX-License-Identifier: Apache-2.0
 * Gates: what the scores after training must be for a release to be made.
 *   TASK: CONDITION           TASK.SCORE: CONDITION, for another score than the task's own
 *   >= 0.8                    the score after; operators are >=, <=, > and <
 *   >= +0.05   >= -0.01       signed: the change from before to after
 *   >= -2%                    signed, with %: the change in per cent of the score before
 *   >= -0.01 at 95%           shown to hold: the end of the 95 % interval is on the gate's side
 *   not < -0.01 at 95%        not shown to be broken: missed only where "< -0.01 at 95%" holds
 * The interval is two-sided: of a change it is that of the items in pairs (eval/compare.h), of a
 * score after it is Wilson's, and either is by resampling where items are measured and not right or
 * wrong. In per cent, the score before is taken as known. docs/evaluation.md says which form is for
 * what.
 * Read next: eval/compare.h, release/agree.h, which holds a release's gates again. */
#ifndef COTRAIN_EVAL_GATES_H
#define COTRAIN_EVAL_GATES_H

#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include <stdbool.h>

enum gate_operator { GATE_AT_LEAST, GATE_AT_MOST, GATE_ABOVE, GATE_BELOW };

struct gate {
    char task[64], score[64]; /* score "" means the task's own */
    enum gate_operator compare;
    bool change;       /* of after against before; else the score after */
    bool relative;     /* the bound is a share of the score before; a change always */
    bool unless;       /* missed only where the condition is shown to hold */
    double bound;      /* -0.02 for "-2%" */
    double confidence; /* 0.95; 0: none, the number itself decides */
};

/* Reads "task: condition"; the error quotes it and says what a condition looks like. */
MUST_CHECK err gate_parse(const char *item, struct gate *out);

/* Holds every gate against two reports (eval/report.h) and says what came of it:
 *   [{"gate", "task", "score", "of": "change" or "after", "before", "after", "bound", "holds",
 *     "missed_by", and with a confidence "confidence", "interval";
 *     "paired": {"n", "wins", "losses", "ties", "p_value", "won": [items], "lost": [items]}}]
 * in the order of the gates. "bound" is that of the change or score itself, whatever the form;
 * "missed_by" is 0 where it holds; "paired" is null where the score has no items. Items are named
 * as eval/compare.h does. Numbers are rounded to nine places, so that another machine's are equal.
 * A task or score that a report does not have is ERR_MISSING, a confidence that nothing supports
 * ERR_UNSUPPORTED, a percentage of what is not above 0
 * ERR_RANGE. The caller json_decref()s. */
MUST_CHECK err gates_hold(const struct opt_list *gates, const json_t *before, const json_t *after,
                          json_t **out);
/* ERR_GATE where any says no: naming each such gate, by how much it is missed, and its pairs. */
MUST_CHECK err gates_verdict(const json_t *outcomes);
/* For people: a line a gate; of those that are missed the pairs, too, and the items lost. */
MUST_CHECK err gates_text(const json_t *outcomes, struct str *out);

#endif
