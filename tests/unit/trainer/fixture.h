/* SPDX-License-Identifier: Apache-2.0
 * A whole training run on a golden model, for the tests of adapters/ and trainer/: the model, an
 * adapter, the plan, and a source that serves the golden training batches. Static functions, so
 * that each test program stays one file.
 * Read next: tests/golden/test_trajectory.c. */
#ifndef COTRAIN_TESTS_UNIT_TRAINER_FIXTURE_H
#define COTRAIN_TESTS_UNIT_TRAINER_FIXTURE_H

#include "tests/unit/test.h"

#include "base/json.h"
#include "base/mem.h"
#include "compute/compute.h"
#include "compute/plan.h"
#include "data/tokens/masks.h"
#include "model/formats/tensor_file.h"
#include "trainer/trainer.h"

#define GOLDEN_NANO SOURCE_DIR "/tests/golden/nano"

enum { GOLDEN_ROWS = 8, GOLDEN_TOKENS = 32 }; /* four batches of two rows */
static const char some_digest[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* The golden training rows, `rows_per_step` of them a step, round and round. */
struct golden_source {
    struct train_source source;
    int32_t ids[GOLDEN_ROWS][GOLDEN_TOKENS], targets[GOLDEN_ROWS][GOLDEN_TOKENS];
    struct train_row rows[GOLDEN_ROWS];
    int64_t rows_per_step;
};

static inline err golden_rows(void *ctx, int64_t step, const struct train_row **out,
                              int64_t *out_n) {
    struct golden_source *g = ctx;
    for (int64_t i = 0; i < g->rows_per_step; i++) {
        int64_t r = (step * g->rows_per_step + i) % GOLDEN_ROWS;
        g->rows[i] = (struct train_row){GOLDEN_TOKENS, g->ids[r], g->targets[r], NULL};
    }
    *out = g->rows;
    *out_n = g->rows_per_step;
    return ERR_OK;
}

static inline err golden_describe(void *ctx, int64_t step, struct str *out) {
    const struct golden_source *g = ctx;
    return str_printf(out, "golden rows from %d", (int)(step * g->rows_per_step % GOLDEN_ROWS));
}

static inline void golden_source_open(struct golden_source *g, const char *model_dir,
                                      enum loss_mask mask, int64_t eod, int64_t sep) {
    struct tensor_file *f;
    struct str path = {0};
    assert_ok(str_printf(&path, "%s/train_batches.safetensors", model_dir));
    assert_ok(tensor_file_open(&f, str_text(&path)));
    for (int r = 0; r < GOLDEN_ROWS; r++) {
        char name[16];
        uint8_t trained[GOLDEN_TOKENS];
        snprintf(name, sizeof name, "sample_%d", r / 2);
        const struct tensor *t = tensor_file_find(f, name);
        assert_non_null(t);
        const int64_t *ids = (const int64_t *)t->data + (r % 2) * (GOLDEN_TOKENS + 1);
        for (int i = 0; i < GOLDEN_TOKENS; i++) {
            g->ids[r][i] = (int32_t)ids[i];
            g->targets[r][i] = (int32_t)ids[i + 1];
        }
        assert_ok(
            loss_mask_apply(mask, g->ids[r], GOLDEN_TOKENS, eod, sep, g->targets[r], trained));
        for (int i = 0; i < GOLDEN_TOKENS; i++)
            if (!trained[i]) g->targets[r][i] = TARGET_IGNORE;
    }
    tensor_file_close(f);
    str_release(&path);
    g->source = (struct train_source){.ctx = g,
                                      .max_row_tokens = GOLDEN_TOKENS,
                                      .eod = eod,
                                      .rows = golden_rows,
                                      .describe = golden_describe};
}

struct fixture {
    struct compute compute;
    struct model model;
    struct adapter *adapter;
    struct plan plan;
    struct trainer trainer;
    struct golden_source data;
    struct train_options options;
    struct adapter_options adapter_options;
    struct arena arena;
    struct train_run run;
    enum loss_mask mask;
    int64_t rows_per_step, n_steps;
    const char *device;                  /* NULL: this processor */
    const char *model_dir, *adapter_dir; /* adapter_dir: a saved one; NULL: by adapter_options */
    const char *dataset_digest, *base_digest;
};

/* Presets, with the settings of the golden trajectories. */
static inline void fixture_init(struct fixture *f, const char *model_dir) {
    *f = (struct fixture){.model_dir = model_dir,
                          .mask = LOSS_MASK_YUAN_HF,
                          .rows_per_step = 2,
                          .n_steps = 20,
                          .dataset_digest = some_digest,
                          .base_digest = some_digest};
    assert_ok(opt_presets(train_options_table(), &f->options, &f->arena));
    assert_ok(opt_presets(adapter_options_table(), &f->adapter_options, &f->arena));
    f->adapter_options.type = "none";
    f->options.isolate = "attention";
    f->options.micro_batch_size = 2;
    f->options.learning_rate = 3e-3;
    f->options.min_learning_rate_ratio = 0.1;
    f->options.warmup_steps = 4;
    f->options.weight_decay = 0.1;
    f->options.adam_beta2 = 0.95;
    f->options.save_steps = 0;
}

/* Opens everything that a trainer needs; run.dir and callbacks are the test's. */
static inline void fixture_open(struct fixture *f) {
    assert_ok(compute_open(&f->compute, f->device));
    assert_ok(model_open(&f->model, f->model_dir, &f->compute));
    if (f->adapter_dir)
        assert_ok(adapter_open(&f->adapter, &f->model, f->adapter_dir));
    else if (adapter_wanted(&f->adapter_options))
        assert_ok(
            adapter_new(&f->adapter, &f->model, &f->adapter_options, (uint64_t)f->options.seed));
    golden_source_open(&f->data, f->model_dir, f->mask, f->model.config.eod, f->model.config.sep);
    f->data.rows_per_step = f->rows_per_step;
    f->data.source.max_rows = f->rows_per_step;
    f->data.source.n_steps = f->n_steps;
    f->data.source.digest = f->dataset_digest;
    f->run.compute = &f->compute;
    f->run.model = &f->model;
    f->run.adapter = f->adapter;
    f->run.options = &f->options;
    f->run.source = &f->data.source;
    f->run.base_name = "base";
    f->run.base_digest = f->base_digest;
    if (!f->run.dir) f->run.dir = "/nonexistent"; /* of a test that never runs it */
}

/* Likewise, up to a started trainer. */
static inline void fixture_start(struct fixture *f) {
    fixture_open(f);
    assert_ok(trainer_init(&f->trainer, &f->run));
    assert_ok(trainer_plan(&f->trainer, &f->plan));
    assert_ok(plan_allocate(&f->plan, &f->compute));
    assert_ok(trainer_start(&f->trainer, &f->plan));
}

static inline void fixture_stop(struct fixture *f) {
    trainer_release(&f->trainer);
    adapter_free(f->adapter);
    model_close(&f->model);
    plan_release(&f->plan);
    compute_close(&f->compute);
    arena_release(&f->arena);
    f->adapter = NULL;
    f->plan = (struct plan){0};
}

static inline const struct param *fixture_param(const struct fixture *f, const char *name) {
    for (int64_t i = 0; i < f->trainer.n_params; i++)
        if (!strcmp(f->trainer.params[i]->name, name)) return f->trainer.params[i];
    return NULL;
}

/* The folder of shared golden files, or NULL. */
static inline const char *golden_shared(void) {
    static char path[512];
    const char *set = getenv("COTRAIN_SHARED");
    if (set && *set)
        snprintf(path, sizeof path, "%s/golden", set);
    else
        snprintf(path, sizeof path, "%s/../shared/golden", SOURCE_DIR);
    return dir_exists(path) ? path : NULL;
}

#endif
