/* SPDX-License-Identifier: Apache-2.0
 * Preparing a run: options and source checked against each other, the parameters to train listed,
 * and all memory planned: the model's and the adapter's parts, and the optimiser's tensors.
 * Read next: trainer/loop.c for the steps. */
#include "trainer/trainer.h"

#include "base/file.h"
#include "base/mem.h"
#include "trainer/fit.h"
#include "trainer/methods/method.h"
#include "trainer/trainer_int.h"

#include <inttypes.h>
#include <math.h>

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static err check_source(const struct train_run *run, enum isolate isolate) {
    const struct train_source *s = run->source;
    int64_t n_positions = run->model->config.max_positions;
    if (s->n_steps < 1) return fail(ERR_RANGE, "the data gives no training step");
    if (isolate != ISOLATE_ALL && s->max_row_tokens > n_positions)
        return fail(ERR_RANGE, "a row has %" PRId64 " tokens, and the model %" PRId64 " positions",
                    s->max_row_tokens, n_positions);
    if (s->max_row_tokens * s->max_rows > INT32_MAX)
        return fail(ERR_LIMIT, "a step of %" PRId64 " rows of %" PRId64 " tokens is too large",
                    s->max_rows, s->max_row_tokens);
    return ERR_OK;
}

static void add_trained(struct trained_list *list, struct param *params, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (params[i].trained) list->params[list->n++] = &params[i];
}

err trained_list(const struct train_run *run, struct arena *arena, struct trained_list *out) {
    int64_t n = 0;
    struct param *beside = run->adapter ? adapter_params(run->adapter, &n) : NULL;
    *out = (struct trained_list){0};
    out->params = arena_alloc(arena, (size_t)(n + run->model->n_params), sizeof *out->params);
    if (!out->params) return ERR_MEMORY;
    add_trained(out, beside, n);
    out->n_beside = out->n;
    add_trained(out, run->model->params, run->model->n_params);
    return ERR_OK;
}

/* What the run's methods leave to be trained, and how fast each parameter learns. */
static err list_params(struct trainer *t) {
    struct trainer_internal *in = t->internal;
    struct trained_list list;
    TRY(methods_choose(&t->run));
    TRY(trained_list(&t->run, &in->arena, &list));
    t->params = list.params;
    t->n_params = list.n;
    in->n_beside = list.n_beside;
    in->rates = arena_alloc(&in->arena, (size_t)list.n, sizeof *in->rates);
    in->update.taken = arena_alloc(&in->arena, (size_t)list.n, sizeof *in->update.taken);
    if (!in->rates || !in->update.taken) return ERR_MEMORY;
    for (int64_t i = 0; i < list.n; i++) in->rates[i] = methods_rate(&t->run, list.params[i]);
    return ERR_OK;
}

static err init(struct trainer *t) {
    struct trainer_internal *in = t->internal;
    const struct train_options *o = t->run.options;
    TRY(train_options_check(o));
    TRY(optimizer_find(o->optimizer, &in->optimizer));
    TRY(schedule_find(o->lr_scheduler, &in->schedule.kind));
    TRY(isolate_parse(o->isolate, &in->isolate));
    TRY(check_source(&t->run, in->isolate));
    t->n_steps = t->run.source->n_steps;
    t->recompute = fit_fixed(o->recompute);
    in->schedule.n_steps = t->n_steps;
    in->schedule.max = o->learning_rate;
    in->schedule.min = o->min_learning_rate_ratio > 0
                           ? o->min_learning_rate_ratio * o->learning_rate
                           : o->min_learning_rate;
    in->schedule.warmup_steps =
        o->warmup_steps > 0 ? o->warmup_steps : (int64_t)ceil(o->warmup_ratio * (double)t->n_steps);
    in->max_tokens =
        least(o->micro_batch_size, t->run.source->max_rows) * t->run.source->max_row_tokens;
    TRY(list_params(t));
    in->record.path = path_join(t->run.dir, "run.jsonl");
    in->states = arena_alloc(&in->arena, (size_t)t->n_params, sizeof *in->states);
    if (!in->record.path || !in->states) return ERR_MEMORY;
    return record_identity(t, &in->progress.identity);
}

err trainer_init(struct trainer *t, const struct train_run *run) {
    *t = (struct trainer){.run = *run};
    t->internal = mem_zalloc(1, sizeof *t->internal);
    if (!t->internal) return ERR_MEMORY;
    err e = init(t);
    if (e != ERR_OK) trainer_release(t);
    return e;
}

static void plan_states(struct optimizer_states *s, const struct trainer *t, int64_t number,
                        struct plan *plan) {
    const enum plan_kind kind = t->internal->offload.optimizer ? PLAN_HOST : PLAN_OPTIMIZER;
    s->n = t->internal->optimizer->states(t->params[number], s->of);
    for (int k = 0; k < s->n; k++)
        s->at[k] = plan_add(plan, kind, s->of[k].name,
                            (size_t)(s->of[k].count * dtype_bytes(s->of[k].dtype)));
}

err trainer_plan(struct trainer *t, struct plan *plan) {
    struct trainer_internal *in = t->internal;
    struct model_plan_options options = {
        .max_tokens = in->max_tokens,
        .max_step_tokens = t->run.source->max_rows * t->run.source->max_row_tokens,
        .backward = true,
        .recompute = t->recompute,
        .offload_layers = offload_wanted(t->run.options, t->run.compute, "layers"),
    };
    if (t->run.options->optimizer_in_backward)
        options.gradient_taker = (struct gradient_taker){t, update_take};
    methods_plan(&t->run, &options);
    TRY(model_plan(t->run.model, plan, &options));
    if (t->run.adapter) TRY(adapter_plan(t->run.adapter, plan, true));
    in->offload.optimizer = offload_wanted(t->run.options, t->run.compute, "optimizer");
    for (int64_t i = 0; i < t->n_params; i++) plan_states(&in->states[i], t, i, plan);
    if (in->offload.optimizer) offload_plan(&in->offload, plan);
    return ERR_OK;
}

err trainer_start(struct trainer *t, const struct plan *plan) {
    struct trainer_internal *in = t->internal;
    TRY(model_start(t->run.model, plan));
    if (t->run.adapter) TRY(adapter_start(t->run.adapter, plan));
    for (int64_t i = 0; i < t->n_params; i++)
        for (int k = 0; k < in->states[i].n; k++)
            in->states[i].data[k] = in->offload.optimizer ? plan_host_at(plan, in->states[i].at[k])
                                                          : plan_at(plan, in->states[i].at[k]);
    if (in->offload.optimizer) offload_place(&in->offload, plan);
    TRY(batch_init(&in->batch, in->max_tokens));
    in->token_loss = mem_alloc((size_t)in->max_tokens, sizeof *in->token_loss);
    return in->token_loss ? ERR_OK : ERR_MEMORY;
}

void trainer_release(struct trainer *t) {
    if (!t->internal) return;
    batch_release(&t->internal->batch);
    mem_free(t->internal->token_loss);
    mem_free(t->internal->record.path);
    loggers_release(&t->internal->loggers);
    arena_release(&t->internal->arena);
    mem_free(t->internal);
    t->internal = NULL;
}
