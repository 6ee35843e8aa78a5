/* SPDX-License-Identifier: Apache-2.0
 * Answers to many prompts, as many side by side as memory allows; where one ends, the next takes
 * its place. What is answered depends on the prompt, its number and the options alone: not on
 * threads, nor on which other prompts are asked.
 * Read next: model/generate.h, which makes them, eval/tasks/requests.c for who asks. */
#ifndef COTRAIN_EVAL_ANSWERS_H
#define COTRAIN_EVAL_ANSWERS_H

#include "eval/subject.h"
#include "model/sample.h"

struct answer {
    const char *prompt;   /* in */
    uint64_t number;      /* in: keys its random numbers, where `sampling` draws */
    char *text;           /* out: what was answered, special tokens left out (mem_alloc) */
    struct tokens tokens; /* out, for `whole`: the prompt's, the answer's, <eod> where it ended */
    int64_t n_prompt_tokens, n_tokens;
    bool ended; /* with <eod>, not for want of room */
};
struct answer_options {
    int64_t max_new_tokens;
    enum special_whitespace whitespace;
    struct sampling sampling; /* zeroed: greedy */
    /* As the published suites are asked: special tokens in the prompt are special tokens, and it is
     * all of the prompt; `text` is prompt and answer decoded together, special tokens as text; a
     * prompt without room for one more token gets no answer. */
    bool whole;
    bool alone; /* with `whole`: but `text` is the answer's alone, special tokens left out */
    /* Number i is answered: as they end, not in order. One that fails ends all. NULL: nobody
     * listens. */
    MUST_CHECK err (*on_answer)(void *ctx, int64_t i);
    void *ctx;
};

/* Answers all; the error names the prompt that it is about. An answer ends at the model's last
 * position at the latest. */
MUST_CHECK err answers_decode(struct eval_subject *s, struct answer *answers, int64_t n,
                              const struct answer_options *options);
void answers_clear(struct answer *answers, int64_t n); /* frees texts and tokens */

#endif
