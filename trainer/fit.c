/* SPDX-License-Identifier: Apache-2.0
 * Choosing what is made again. Memory falls with each of the three counts of struct recompute, so
 * for every number of whole layers there is a least number of feed-forwards that fits, and more
 * layers never need more feed-forwards: those pairs are a staircase of at most 2 L plans, gone
 * down once with logits kept and once without. The cheapest of its steps, counted in
 * multiplications, is the answer.
 * Read next: trainer/fit.h, model/workspace.c. */
#include "trainer/fit.h"

#include <string.h>

enum { EVERY = 1 << 30 }; /* counts past the last layer mean all */

struct recompute fit_fixed(const char *recompute) {
    if (!strcmp(recompute, "mlp")) return (struct recompute){.feed_forwards = EVERY};
    if (!strcmp(recompute, "all") || !strcmp(recompute, "true"))
        return (struct recompute){.layers = EVERY, .logits = true};
    return (struct recompute){0};
}

double fit_again_share(const struct fit *f) {
    const double again = cost_again(&f->cost);
    return again / (cost_multiplications(&f->cost) - again);
}

struct search {
    struct trainer *trainer;
    struct plan *plan;
    int64_t limit;
    struct fit best; /* the cheapest that fits */
    bool found;
};

static struct cost full_step(const struct trainer *t) {
    const struct train_source *s = t->run.source;
    const double tokens = (double)s->max_rows * (double)s->max_row_tokens;
    const struct cost_of of = {.tokens = tokens,
                               .trained_tokens = tokens,
                               .keys = (double)s->max_row_tokens / 2,
                               .recompute = t->recompute};
    return model_cost(t->run.model, &of);
}

static err plan_with(struct search *s, struct recompute r, struct fit *out) {
    plan_release(s->plan);
    s->trainer->recompute = r;
    TRY(trainer_plan(s->trainer, s->plan));
    TRY(s->plan->failed);
    *out = (struct fit){.planned_bytes = (int64_t)s->plan->total_bytes,
                        .mapped_bytes = (int64_t)plan_bytes(s->plan, PLAN_MAPPED),
                        .eval_bytes = s->trainer->run.eval_bytes,
                        .host_bytes = (int64_t)s->plan->host_bytes,
                        .program_bytes = s->trainer->run.compute->backend->host_memory
                                             ? FIT_PROGRAM_BYTES
                                             : FIT_CONTEXT_BYTES,
                        .recompute = r,
                        .cost = full_step(s->trainer)};
    return ERR_OK;
}

/* Plans so and keeps it where it fits and is the cheapest yet. */
static err look_at(struct search *s, struct recompute r, bool *fits) {
    struct fit f;
    TRY(plan_with(s, r, &f));
    *fits = fit_resident_bytes(&f) <= s->limit;
    if (!*fits || (s->found && cost_again(&f.cost) >= cost_again(&s->best.cost))) return ERR_OK;
    s->best = f;
    s->found = true;
    return ERR_OK;
}

static err go_down(struct search *s, bool logits) {
    const int64_t n_layers = s->trainer->run.model->config.n_layers;
    int64_t inner = n_layers; /* feed-forwards beside the whole layers */
    for (int64_t layers = 0; layers <= n_layers; layers++) {
        bool fits = true;
        if (inner > n_layers - layers) inner = n_layers - layers;
        while (fits) {
            TRY(look_at(s, (struct recompute){layers, inner, logits}, &fits));
            if (fits && inner == 0) return ERR_OK; /* more layers only cost more */
            inner += fits ? -1 : 0;
        }
    }
    return ERR_OK;
}

err trainer_fit(struct trainer *t, struct plan *plan, int64_t limit, struct fit *out) {
    struct search s = {.trainer = t, .plan = plan, .limit = limit};
    const char *wanted = t->run.options->recompute;
    bool fits;
    if (strcmp(wanted, "auto") != 0) return plan_with(&s, fit_fixed(wanted), out);
    TRY(look_at(&s, (struct recompute){0}, &fits));
    for (int logits = 0; logits < 2 && !fits; logits++) TRY(go_down(&s, logits != 0));
    return plan_with(&s, s.found ? s.best.recompute : fit_fixed("all"), out);
}
