/* SPDX-License-Identifier: Apache-2.0
 * `cotrain model merge`: a model and a PEFT adapter become one model folder. Sums are in fp32 from
 * the checkpoint's own weights, then rounded to the dtype they came in; quantised ones are
 * decoded first and become bf16.
 * Read next: adapters/adapter.h. */
#include "adapters/adapter.h"
#include "base/mem.h"
#include "base/par.h"
#include "cli/command.h"

struct merge_options {
    const char *model, *adapter, *out;
};

#define ROW(field, ...) OPT(struct merge_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR", .help = "model folder"),
    ROW(adapter, .required = true, .value = "DIR", .help = "PEFT adapter folder"),
    ROW(out, .required = true, .value = "DIR", .help = "the new model folder; must not exist"),
};

static err merge(const struct merge_options *o, struct model *m, struct adapter *a) {
    struct plan plan = {0};
    const struct model_plan_options none = {.max_tokens = 0};
    err e = model_plan(m, &plan, &none);
    if (e == ERR_OK) e = adapter_plan(a, &plan, false);
    if (e == ERR_OK) e = plan_allocate(&plan, m->compute);
    if (e == ERR_OK) e = model_start(m, &plan);
    if (e == ERR_OK) e = adapter_start(a, &plan);
    if (e == ERR_OK) e = adapter_save_merged(m, a, o->model, o->out);
    plan_release(&plan);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct merge_options *o = given;
    struct compute compute;
    struct model model;
    struct adapter *adapter = NULL;
    (void)arena;
    TRY(compute_open(&compute, NULL));
    err e = model_open(&model, o->model, &compute);
    if (e == ERR_OK) {
        e = adapter_open(&adapter, &model, o->adapter);
        if (e == ERR_OK) e = merge(o, &model, adapter);
        adapter_free(adapter);
        model_close(&model);
    }
    compute_close(&compute);
    return e;
}

const struct command cmd_model_merge = {
    .noun = "model",
    .verb = "merge",
    .summary = "a model and a PEFT adapter become one model folder",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct merge_options),
    .run = run,
};
