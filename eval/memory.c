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
 * A task has what is asked 14 times at most: token ids of the prompt (no more of them than bytes, 4
 * bytes each, in a list that doubles), question, prompt and solution as the file gives them, and in
 * the line as prompt, in the official record, and before the answer. The answer is in the line, and
 * as the scorer cut it. A row of the report has what the scorer cut of both.
 * One text at a time is encoded (225 bytes of sentencepiece's a byte were measured, of one-byte
 * tokens), and one answer decoded, written as JSON (a byte becomes 6 at most, in a text that grows
 * by half) and scored; its token ids are a JSON number each, and sentencepiece has the spelling of
 * each. */
enum {
    LINE_BYTES = 5 << 10,
    ROW_BYTES = 4 << 10,
    OPTION_BYTES = 1536,
    ASKED_COPIES = 14,
    ENCODED_BYTES = 256,
    WRITTEN_COPIES = 16,
    TOKEN_ID_BYTES = 512,
    LEAST_TOKEN_BYTES = 4, /* on average: more than a model's frequent tokens have */
    YUAN_TOKEN_BYTES = 512 /* 256 times the piece that spells a space */
};

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* A line's end is recorded as <n>; a byte that is no character becomes U+FFFD, and an unknown piece
 * a sign between spaces. */
static int64_t piece_bytes(const struct token_info *token) {
    int64_t n = (int64_t)token->text_bytes;
    if (token->kind == TOKEN_BYTE) return 3;
    for (size_t i = 0; i < token->text_bytes; i++) n += token->text[i] == '\n' ? 2 : 0;
    return n + (token->kind == TOKEN_SPECIAL); /* a space stands beside it */
}

int64_t eval_token_bytes(const struct tokenizer *t) {
    int64_t most = 5;
    if (t == NULL) return YUAN_TOKEN_BYTES;
    for (int64_t id = 0; id < tokenizer_n_ids(t); id++) {
        const struct token_info token = tokenizer_token(t, (int32_t)id);
        most = larger(most, piece_bytes(&token));
    }
    return most;
}

void eval_need_add(struct eval_need *need, const struct eval_need *more) {
    need->pass_tokens = larger(need->pass_tokens, more->pass_tokens);
    need->text_tokens = larger(need->text_tokens, more->text_tokens);
    need->n_texts = larger(need->n_texts, more->n_texts);
    need->held_bytes = larger(need->held_bytes, more->held_bytes);
    need->report_bytes += more->report_bytes;
    need->task_tokens = larger(need->task_tokens, more->task_tokens);
    need->all_tokens += more->all_tokens;
    need->asked_most = larger(need->asked_most, more->asked_most);
    need->answer_most = larger(need->answer_most, more->answer_most);
    need->token_bytes = larger(need->token_bytes, more->token_bytes);
}

void eval_need_answer(struct eval_need *need, int64_t asked_bytes, int64_t answer_tokens) {
    need->held_bytes += LINE_BYTES + ASKED_COPIES * asked_bytes;
    need->report_bytes += ROW_BYTES + asked_bytes;
    need->task_tokens += answer_tokens;
    need->all_tokens += answer_tokens;
    need->asked_most = larger(need->asked_most, asked_bytes);
    need->answer_most = larger(need->answer_most, answer_tokens);
}

void eval_need_option(struct eval_need *need, int64_t asked_bytes) {
    need->held_bytes += OPTION_BYTES + ASKED_COPIES * asked_bytes;
    need->asked_most = larger(need->asked_most, asked_bytes);
}

/* Bytes of a text of `token_bytes` a token in every answer. */
static int64_t answers_bytes(const struct eval_need *need, int64_t token_bytes) {
    return token_bytes * (EVAL_HELD_COPIES * need->task_tokens + need->all_tokens);
}

int64_t eval_need_bytes(const struct eval_need *need, int64_t token_bytes) {
    const int64_t longest = need->token_bytes * need->answer_most;
    const int64_t at_once = ENCODED_BYTES * need->asked_most +
                            WRITTEN_COPIES * (need->asked_most + longest) +
                            TOKEN_ID_BYTES * need->answer_most;
    return need->held_bytes + need->report_bytes + at_once + answers_bytes(need, token_bytes);
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

/* As many texts side by side as there is room for, with answers of the least length. */
static err find_decoder(const struct model *m, const struct eval_need *need, int64_t left,
                        struct eval_memory *out) {
    const int64_t positions = m->config.max_positions,
                  tokens = need->text_tokens < positions ? need->text_tokens : positions;
    out->text_tokens = tokens;
    if (tokens == 0 || need->n_texts == 0) return ERR_OK;
    struct decoder_options options = {.n_texts =
                                          need->n_texts < EVAL_TEXTS ? need->n_texts : EVAL_TEXTS,
                                      .max_tokens = tokens,
                                      .isolate = ISOLATE_NONE};
    TRY(decoder_fit(m, &options, left, &out->decoder_bytes));
    out->n_texts = options.n_texts;
    return ERR_OK;
}

/* Answers have what the decoder leaves, and no more than they can be. */
static void find_answers(const struct eval_need *need, int64_t left, struct eval_memory *out) {
    const int64_t most = eval_need_bytes(need, need->token_bytes);
    const int64_t rest = eval_need_bytes(need, 0);
    out->text_bytes = most <= left ? most : left;
    out->answer_bytes = most <= left ? 0 : left - rest;
}

err eval_memory_find(const struct model *m, const struct plan *plan, const struct eval_need *need,
                     int64_t limit, struct eval_memory *out) {
    const bool on_host = m->compute->backend->host_memory;
    *out = (struct eval_memory){.pass_bytes = (int64_t)plan->total_bytes,
                                .mapped_bytes = (int64_t)plan_bytes(plan, PLAN_MAPPED)};
    const int64_t least_token =
        need->token_bytes < LEAST_TOKEN_BYTES ? need->token_bytes : LEAST_TOKEN_BYTES;
    const int64_t least = on_host ? eval_need_bytes(need, least_token) : 0;
    const int64_t left = limit - out->pass_bytes;
    if (least > left)
        return fail(ERR_LIMIT,
                    "evaluation: the model takes %lld bytes and the tasks' texts %lld, and %lld "
                    "are left",
                    (long long)out->pass_bytes, (long long)least, (long long)larger(limit, 0));
    TRY(fail_in(find_decoder(m, need, left - least, out), "evaluation"));
    if (on_host) find_answers(need, left - out->decoder_bytes, out);
    return ERR_OK;
}
