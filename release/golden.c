/* SPDX-License-Identifier: Apache-2.0
 * Choosing, asking and comparing golden prompts (release/golden.h). The file itself is
 * release/golden_file.c.
 * Read next: release/parity.c. */
#include "release/golden.h"
#include "base/mem.h"
#include "model/generate.h"
#include <string.h>

static err add_prompt(struct golden *g, const struct golden_source *from, const char *kind,
                      const struct golden_prompt *one) {
    struct golden_prompt *p = &g->prompts[g->n];
    if (g->n == GOLDEN_PROMPTS_MAX) return ERR_OK;
    err result = tokenizer_encode_prompt(from->tokenizer, one->text, strlen(one->text),
                                         from->whitespace, &p->ids);
    if (result != ERR_OK || p->ids.n + g->max_new_tokens > from->max_positions) {
        tokens_release(&p->ids);
        return result;
    }
    g->n++;
    p->kind = kind;
    p->request = arena_strdup(&g->arena, one->request);
    p->text = arena_strdup(&g->arena, one->text);
    if (p->request == NULL || p->text == NULL) return ERR_MEMORY;
    if (p->ids.n + g->max_new_tokens > g->longest) g->longest = p->ids.n + g->max_new_tokens;
    return ERR_OK;
}

err golden_choose(struct golden *g, const struct golden_source *from) {
    *g = (struct golden){.max_new_tokens = GOLDEN_NEW_TOKENS, .whitespace = from->whitespace};
    g->prompts = mem_zalloc(GOLDEN_PROMPTS_MAX, sizeof *g->prompts);
    if (g->prompts == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < from->requests->n; i++) {
        const struct request *r = &from->requests->items[i];
        if (r->n_examples == 0) continue;
        struct golden_prompt one = {.request = r->id, .text = r->examples[0].prompt};
        TRY(add_prompt(g, from, "example", &one));
    }
    for (int64_t i = 0; i < from->cases->n_groups && !from->cases->sealed; i++) {
        const struct eval_group *group = &from->cases->groups[i];
        if (group->n_cases == 0) continue;
        struct golden_prompt one = {.request = group->request, .text = group->cases[0].prompt};
        TRY(add_prompt(g, from, "case", &one));
    }
    return ERR_OK;
}

static void take_top(const float *logits, int64_t n, struct golden_answer *a) {
    for (int k = 0; k < GOLDEN_TOP; k++) {
        int64_t best = -1;
        for (int64_t i = 0; i < n; i++) {
            bool taken = false;
            for (int j = 0; j < k; j++) taken = taken || a->top_ids[j] == i;
            if (!taken && (best < 0 || logits[i] > logits[best])) best = i;
        }
        a->top_ids[k] = (int32_t)(best >= 0 ? best : 0);
        a->top_logits[k] = best >= 0 ? logits[best] : 0.0f;
    }
}

static err first_logits(struct decoder *d, const struct tokens *prompt, int64_t vocab,
                        struct golden_answer *out) {
    const struct decoder_part part = {.ids = prompt->ids, .n = prompt->n};
    decoder_clear(d, 0);
    TRY(decoder_feed(d, &part, 1));
    const float *logits = decoder_logits(d, 0);
    take_top(logits, vocab, out);
    return sha256_bytes(logits, (size_t)vocab * sizeof *logits, out->logits);
}

static err ask_one(const struct golden *g, struct eval_subject *s, struct decoder *d, int64_t i,
                   struct golden_answer *out) {
    const struct tokens *prompt = &g->prompts[i].ids;
    struct str words = {0};
    TRY(first_logits(d, prompt, s->model.config.vocab_size, out));
    out->ids.ids = mem_zalloc((size_t)g->max_new_tokens, sizeof *out->ids.ids);
    if (out->ids.ids == NULL) return ERR_MEMORY;
    out->ids.capacity = g->max_new_tokens;
    struct generate_text text = {.prompt = prompt->ids,
                                 .n_prompt = prompt->n,
                                 .max_new_tokens = g->max_new_tokens,
                                 .out = out->ids.ids};
    TRY(generate(d, &text, 1, &(struct generate_options){0}));
    out->ids.n = text.n_out;
    out->ended = text.ended;
    /* A padding row of the embedding may be the likeliest, and no text stands for it. */
    int64_t n_ids = tokenizer_n_ids(s->tokenizer), n = 0;
    while (n < out->ids.n && out->ids.ids[n] < n_ids) n++;
    err result = tokenizer_decode(s->tokenizer, out->ids.ids, n, true, &words);
    if (result == ERR_OK && (out->text = mem_strdup(str_text(&words))) == NULL) result = ERR_MEMORY;
    str_release(&words);
    return result;
}

err golden_ask(const struct golden *g, struct eval_subject *s, struct golden_answer *answers) {
    struct decoder *d = NULL;
    const struct decoder_options shape = {
        .n_texts = 1, .max_tokens = g->longest, .isolate = ISOLATE_NONE};
    if (g->n == 0) return ERR_OK;
    TRY(decoder_new(&d, &s->model, &shape));
    err result = ERR_OK;
    for (int64_t i = 0; i < g->n && result == ERR_OK; i++)
        result = fail_in(ask_one(g, s, d, i, &answers[i]), "golden prompt %lld", (long long)i + 1);
    decoder_free(d);
    return result;
}

void golden_answers_clear(struct golden_answer *answers, int64_t n) {
    for (int64_t i = 0; answers != NULL && i < n; i++) {
        tokens_release(&answers[i].ids);
        mem_free(answers[i].text);
        answers[i] = (struct golden_answer){0};
    }
}

void golden_release(struct golden *g) {
    for (int64_t i = 0; g->prompts != NULL && i < g->n; i++) {
        tokens_release(&g->prompts[i].ids);
        golden_answers_clear(&g->prompts[i].answer, 1);
    }
    mem_free(g->prompts);
    arena_release(&g->arena);
    *g = (struct golden){0};
}

static bool same_ids(const struct tokens *a, const struct tokens *b) {
    return a->n == b->n && memcmp(a->ids, b->ids, (size_t)a->n * sizeof *a->ids) == 0;
}

static err check_encoding(const struct golden *g, const struct tokenizer *t, int64_t i) {
    const struct golden_prompt *p = &g->prompts[i];
    struct tokens ids = {0};
    err result = tokenizer_encode_prompt(t, p->text, strlen(p->text), g->whitespace, &ids);
    if (result == ERR_OK && !same_ids(&ids, &p->ids))
        result =
            fail(ERR_MISMATCH, "golden prompt %lld: its token ids are others", (long long)i + 1);
    tokens_release(&ids);
    return result;
}

static err compare_one(const struct golden_answer *want, const struct golden_answer *got) {
    if (strcmp(want->logits, got->logits) != 0)
        return fail(ERR_MISMATCH, "the logits after it are others: SHA-256 %.16s..., not %.16s...",
                    got->logits, want->logits);
    if (!same_ids(&want->ids, &got->ids) || want->ended != got->ended)
        return fail(ERR_MISMATCH, "its greedy answer is another: '%s', not '%s'", got->text,
                    want->text != NULL ? want->text : "");
    return ERR_OK;
}

err golden_compare(const struct golden *g, struct eval_subject *s) {
    err result = ERR_OK;
    for (int64_t i = 0; i < g->n && result == ERR_OK; i++)
        result = check_encoding(g, s->tokenizer, i);
    TRY(result);
    struct golden_answer *answers = mem_zalloc((size_t)g->n + 1, sizeof *answers);
    if (answers == NULL) return ERR_MEMORY;
    result = golden_ask(g, s, answers);
    for (int64_t i = 0; i < g->n && result == ERR_OK; i++)
        result = fail_in(compare_one(&g->prompts[i].answer, &answers[i]), "golden prompt %lld",
                         (long long)i + 1);
    golden_answers_clear(answers, g->n);
    mem_free(answers);
    return result;
}
