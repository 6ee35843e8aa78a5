/* SPDX-License-Identifier: Apache-2.0
 * Tasks that are asked of a model while it is in training: the same tasks as before and after it
 * (eval/run.h), and of each the score that a gate means by its name. The model is somebody else's;
 * what tasks need beside it, a decoder and a tokenizer, stays within a number of bytes.
 * Read next: eval/task.h, cli/train_eval.c. */
#ifndef COTRAIN_EVAL_DURING_H
#define COTRAIN_EVAL_DURING_H

#include "eval/run.h"
#include "eval/user_task.h"

struct eval_during {
    struct eval_context context;
    struct eval_subject subject;
    struct user_tasks own;
    const struct eval_task **tasks;
    int64_t n;
    int64_t max_tokens; /* of one pass that any of them asks for */
    int64_t text_bytes; /* that the heap holds at most while one of them is asked */
};

/* Finds the tasks by name. `run` is read but for its subject, and what it points to must outlive
 * this. `tokenizer` counts what they need (eval_need_text) and is not kept. Close it after a
 * failure, too. */
MUST_CHECK err eval_during_open(struct eval_during *d, const struct eval_run *run,
                                const struct opt_list *names, const struct tokenizer *tokenizer);
/* The model is started, with room for passes of max_tokens; a decoder takes at most memory_bytes.
 */
MUST_CHECK err eval_during_start(struct eval_during *d, const struct model *m,
                                 const char *tokenizer_dir, int64_t memory_bytes);
MUST_CHECK err eval_during_ask(struct eval_during *d, int64_t task, double *out_score);
void eval_during_close(struct eval_during *d);

#endif
