/* SPDX-License-Identifier: Apache-2.0
 * What a model answered, kept as JSON Lines so that scoring can be repeated without it: one line an
 * item, written when the item is done, and in the order of items when all are.
 *   {"task", "item", "task_id", "model": DIGEST, "adapter": DIGEST or null, "version",
 *    "decoding": "greedy", "seed": 0, "max_new_tokens", "prompt", "tokens": [ids of prompt and
 *    answer], "n_prompt_tokens", "ended", and the record that the scorer reads (eval/suite.h)}
 * Unit tests that the model wrote of an item (eval/judge.h) are a line of their own, with "judge":
 * "tests" and "answer".
 * An interrupted run goes on behind the last whole line; a torn one is taken away. A line of
 * another model, of another length or prompt is refused: it would be passed off as this one's.
 * Read next: eval/suite_run.c. */
#ifndef COTRAIN_EVAL_GENERATIONS_H
#define COTRAIN_EVAL_GENERATIONS_H

#include "base/file.h"
#include "base/json.h"
#include "eval/subject.h"
#include "model/sample.h"

struct generations {
    const char *path;     /* NULL: nothing is kept */
    struct file_map file; /* what it had; no more of it stays in memory than the line at hand */
    json_t *lines;        /* by "TASK ITEM": where in `file` */
    const struct eval_subject *subject;
};

MUST_CHECK err generations_open(struct generations *g, const char *path,
                                const struct eval_subject *subject);
void generations_close(struct generations *g);
/* The line of an item, which the caller json_decref()s, or NULL. One that does not fit is
 * ERR_EXISTS with what differs. */
MUST_CHECK err generations_find(const struct generations *g, const json_t *head, json_t **out);
/* What the file had is not needed any more. */
void generations_forget(struct generations *g);
/* A new object with the members up to "prompt", what a line begins with; `id` may be NULL. */
struct generation_head {
    const char *task, *id, *prompt;
    int64_t item, max_new_tokens;
    int64_t sample; /* number of the answer to this item, or -1: the only one, greedy */
    bool tests;     /* the answer is unit tests for the item: "judge": "tests" */
    const struct sampling *sampling;
};
MUST_CHECK err generations_head(const struct generations *g, const struct generation_head *head,
                                json_t **out);
/* Appends the line to the file. */
MUST_CHECK err generations_add(const struct generations *g, const json_t *line);
/* All lines of a task have been added: they stand in the order of `lines` now (of which "task",
 * "item" and "sample" are read), behind those of other tasks. */
MUST_CHECK err generations_settle(const struct generations *g, const char *task,
                                  const json_t *lines);

#endif
