/* SPDX-License-Identifier: Apache-2.0
 * What an evaluation needs, and the memory that it takes for that: told before anything is
 * allocated, kept to, and the same for `cotrain plan`, which has no weights. The model has one plan
 * for passes over whole texts, and a decoder another, for as many texts side by side as fit. Beside
 * them is what the heap holds: a task's items and answers while it runs, and the report. Answers
 * are planned for at the most bytes that the tokenizer's tokens can become; where a limit leaves no
 * room for that, at what it leaves, and the run keeps to it (eval_subject_hold).
 * Read next: eval/subject.h, model/decoder.h. */
#ifndef COTRAIN_EVAL_MEMORY_H
#define COTRAIN_EVAL_MEMORY_H

#include "adapters/adapter.h"
#include "compute/plan.h"
#include "data/tokens/tokenizer.h"
#include "model/model.h"

enum {
    EVAL_TEXTS = 16,     /* side by side, where memory allows */
    EVAL_HELD_COPIES = 2 /* of an answer's text, until its task is scored; the report has another */
};

struct eval_need {
    int64_t pass_tokens;  /* the most of one model_forward; 0: none */
    int64_t text_tokens;  /* the most of a text that is decoded, prompt and answer; 0: none */
    int64_t n_texts;      /* that are decoded by one task, the most */
    int64_t held_bytes;   /* items and answers of one task until it is scored, the most */
    int64_t report_bytes; /* rows of the report, of all tasks; both without the answers' texts: */
    int64_t task_tokens, all_tokens; /* of the answers of one task, the most, and of all tasks */
    int64_t asked_most, answer_most; /* bytes of what is asked, and tokens of an answer, at once */
    int64_t token_bytes;             /* of a token in an answer (eval_token_bytes) */
};
/* The most bytes of text that a token of an answer becomes, as it is decoded or recorded. `t` NULL:
 * of Yuan 2.0's tokenizer. */
int64_t eval_token_bytes(const struct tokenizer *t);
/* What another task needs, too. */
void eval_need_add(struct eval_need *need, const struct eval_need *more);
/* An answer to what has `asked_bytes` of text, all told: what is held until it is scored, and its
 * row of the report. */
void eval_need_answer(struct eval_need *need, int64_t asked_bytes, int64_t answer_tokens);
/* An option that is weighed, with the prompt before it: held beside its item's answer. */
void eval_need_option(struct eval_need *need, int64_t asked_bytes);
/* What the heap holds at most where each token of an answer becomes so many bytes on average. */
int64_t eval_need_bytes(const struct eval_need *need, int64_t token_bytes);
struct eval_memory {
    int64_t n_texts, text_tokens; /* side by side, and of each at most; 0: nothing is decoded */
    int64_t pass_bytes, decoder_bytes; /* of the model's plan, and of a decoder's */
    int64_t text_bytes; /* held by a task, and the report; 0 where the plan is of a GPU's memory */
    int64_t
        answer_bytes; /* of them for answers' texts, where they could be more; 0: all there are */
    int64_t mapped_bytes; /* weights read where the checkpoint has them */
};
/* Reserves what passes of at most max_tokens take (0: none), weights' copies and adapter among it.
 */
MUST_CHECK err eval_memory_plan(struct model *m, struct adapter *adapter, int64_t max_tokens,
                                struct plan *plan);
/* All but the mapped ones: what a limit is for. */
static inline int64_t eval_memory_bytes(const struct eval_memory *m) {
    return m->pass_bytes + m->decoder_bytes + m->text_bytes;
}
/* With such a plan: as many texts side by side as there may be in `limit` planned bytes (INT64_MAX:
 * no limit), then as long answers as there may be. ERR_LIMIT where not even one text has room, with
 * answers of 4 bytes a token. Mapped weights are told beside it and not
 * counted: the system may drop them and read them again. */
MUST_CHECK err eval_memory_find(const struct model *m, const struct plan *plan,
                                const struct eval_need *need, int64_t limit,
                                struct eval_memory *out);

#endif
