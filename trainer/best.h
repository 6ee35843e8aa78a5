/* SPDX-License-Identifier: Apache-2.0
 * What a run's evaluations decide: which step's model it ends with, and whether it ends early. Both
 * count as the HF trainer counts:
 *   better      the metric is above (below) that of every evaluation before
 *   waited      evaluations since the last one that was better by more than
 *               early_stopping_threshold; the run ends when they are early_stopping_patience
 * The step of the best evaluation is kept as a checkpoint, whatever save_steps and save_total_limit
 * say. All of it follows from the values alone, so a resumed run decides as one that was left
 * alone.
 * Read next: trainer/loop.c, trainer/record.h for how it is chained. */
#ifndef COTRAIN_TRAINER_BEST_H
#define COTRAIN_TRAINER_BEST_H

#include "trainer/options.h"
#include "trainer/source.h"

/* One evaluation of the model in training. */
struct train_score {
    const char *name; /* of a task */
    double value;
};
struct train_evaluation {
    double loss;  /* per trained token of the validation rows; NaN: they have none */
    int64_t rows; /* of validation */
    const struct train_score *scores; /* of train.eval_tasks, in their order */
    int64_t n_scores;
    double seconds; /* the trainer's */
};

/* Whether a run evaluates at all; whether it does after that step (from 1). */
bool evaluation_wanted(const struct train_options *o);
bool evaluation_due(const struct train_options *o, const struct train_source *s, int64_t step);

struct train_best {
    int64_t step;   /* of the best evaluation; 0: there was none yet */
    double value;   /* of its metric */
    int64_t waited; /* see above */
};

/* Whether the options want any of it: a model or an end by evaluations, or a metric watched. */
bool best_wanted(const struct train_options *o);
/* The metric, "loss" or the name of a task; run.jsonl has "eval_" before it. Its value, NaN where
 * the evaluation has none. */
const char *best_metric(const struct train_options *o);
double best_value(const struct train_options *o, const struct train_evaluation *e);
/* Which way it gets better: as the recipe says, else a loss by falling and all else by rising. */
bool best_is_greater(const struct train_options *o);
/* Takes the evaluation of a step. A value that is no number is ERR_NUMERIC. */
MUST_CHECK err best_take(struct train_best *b, const struct train_options *o, int64_t step,
                         const struct train_evaluation *e);
/* Whether the run is to end now. */
bool best_ends(const struct train_best *b, const struct train_options *o);

#endif
