/* SPDX-License-Identifier: Apache-2.0
 * The base model as the judge of the filter `quality`: the mean loss of a row's trained tokens. It
 * is opened when the first row is scored, so a recipe without that filter pays nothing.
 * Read next: data/filters/quality.c. */
#ifndef COTRAIN_CLI_QUALITY_H
#define COTRAIN_CLI_QUALITY_H

#include "cli/chain.h"
#include "data/filters.h"
#include "eval/subject.h"

struct quality {
    const struct chain *chain;
    struct eval_subject subject;
    bool is_open;
};
/* `q` must outlive the score. */
struct data_score quality_score(struct quality *q, const struct chain *c);
void quality_close(struct quality *q);

#endif
