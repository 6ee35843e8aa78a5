/* SPDX-License-Identifier: Apache-2.0
 * What one score says of each item of a task's part of a report (eval/report.h): right or wrong, or
 * a measure, and of several answers to an item their mean.
 * Read next: eval/score.h and eval/held_out.h, which write the items; eval/compare.h. */
#ifndef COTRAIN_EVAL_RESULTS_H
#define COTRAIN_EVAL_RESULTS_H

#include "base/json.h"
#include "eval/metrics.h"

/* What is known of an item by one score. */
struct result {
    const json_t *item; /* of several answers the first */
    double value;       /* right 1, wrong 0, or a measure; of several answers their mean */
    bool is_judged, is_verdict;
};
struct results {
    struct result *items; /* owned */
    int64_t n;
    bool all_judged, all_verdicts; /* is_verdict: 0 or 1 and nothing between */
};

/* The results by a score of a part, whose items may be none. The part must outlive them; the caller
 * releases. */
MUST_CHECK err results_read(const json_t *part, const char *score, struct results *out);
void results_release(struct results *r);

/* The interval of a score ("": the part's own) by its items: Wilson's for right and wrong, else by
 * resampling. ERR_UNSUPPORTED: the items have no such score. */
MUST_CHECK err results_interval(const json_t *part, const char *score, double confidence,
                                struct interval *out);

#endif
