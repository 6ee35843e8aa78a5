/* SPDX-License-Identifier: Apache-2.0
 * The order in which a model comes up: the adapter goes onto the opened model before memory is
 * planned, and both are placed after it is allocated. Closing runs backwards.
 * Read next: cli/loaded.h, the contract. */
#include "cli/loaded.h"
#include "eval/fit.h"

static err check_tokenizer(const struct loaded *l, const struct loaded_options *o) {
    err e = tokenizer_fits_model(o->tokenizer, &l->model.config);
    return e ? fail_in(e, "'%s'", o->model_dir) : ERR_OK;
}

static err bring_up(struct loaded *l, const struct loaded_options *o) {
    const bool full = o->gradients && !o->adapter_dir;
    TRY(compute_open(&l->compute, o->device));
    TRY(model_open(&l->model, o->model_dir, &l->compute));
    if (o->tokenizer) TRY(check_tokenizer(l, o));
    if (o->adapter_dir) TRY(adapter_open(&l->adapter, &l->model, o->adapter_dir));
    TRY(model_plan(&l->model, &l->plan,
                   &(struct model_plan_options){.max_tokens = o->max_tokens,
                                                .max_step_tokens = o->max_tokens,
                                                .train_base = full,
                                                .backward = o->gradients}));
    if (l->adapter) TRY(adapter_plan(l->adapter, &l->plan, o->gradients));
    TRY(plan_allocate(&l->plan, &l->compute));
    TRY(model_start(&l->model, &l->plan));
    return l->adapter ? adapter_start(l->adapter, &l->plan) : ERR_OK;
}

err loaded_open(struct loaded *l, const struct loaded_options *options) {
    *l = (struct loaded){0};
    err e = bring_up(l, options);
    if (e) loaded_close(l);
    return e;
}

void loaded_close(struct loaded *l) {
    adapter_free(l->adapter);
    model_close(&l->model);
    plan_release(&l->plan);
    if (l->compute.backend) compute_close(&l->compute);
    *l = (struct loaded){0};
}

int64_t loaded_n_params(const struct loaded *l) {
    return l->adapter ? adapter_n_tensors(l->adapter) : l->model.n_params;
}

const struct param *loaded_param(const struct loaded *l, int64_t i, const char **out_name) {
    if (l->adapter) return adapter_tensor(l->adapter, i, out_name);
    *out_name = l->model.params[i].name;
    return &l->model.params[i];
}
