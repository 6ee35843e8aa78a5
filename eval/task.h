/* SPDX-License-Identifier: Apache-2.0
 * A task: one file eval/tasks/<name>.c with one `const struct eval_task eval_task_<name>`, and one
 * line in eval/tasks.def. A task asks the model something and returns its part of the report
 * (eval/report.h). Read next: eval/subject.h (the model under test), eval/run.h (all tasks). */
#ifndef COTRAIN_EVAL_TASK_H
#define COTRAIN_EVAL_TASK_H

#include "base/json.h"
#include "data/steps/loader.h"
#include "data/tokens/tokenizer.h"
#include "eval/cases.h"
#include "eval/memory.h"
#include "eval/options.h"
#include "eval/subject.h"
#include "eval/suite_files.h"

/* What a task may use. Only `options` is always there: a task that lacks something says so. */
struct eval_task;
struct suite;
struct eval_context {
    const struct eval_task *task; /* the one that is asked */
    const struct eval_options *options;
    struct eval_subject *subject;      /* while it runs */
    const struct tokenizer *tokenizer; /* for `need`: the model's, or NULL */
    const struct eval_cases *cases;    /* held-out cases of the requests, or NULL */
    struct dataset *dataset;           /* or NULL */
    struct loader_options loader;      /* how validation rows are formed */
    enum isolate isolate;              /* of validation rows; as in training */
    enum special_whitespace whitespace;
    struct datasets datasets; /* where the published suites' files are */
    bool unsafe;              /* run a model's programs even where nothing can hold them */
    const char *generations;  /* file that suites' answers are kept in, or NULL */
};

/* Adds a text that will be decoded: `prompt`, all of it or as a question (struct answer_options),
 * and `more` tokens. Without a tokenizer no fewer than there can be: a token stands for a byte at
 * least. */
MUST_CHECK err eval_need_text(const struct eval_context *c, const char *prompt, bool whole,
                              int64_t more, struct eval_need *need);

struct eval_task {
    const char *name, *summary;
    const char *metric; /* eval_task_metric; NULL: the suite's scorer names it */
    bool higher_is_better;
    bool has_items; /* its part says what came of each item, so a gate can have a confidence */
    /* Adds what `run` will need (`need` is zeroed), or says what is missing. */
    MUST_CHECK err (*need)(const struct eval_context *c, struct eval_need *need);
    /* A new object with members "task", "metric", "scores" and the task's own. The same bytes
     * whatever the number of threads. */
    MUST_CHECK err (*run)(const struct eval_context *c, json_t **out);
    const struct suite *suite; /* of a published suite (eval/suite.h), else NULL */
};

#define TASK(name) extern const struct eval_task eval_task_##name;
#include "eval/tasks.def"
#undef TASK
extern const struct eval_task *const eval_tasks[];
extern const int n_eval_tasks;

/* The row of that name; an unknown one is ERR_MISSING with the nearest name. */
MUST_CHECK err eval_task_find(const char *name, const struct eval_task **out);
/* The score that a gate means by the task's name. */
const char *eval_task_metric(const struct eval_task *task);
/* Tasks exist, gates can be read and name tasks that run. */
MUST_CHECK err eval_check_options(const struct eval_options *options);

#endif
