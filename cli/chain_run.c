/* SPDX-License-Identifier: Apache-2.0
 * The chain from data to a verified release (cli/chain_run.h): its steps, what each reads and what
 * each leaves. The after-evaluation measures the merged model, which is what is released.
 * Read next: cli/data_stage.h, cli/train_stage.h, cli/eval_stage.h, cli/gate_stage.h,
 * cli/release_stage.h. */
#include "cli/chain_run.h"

#include "base/file.h"
#include "cli/command.h"
#include "cli/data_stage.h"
#include "cli/eval_stage.h"
#include "cli/expand_stage.h"
#include "cli/gate_stage.h"
#include "cli/release_stage.h"
#include "cli/train_stage.h"
#include "data/dataset/dataset.h"
#include "data/source/files.h"
#include "eval/gates.h"
#include "eval/markdown.h"
#include "eval/report.h"
#include "eval/user_task.h"
#include "release/ledger.h"
#include "release/pack.h"
#include "release/previous.h"
#include "release/verify.h"
#include <string.h>

struct chain_run {
    const struct chain_run_options *options;
    struct chain *chain;
    struct work work;
    char hash[SHA256_HEX_SIZE]; /* of the release */
    json_t *stages;             /* for --json: name, seconds, skipped */
};

/* "train          12.3 s" as each stage ends. */
static err tell(struct chain_run *r, const char *stage, bool skipped, double seconds) {
    TRY(json_push(r->stages, json_pack("{s:s, s:b, s:f}", "stage", stage, "skipped", skipped,
                                       "seconds", seconds)));
    if (r->options->json) return ERR_OK;
    struct str line = {0};
    err result = skipped ? str_printf(&line, "%-12s up to date\n", stage)
                         : str_printf(&line, "%-12s %8.1f s\n", stage, seconds);
    if (result == ERR_OK) result = print_text(&line);
    str_release(&line);
    return result;
}

static err recipe_inputs(struct stage *s, const struct chain_run *r, const char *const *sections) {
    for (; *sections != NULL; sections++)
        TRY(stage_input_section(s, r->chain->resolved, *sections));
    return stage_input_text(s, "base", r->chain->base_digest);
}

/* ---- what rows come from ---- */

/* What the lints look for, and what their limits are held against beside the dataset. */
static err lint_inputs(struct stage *s, const struct chain *c) {
    struct str key = {0};
    if (c->data.sensitive_words)
        TRY(stage_input_path(s, "sensitive words", c->data.sensitive_words));
    if (c->data.lint.n == 0) return ERR_OK;
    err result = str_printf(&key, "%lld", (long long)c->train.sequence_len);
    if (result == ERR_OK) result = stage_input_text(s, "sequence_len", str_text(&key));
    str_release(&key);
    return result;
}

static err files_inputs(struct stage *s, const struct chain_run *r) {
    static const char *const sections[] = {"requests", "data", NULL};
    const struct chain *c = r->chain;
    struct str key = {0};
    TRY(recipe_inputs(s, r, sections));
    TRY(lint_inputs(s, c));
    err result = str_printf(&key, "%lld", (long long)c->train.seed);
    if (result == ERR_OK) result = stage_input_text(s, "seed", str_text(&key));
    str_clear(&key);
    if (result == ERR_OK) result = str_printf(&key, "%d", DATASET_VERSION);
    if (result == ERR_OK) result = stage_input_text(s, "version", str_text(&key));
    for (int64_t i = 0; i < c->data.sources.n && result == ERR_OK; i++) {
        str_clear(&key);
        result = str_printf(&key, "source %lld", (long long)i);
        char hash[SHA256_HEX_SIZE];
        const struct data_source *source = &c->data.sources.items[i];
        if (result == ERR_OK) result = source_sha256(source->path, source->format, hash);
        if (result == ERR_OK) result = stage_input_text(s, str_text(&key), hash);
    }
    if (result == ERR_OK && c->data.replay.path != NULL) {
        char hash[SHA256_HEX_SIZE];
        result = source_sha256(c->data.replay.path,
                               c->data.replay.format ? c->data.replay.format : "auto", hash);
        if (result == ERR_OK) result = stage_input_text(s, "replay", hash);
    }
    for (int64_t i = 0; i < c->requests.n && result == ERR_OK; i++) {
        if (c->requests.items[i].cases == NULL) continue;
        str_clear(&key);
        result = str_printf(&key, "cases %lld", (long long)i);
        if (result == ERR_OK)
            result = stage_input_path(s, str_text(&key), c->requests.items[i].cases);
    }
    str_release(&key);
    return result;
}

/* ---- expand ---- */

static bool expand_is_wanted(const struct chain_run *r) {
    return expand_wanted(r->chain);
}

static err expand_inputs(struct stage *s, const struct chain_run *r) {
    const struct chain *c = r->chain;
    struct str key = {0};
    TRY(files_inputs(s, r));
    err result = ERR_OK;
    if (c->data.expand.teacher.model_dir)
        result = stage_input_path(s, "teacher", c->data.expand.teacher.model_dir);
    for (int64_t i = 0; i < c->requests.n && result == ERR_OK; i++) {
        const struct request *request = &c->requests.items[i];
        for (int64_t k = 0; k < request->n_checks && result == ERR_OK; k++) {
            if (!request->checks[k].path) continue;
            str_clear(&key);
            result = str_printf(&key, "check %lld %lld", (long long)i, (long long)k);
            if (result == ERR_OK)
                result = stage_input_path(s, str_text(&key), request->checks[k].path);
        }
    }
    str_release(&key);
    return result;
}

/* What was answered before is in the log, whatever the inputs were. */
static err expand_do(struct chain_run *r, const struct stage *s, bool go_on) {
    struct expand_result result;
    (void)s, (void)go_on;
    err e = expand_stage(r->chain, r->work.expand, r->options->device, &result);
    json_decref(result.report);
    return e;
}

static void expand_outputs(const struct chain_run *r, const char **out) {
    out[0] = r->work.expand;
}

static err expand_after(struct chain_run *r) {
    return expand_sources(r->chain, r->work.expand);
}

/* ---- data ---- */

static err data_do(struct chain_run *r, const struct stage *s, bool go_on) {
    (void)s, (void)go_on;
    return data_stage(r->chain, r->work.data, r->work.cache);
}

/* Rows that nobody may publish a model of are refused here, not after the training. */
static err data_after(struct chain_run *r) {
    json_t *ledger = NULL;
    TRY(ledger_make(r->work.data, &ledger));
    json_decref(ledger);
    return ERR_OK;
}

static void data_outputs(const struct chain_run *r, const char **out) {
    out[0] = r->work.data;
}

/* ---- evaluation, before and after ---- */

/* A user's task is its file and its data's. */
static err task_files_inputs(struct stage *s, const struct eval_options *o) {
    struct user_tasks own;
    TRY(user_tasks_open(&own, &o->task_files));
    err result = ERR_OK;
    for (int64_t i = 0; i < own.n && result == ERR_OK; i++) {
        const char *data = user_task_data(own.items[i]);
        result = stage_input_path(s, o->task_files.items[i], o->task_files.items[i]);
        if (result == ERR_OK) result = stage_input_path(s, data, data);
    }
    user_tasks_close(&own);
    return result;
}

static err eval_inputs(struct stage *s, const struct chain_run *r) {
    const struct eval_options *o = &r->chain->eval;
    const struct train_options *t = &r->chain->train; /* how validation rows are formed */
    struct str what = {0};
    TRY(stage_input_path(s, "dataset", r->work.data));
    err result = str_printf(&what, "%lld %lld %lld %s %s %s", (long long)o->limit,
                            (long long)o->max_new_tokens, (long long)t->sequence_len, t->overlong,
                            t->loss_mask, t->isolate);
    for (int64_t i = 0; i < o->tasks.n && result == ERR_OK; i++)
        result = str_printf(&what, " %s", o->tasks.items[i]);
    if (result == ERR_OK)
        result = str_printf(&what, " %lld %lld %.17g %lld", (long long)o->suite_max_new_tokens,
                            (long long)o->samples, o->temperature, (long long)o->seed);
    if (result == ERR_OK) result = stage_input_text(s, "eval", str_text(&what));
    str_release(&what);
    TRY(result);
    if (o->retention) TRY(stage_input_path(s, "retention", o->retention));
    if (o->text) TRY(stage_input_path(s, "text", o->text));
    return task_files_inputs(s, o);
}

static err before_inputs(struct stage *s, const struct chain_run *r) {
    TRY(eval_inputs(s, r));
    return stage_input_text(s, "base", r->chain->base_digest);
}

static err after_inputs(struct stage *s, const struct chain_run *r) {
    TRY(eval_inputs(s, r));
    return stage_input_path(s, "merged", r->work.merged);
}

static err evaluate(struct chain_run *r, const char *model_dir, const char *path) {
    struct eval_stage stage = {.chain = r->chain,
                               .options = &r->chain->eval,
                               .model_dir = model_dir,
                               .dataset_dir = r->work.data,
                               .device = r->options->device,
                               .memory = r->options->memory};
    json_t *report = NULL;
    TRY(dir_make(r->work.eval));
    TRY(eval_stage(&stage, &report));
    err result = json_write_file(path, report);
    json_decref(report);
    return result;
}

static err before_do(struct chain_run *r, const struct stage *s, bool go_on) {
    (void)s, (void)go_on;
    return evaluate(r, r->chain->base_model.path, r->work.before);
}

static void before_outputs(const struct chain_run *r, const char **out) {
    out[0] = r->work.before;
}

static err after_do(struct chain_run *r, const struct stage *s, bool go_on) {
    (void)s, (void)go_on;
    return evaluate(r, r->work.merged, r->work.after);
}

static void after_outputs(const struct chain_run *r, const char **out) {
    out[0] = r->work.after;
}

/* ---- train ---- */

static err train_inputs(struct stage *s, const struct chain_run *r) {
    static const char *const sections[] = {"adapter", "train", NULL};
    struct str every = {0}; /* what the release wants of the training */
    TRY(recipe_inputs(s, r, sections));
    err result = str_printf(&every, "%lld", (long long)r->chain->release.state_steps);
    if (result == ERR_OK) result = stage_input_text(s, "state_steps", str_text(&every));
    str_clear(&every);
    if (result == ERR_OK)
        result = str_printf(&every, "%lld", (long long)r->chain->release.max_shard_size);
    if (result == ERR_OK) result = stage_input_text(s, "max_shard_size", str_text(&every));
    str_release(&every);
    return result == ERR_OK ? stage_input_path(s, "dataset", r->work.data) : result;
}

/* Checkpoints of other inputs are of another run: they go. */
static err train_do(struct chain_run *r, const struct stage *s, bool go_on) {
    struct train_result trained;
    (void)s;
    if (!go_on) TRY(dir_remove(r->work.train));
    struct train_stage stage = {.chain = r->chain,
                                .dataset_dir = r->work.data,
                                .dir = r->work.train,
                                .device = r->options->device,
                                .sets = r->options->sets,
                                .memory = r->options->memory,
                                .resume = true};
    return train_stage(&stage, &trained);
}

static void train_outputs(const struct chain_run *r, const char **out) {
    *out++ = r->work.merged;
    *out++ = r->work.adapter;
    *out++ = r->work.plan;
    *out++ = r->work.log;
    *out++ = r->work.result;
}

/* ---- gates ---- */

static err gates_possible(struct chain_run *r) {
    return gate_stage_possible(r->chain, &r->work);
}

static err gates_inputs(struct stage *s, const struct chain_run *r) {
    const struct opt_list *gates = &r->chain->eval.gates;
    for (int64_t i = 0; i < gates->n; i++) TRY(stage_input_text(s, gates->items[i], "gate"));
    TRY(stage_input_path(s, "before", r->work.before));
    return stage_input_path(s, "after", r->work.after);
}

static err gates_do(struct chain_run *r, const struct stage *s, bool go_on) {
    (void)s, (void)go_on;
    return gate_stage(r->chain, &r->work, r->options->json);
}

static void gates_outputs(const struct chain_run *r, const char **out) {
    out[0] = r->work.gates;
}

/* ---- pack ---- */

static err pack_inputs(struct stage *s, const struct chain_run *r) {
    const char *const paths[] = {r->work.data,    r->work.before, r->work.after, r->work.merged,
                                 r->work.adapter, r->work.plan,   r->work.log,   r->work.result};
    const struct release_keys *keys = &r->chain->release.sign;
    TRY(stage_input_text(s, "recipe", r->chain->resolved));
    TRY(stage_input_text(s, "base", r->chain->base_digest));
    TRY(stage_input_text(s, "ssh_key", keys->ssh_key ? keys->ssh_key : ""));
    TRY(stage_input_text(s, "p256_key", keys->p256_key ? keys->p256_key : ""));
    if (r->options->plan) TRY(stage_input_path(s, "month's plan", r->options->plan));
    if (r->chain->release.previous)
        TRY(stage_input_path(s, "previous", r->chain->release.previous));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        TRY(stage_input_path(s, paths[i], paths[i]));
    return ERR_OK;
}

static err pack_do(struct chain_run *r, const struct stage *s, bool go_on) {
    struct release_stage stage = {.chain = r->chain,
                                  .work = &r->work,
                                  .out_dir = r->work.release,
                                  .plan = r->options->plan,
                                  .replace = true,
                                  .json = r->options->json};
    (void)s, (void)go_on;
    return release_stage(&stage, r->hash);
}

static void pack_outputs(const struct chain_run *r, const char **out) {
    out[0] = r->work.release;
}

/* ---- the chain ---- */

enum { MAX_OUTPUTS = 8 };

static const struct step {
    const char *name;
    err (*inputs)(struct stage *s, const struct chain_run *r);
    /* `go_on`: what a run with the same inputs left may be used. */
    err (*work)(struct chain_run *r, const struct stage *s, bool go_on);
    void (*outputs)(const struct chain_run *r, const char **out);
    bool (*wanted)(const struct chain_run *r); /* NULL: always */
    err (*after)(struct chain_run *r);         /* whether it was done now or before; or NULL */
} steps[] = {
    {"expand", expand_inputs, expand_do, expand_outputs, expand_is_wanted, expand_after},
    {"data", files_inputs, data_do, data_outputs, NULL, data_after},
    {"eval-before", before_inputs, before_do, before_outputs, NULL, gates_possible},
    {"train", train_inputs, train_do, train_outputs, NULL, NULL},
    {"eval-after", after_inputs, after_do, after_outputs, NULL, NULL},
    {"gates", gates_inputs, gates_do, gates_outputs, NULL, NULL},
    {"pack", pack_inputs, pack_do, pack_outputs, NULL, NULL},
};

static err run_step(struct chain_run *r, const struct step *step, struct stage *s) {
    const char *outputs[MAX_OUTPUTS] = {NULL};
    bool done = false;
    double seconds = 0.0;
    TRY(step->inputs(s, r));
    TRY(stage_is_done(s, &done));
    if (done) return tell(r, step->name, true, 0.0);
    bool go_on = stage_was_started(s);
    TRY(stage_start(s));
    TRY(step->work(r, s, go_on));
    step->outputs(r, outputs);
    TRY(stage_finish(s, outputs, &seconds));
    return tell(r, step->name, false, seconds);
}

static err run_steps(struct chain_run *r) {
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct stage s = {0};
        if (steps[i].wanted && !steps[i].wanted(r)) continue;
        err result = stage_begin(&s, &r->work, steps[i].name);
        if (result == ERR_OK) result = run_step(r, &steps[i], &s);
        stage_release(&s);
        if (result == ERR_OK && steps[i].after) result = steps[i].after(r);
        if (result != ERR_OK) return fail_in(result, "stage '%s'", steps[i].name);
    }
    return ERR_OK;
}

/* What is told of a chain that came to its end. */
struct told {
    json_t *before, *after, *gates;
};

static err result_json(const struct chain_run *r, const struct told *t, json_t *out) {
    TRY(json_put(out, "release", json_string(r->work.release)));
    TRY(json_put(out, "hash", json_string(r->hash)));
    TRY(put_signatures(r->work.release, out));
    TRY(json_put(out, "stages", json_incref(r->stages)));
    TRY(json_put(out, "gates", json_incref(t->gates)));
    TRY(json_put(out, "before", json_incref(t->before)));
    return json_put(out, "after", json_incref(t->after));
}

static err result_text(const struct chain_run *r, const struct told *t, struct str *out) {
    TRY(str_add(out, "\n"));
    TRY(gates_text(t->gates, out));
    TRY(report_table(t->before, t->after, out));
    TRY(str_add(out, "\n"));
    TRY(release_text(r->work.release, r->hash, out));
    TRY(str_add(out, "verify:  cotrain release verify "));
    TRY(command_word(r->work.release, out));
    TRY(str_add(out, "\nchat:    cotrain chat --model "));
    TRY(command_word(r->work.release, out));
    return str_add(out, "\n");
}

static err show_json(const struct chain_run *r, const struct told *t) {
    json_t *value = json_object();
    err result = result_json(r, t, value);
    if (result == ERR_OK) result = print_json(value);
    json_decref(value);
    return result;
}

static err show_text(const struct chain_run *r, const struct told *t) {
    struct str text = {0};
    err result = result_text(r, t, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

static err show(const struct chain_run *r) {
    struct told t = {.before = NULL};
    err result = report_read(r->work.before, &t.before);
    if (result == ERR_OK) result = report_read(r->work.after, &t.after);
    if (result == ERR_OK) result = gate_stage_read(&r->work, &t.gates);
    if (result == ERR_OK) result = (r->options->json ? show_json : show_text)(r, &t);
    json_decref(t.gates);
    json_decref(t.after);
    json_decref(t.before);
    return result;
}

static err run_chain(struct chain_run *r, struct arena *arena) {
    struct release_facts facts;
    const char *previous = r->chain->release.previous;
    const char *dir = r->options->work;
    if (dir == NULL) dir = arena_printf(arena, "work/%s", r->chain->name);
    if (dir == NULL) return ERR_MEMORY;
    TRY(chain_need_release(r->chain));
    TRY(work_open(&r->work, dir, r->chain->release.name, arena));
    TRY(release_place_check(r->work.release, true));
    if (previous) TRY(previous_check(previous, true));
    TRY(run_steps(r));
    TRY(release_verify(&(struct release_verify){.dir = r->work.release}, &facts));
    memcpy(r->hash, facts.hash, sizeof r->hash);
    release_facts_clear(&facts);
    return show(r);
}

err chain_run(const struct chain_run_options *o, struct arena *arena,
              struct chain_run_result *out) {
    struct chain chain;
    struct chain_run r = {.options = o, .chain = &chain};
    TRY(chain_read_to_pack(&chain, o->recipe, o->sets));
    r.stages = json_array();
    err result = chain_check_base(&chain);
    if (result == ERR_OK) result = run_chain(&r, arena);
    if (result == ERR_OK) {
        *out = (struct chain_run_result){
            .release = r.work.release, .before = r.work.before, .after = r.work.after};
        memcpy(out->hash, r.hash, sizeof out->hash);
    }
    json_decref(r.stages);
    chain_release(&chain);
    return result;
}
