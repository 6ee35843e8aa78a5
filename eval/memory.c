/* SPDX-License-Identifier: Apache-2.0
 * An evaluation's memory from what it needs (eval/memory.h). Nothing is allocated here: the same
 * functions serve who only plans and who then allocates.
 * Read next: eval/subject.c, which allocates it, and cli/eval_plan.c, which shows it. */
#include "eval/memory.h"

#include "eval/task.h"
#include "model/decoder.h"
#include <string.h>

enum { MARKS = 4 }; /* what a tokenizer puts around a prompt, at most */

/* What the heap holds, each block with the header of base/mem.c. Of a JSON object a member takes
 * 256 bytes (160 its pair, 96 its value) and a text 96 more, the object itself 512.
 * A line of answers has at most 13 members of which 6 are texts, and with it go 100 bytes each of
 * the item, its place in generation, its token ids and in the file's index; a row of the report has
 * 12 and 5; an option that is weighed 3, token ids and likelihoods.
 * A task has what is asked 10 times at most: question, prompt and solution as the file gives them,
 * token ids of the prompt (4 bytes each, and no more of them than bytes), and in the line as
 * prompt, in the official record, and before the answer. The answer is in the line, and as the
 * scorer cut it. A row of the report has what the scorer cut of both.
 * A token is 4 bytes of text on average: the spellings of the sample model's vocabulary have 3.8,
 * and what it writes has 1.4, at most 2.8 in one answer, since frequent spellings are short. */
enum {
    LINE_BYTES = 5 << 10,
    ROW_BYTES = 4 << 10,
    OPTION_BYTES = 1536,
    ASKED_COPIES = 10,
    ANSWER_COPIES = 2,
    TOKEN_BYTES = 4
};

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

void eval_need_add(struct eval_need *need, const struct eval_need *more) {
    need->pass_tokens = larger(need->pass_tokens, more->pass_tokens);
    need->text_tokens = larger(need->text_tokens, more->text_tokens);
    need->n_texts = larger(need->n_texts, more->n_texts);
    need->held_bytes = larger(need->held_bytes, more->held_bytes);
    need->report_bytes += more->report_bytes;
}

void eval_need_answer(struct eval_need *need, int64_t asked_bytes, int64_t answer_tokens) {
    const int64_t answer_bytes = TOKEN_BYTES * answer_tokens;
    need->held_bytes += LINE_BYTES + ASKED_COPIES * asked_bytes + ANSWER_COPIES * answer_bytes;
    need->report_bytes += ROW_BYTES + asked_bytes + answer_bytes;
}

void eval_need_option(struct eval_need *need, int64_t asked_bytes) {
    need->held_bytes += OPTION_BYTES + ASKED_COPIES * asked_bytes;
}

err eval_need_text(const struct eval_context *c, const char *prompt, bool whole, int64_t more,
                   struct eval_need *need) {
    int64_t n = (int64_t)strlen(prompt) + MARKS;
    if (c->tokenizer != NULL) {
        struct tokens ids = {0};
        err result = (whole ? tokenizer_encode : tokenizer_encode_prompt)(
            c->tokenizer, prompt, strlen(prompt), c->whitespace, &ids);
        n = ids.n;
        tokens_release(&ids);
        TRY(result);
    }
    need->text_tokens = larger(need->text_tokens, n + more);
    need->n_texts++;
    return ERR_OK;
}

err eval_memory_plan(struct model *m, struct adapter *adapter, int64_t max_tokens,
                     struct plan *plan) {
    TRY(model_plan(m, plan, &(struct model_plan_options){.max_tokens = max_tokens}));
    return adapter != NULL ? adapter_plan(adapter, plan, false) : ERR_OK;
}

err eval_memory_find(const struct model *m, const struct plan *plan, const struct eval_need *need,
                     int64_t limit, struct eval_memory *out) {
    const int64_t positions = m->config.max_positions,
                  tokens = need->text_tokens < positions ? need->text_tokens : positions;
    const bool on_host = m->compute->backend->host_memory;
    *out = (struct eval_memory){.text_tokens = tokens,
                                .pass_bytes = (int64_t)plan->total_bytes,
                                .text_bytes = on_host ? need->held_bytes + need->report_bytes : 0,
                                .mapped_bytes = (int64_t)plan_bytes(plan, PLAN_MAPPED)};
    if (tokens == 0 || need->n_texts == 0) return ERR_OK;
    struct decoder_options options = {.n_texts =
                                          need->n_texts < EVAL_TEXTS ? need->n_texts : EVAL_TEXTS,
                                      .max_tokens = tokens,
                                      .isolate = ISOLATE_NONE};
    err result =
        decoder_fit(m, &options, limit - out->pass_bytes - out->text_bytes, &out->decoder_bytes);
    out->n_texts = options.n_texts;
    return fail_in(result, "evaluation");
}
