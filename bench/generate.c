/* SPDX-License-Identifier: Apache-2.0
 * Generation as an evaluation asks for it: texts that begin with the same examples, then a question
 * of its own length each, and answers of several lengths. One at a time, side by side, and side by
 * side where what they share is computed once, in turn within each round; the ratios are taken
 * within rounds, so what else the machine does falls on all three. What it prints:
 * bench/README.md. */
#include "base/mem.h"
#include "base/par.h"
#include "base/str.h"
#include "bench/bench.h"
#include "model/generate.h"
#include <stdio.h>
#include <string.h>

enum {
    ROUNDS = 5,
    TEXTS = 48,
    PREFIX = 160,
    LEAST_QUESTION = 20,
    MORE_QUESTION = 41, /* questions have LEAST_QUESTION to LEAST_QUESTION + MORE_QUESTION - 1 */
    LEAST_ANSWER = 16,
    MORE_ANSWER = 97,
    MOST_PROMPT = PREFIX + LEAST_QUESTION + MORE_QUESTION,
    MOST_ANSWER = LEAST_ANSWER + MORE_ANSWER,
};

struct bench {
    struct compute compute;
    struct model model;
    struct plan plan;
    int64_t n_texts, n_prefix, side;
    int32_t prompts[TEXTS][MOST_PROMPT], out[TEXTS][MOST_ANSWER], first[TEXTS][MOST_ANSWER];
    struct generate_text texts[TEXTS];
    int64_t fed, chosen; /* rows that passes had: of prompts, of answers */
};

static void on_step(void *ctx, int64_t n_prompt, int64_t n_answer) {
    struct bench *b = ctx;
    b->fed += n_prompt;
    b->chosen += n_answer;
}

/* `shared`: all texts begin with the same tokens, but for the first one otherwise. */
static void make_texts(struct bench *b, bool shared) {
    const int64_t V = b->model.config.vocab_size;
    for (int64_t i = 0; i < b->n_texts; i++) {
        const int64_t n = b->n_prefix + LEAST_QUESTION + i * 7919 % MORE_QUESTION;
        for (int64_t t = 0; t < n; t++)
            b->prompts[i][t] =
                (int32_t)((t < b->n_prefix ? t * 7919 : (t + 1) * 104729 + i * 31) % V);
        if (!shared || b->n_prefix == 0) b->prompts[i][0] = (int32_t)(i % V);
        b->texts[i] =
            (struct generate_text){.prompt = b->prompts[i],
                                   .n_prompt = n,
                                   .max_new_tokens = LEAST_ANSWER + i * 6007 % MORE_ANSWER,
                                   .number = (uint64_t)i,
                                   .out = b->out[i]};
    }
}

static err answer(struct bench *b, bool shared, int64_t side, double *seconds) {
    const struct decoder_options shape = {side, MOST_PROMPT + MOST_ANSWER, ISOLATE_NONE};
    const struct generate_options how = {.ignore_eod = true,
                                         .listener = {.on_step = on_step, .ctx = b}};
    struct decoder *d;
    make_texts(b, shared);
    b->fed = b->chosen = 0;
    TRY(decoder_new(&d, &b->model, &shape));
    const double start = bench_now();
    err e = generate(d, b->texts, b->n_texts, &how);
    *seconds = bench_now() - start;
    decoder_free(d);
    return e;
}

struct round {
    double alone, together, shared; /* seconds */
};

static err run_round(struct bench *b, struct round *r, int64_t fed[2]) {
    TRY(answer(b, true, b->side, &r->shared));
    memcpy(b->first, b->out, sizeof b->out);
    fed[1] = b->fed;
    TRY(answer(b, false, b->side, &r->together));
    fed[0] = b->fed;
    /* Without a decoder of more than one text nothing stays to be shared but the place itself. */
    TRY(answer(b, false, 1, &r->alone));
    return ERR_OK;
}

static err run(struct bench *b, const char *dir) {
    struct round rounds[ROUNDS];
    double alone[ROUNDS], together[ROUNDS], shared[ROUNDS], tokens[ROUNDS];
    int64_t fed[2] = {0}, longest = 0, n_tokens = 0;
    TRY(compute_open(&b->compute, NULL));
    TRY(model_open(&b->model, dir, &b->compute));
    TRY(model_plan(&b->model, &b->plan, &(struct model_plan_options){0}));
    TRY(plan_allocate(&b->plan, &b->compute));
    TRY(model_start(&b->model, &b->plan));
    for (int i = 0; i < ROUNDS; i++) TRY(run_round(b, &rounds[i], fed));
    for (int64_t i = 0; i < b->n_texts; i++) {
        n_tokens += b->texts[i].n_out;
        if (b->texts[i].n_out > longest) longest = b->texts[i].n_out;
    }
    for (int i = 0; i < ROUNDS; i++) {
        const struct round *r = &rounds[i];
        alone[i] = r->alone / r->together;
        together[i] = r->together / r->shared;
        shared[i] = r->alone / r->shared;
        tokens[i] = (double)n_tokens / r->shared;
    }
    printf("threads                       %d, %s:%s\n", par_threads(), b->compute.backend->name,
           b->compute.backend->variant);
    printf("texts                         %lld of %lld shared tokens, %lld side by side\n",
           (long long)b->n_texts, (long long)b->n_prefix, (long long)b->side);
    printf("answers                       %lld tokens, the longest %lld\n", (long long)n_tokens,
           (long long)longest);
    printf("prompt rows                   %lld, shared once %lld\n", (long long)fed[0],
           (long long)fed[1]);
    printf("one at a time / side by side  %.2f\n", bench_median(alone, ROUNDS));
    printf("side by side / shared once    %.2f\n", bench_median(together, ROUNDS));
    printf("one at a time / shared once   %.2f\n", bench_median(shared, ROUNDS));
    printf("answers, shared once          %.1f tokens/s\n", bench_median(tokens, ROUNDS));
    return ERR_OK;
}

int main(int argc, char **argv) {
    static struct bench b;
    b.n_texts = TEXTS;
    b.n_prefix = PREFIX;
    b.side = 16;
    par_start(argv);
    if (argc < 2 || argc > 5 || (argc > 2 && str_to_int64(argv[2], &b.side)) ||
        (argc > 3 && str_to_int64(argv[3], &b.n_texts)) ||
        (argc > 4 && str_to_int64(argv[4], &b.n_prefix)) || b.side < 1 || b.n_texts < 1 ||
        b.n_texts > TEXTS || b.n_prefix < 0 || b.n_prefix > PREFIX) {
        fprintf(stderr,
                "usage: bench_generate MODEL_DIR [SIDE] [TEXTS, at most %d] [PREFIX, at most %d]\n",
                TEXTS, PREFIX);
        return 2;
    }
    err e = run(&b, argv[1]);
    if (e) fprintf(stderr, "bench_generate: %s\n", err_message());
    model_close(&b.model);
    plan_release(&b.plan);
    if (b.compute.backend) compute_close(&b.compute);
    return e ? 1 : 0;
}
