/* SPDX-License-Identifier: Apache-2.0
 * Gates: what the scores after training must be for a release to be made. A condition is an
 * operator
 * (>=, <=, >, <) and a number: signed ("+0.05", "-0.01") it is held against the change from before
 * to after, unsigned ("0.8") against the score after. The key is a task, or "task.score" for one of
 * its other scores ("requests.rouge_l"). */
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
    bool change; /* of after against before */
    double bound;
};

/* Reads "task: condition"; the error quotes it and says what a condition looks like. */
MUST_CHECK err gate_parse(const char *item, struct gate *out);

/* Holds every gate against two reports (eval/report.h). Appends one line per gate to `lines` (may
 * be NULL). When any says no: ERR_GATE, naming each such gate, the value and by how much it is
 * missed. A task or score that a report does not have is ERR_MISSING. */
MUST_CHECK err gates_check(const struct opt_list *gates, const json_t *before, const json_t *after,
                           struct str *lines);

#endif
