/* SPDX-License-Identifier: Apache-2.0
 * How long training takes, for people: what a recipe's steps are expected to take on this machine,
 * and what a run's did take against that.
 * Read next: trainer/pace.h, which measures and counts. */
#ifndef COTRAIN_CLI_TIMING_H
#define COTRAIN_CLI_TIMING_H

#include "base/json.h"
#include "base/str.h"
#include "trainer/pace.h"

/* "820 ms", "2.05 s", "14 min", "5.2 h" */
enum { TIME_TEXT_SIZE = 32 };
const char *time_span_text(double seconds, char out[TIME_TEXT_SIZE]);

/* The steps of a run, together. */
struct timing {
    struct pace pace;
    double seconds, expected_s; /* of the steps that were done */
    struct pace_step done;
    int64_t n_steps;
};
/* Measures, in no more memory than the plan will take or 18 MiB. */
MUST_CHECK err timing_start(struct timing *t, const struct trainer *trainer, int64_t planned_bytes);
/* Returns the step's share of the product peak. */
double timing_step(struct timing *t, const struct trainer *trainer,
                   const struct train_report *report);

/* Of full steps. */
double timing_tokens_per_second(const struct timing *t, const struct trainer *trainer);
/* A full step and the whole run: the end of a line, and members of an object. */
MUST_CHECK err timing_plan_text(const struct timing *t, const struct trainer *trainer,
                                struct str *out);
MUST_CHECK err timing_plan_json(const struct timing *t, const struct trainer *trainer, json_t *out);
/* What the steps took; nothing where none was done. */
MUST_CHECK err timing_text(const struct timing *t, const struct trainer *trainer, struct str *out);
MUST_CHECK err timing_json(const struct timing *t, const struct trainer *trainer, json_t *out);

#endif
