/* SPDX-License-Identifier: Apache-2.0
 * One evaluation: opens the model, runs the tasks that the options name, in their order, and
 * returns the report (eval/report.h). The caller of a before and an after hands in the same cases.
 * Read next: eval/task.h. */
#ifndef COTRAIN_EVAL_RUN_H
#define COTRAIN_EVAL_RUN_H

#include "eval/subject.h"
#include "eval/task.h"

struct eval_run {
    const struct eval_options *options;
    struct eval_subject_options subject; /* max_tokens is found here from what the tasks need */
    const struct eval_cases *cases;      /* or NULL */
    struct dataset *dataset;             /* or NULL */
    struct loader_options loader;        /* of validation rows */
    enum isolate isolate;
    enum special_whitespace whitespace;
    struct datasets datasets; /* of the published suites */
    bool unsafe;              /* run a model's programs even where nothing can hold them */
    const char *generations;  /* file that suites' answers are kept in, or NULL */
    int64_t limit;            /* of planned memory (eval/memory.h) */
    /* What it will take at most, before that is allocated; and that it has it now. Or NULL. */
    void (*on_memory)(void *ctx, const struct eval_memory *planned);
    void (*on_most)(void *ctx);
    void *ctx;
};

/* What its tasks may use; without a subject. */
struct eval_context eval_run_context(const struct eval_run *run);

/* What the tasks of a run need. `tokenizer` may be NULL (eval_need_text). */
MUST_CHECK err eval_run_need(const struct eval_run *run, const struct tokenizer *tokenizer,
                             struct eval_need *out);

/* The caller json_decref()s the report. */
MUST_CHECK err eval_run(const struct eval_run *run, json_t **out_report);

#endif
