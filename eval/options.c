/* SPDX-License-Identifier: Apache-2.0
 * Rows of the recipe's `eval` section. Which tasks exist is told by eval/tasks.def, not here: the
 * names are checked by eval_check_options (eval/task.h), so that the error lists what there is.
 * Read next: eval/options.h for the struct they fill. */
#include "eval/options.h"

#define ROW(field, ...) OPT(struct eval_options, field, __VA_ARGS__)
static const struct opt eval_rows[] = {
    ROW(tasks, .preset = "requests,validation", .help = "tasks that run before and after training"),
    ROW(task_files, .repeated = true, .path = true, .value = "FILE",
        .help = "tasks of one's own, in YAML (docs/evaluation.md); they run behind the others"),
    ROW(gates, .map = true, .value = "TASK: CONDITION",
        .help =
            "what a task's score must do, e.g. {requests: \">= +0.05\"}: a signed number is the "
            "change from before to after, an unsigned one the score after; \"at 95%\" behind it "
            "asks that items show it (docs/evaluation.md)"),
    ROW(retention, .path = true, .value = "FILE",
        .help = "general cases for the task `retention`, JSON Lines of prompt and response"),
    ROW(limit, .min = 0, .max = 1e9, .preset = "0", .help = "cases of each request; 0 takes all"),
    ROW(max_new_tokens, .min = 1, .max = 65536, .preset = "64",
        .help = "longest answer, in tokens"),
    ROW(text, .path = true, .value = "FILE", .help = "plain text for the task `perplexity`"),
    ROW(datasets, .path = true, .value = "DIR",
        .help = "files of the published suites (docs/evaluation.md)"),
    ROW(samples, .min = 0, .max = 10000,
        .help = "answers to each item of a published suite, drawn at random; 0: one, greedy"),
    ROW(temperature, .min = 0.01, .max = 100,
        .help = "temperature of several answers; left out: 0.8"),
    ROW(seed, .min = 0, .max = 1e15, .help = "seed of several answers' random numbers"),
    ROW(suite_max_new_tokens, .min = 0, .max = 65536,
        .help = "longest answer to a published suite, where it is less than the official one"),
};

struct opt_table eval_options_table(void) {
    return OPT_TABLE(eval_rows);
}
