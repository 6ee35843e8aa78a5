/* SPDX-License-Identifier: Apache-2.0
 * An evaluation's memory from what it needs (eval/memory.h). Nothing is allocated here: the same
 * functions serve who only plans and who then allocates.
 * Read next: eval/subject.c, which allocates it, and cli/eval_plan.c, which shows it. */
#include "eval/memory.h"

#include "eval/task.h"
#include "model/decoder.h"
#include <string.h>

enum { MARKS = 4 }; /* what a tokenizer puts around a prompt, at most */

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

void eval_need_add(struct eval_need *need, const struct eval_need *more) {
    need->pass_tokens = larger(need->pass_tokens, more->pass_tokens);
    need->text_tokens = larger(need->text_tokens, more->text_tokens);
    need->n_texts = larger(need->n_texts, more->n_texts);
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
    *out = (struct eval_memory){.text_tokens = tokens,
                                .pass_bytes = (int64_t)plan->total_bytes,
                                .mapped_bytes = (int64_t)plan_bytes(plan, PLAN_MAPPED)};
    if (tokens == 0 || need->n_texts == 0) return ERR_OK;
    struct decoder_options options = {.n_texts =
                                          need->n_texts < EVAL_TEXTS ? need->n_texts : EVAL_TEXTS,
                                      .max_tokens = tokens,
                                      .isolate = ISOLATE_NONE};
    err result = decoder_fit(m, &options, limit - out->pass_bytes, &out->decoder_bytes);
    out->n_texts = options.n_texts;
    return fail_in(result, "evaluation");
}
