/* SPDX-License-Identifier: Apache-2.0
 * Loggers: what other programs chart a run from, one file and one line of loggers.def each. None
 * knows more than run.jsonl: a logger is handed its lines, and where a run begins or goes on it
 * reads those that are there, so what it leaves always says what run.jsonl says.
 * Their files hold times and are of the machine that trained: no digest covers them.
 * Read next: trainer/loggers/logger.c, trainer/loggers/trainer_log.c, trainer/record.h. */
#ifndef COTRAIN_TRAINER_LOGGERS_LOGGER_H
#define COTRAIN_TRAINER_LOGGERS_LOGGER_H

#include "base/json.h"
#include "trainer/options.h"

/* Of the run, for all loggers; the caller's, and the same to its end. */
struct logger_run {
    const char *dir;    /* that they write to */
    const char *record; /* path of run.jsonl */
    const struct train_options *options;
    int64_t n_steps, steps_per_epoch;
    int64_t n_weights; /* of the model without its embedding, as the HF trainer counts them */
};

/* One line of run.jsonl, and the sums up to it. */
struct log_line {
    int64_t step;
    double loss, lr, gradient_norm;
    double loss_mean; /* over the steps since the last line that was logged */
    bool logged;      /* a multiple of train.logging_steps; else just what was evaluated is */
    double time;      /* when the step ended, in seconds of the epoch */
    double tokens_per_second;
    double of_peak, memory_bytes; /* 0: not measured */
    bool evaluated;
    const json_t *scores; /* the line itself: see log_scores; not behind the call that tells it */
    double eval_seconds, eval_rows;
    int64_t best_step; /* 0: evaluations decide nothing */
    double best_value;
    /* sums */
    int64_t tokens;
    double seconds;
    double epoch; /* passes over the data, up to this step */
};
struct log_fold {
    const struct logger_run *run;
    struct log_line line; /* the newest */
    double loss_sum;      /* since the last that was logged */
    int64_t n_losses;
};
/* Takes the next line into fold->line. */
MUST_CHECK err log_fold_take(struct log_fold *fold, const json_t *line);
/* Calls `take` for each value of an evaluation: "loss", and tasks by their names. */
MUST_CHECK err log_scores(const struct log_line *line,
                          err (*take)(void *ctx, const char *name, double value), void *ctx);
/* A `take` that puts it into the object `ctx`, under the name with "eval_" before it. */
MUST_CHECK err log_put_score(void *ctx, const char *name, double value);
/* Reads run.jsonl from its first line on and hands out each; `take` may be NULL. *fold ends with
 * the last one. */
MUST_CHECK err log_replay(const struct logger_run *run, struct log_fold *fold,
                          err (*take)(void *ctx, const struct log_line *line), void *ctx);

struct logger {
    const struct logger_kind *kind;
    const struct logger_run *run;
    char *path; /* of its file; by `begin` */
};
struct logger_kind {
    const char *name, *summary;
    bool always; /* whether train.report_to names it or not */
    /* Each may be NULL. `newest`: of the steps that run.jsonl has; step 0 before the first. */
    err (*begin)(struct logger *l, const struct log_line *newest);
    err (*step)(struct logger *l, const struct log_line *line);
    err (*flush)(struct logger *l, const struct log_line *newest); /* at checkpoints, and the end */
    err (*end)(struct logger *l); /* all steps are done; may be called again by a later run */
};
extern const struct logger_kind *const logger_kinds[];
enum {
#define LOGGER(name) LOGGER_##name,
#include "trainer/loggers/loggers.def"
#undef LOGGER
    N_LOGGERS
};

/* Those that a run has, together. Zeroed before; released after a failure, too. */
struct loggers {
    struct logger_run run;
    struct log_fold fold;
    struct logger items[N_LOGGERS];
    int n;
};
/* run.jsonl lies there with the steps that the run goes on after. */
MUST_CHECK err loggers_begin(struct loggers *l, const struct logger_run *run);
/* The line that run.jsonl was just given. */
MUST_CHECK err loggers_step(struct loggers *l, const json_t *line);
MUST_CHECK err loggers_flush(struct loggers *l);
MUST_CHECK err loggers_end(struct loggers *l);
void loggers_release(struct loggers *l);

#endif
