/* SPDX-License-Identifier: Apache-2.0
 * The training loop. One step, over the rows that the source gives for it:
 *   loss = sum of token losses / trained tokens          (both over all rows of the step)
 *   g    = gradient of the sum, from which trainer/update.c makes the updates
 * Token losses are added in token order, so neither loss nor gradient shows the micro-batches.
 * Source: spec of Yuan 2.0 training (schedule); golden trajectories.
 * Read next: trainer/record.c and trainer/checkpoint.c for what is kept of it. */
#include "trainer/trainer.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "trainer/trainer_int.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct step_rows {
    int64_t step; /* from 0 */
    const struct train_row *rows;
    int64_t n, tokens, trained;
};

static err get_rows(const struct trainer *t, int64_t step, struct step_rows *out) {
    const struct train_source *s = t->run.source;
    *out = (struct step_rows){.step = step};
    TRY(s->rows(s->ctx, step, &out->rows, &out->n));
    for (int64_t i = 0; i < out->n; i++) {
        out->tokens += out->rows[i].n;
        for (int64_t j = 0; j < out->rows[i].n; j++)
            out->trained += out->rows[i].targets[j] != TARGET_IGNORE;
    }
    if (out->trained > 0) return ERR_OK;
    err e = step_fail(t, step, ERR_RANGE, "no token of it is trained");
    return fail_hint(e, "see the dataset's masks, and train.loss_mask");
}

/* Rows [begin, end) of a step as a flat batch; `first` is the first one's token number. */
static err fill_batch(struct trainer *t, const struct step_rows *s, int64_t begin, int64_t end,
                      int64_t first) {
    struct trainer_internal *in = t->internal;
    batch_clear(&in->batch);
    in->batch.row_base = first;
    for (int64_t i = begin; i < end; i++) {
        const struct train_row *row = &s->rows[i];
        TRY(batch_add_row(&in->batch, row->n, row->ids, row->targets, row->doc_start,
                          t->run.source->eod, in->isolate));
    }
    return ERR_OK;
}

static err zero_gradients(struct trainer *t) {
    struct compute *c = t->run.compute;
    TRY(model_zero_gradients(t->run.model));
    for (int64_t i = 0; i < t->internal->n_beside; i++)
        TRY(c->backend->zero(c, t->params[i]->gradient,
                             (size_t)t->params[i]->count * sizeof *t->params[i]->gradient));
    return ERR_OK;
}

/* Sums gradients and token losses over the whole step. */
static err pass(struct trainer *t, const struct step_rows *s, double *loss_sum) {
    struct trainer_internal *in = t->internal;
    const struct model_call call = {
        .batch = &in->batch,
        .training = true,
        .seed = (uint64_t)t->run.options->seed,
        .step = (uint64_t)s->step,
    };
    int64_t first = 0, trained_so_far = 0;
    TRY(zero_gradients(t));
    for (int64_t begin = 0; begin < s->n; begin += t->run.options->micro_batch_size) {
        int64_t end = begin + t->run.options->micro_batch_size, trained;
        double sum;
        TRY(fill_batch(t, s, begin, end < s->n ? end : s->n, first));
        TRY(model_forward(t->run.model, &call));
        TRY(model_loss(t->run.model, &call, 1, &sum, &trained, in->token_loss));
        if (!isfinite(sum)) return update_fail_numeric(t, "the loss is not finite");
        TRY(model_backward(t->run.model, &call));
        for (int64_t i = 0; i < in->batch.n; i++) *loss_sum += (double)in->token_loss[i];
        first += in->batch.n;
        trained_so_far += trained;
    }
    BUG_IF(trained_so_far != s->trained);
    return model_finish_gradients(t->run.model);
}

static err one_step(struct trainer *t, int64_t step, struct train_report *report) {
    struct step_rows rows;
    double started = clock_seconds(), loss_sum = 0;
    TRY(get_rows(t, step, &rows));
    TRY(record_batch(&t->internal->record, rows.rows, rows.n));
    update_begin(t, step, rows.trained);
    TRY(pass(t, &rows, &loss_sum));
    *report = (struct train_report){
        .step = step + 1,
        .n_steps = t->n_steps,
        .lr = t->internal->update.lr,
        .loss = loss_sum / (double)rows.trained,
        .trained_tokens = rows.trained,
        .tokens = rows.tokens,
        .rows = rows.n,
        .batch = t->internal->record.batch,
        .update = t->internal->record.update,
        .digest = t->internal->progress.chain,
    };
    TRY(update_end(t, &report->gradient_norm));
    TRY(record_update(&t->internal->record, t));
    report->seconds = clock_seconds() - started;
    return ERR_OK;
}

/* Evaluates where that is due; *decides: the run's end or its model depends on it. */
static err evaluate(struct trainer *t, struct train_report *report, struct train_evaluation *room,
                    bool *decides) {
    const struct train_options *o = t->run.options;
    *decides = false;
    if (!t->run.on_eval || !evaluation_due(o, t->run.source, report->step)) return ERR_OK;
    const double started = clock_seconds();
    TRY(t->run.on_eval(t->run.ctx, t->run.model, room));
    room->seconds = clock_seconds() - started;
    if (isinf(room->loss))
        return fail(ERR_NUMERIC, "evaluation after step %" PRId64 ": the loss is not finite",
                    report->step);
    report->evaluation = room;
    *decides = best_wanted(o);
    return *decides ? best_take(&t->internal->progress.best, o, report->step, room) : ERR_OK;
}

/* Whether the run is over: all steps are done, or evaluations end it. */
static bool is_over(const struct trainer *t) {
    const struct checkpoint_state *p = &t->internal->progress;
    return p->step == t->n_steps || best_ends(&p->best, t->run.options);
}

/* Whether a checkpoint is due: the model of the best evaluation may be the one to end with. */
static bool is_kept(const struct trainer *t) {
    const struct train_options *o = t->run.options;
    const struct checkpoint_state *p = &t->internal->progress;
    if (is_over(t) || (o->load_best_model_at_end && p->best.step == p->step)) return true;
    if (t->run.state_steps > 0 && p->step % t->run.state_steps == 0) return true;
    return o->save_steps > 0 && p->step % o->save_steps == 0;
}

/* Into run.jsonl, and from there to the loggers. */
static err record(struct trainer *t, const struct record_line *line) {
    struct trainer_internal *in = t->internal;
    json_t *written;
    TRY(record_step(&in->record, line, in->progress.chain, &written));
    err e = loggers_step(&in->loggers, written);
    json_decref(written);
    return e;
}

/* After the update: what there is to write down and to keep. */
static err finish_step(struct trainer *t, struct train_report *report) {
    struct trainer_internal *in = t->internal;
    struct train_evaluation room = {0};
    bool decides;
    TRY(evaluate(t, report, &room, &decides));
    const struct record_line line = {.report = report,
                                     .metric = best_metric(t->run.options),
                                     .value = best_value(t->run.options, &room),
                                     .best = decides ? &in->progress.best : NULL};
    if (t->run.on_measure) t->run.on_measure(t->run.ctx, report);
    TRY(record(t, &line));
    in->progress.step = report->step;
    in->progress.trained_tokens += report->trained_tokens;
    in->progress.loss = report->loss;
    if (t->run.on_step) t->run.on_step(t->run.ctx, report);
    bool stop = !is_over(t) && t->run.should_stop && t->run.should_stop(t->run.ctx);
    if (stop || is_kept(t)) {
        TRY(checkpoint_write(t));
        TRY(loggers_flush(&in->loggers));
        in->kept_step = report->step;
    }
    if (!stop) return ERR_OK;
    err e =
        fail(ERR_STOPPED, "stopped after step %" PRId64 " of %" PRId64, report->step, t->n_steps);
    return fail_hint(e, "a checkpoint is in '%s'; resume goes on from it", t->run.dir);
}

static err begin_loggers(struct trainer *t) {
    const struct model *m = t->run.model;
    struct logger_run run = {
        .dir = t->run.dir,
        .record = t->internal->record.path,
        .options = t->run.options,
        .n_steps = t->n_steps,
        .steps_per_epoch = t->run.source->steps_per_epoch,
    };
    for (int64_t i = 0; i < m->n_params; i++)
        if (strcmp(m->params[i].name, "model.embed_tokens.weight") != 0)
            run.n_weights += m->params[i].count;
    return loggers_begin(&t->internal->loggers, &run);
}

/* Leaves progress, parameters and run.jsonl where the run goes on from. */
static err begin(struct trainer *t) {
    struct trainer_internal *in = t->internal;
    bool found = false;
    TRY(dir_make(t->run.dir));
    if (t->run.resume)
        TRY(checkpoint_read(t, &found));
    else {
        bool any;
        TRY(checkpoint_any(t, &any));
        if (any) {
            err e = fail(ERR_EXISTS, "'%s' holds a run already", t->run.dir);
            return fail_hint(e, "resume it, or train into another folder");
        }
    }
    if (!found) TRY(record_start(&in->progress.identity, in->progress.chain));
    in->kept_step = in->progress.step;
    if (found) LOG(TRAINER, INFO, "going on after step %" PRId64, in->progress.step);
    TRY(record_cut(&in->record, in->progress.step, in->progress.chain));
    return begin_loggers(t);
}

/* A step that a device did not live to end is done again from the checkpoint before. */
static err device_lost(const struct trainer *t) {
    const struct trainer_internal *in = t->internal;
    const err code = in->kept_step > 0 ? ERR_STOPPED : ERR_DEVICE;
    err e = fail_in(code, "step %" PRId64 ": the device was lost", in->progress.step + 1);
    if (code == ERR_DEVICE)
        return fail_hint(e, "there is no checkpoint yet: start again; train.save_steps says when "
                            "there is one");
    return fail_hint(e,
                     "the checkpoint of step %" PRId64 " in '%s' is good; --resume goes on from "
                     "it in a new process",
                     in->kept_step, t->run.dir);
}

/* The weights become those that the run ends with. */
static err end(struct trainer *t, struct train_result *result) {
    const struct checkpoint_state *p = &t->internal->progress;
    *result = (struct train_result){
        .n_steps = p->step,
        .trained_tokens = p->trained_tokens,
        .loss = p->loss,
        .best = p->best,
        .kept_step = t->run.options->load_best_model_at_end ? p->best.step : p->step,
        .ended_early = p->step < t->n_steps,
    };
    memcpy(result->digest, p->chain, sizeof result->digest);
    TRY(loggers_end(&t->internal->loggers));
    return result->kept_step == p->step ? ERR_OK : checkpoint_read_best(t);
}

err trainer_run(struct trainer *t, struct train_result *result) {
    if (best_wanted(t->run.options) && !t->run.on_eval) {
        err e = fail(ERR_MISSING, "a model is to be chosen by evaluations, and there is nothing to "
                                  "evaluate on");
        return fail_hint(e, "set data.validation, the share of the rows that is kept for it");
    }
    TRY(begin(t));
    while (!is_over(t)) {
        struct train_report report;
        err e = one_step(t, t->internal->progress.step, &report);
        if (e == ERR_OK) e = finish_step(t, &report);
        if (e != ERR_OK) return e == ERR_DEVICE ? device_lost(t) : e;
    }
    return end(t, result);
}
