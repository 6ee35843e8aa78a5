/* SPDX-License-Identifier: Apache-2.0
 * A trainer on rows of fixed random ids, which come again and again: what the benchmarks of whole
 * steps run. LoRA has the peer's settings (bench/peer.py): the seven projections of a layer, alpha
 * twice the rank, no dropout.
 *     trial_open(&t, &options, &compute, dir);     options, rows, model, adapter, trainer
 *     plan_allocate(&t.plan, ...), trainer_start(&t.trainer, &t.plan), trainer_run(...)
 *     trial_close(&t);
 * Read next: bench/step.c, bench/gpu.c. */
#ifndef COTRAIN_BENCH_TRIAL_H
#define COTRAIN_BENCH_TRIAL_H

#include "adapters/adapter.h"
#include "base/opt.h"
#include "trainer/trainer.h"
#include <string.h>

struct trial_options {
    const char *model, *method; /* a folder; "lora" or "full" */
    int64_t tokens, rows, steps, rank;
    struct recompute recompute;
    const char *const *sets; /* KEY=VALUE of the recipe's train section */
    int64_t n_sets;
    void *ctx;
    void (*on_step)(void *ctx, const struct train_report *report);
};

struct trial {
    struct trial_options options;
    struct compute *compute;
    struct arena arena;
    struct model model;
    struct adapter *adapter;
    struct plan plan;
    struct trainer trainer;
    struct train_options train;
    struct adapter_options lora;
    struct train_source source;
    struct train_row *rows;
};

/* ---- what the trainer asks for ---- */

static inline err trial_rows(void *ctx, int64_t step, const struct train_row **out,
                             int64_t *out_n) {
    const struct trial *t = ctx;
    (void)step;
    *out = t->rows;
    *out_n = t->options.rows;
    return ERR_OK;
}

static inline err trial_describe(void *ctx, int64_t step, struct str *out) {
    (void)ctx;
    (void)step;
    return str_add(out, "fixed random ids");
}

static inline err trial_make_rows(struct trial *t) {
    const struct trial_options *o = &t->options;
    const int64_t V = t->model.config.vocab_size, n = o->tokens;
    t->rows = arena_alloc(&t->arena, (size_t)o->rows, sizeof *t->rows);
    int32_t *ids = arena_alloc(&t->arena, (size_t)(o->rows * (n + 1)), sizeof *ids);
    if (!t->rows || !ids) return ERR_MEMORY;
    for (int64_t i = 0; i < o->rows * (n + 1); i++) ids[i] = (int32_t)(i * 7919 % V);
    for (int64_t r = 0; r < o->rows; r++)
        t->rows[r] = (struct train_row){n, ids + r * (n + 1), ids + r * (n + 1) + 1, NULL};
    static const char digest[] = "0000000000000000000000000000000000000000000000000000000000000000";
    t->source = (struct train_source){.ctx = t,
                                      .n_steps = o->steps,
                                      .steps_per_epoch = o->steps,
                                      .max_row_tokens = n,
                                      .max_rows = o->rows,
                                      .digest = digest,
                                      .eod = t->model.config.eod,
                                      .rows = trial_rows,
                                      .describe = trial_describe};
    return ERR_OK;
}

/* The peer's settings, then the caller's. */
static inline err trial_make_options(struct trial *t) {
    const struct trial_options *o = &t->options;
    const struct opt_table table = train_options_table();
    TRY(opt_presets(table, &t->train, &t->arena));
    TRY(opt_presets(adapter_options_table(), &t->lora, &t->arena));
    t->train.micro_batch_size = o->rows;
    t->train.lr_scheduler = "constant";
    t->train.weight_decay = 0.1;
    t->train.adam_beta2 = 0.95;
    t->train.save_steps = 0;
    for (int64_t i = 0; i < o->n_sets; i++) {
        const char *text = o->sets[i], *equals = strchr(text, '=');
        if (!equals) return fail(ERR_USAGE, "--set '%s' is not KEY=VALUE", text);
        const char *key = arena_printf(&t->arena, "%.*s", (int)(equals - text), text);
        if (!key) return ERR_MEMORY;
        const struct opt *row = opt_find(table, key, NULL);
        if (!row) return fail(ERR_USAGE, "--set: 'train' has no key '%s'", key);
        TRY(opt_set(row, &t->train, equals + 1, &t->arena));
    }
    t->lora.r = o->rank;
    t->lora.lora_alpha = 2 * (double)o->rank;
    t->lora.lora_dropout = 0;
    static const char *linear[] = {"linear"};
    t->lora.target_modules = (struct opt_list){linear, 1};
    return ERR_OK;
}

/* Planned, not allocated. What is open is closed by trial_close, also after an error. */
static inline err trial_open(struct trial *t, const struct trial_options *options,
                             struct compute *compute, const char *dir) {
    *t = (struct trial){.options = *options, .compute = compute};
    TRY(model_open(&t->model, options->model, compute));
    TRY(trial_make_options(t));
    TRY(trial_make_rows(t));
    if (!strcmp(options->method, "lora")) TRY(adapter_new(&t->adapter, &t->model, &t->lora, 1));
    const struct train_run run = {.compute = compute,
                                  .model = &t->model,
                                  .adapter = t->adapter,
                                  .options = &t->train,
                                  .source = &t->source,
                                  .dir = dir,
                                  .base_name = "bench",
                                  .base_digest = t->source.digest,
                                  .ctx = options->ctx,
                                  .on_step = options->on_step};
    TRY(trainer_init(&t->trainer, &run));
    t->trainer.recompute = options->recompute;
    return trainer_plan(&t->trainer, &t->plan);
}

static inline void trial_close(struct trial *t) {
    trainer_release(&t->trainer);
    adapter_free(t->adapter);
    model_close(&t->model);
    plan_release(&t->plan);
    arena_release(&t->arena);
}

#endif
