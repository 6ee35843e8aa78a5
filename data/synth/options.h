/* SPDX-License-Identifier: Apache-2.0
 * The recipe's `data.expand` and `data.expand.teacher` as plain structs. Nothing has a preset, so
 * that a recipe without synthesis says nothing of it; what 0 stands for is in the rows' help and is
 * filled in by expand_settle.
 * Read next: data/synth/expand.h, which takes these. */
#ifndef COTRAIN_DATA_SYNTH_OPTIONS_H
#define COTRAIN_DATA_SYNTH_OPTIONS_H

#include "base/opt.h"

/* data.expand.teacher: an endpoint, or a model on this machine. */
struct expand_teacher {
    const char *url, *model, *token_file, *model_dir;
    double temperature, top_p;
    int64_t max_new_tokens, concurrency, tries, stall_timeout_ms, backoff_ms;
};
/* data.expand */
struct expand_options {
    int64_t per_request, at_least, rounds, regenerate, max_requests, max_tokens, seed;
    struct opt_list methods, topics;
    double near_similarity;
    int64_t votes;
    double vote_share, judge_score;
    const char *license;
    struct expand_teacher teacher;
};

/* Fills in what 0 stands for. ERR_USAGE, ERR_MISSING: settings that contradict each other, or that
 * name what is not there. */
MUST_CHECK err expand_settle(struct expand_options *o);

struct opt_table expand_options_table(void);
struct opt_table expand_teacher_table(void);

#endif
