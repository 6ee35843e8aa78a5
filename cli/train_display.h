/* SPDX-License-Identifier: Apache-2.0
 * What training shows while it goes on, on the line of base/progress.h: the loss as it is and
 * smoothed, the newest evaluation, how fast it is, which share of the product peak that is, and the
 * memory it holds against the plan.
 * Read next: cli/train_stage.c. */
#ifndef COTRAIN_CLI_TRAIN_DISPLAY_H
#define COTRAIN_CLI_TRAIN_DISPLAY_H

#include "base/progress.h"
#include "base/str.h"
#include "trainer/trainer.h"

/* A mean of all values so far in which each weighs 0.9 of the one after it. */
struct smoothed {
    double sum, weight;
};

struct train_display {
    struct progress progress;
    struct str what;
    struct smoothed loss, speed, peak;
    double eval_loss;
    int64_t eval_step;     /* 0: none yet */
    int64_t planned_bytes; /* 0: memory is not shown */
};

/* `name`: the recipe's; characters in it that steer a terminal are shown by their code points. */
MUST_CHECK err train_display_start(struct train_display *d, const char *name, int64_t n_steps,
                                   int64_t planned_bytes);
void train_display_step(struct train_display *d, const struct train_report *report);
/* Also safe on a zeroed one. */
void train_display_end(struct train_display *d);

#endif
