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
    const char *name = o->metric_for_best_model ? o->metric_for_best_model : "loss";
    return str_starts(name, "eval_") ? name + strlen("eval_") : name;
}

double best_value(const struct train_options *o, const struct train_evaluation *e) {
    const char *name = best_metric(o);
    if (!strcmp(name, "loss")) return e->loss;
    for (int64_t i = 0; i < e->n_scores; i++)
        if (!strcmp(name, e->scores[i].name)) return e->scores[i].value;
    return NAN;
}

bool best_is_greater(const struct train_options *o) {
    if (o->greater_is_better) return !strcmp(o->greater_is_better, "true");
    return !str_ends(best_metric(o), "loss");
}

static bool is_better(const struct train_options *o, double value, double than) {
    return best_is_greater(o) ? value > than : value < than;
}

err best_take(struct train_best *b, const struct train_options *o, int64_t step,
              const struct train_evaluation *e) {
    const double value = best_value(o, e);
    if (!isfinite(value))
        return fail(ERR_NUMERIC,
                    "evaluation after step %" PRId64
                    ": eval_%s is not finite, and a model is chosen "
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
