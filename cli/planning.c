/* SPDX-License-Identifier: Apache-2.0
 * Opens what a trainer needs to be planned, with a source of rows as long as the recipe and the
 * data allow (cli/planning.h). The compute backend is opened, too: it knows its scratch.
 * Read next: trainer/fit.c. */
#include "cli/planning.h"

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static err open_model(struct planning *p, const struct chain *c, const char *device) {
    TRY(compute_open(&p->compute, device));
    p->compute_is_open = true;
    TRY(model_open(&p->model, c->base_model.path, &p->compute));
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
    const struct train_run run = {.compute = &p->compute,
                                  .model = &p->model,
                                  .adapter = p->adapter,
                                  .options = &c->train,
                                  .source = &p->source,
                                  .dir = "",
                                  .base_name = "",
                                  .base_digest = p->no_data};
    TRY(trainer_init(&p->trainer, &run));
    p->trainer_is_open = true;
    return ERR_OK;
}

err planning_open(struct planning *p, const struct chain *chain, const char *device,
                  struct data_bounds data, int64_t limit) {
    *p = (struct planning){0};
    TRY(open_model(p, chain, device));
    TRY(open_trainer(p, chain, data));
    return trainer_fit(&p->trainer, &p->plan, limit, &p->fit);
}

void planning_close(struct planning *p) {
    if (p->trainer_is_open) trainer_release(&p->trainer);
    adapter_free(p->adapter);
    if (p->model_is_open) model_close(&p->model);
    plan_release(&p->plan);
    if (p->compute_is_open) compute_close(&p->compute);
    *p = (struct planning){0};
}
