/* SPDX-License-Identifier: Apache-2.0
 * When a run evaluates, and what follows: keeping the best and counting patience (trainer/best.h).
 * Source of the rules: the HF trainer's EarlyStoppingCallback and best-metric bookkeeping.
 * Read next: trainer/loop.c. */
#include "trainer/best.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static bool by_epoch(const struct train_options *o) {
    return o->eval_strategy && !strcmp(o->eval_strategy, "epoch");
}

bool evaluation_wanted(const struct train_options *o) {
    if (o->eval_strategy && !strcmp(o->eval_strategy, "no")) return false;
    return by_epoch(o) || o->eval_steps > 0;
}

bool evaluation_due(const struct train_options *o, const struct train_source *s, int64_t step) {
    if (!evaluation_wanted(o)) return false;
    return step == s->n_steps || step % (by_epoch(o) ? s->steps_per_epoch : o->eval_steps) == 0;
}

bool best_wanted(const struct train_options *o) {
    return o->load_best_model_at_end || o->early_stopping_patience > 0 || o->metric_for_best_model;
}

const char *best_metric(const struct train_options *o) {
    (void)o;
    return "eval_loss"; /* train.metric_for_best_model has no other choice */
}

/* A loss is better when it is smaller, unless the recipe says otherwise. */
static bool is_better(const struct train_options *o, double value, double than) {
    const bool greater = o->greater_is_better && !strcmp(o->greater_is_better, "true");
    return greater ? value > than : value < than;
}

err best_take(struct train_best *b, const struct train_options *o, int64_t step,
              const struct train_evaluation *e) {
    const double value = e->loss;
    if (!isfinite(value))
        return fail(ERR_NUMERIC,
                    "evaluation after step %" PRId64 ": %s is not finite, and a model is chosen "
                    "by it",
                    step, best_metric(o));
    const bool better = b->step == 0 || is_better(o, value, b->value);
    const bool enough =
        better && (b->step == 0 || fabs(value - b->value) > o->early_stopping_threshold);
    b->waited = enough ? 0 : b->waited + 1;
    if (better) {
        b->step = step;
        b->value = value;
    }
    return ERR_OK;
}

bool best_ends(const struct train_best *b, const struct train_options *o) {
    return o->early_stopping_patience > 0 && b->waited >= o->early_stopping_patience;
}
