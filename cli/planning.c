/* SPDX-License-Identifier: Apache-2.0
 * Opens what a trainer needs to be planned, with a source of rows as long as the recipe and the
 * data allow (cli/planning.h). A GPU is described only, and need not be here; of a folder with a
 * config.json alone, or of a published shape, there are no weights, and none are needed.
 * Read next: trainer/fit.c. */
#include "cli/planning.h"

#include "base/file.h"
#include "base/mem.h"
#include "cli/eval_plan.h"
#include "cli/train_eval.h"
#include "model/formats/tensor_file.h"
#include "model/preset.h"

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Whether a folder says what its model is and holds none of its weights. */
static err is_config_alone(const char *dir, bool *out) {
    struct tensor_file *f = NULL;
    char *config = path_join(dir, "config.json");
    if (!config) return ERR_MEMORY;
    *out = dir_exists(dir) && file_exists(config);
    mem_free(config);
    if (!*out) return ERR_OK;
    err e = tensor_file_open_dir(&f, dir, "model");
    tensor_file_close(f);
    *out = e == ERR_MISSING;
    if (*out) err_clear();
    return *out ? ERR_OK : e;
}

static err open_base(struct planning *p, const char *dir) {
    struct model_config config;
    bool described;
    TRY(is_config_alone(dir, &described));
    if (!described) return model_open(&p->model, dir, &p->compute);
    TRY(model_read_config(&config, dir));
    return model_describe(&p->model, &config, &p->compute);
}

static err open_preset(struct planning *p, const char *name) {
    const struct preset *preset;
    struct model_config config;
    TRY(preset_find(name, &preset));
    TRY(preset_config(preset, &config));
    return model_describe(&p->model, &config, &p->compute);
}

static err open_model(struct planning *p, const struct chain *c, const struct planned_for *o) {
    TRY(compute_describe(&p->compute, o->device));
    p->compute_is_open = true;
    TRY(o->preset ? open_preset(p, o->preset) : open_base(p, c->base_model.path));
    p->model_is_open = true;
    return adapter_wanted(&c->adapter) ? adapter_new(&p->adapter, &p->model, &c->adapter, 0)
                                       : ERR_OK;
}

static err open_trainer(struct planning *p, const struct chain *c, struct data_bounds data) {
    TRY(sha256_bytes("", 0, p->no_data));
    p->source = (struct train_source){
        .n_steps = c->train.max_steps > 0 ? c->train.max_steps : 1,
        .steps_per_epoch = 1,
        .max_row_tokens = least(c->train.sequence_len, data.row_tokens),
        .max_rows = least(train_options_rows(&c->train), data.rows),
        .digest = p->no_data,
        .eod = p->model.config.eod,
    };
    struct train_run run = {.compute = &p->compute,
                            .model = &p->model,
                            .adapter = p->adapter,
                            .options = &c->train,
                            .source = &p->source,
                            .dir = "",
                            .base_name = "",
                            .base_digest = p->no_data};
    if (data.text_bytes < 0) TRY(eval_plan_during(c, &data.text_bytes));
    TRY(train_eval_bytes(c, &p->model, data.text_bytes, &run.eval_bytes));
    TRY(trainer_init(&p->trainer, &run));
    p->trainer_is_open = true;
    return ERR_OK;
}

err planning_open_model(struct planning *p, const struct chain *chain,
                        const struct planned_for *o) {
    *p = (struct planning){0};
    return open_model(p, chain, o);
}

err planning_open(struct planning *p, const struct chain *chain, const struct planned_for *o) {
    TRY(planning_open_model(p, chain, o));
    TRY(open_trainer(p, chain, o->data));
    return trainer_fit(&p->trainer, &p->plan, o->limit, &p->fit);
}

void planning_close(struct planning *p) {
    if (p->trainer_is_open) trainer_release(&p->trainer);
    adapter_free(p->adapter);
    if (p->model_is_open) model_close(&p->model);
    plan_release(&p->plan);
    if (p->compute_is_open) compute_close(&p->compute);
    *p = (struct planning){0};
}
