/* SPDX-License-Identifier: Apache-2.0
 * `cotrain plan`: every byte that training a recipe would allocate, from the files' headers alone,
 * and the time that it would take here. Of a GPU the plan is made without it, and without a time.
 * It is the plan that `cotrain train` allocates from (compute/plan.h), for rows of
 * train.sequence_len tokens; data with shorter rows needs less.
 * Read next: cli/planning.h, cli/memory.h. */
#include "base/par.h"
#include "cli/command.h"
#include "cli/eval_plan.h"
#include "cli/smaller.h"
#include "cli/timing.h"

struct plan_options {
    const char *recipe, *device, *preset;
    struct opt_list set;
    int64_t memory, threads;
    bool json;
};

#define ROW(field, ...) OPT(struct plan_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(recipe, .required = true, .positional = true, .value = "RECIPE", .help = "recipe file"),
    ROW(set, .repeated = true, .value = "A.B=C",
        .help = "changes a key of the recipe; may be given again"),
    ROW(memory, .size = true, .min = 1, .max = 9e18, .help = MEMORY_HELP),
    ROW(threads, .min = 0, .max = 1024, .preset = "0", .help = "CPU threads; 0: all cores"),
    ROW(device, .value = "NAME",
        .help = "compute backend; the first that works. cuda: a GPU, which need not be here where "
                "--memory says how much it has"),
    ROW(preset, .value = "NAME",
        .help = "a published shape instead of the recipe's base model (cotrain list presets)"),
    ROW(json, .help = "every range of the plan, as JSON"),
};

static int64_t n_trained(const struct trainer *t) {
    int64_t n = 0;
    for (int64_t i = 0; i < t->n_params; i++) n += t->params[i]->count;
    return n;
}

/* What is shown. */
struct shown {
    const struct planning *planning;
    const struct eval_plan *evaluation;
    bool fits, json;
};

static int64_t most_bytes(const struct shown *s) {
    const int64_t train = fit_resident_bytes(&s->planning->fit);
    const int64_t eval = s->evaluation->any ? eval_plan_resident_bytes(s->evaluation) : 0;
    return eval > train ? eval : train;
}

static err as_text(const struct shown *s, const struct timing *t, struct str *out) {
    const struct planning *p = s->planning;
    TRY(str_printf(out, "%-12s %12lld numbers in %lld tensors\n", "trained",
                   (long long)n_trained(&p->trainer), (long long)p->trainer.n_params));
    TRY(memory_table(&p->plan, &p->fit, p->model.config.n_layers, out));
    TRY(eval_plan_text(s->evaluation, out));
    if (s->evaluation->any)
        TRY(str_printf(out, "%-12s %12.1f MiB  resident, the larger of training and evaluation\n",
                       "the most", (double)most_bytes(s) / 1048576.0));
    if (p->compute.described) return ERR_OK;
    TRY(str_printf(out, "%-12s ", "a step"));
    return timing_plan_text(t, &p->trainer, out);
}

static err as_json(const struct shown *s, const struct timing *t, json_t *out) {
    const struct planning *p = s->planning;
    TRY(json_put(out, "trained_numbers", json_integer(n_trained(&p->trainer))));
    TRY(json_put(out, "trained_tensors", json_integer(p->trainer.n_params)));
    TRY(json_put(out, "fits", json_boolean(s->fits)));
    TRY(memory_json(&p->plan, &p->fit, out));
    TRY(eval_plan_json(s->evaluation, out));
    TRY(json_put(out, "most_bytes", json_integer((json_int_t)most_bytes(s))));
    if (p->compute.described) return ERR_OK;
    return timing_plan_json(t, &p->trainer, out);
}

static err show(const struct shown *s) {
    const struct planning *p = s->planning;
    struct str text = {0};
    struct timing timing = {0};
    if (!p->compute.described) TRY(timing_start(&timing, &p->trainer, p->fit.planned_bytes));
    json_t *value = json_object();
    err e = s->json ? as_json(s, &timing, value) : as_text(s, &timing, &text);
    if (e == ERR_OK) e = s->json ? print_json(value) : print_text(&text);
    json_decref(value);
    str_release(&text);
    return e;
}

static err plan(const struct plan_options *o, const struct chain *c) {
    struct memory_limit limit;
    struct planning p = {0};
    struct eval_plan evaluation;
    TRY(memory_limit_find(o->memory, o->device, &limit));
    const struct planned_for how = {o->device, o->preset, DATA_UNKNOWN, limit.bytes};
    TRY(eval_plan_find(c, &how, &limit, &evaluation));
    err e = planning_open(&p, c, &how);
    const struct fit fit = p.fit;
    const bool fits = e == ERR_OK && memory_fits(&limit, &fit);
    if (e == ERR_OK) e = show(&(struct shown){&p, &evaluation, fits, o->json});
    planning_close(&p);
    if (e != ERR_OK || fits) return e;
    return smaller_refuse(&(struct smaller){.chain = c,
                                            .sets = &o->set,
                                            .device = o->device,
                                            .preset = o->preset,
                                            .data = DATA_UNKNOWN,
                                            .limit = &limit},
                          &fit);
}

static err run(const void *given, struct arena *arena) {
    const struct plan_options *o = given;
    struct chain chain;
    (void)arena;
    par_set_threads(o->threads);
    TRY(chain_read_to_pack(&chain, o->recipe, &o->set));
    err e = plan(o, &chain);
    chain_release(&chain);
    return e;
}

const struct command cmd_plan = {
    .noun = "plan",
    .verb = "",
    .summary = "the memory that training a recipe needs, byte by byte, and the time",
    .details =
        "Where it does not fit --memory (or else what the machine has left), the changes of\n"
        "the recipe that would fit are listed, and the exit code is 1. What evaluating the\n"
        "recipe's tasks takes stands beside it.",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct plan_options),
    .run = run,
};
