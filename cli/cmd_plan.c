/* SPDX-License-Identifier: Apache-2.0
 * `cotrain plan`: every byte that training a recipe would allocate, from the files' headers alone.
 * It is the plan that `cotrain train` allocates from (compute/plan.h), for rows of
 * train.sequence_len tokens; data with shorter rows needs less.
 * Read next: trainer/trainer.h, compute/plan.h. */
#include "base/mem.h"
#include "cli/chain.h"
#include "cli/command.h"
#include "trainer/trainer.h"

struct plan_options {
    const char *recipe, *device;
    struct opt_list set;
    bool json;
};

#define ROW(field, ...) OPT(struct plan_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .required = true, .positional = true, .value = "RECIPE", .help = "recipe file"),
    ROW(set, .repeated = true, .value = "A.B=C",
        .help = "changes a key of the recipe; may be given again"),
    ROW(device, .value = "NAME", .help = "compute backend; the first that works"),
    ROW(json, .help = "every range of the plan, as JSON"),
};

static int64_t n_trained(const struct trainer *t) {
    int64_t n = 0;
    for (int64_t i = 0; i < t->n_params; i++) n += t->params[i]->count;
    return n;
}

static err as_text(const struct plan *p, const struct trainer *t, struct str *out) {
    const double MIB = 1048576.0;
    TRY(str_printf(out, "%-12s %12lld numbers in %lld tensors\n", "trained",
                   (long long)n_trained(t), (long long)t->n_params));
    for (int kind = 0; kind < PLAN_KIND_COUNT; kind++)
        TRY(str_printf(out, "%-12s %12.1f MiB%s\n", plan_kind_name((enum plan_kind)kind),
                       (double)plan_bytes(p, (enum plan_kind)kind) / MIB,
                       kind == PLAN_MAPPED ? "  (the checkpoint's files, not allocated)" : ""));
    return str_printf(out, "%-12s %12.1f MiB  in one allocation\n", "total",
                      (double)p->total_bytes / MIB);
}

static err as_json(const struct plan *p, const struct trainer *t, json_t *out) {
    TRY(json_put(out, "trained_numbers", json_integer(n_trained(t))));
    TRY(json_put(out, "trained_tensors", json_integer(t->n_params)));
    return plan_json(p, out);
}

static err show(const struct plan *p, const struct trainer *t, bool json) {
    struct str text = {0};
    json_t *value = json_object();
    err e = json ? as_json(p, t, value) : as_text(p, t, &text);
    if (e == ERR_OK) e = json ? print_json(value) : print_text(&text);
    json_decref(value);
    str_release(&text);
    return e;
}

/* A source of full rows that is never asked for one. */
static struct train_source full_rows(const struct chain *c, int64_t eod, const char *digest) {
    return (struct train_source){.n_steps = 1,
                                 .steps_per_epoch = 1,
                                 .max_row_tokens = c->train.sequence_len,
                                 .max_rows = train_options_rows(&c->train),
                                 .digest = digest,
                                 .eod = eod};
}

static err plan_training(const struct plan_options *o, const struct chain *c, struct model *m,
                         struct adapter **adapter) {
    struct plan plan = {0};
    struct trainer trainer;
    if (adapter_wanted(&c->adapter)) TRY(adapter_new(adapter, m, &c->adapter, 0));
    char no_data[SHA256_HEX_SIZE];
    TRY(sha256_bytes("", 0, no_data));
    const struct train_source source = full_rows(c, m->config.eod, no_data);
    const struct train_run run = {.compute = m->compute,
                                  .model = m,
                                  .adapter = *adapter,
                                  .options = &c->train,
                                  .source = &source,
                                  .dir = "",
                                  .base_name = "",
                                  .base_digest = no_data};
    TRY(trainer_init(&trainer, &run));
    err e = trainer_plan(&trainer, &plan);
    if (e == ERR_OK) e = plan.failed;
    if (e == ERR_OK) e = show(&plan, &trainer, o->json);
    trainer_release(&trainer);
    plan_release(&plan);
    return e;
}

static err with_model(const struct plan_options *o, const struct chain *c) {
    struct compute compute;
    struct model model;
    struct adapter *adapter = NULL;
    TRY(compute_open(&compute, o->device));
    err e = model_open(&model, c->base_model.path, &compute);
    if (e == ERR_OK) {
        e = plan_training(o, c, &model, &adapter);
        adapter_free(adapter);
        model_close(&model);
    }
    compute_close(&compute);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct plan_options *o = given;
    struct chain chain;
    (void)arena;
    TRY(chain_read(&chain, o->recipe, &o->set));
    err e = with_model(o, &chain);
    chain_release(&chain);
    return e;
}

const struct command cmd_plan = {
    .noun = "plan",
    .verb = "",
    .summary = "the memory that training a recipe needs, byte by byte",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct plan_options),
    .run = run,
};
