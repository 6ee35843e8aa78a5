/* SPDX-License-Identifier: Apache-2.0
 * A user's own task, in YAML:
 *   cotrain_task: 1
 *   name: capitals
 *   data: capitals.jsonl                    # an object a line; beside this file
 *   prompt: "{country}的首都是哪里？<sep>"   # {field} is the line's; {{ and }} are braces
 *   expected: "{city}"
 *   extract: "答案是(.+?)。"                 # of its last match the first group; none: all of it
 *   metric: exact_match                     # contains, number, symbolic, rouge_l; or a list
 *   max_new_tokens: 64
 * Asked, kept, scored and compared like a published suite, by its name. Faults name file and line.
 * Read next: eval/suite.h. */
#ifndef COTRAIN_EVAL_USER_TASK_H
#define COTRAIN_EVAL_USER_TASK_H

#include "base/opt.h"
#include "eval/task.h"

struct user_tasks {
    struct arena arena;
    const struct eval_task **items;
    int64_t n;
};
/* Reads the files. A name that a task of the table or another file has is refused. */
MUST_CHECK err user_tasks_open(struct user_tasks *u, const struct opt_list *files);
void user_tasks_close(struct user_tasks *u);
/* As eval_task_find, user's tasks first; `u` may be NULL. */
MUST_CHECK err user_tasks_find(const struct user_tasks *u, const char *name,
                               const struct eval_task **out);
/* The path of the data of a user's task. */
const char *user_task_data(const struct eval_task *task);
bool user_tasks_has(const struct user_tasks *u, const struct eval_task *task);

#endif
