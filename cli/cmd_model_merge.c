/* SPDX-License-Identifier: Apache-2.0
 * `cotrain model merge`: a model and one or more PEFT adapters become one model folder. Sums are in
 * fp32 from the checkpoint's own weights, then rounded once to the dtype they came in (quantised
 * ones are decoded first and become bf16); the merged folder is compared with the model as it was
 * adapted before it appears. Or the adapters become one adapter.
 * Read next: adapters/combine.h, adapters/compare.h. */
#include "adapters/combine.h"
#include "adapters/compare.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/par.h"
#include "cli/command.h"
#include "cli/loaded.h"
#include "cli/prompts.h"

#include <string.h>

struct merge_options {
    const char *model, *out, *to_adapter, *prompts, *max_difference;
    struct opt_list adapter;
    bool json;
};

#define ROW(field, ...) OPT(struct merge_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR|FILE", .help = "model folder, or its one file"),
    ROW(adapter, .required = true, .repeated = true, .value = "DIR[=WEIGHT]",
        .help = "PEFT adapter folder, counted WEIGHT times (default 1); may be given again"),
    ROW(out, .value = "DIR", .help = "the new model folder; must not exist"),
    ROW(to_adapter, .value = "DIR",
        .help = "instead: the adapters' weighted sum as one adapter folder"),
    ROW(prompts, .value = "FILE",
        .help = "texts to compare over, lines of {\"ids\": [...]} or {\"text\": ...}; "
                "default: random ids"),
    ROW(max_difference, .value = "X",
        .help = "refuse where logits differ by more of their size; "
                "default: what rounding to the model's dtype explains"),
    ROW(json, .help = "as JSON"),
};

struct merging {
    const struct merge_options *o;
    struct adapter_part *parts;
    int64_t n_parts;
    struct prompts prompts;
    struct loaded adapted;
    struct comparison found;
    double bound;
};

/* ---- what is asked ---- */

/* DIR or DIR=WEIGHT; a folder's own name may hold '='. */
static err read_part(const char *text, struct arena *arena, struct adapter_part *out) {
    const char *equals = strrchr(text, '=');
    *out = (struct adapter_part){text, 1};
    if (!equals || file_exists(text)) return ERR_OK;
    char *dir = arena_strndup(arena, text, (size_t)(equals - text));
    if (!dir) return ERR_MEMORY;
    out->dir = dir;
    err e = str_to_double(equals + 1, &out->weight);
    return e == ERR_OK ? e : fail_in(e, "--adapter '%s': the weight", text);
}

static err read_parts(struct merging *m, struct arena *arena) {
    const struct opt_list *list = &m->o->adapter;
    m->parts = arena_alloc(arena, (size_t)list->n, sizeof *m->parts);
    if (!m->parts) return ERR_MEMORY;
    for (; m->n_parts < list->n; m->n_parts++)
        TRY(read_part(list->items[m->n_parts], arena, &m->parts[m->n_parts]));
    return ERR_OK;
}

static err check_options(const struct merge_options *o) {
    if (!o->out == !o->to_adapter)
        return fail(ERR_USAGE, "model merge wants either --out or --to-adapter");
    if (o->to_adapter && (o->prompts || o->max_difference))
        return fail(ERR_USAGE, "--to-adapter merges nothing that could be compared");
    const char *dir = o->out ? o->out : o->to_adapter;
    return file_exists(dir) ? fail(ERR_EXISTS, "'%s' is there already", dir) : ERR_OK;
}

/* ---- the adapters as one ---- */

static err combine(const struct merging *m, const char *dir) {
    struct compute compute;
    struct model model;
    TRY(dir_remove(dir));
    TRY(dir_make(dir));
    TRY(compute_open(&compute, NULL));
    err e = model_open(&model, m->o->model, &compute);
    if (e == ERR_OK) {
        e = adapter_combine(&model, m->parts, m->n_parts, dir);
        model_close(&model);
    }
    compute_close(&compute);
    return e;
}

static err to_adapter(const struct merging *m) {
    struct str temporary = {0};
    TRY(str_printf(&temporary, "%s.tmp-combine", m->o->to_adapter));
    err e = combine(m, str_text(&temporary));
    if (e == ERR_OK) e = dir_commit(str_text(&temporary), m->o->to_adapter);
    if (e != ERR_OK) e = dir_give_up(e, str_text(&temporary));
    str_release(&temporary);
    return e;
}

/* ---- merging ---- */

static err read_bound(struct merging *m, const struct model *merged) {
    m->bound = comparison_bound(merged);
    if (!m->o->max_difference) return ERR_OK;
    err e = str_to_double(m->o->max_difference, &m->bound);
    if (e == ERR_OK && m->bound < 0) e = fail(ERR_RANGE, "it is below 0");
    return e == ERR_OK ? e : fail_in(e, "--max-difference '%s'", m->o->max_difference);
}

static err compare_loaded(struct merging *m, struct loaded *merged) {
    struct batch batch = {0};
    TRY(read_bound(m, &merged->model));
    const struct compared models = {&m->adapted.model, &merged->model, &batch};
    err e = batch_init(&batch, m->prompts.longest);
    for (int64_t i = 0; i < m->prompts.n && e == ERR_OK; i++)
        e = comparison_add(&m->found, &models, m->prompts.rows[i].ids, m->prompts.rows[i].n, 0);
    batch_release(&batch);
    if (e != ERR_OK) return e;
    return fail_in(comparison_check(&m->found, m->bound), "merged weights and adapter disagree");
}

static err look(void *ctx, const char *dir) {
    struct merging *m = ctx;
    struct loaded merged;
    TRY(loaded_open(&merged,
                    &(struct loaded_options){.model_dir = dir, .max_tokens = m->prompts.longest}));
    err e = compare_loaded(m, &merged);
    loaded_close(&merged);
    return e;
}

static err merge_one(struct merging *m, const char *adapter_dir) {
    TRY(loaded_open(&m->adapted, &(struct loaded_options){.model_dir = m->o->model,
                                                          .adapter_dir = adapter_dir,
                                                          .max_tokens = m->prompts.longest}));
    const struct merged_form form = {.look = look, .ctx = m};
    err e = adapter_save_merged_as(&m->adapted.model, m->adapted.adapter, m->o->model, m->o->out,
                                   &form);
    loaded_close(&m->adapted);
    return e;
}

/* One adapter as it is, whatever its kind; several, or one with a weight, as their sum. */
static err merge(struct merging *m) {
    struct str temporary = {0};
    if (m->n_parts == 1 && m->parts[0].weight == 1) return merge_one(m, m->parts[0].dir);
    TRY(str_printf(&temporary, "%s.tmp-combine", m->o->out));
    const char *dir = str_text(&temporary);
    err e = combine(m, dir);
    if (e == ERR_OK) e = merge_one(m, dir);
    e = e == ERR_OK ? dir_remove(dir) : dir_give_up(e, dir);
    str_release(&temporary);
    return e;
}

/* ---- what is told ---- */

static err as_text(const struct merging *m, struct str *out) {
    const struct comparison *c = &m->found;
    return str_printf(out,
                      "%-24s %lld\n%-24s %.3g, at most %.3g\n%-24s %.3g, where logits reach %.3g\n"
                      "%-24s %lld of %lld\n",
                      "positions compared", (long long)c->positions, "relative difference",
                      comparison_relative(c), m->bound, "largest difference", c->largest,
                      c->largest_logit, "same greedy token", (long long)c->same_greedy,
                      (long long)c->positions);
}

static err as_json(const struct merging *m, json_t *out) {
    const struct comparison *c = &m->found;
    TRY(json_put(out, "positions", json_integer(c->positions)));
    TRY(json_put(out, "relative_difference", json_real(comparison_relative(c))));
    TRY(json_put(out, "bound", json_real(m->bound)));
    TRY(json_put(out, "largest_difference", json_real(c->largest)));
    TRY(json_put(out, "largest_logit", json_real(c->largest_logit)));
    return json_put(out, "same_greedy", json_integer(c->same_greedy));
}

static err show(const struct merging *m) {
    struct str text = {0};
    json_t *value = json_object();
    err e = value ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = m->o->json ? as_json(m, value) : as_text(m, &text);
    if (e == ERR_OK) e = m->o->json ? print_json(value) : print_text(&text);
    json_decref(value);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    struct merging m = {.o = given};
    struct model_config config;
    TRY(check_options(m.o));
    TRY(read_parts(&m, arena));
    if (m.o->to_adapter) return to_adapter(&m);
    TRY(model_read_config(&config, m.o->model));
    err e = prompts_read(&m.prompts, m.o->prompts, m.o->model, &config, arena);
    model_config_release(&config);
    if (e == ERR_OK) e = merge(&m);
    return e == ERR_OK ? show(&m) : e;
}

const struct command cmd_model_merge = {
    .noun = "model",
    .verb = "merge",
    .summary = "a model and PEFT adapters become one model folder",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct merge_options),
    .run = run,
};
