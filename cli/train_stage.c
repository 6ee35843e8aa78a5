/* SPDX-License-Identifier: Apache-2.0
 * From a dataset to a trained model (cli/train_stage.h): joins data/'s loader to the trainer's
 * source of rows and eval/'s validation to its on_eval, since the trainer itself knows neither.
 * Read next: trainer/loop.c. */
#include "cli/train_stage.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "compute/plan.h"
#include "cli/machine.h"
#include "cli/smaller.h"
#include "cli/timing.h"
#include "cli/train_display.h"
#include "cli/train_eval.h"
#include "cli/train_rows.h"
#include <stdio.h>
#include <string.h>

struct training {
    const struct train_stage *stage;
    struct dataset *dataset;
    struct train_rows rows;
    struct train_eval evaluation;
    struct compute compute;
    struct model model;
    struct adapter *adapter;
    struct plan plan;
    struct fit fit;
    struct memory_use use;
    struct timing timing;
    struct trainer trainer;
    struct train_display display;
    bool compute_is_open, model_is_open, trainer_is_open;
};

static err open_data(struct training *t) {
    const struct train_options *o = &t->stage->chain->train;
    TRY(dataset_open(&t->dataset, t->stage->dataset_dir));
    TRY(train_rows_open(&t->rows, t->dataset, SPLIT_TRAIN, o));
    if (t->stage->dataset_digest) t->rows.source.digest = t->stage->dataset_digest;
    TRY(train_eval_open(&t->evaluation, t->stage->chain, t->dataset));
    int64_t longest = train_eval_max_tokens(&t->evaluation);
    if (longest > t->rows.source.max_row_tokens) t->rows.source.max_row_tokens = longest;
    return ERR_OK;
}

/* ---- what the trainer calls ---- */

static void on_measure(void *ctx, struct train_report *report) {
    struct training *t = ctx;
    report->of_peak = timing_step(&t->timing, &t->trainer, report);
    if (memory_use_look(&t->use) != ERR_OK) err_clear(); /* a look that failed is one look less */
    report->memory_bytes = t->use.now_bytes;
}

static void on_step(void *ctx, const struct train_report *report) {
    struct training *t = ctx;
    train_display_step(&t->display, report);
    if (t->stage->watch) t->stage->watch->on_step(t->stage->watch->ctx, report);
}

static err on_eval(void *ctx, struct model *m, struct train_evaluation *out) {
    return train_eval_run(&((struct training *)ctx)->evaluation, m, out);
}

static bool should_stop(void *ctx) {
    const struct train_watch *watch = ((const struct training *)ctx)->stage->watch;
    return stop_asked() || (watch && watch->should_stop(watch->ctx));
}

/* ---- model ---- */

/* What a saved adapter says of its base: the public name, never a path of one machine. */
static err base_name(const struct chain *c, struct str *out) {
    if (c->release.base_model != NULL) return str_add(out, c->release.base_model);
    const char *path = c->base_model.path;
    size_t end = strlen(path), begin;
    while (end > 1 && path[end - 1] == '/') end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/';) begin--;
    return str_append(out, path + begin, end - begin);
}

static err open_model(struct training *t, const char *name) {
    const struct chain *c = t->stage->chain;
    TRY(compute_open(&t->compute, t->stage->device));
    t->compute_is_open = true;
    TRY(model_open(&t->model, c->base_model.path, &t->compute));
    t->model_is_open = true;
    if (adapter_wanted(&c->adapter))
        TRY(adapter_new(&t->adapter, &t->model, &c->adapter, (uint64_t)c->train.seed));
    struct train_run run = {
        .compute = &t->compute,
        .model = &t->model,
        .adapter = t->adapter,
        .options = &c->train,
        .source = &t->rows.source,
        .dir = t->stage->dir,
        .base_name = name,
        .base_digest = c->base_digest,
        .resume = t->stage->resume,
        .state_steps = c->release.state_steps,
        .ctx = t,
        .on_measure = on_measure,
        .on_step = on_step,
        .on_eval = train_eval_any(&t->evaluation) ? on_eval : NULL,
        .should_stop = should_stop,
    };
    TRY(train_eval_bytes(c, &t->model, train_eval_text_bytes(&t->evaluation), &run.eval_bytes));
    TRY(trainer_init(&t->trainer, &run));
    t->trainer_is_open = true;
    return ERR_OK;
}

/* ---- memory ---- */

static err say(const struct str *text) {
    return fputs(str_text(text), stderr) < 0 ? fail(ERR_IO, "cannot write to standard error")
                                             : ERR_OK;
}

static err say_plan(struct training *t) {
    struct str text = {0};
    char resident[MEMORY_TEXT_SIZE], planned[MEMORY_TEXT_SIZE], mapped[MEMORY_TEXT_SIZE];
    err e = str_printf(&text, "plan: %s resident (%s planned, %s mapped), made again: ",
                       memory_text(fit_resident_bytes(&t->fit), resident),
                       memory_text(t->fit.planned_bytes, planned),
                       memory_text(t->fit.mapped_bytes, mapped));
    if (e == ERR_OK) e = memory_recompute_text(&t->fit, t->model.config.n_layers, &text);
    if (e == ERR_OK) e = str_add(&text, "\nplan: a step ");
    if (e == ERR_OK) e = timing_plan_text(&t->timing, &t->trainer, &text);
    if (e == ERR_OK) e = str_add(&text, "plan: ");
    if (e == ERR_OK) e = train_epoch_text(t->rows.loader, &t->stage->chain->train, &text);
    if (e == ERR_OK) e = say(&text);
    str_release(&text);
    return e;
}

/* Plans within the limit, or refuses before a weight is read. */
static err plan_memory(struct training *t) {
    const struct train_stage *s = t->stage;
    const struct train_source *rows = &t->rows.source;
    struct memory_limit limit;
    TRY(memory_limit_find(s->memory, s->device, &limit));
    TRY(trainer_fit(&t->trainer, &t->plan, limit.bytes, &t->fit));
    if (!memory_fits(&limit, &t->fit))
        return smaller_refuse(&(struct smaller){.chain = s->chain,
                                                .sets = s->sets,
                                                .device = s->device,
                                                .data = {rows->max_row_tokens, rows->max_rows,
                                                         train_eval_text_bytes(&t->evaluation)},
                                                .limit = &limit},
                              &t->fit);
    TRY(timing_start(&t->timing, &t->trainer, t->fit.planned_bytes));
    return say_plan(t);
}

static err start(struct training *t) {
    mem_trim(); /* making the dataset took a tokenizer, and measuring some room */
    TRY(memory_use_start(&t->use));
    TRY(plan_allocate(&t->plan, &t->compute));
    return trainer_start(&t->trainer, &t->plan);
}

static err fill_plan(struct training *t, json_t *out) {
    json_t *epoch = json_object(), *machine = NULL;
    TRY(machine_json(&machine));
    TRY(json_put(out, "machine", machine));
    TRY(json_put(out, "backend", json_string(t->compute.backend->name)));
    TRY(json_put(out, "epoch", epoch));
    TRY(train_epoch_json(t->rows.loader, epoch));
    TRY(memory_json(&t->plan, &t->fit, out));
    TRY(timing_json(&t->timing, &t->trainer, out));
    json_t *used = json_object();
    TRY(json_put(out, "used", used));
    return memory_use_json(&t->use, &t->fit, used);
}

/* What evaluations decided; nothing where they did not. */
static err kept_text(const struct training *t, const struct train_result *r, struct str *out) {
    const struct train_options *o = &t->stage->chain->train;
    const char *metric = best_metric(o);
    if (r->best.step == 0) return ERR_OK;
    if (r->ended_early)
        TRY(str_printf(
            out,
            "kept: training ended early, after step %lld of %lld: eval_%s was no better in "
            "%lld evaluations in a row (train.early_stopping_patience)\n",
            (long long)r->n_steps, (long long)t->trainer.n_steps, metric,
            (long long)r->best.waited));
    return str_printf(
        out, "kept: the model of step %lld, %s; the best eval_%s is %.6g, of step %lld\n",
        (long long)r->kept_step,
        o->load_best_model_at_end ? "the best evaluated (train.load_best_model_at_end)"
                                  : "the last",
        metric, r->best.value, (long long)r->best.step);
}

static err say_kept(const struct training *t, const struct train_result *r) {
    struct str text = {0};
    err e = kept_text(t, r, &text);
    if (e == ERR_OK) e = say(&text);
    str_release(&text);
    return e;
}

static err say_use(const struct training *t) {
    struct str text = {0};
    err e = memory_use_text(&t->use, &t->fit, &text);
    if (e == ERR_OK) e = timing_text(&t->timing, &t->trainer, &text);
    if (e == ERR_OK) e = say(&text);
    str_release(&text);
    return e;
}

/* ---- what is left behind ---- */

/* "choice" is there where evaluations decided something. */
static err fill_result(const struct training *t, const struct train_result *r, json_t *out) {
    TRY(json_put(out, "digest", json_string(r->digest)));
    TRY(json_put(out, "n_steps", json_integer(r->n_steps)));
    TRY(json_put(out, "trained_tokens", json_integer(r->trained_tokens)));
    TRY(json_put(out, "loss", json_real(r->loss)));
    if (r->best.step == 0) return ERR_OK;
    return json_put(out, "choice",
                    json_pack("{s:s+, s:I, s:f, s:I, s:I, s:b}", "metric", "eval_",
                              best_metric(&t->stage->chain->train), "best_step",
                              (json_int_t)r->best.step, "best_value", r->best.value, "kept_step",
                              (json_int_t)r->kept_step, "planned_steps",
                              (json_int_t)t->trainer.n_steps, "ended_early", r->ended_early));
}

struct places {
    char *plan, *adapter, *merged, *result;
};

static err find_places(const char *dir, struct places *p) {
    p->plan = path_join(dir, "plan.json");
    p->adapter = path_join(dir, "adapter");
    p->merged = path_join(dir, "merged");
    p->result = path_join(dir, "result.json");
    return p->plan && p->adapter && p->merged && p->result ? ERR_OK : ERR_MEMORY;
}

static void leave_places(struct places *p) {
    mem_free(p->plan);
    mem_free(p->adapter);
    mem_free(p->merged);
    mem_free(p->result);
}

static err save_adapter(const struct training *t, const char *dir, const char *name) {
    struct str temporary = {0};
    if (t->adapter == NULL) return ERR_OK;
    err result = str_printf(&temporary, "%s.tmp-save", dir);
    const char *at = str_text(&temporary);
    if (result == ERR_OK) result = dir_remove(at);
    if (result == ERR_OK) result = dir_make(at);
    if (result == ERR_OK) result = adapter_save(t->adapter, at, name);
    if (result == ERR_OK) result = dir_commit(at, dir);
    if (result != ERR_OK) result = dir_give_up(result, at);
    str_release(&temporary);
    return result;
}

static err write_json(const char *path, json_t *value, err filled) {
    err result = value == NULL ? fail(ERR_MEMORY, "no memory for '%s'", path) : filled;
    if (result == ERR_OK) result = json_write_file(path, value);
    json_decref(value);
    return result;
}

static err train(struct training *t, const struct places *p, const char *name,
                 struct train_result *out) {
    TRY(open_data(t));
    TRY(open_model(t, name));
    TRY(plan_memory(t));
    TRY(start(t));
    if (t->stage->watch) TRY(t->stage->watch->on_start(t->stage->watch->ctx, &t->trainer));
    const bool on_host = t->compute.backend->host_memory; /* where the plan is of this memory */
    err result = train_display_start(&t->display, t->stage->chain->name, t->rows.source.n_steps,
                                     on_host ? t->fit.planned_bytes + t->fit.eval_bytes : 0);
    if (result == ERR_OK) result = trainer_run(&t->trainer, out);
    train_display_end(&t->display);
    TRY(result); /* a folder of another run is refused before anything in it is touched */
    plan_forget(&t->plan, PLAN_ACTIVATIONS); /* saving takes some of their room */
    TRY(file_remove(p->result));
    TRY(dir_remove(p->adapter));
    TRY(dir_remove(p->merged));
    TRY(save_adapter(t, p->adapter, name));
    TRY(adapter_save_merged_as(
        &t->model, t->adapter, t->stage->chain->base_model.path, p->merged,
        &(struct merged_form){.shard_bytes = t->stage->chain->release.max_shard_size}));
    TRY(say_use(t));
    TRY(say_kept(t, out));
    json_t *value = json_object();
    TRY(write_json(p->plan, value, value != NULL ? fill_plan(t, value) : ERR_OK));
    value = json_object();
    return write_json(p->result, value, value != NULL ? fill_result(t, out, value) : ERR_OK);
}

static void close_training(struct training *t) {
    if (t->trainer_is_open) trainer_release(&t->trainer);
    adapter_free(t->adapter);
    if (t->model_is_open) model_close(&t->model);
    plan_release(&t->plan);
    if (t->compute_is_open) compute_close(&t->compute);
    train_eval_close(&t->evaluation);
    train_rows_close(&t->rows);
    dataset_close(t->dataset);
}

err train_stage(const struct train_stage *s, struct train_result *out) {
    struct training t = {.stage = s};
    struct places places = {0};
    struct str name = {0};
    TRY(stop_catch());
    err result = find_places(s->dir, &places);
    if (result == ERR_OK) result = base_name(s->chain, &name);
    if (result == ERR_OK) result = train(&t, &places, str_text(&name), out);
    close_training(&t);
    str_release(&name);
    leave_places(&places);
    return result;
}
