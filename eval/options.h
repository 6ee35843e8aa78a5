/* SPDX-License-Identifier: Apache-2.0
 * The recipe's `eval` section: which tasks run before and after training, and what their scores
 * must do for a release to be made. Read next: eval/gates.h for what a condition says, eval/task.h
 * for what a task is. */
#ifndef COTRAIN_EVAL_OPTIONS_H
#define COTRAIN_EVAL_OPTIONS_H

#include "base/opt.h"

struct eval_options {
    struct opt_list task_files;   /* users' own tasks (eval/user_task.h), run as if named */
    struct opt_list tasks;        /* rows of eval/tasks.def */
    struct opt_list gates;        /* a map of task to condition; items "task: condition" */
    const char *retention;        /* file of general cases for the task `retention`; NULL: none */
    int64_t limit;                /* cases of each request; 0: all */
    int64_t max_new_tokens;       /* of one answer */
    const char *text;             /* file for the task `perplexity`; NULL: none */
    const char *datasets;         /* folder of the published suites' files; NULL: looked for */
    int64_t suite_max_new_tokens; /* of an answer to a suite; 0: as the suite says */
    int64_t samples;              /* answers to each item of a suite; 0: one, greedy */
    double temperature;           /* of several answers */
    int64_t seed;                 /* of their random numbers */
};
struct opt_table eval_options_table(void);

#endif
