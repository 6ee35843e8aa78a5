/* SPDX-License-Identifier: Apache-2.0
 * Evaluations in the middle of training, which the trainer itself knows nothing of: the loss of the
 * validation rows, and the tasks of train.eval_tasks. Passes run in the memory that training is
 * planned with; a decoder, a tokenizer and the tasks' texts have bytes of their own, which the plan
 * counts.
 * Read next: eval/validation.h, eval/during.h, trainer/best.h. */
#ifndef COTRAIN_CLI_TRAIN_EVAL_H
#define COTRAIN_CLI_TRAIN_EVAL_H

#include "cli/chain.h"
#include "data/dataset/dataset.h"
#include "eval/during.h"
#include "eval/validation.h"
#include "trainer/trainer.h"

struct train_eval {
    const struct chain *chain;
    struct validation validation;
    struct eval_cases cases;
    struct eval_run run;
    struct eval_during during;
    struct train_score *scores;
    int64_t decoder_bytes;
    bool asks; /* there are tasks */
};

/* Whether a recipe's train.eval_tasks can be asked at all, without opening anything. */
MUST_CHECK err train_eval_check(const struct chain *c);
/* What evaluations hold beside the plan: a decoder with room for one text of sequence_len tokens,
 * or for more that are shorter, the tokenizer, and `text_bytes` of the tasks' items and answers, on
 * a backend whose memory they are in. The model may be described only. */
MUST_CHECK err train_eval_bytes(const struct chain *c, const struct model *m, int64_t text_bytes,
                                int64_t *out);

/* `d` must outlive it. Close it after a failure, too. */
MUST_CHECK err train_eval_open(struct train_eval *e, const struct chain *c, struct dataset *d);
void train_eval_close(struct train_eval *e);
/* What the heap holds at most while a task is asked; 0 without tasks. */
int64_t train_eval_text_bytes(const struct train_eval *e);
/* Tokens of the longest pass: what the model must be planned for at least. */
int64_t train_eval_max_tokens(const struct train_eval *e);
/* Whether there is anything to evaluate on. */
bool train_eval_any(const struct train_eval *e);
/* A struct train_run's on_eval, but for the context. The model is started; the first call opens
 * what tasks need. */
MUST_CHECK err train_eval_run(struct train_eval *e, struct model *m, struct train_evaluation *out);

#endif
