/* SPDX-License-Identifier: Apache-2.0
 * The table of loggers, from loggers.def, and what they share: reading a line of run.jsonl and
 * adding it up. Lines are read again where that is needed and never held: a long run has many.
 * Read next: trainer/loggers/logger.h. */
#include "trainer/loggers/logger.h"

#include "base/file.h"
#include "base/mem.h"
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 16 };

#define LOGGER(name) extern const struct logger_kind name##_logger;
#include "trainer/loggers/loggers.def"
#undef LOGGER

const struct logger_kind *const logger_kinds[] = {
#define LOGGER(name) &name##_logger,
#include "trainer/loggers/loggers.def"
#undef LOGGER
};

/* A number that a line may lack: 0. */
static double number(const json_t *line, const char *key) {
    return json_number_value(json_object_get(line, key));
}

static void take_evaluation(struct log_line *l, const json_t *line) {
    const json_t *best = json_object_get(line, "best");
    l->scores = line;
    l->evaluated = json_object_get(line, "eval_rows") != NULL;
    l->eval_seconds = number(line, "eval_seconds");
    l->eval_rows = number(line, "eval_rows");
    l->seconds += l->eval_seconds;
    if (!best) return; /* as it was */
    l->best_step = json_int_of(best, "step");
    l->best_value = number(best, "value");
}

err log_fold_take(struct log_fold *f, const json_t *line) {
    struct log_line *l = &f->line;
    const int64_t every = f->run->options->logging_steps;
    int64_t tokens;
    TRY(json_need_int(line, "step", &l->step));
    TRY(json_need_number(line, "loss", &l->loss));
    TRY(json_need_number(line, "lr", &l->lr));
    TRY(json_need_number(line, "grad_norm", &l->gradient_norm));
    TRY(json_need_int(line, "tokens", &tokens));
    l->time = number(line, "time");
    l->tokens_per_second = number(line, "tokens_per_second");
    l->of_peak = number(line, "of_peak");
    l->memory_bytes = number(line, "memory_bytes");
    l->tokens += tokens;
    l->seconds += number(line, "seconds");
    if (f->run->steps_per_epoch > 0) l->epoch = (double)l->step / (double)f->run->steps_per_epoch;
    take_evaluation(l, line);
    f->loss_sum += l->loss;
    f->n_losses++;
    l->loss_mean = f->loss_sum / (double)f->n_losses;
    l->logged = every == 0 || l->step % every == 0;
    if (l->logged) {
        f->loss_sum = 0;
        f->n_losses = 0;
    }
    return ERR_OK;
}

struct replay {
    struct log_fold *fold;
    err (*take)(void *ctx, const struct log_line *line);
    void *ctx;
};

static err replay_line(const struct replay *p, const struct line_reader *r) {
    json_t *line = NULL;
    TRY(json_parse(r->line, r->len, "run.jsonl", &line));
    err e = log_fold_take(p->fold, line);
    if (e == ERR_OK && p->take) e = p->take(p->ctx, &p->fold->line);
    json_decref(line);
    return e;
}

err log_replay(const struct logger_run *run, struct log_fold *fold,
               err (*take)(void *ctx, const struct log_line *line), void *ctx) {
    const struct replay replay = {fold, take, ctx};
    struct line_reader r;
    bool more = true;
    *fold = (struct log_fold){.run = run};
    TRY(line_reader_open(&r, run->record, MAX_LINE_BYTES));
    err e = ERR_OK;
    while (e == ERR_OK) {
        e = line_reader_next(&r, &more);
        if (e != ERR_OK || !more) break;
        e = replay_line(&replay, &r);
    }
    line_reader_close(&r);
    return e == ERR_OK ? e : fail_in(e, "'%s'", run->record);
}

err log_scores(const struct log_line *line, err (*take)(void *ctx, const char *name, double value),
               void *ctx) {
    static const char prefix[] = "eval_";
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)line->scores, key, value) {
        const bool score = str_starts(key, prefix) && strcmp(key, "eval_rows") != 0 &&
                           strcmp(key, "eval_seconds") != 0;
        if (score) TRY(take(ctx, key + sizeof prefix - 1, json_number_value(value)));
    }
    return ERR_OK;
}

err log_put_score(void *ctx, const char *name, double value) {
    struct str key = {0};
    err e = str_printf(&key, "eval_%s", name);
    if (e == ERR_OK) e = json_put(ctx, str_text(&key), json_real(value));
    str_release(&key);
    return e;
}

/* ---- all of a run's ---- */

static bool is_wanted(const struct logger_kind *kind, const struct train_options *o) {
    return kind->always || opt_list_has(&o->report_to, kind->name) ||
           opt_list_has(&o->report_to, "all");
}

err loggers_begin(struct loggers *l, const struct logger_run *run) {
    l->run = *run;
    TRY(log_replay(&l->run, &l->fold, NULL, NULL));
    for (int i = 0; i < N_LOGGERS; i++) {
        if (!is_wanted(logger_kinds[i], run->options)) continue;
        struct logger *one = &l->items[l->n++];
        *one = (struct logger){.kind = logger_kinds[i], .run = &l->run};
        if (one->kind->begin) TRY(one->kind->begin(one, &l->fold.line));
    }
    return ERR_OK;
}

err loggers_step(struct loggers *l, const json_t *line) {
    TRY(log_fold_take(&l->fold, line));
    for (int i = 0; i < l->n; i++)
        if (l->items[i].kind->step) TRY(l->items[i].kind->step(&l->items[i], &l->fold.line));
    return ERR_OK;
}

err loggers_flush(struct loggers *l) {
    for (int i = 0; i < l->n; i++)
        if (l->items[i].kind->flush) TRY(l->items[i].kind->flush(&l->items[i], &l->fold.line));
    return ERR_OK;
}

err loggers_end(struct loggers *l) {
    for (int i = 0; i < l->n; i++)
        if (l->items[i].kind->end) TRY(l->items[i].kind->end(&l->items[i]));
    return ERR_OK;
}

void loggers_release(struct loggers *l) {
    for (int i = 0; i < l->n; i++) mem_free(l->items[i].path);
    *l = (struct loggers){0};
}
