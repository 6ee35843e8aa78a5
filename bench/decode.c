/* SPDX-License-Identifier: Apache-2.0
 * Decoding against the memory bandwidth of this machine, in one run. A decoded token reads every
 * weight once, so bandwidth divided by the bytes of a token is the most that decoding can reach.
 * Rounds alternate between reading a buffer and decoding, and the ratio is taken within each round:
 * what else the machine does then falls on both. The same for prompts against a single large
 * product. What it prints: bench/README.md. */
#include "base/log.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/str.h"
#include "bench/bench.h"
#include "compute/ops/product.h"
#include "model/decoder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    ROUNDS = 5,
    BUFFER_BYTES = 1 << 29, /* far more than a cache */
    PIECE_BYTES = 1 << 20,
    PROMPT_TOKENS = 256,
    PRODUCT_ROWS = 256,
};

struct bench {
    struct compute compute;
    struct model model;
    struct plan plan;
    char *buffer;
    uint64_t *sums; /* one a piece, so that no reading is left out */
};

struct round {
    double read_s, decode_s, prompt_s,
        product_s; /* for a byte, a token, a token, a multiplication */
};

static void sum_pieces(void *ctx, int64_t begin, int64_t end, int thread) {
    typedef uint64_t wide __attribute__((vector_size(64)));
    struct bench *b = ctx;
    (void)thread;
    for (int64_t piece = begin; piece < end; piece++) {
        const wide *p = (const wide *)(const void *)(b->buffer + piece * PIECE_BYTES);
        wide sum[4] = {{0}};
        for (int64_t i = 0; i < PIECE_BYTES / (int64_t)sizeof *p; i += 4) {
            for (int j = 0; j < 4; j++) sum[j] += p[i + j];
        }
        sum[0] += sum[1] + sum[2] + sum[3];
        b->sums[piece] = sum[0][0] + sum[0][3] + sum[0][7];
    }
}

static void read_buffer(struct bench *b, struct round *r) {
    const double start = bench_now();
    par_for(BUFFER_BYTES / PIECE_BYTES, 1, sum_pieces, b);
    r->read_s = (bench_now() - start) / BUFFER_BYTES;
}

static err decode(struct bench *b, struct round *r, int64_t n_texts, int64_t n_tokens) {
    struct decoder *d;
    static int32_t prompt[PROMPT_TOKENS];
    const int64_t V = b->model.config.vocab_size;
    const struct decoder_options options = {n_texts, PROMPT_TOKENS + n_tokens, ISOLATE_NONE};
    struct decoder_part *parts = mem_alloc((size_t)n_texts, sizeof *parts);
    if (!parts) return ERR_MEMORY;
    for (int64_t i = 0; i < PROMPT_TOKENS; i++) prompt[i] = (int32_t)(i * 7919 % V);
    err e = decoder_new(&d, &b->model, &options);
    if (e) {
        mem_free(parts);
        return e;
    }
    double start = bench_now();
    for (int64_t i = 0; i < n_texts && !e; i++)
        e = decoder_feed(d, &(struct decoder_part){.text = i, .ids = prompt, .n = PROMPT_TOKENS},
                         1);
    r->prompt_s = (bench_now() - start) / (double)(n_texts * PROMPT_TOKENS);
    start = bench_now();
    for (int64_t t = 0; t < n_tokens && !e; t++) {
        for (int64_t i = 0; i < n_texts; i++)
            parts[i] = (struct decoder_part){.text = i, .ids = &prompt[t], .n = 1};
        e = decoder_feed(d, parts, n_texts);
    }
    r->decode_s = (bench_now() - start) / (double)n_tokens;
    decoder_free(d);
    mem_free(parts);
    return e;
}

/* One large product with the first layer's widest weight. */
static err multiply(struct bench *b, struct round *r) {
    const struct projection *p = model_projection(&b->model, "model.layers.0.mlp.up_proj");
    struct compute *c = &b->compute;
    void *a, *out;
    TRY(c->backend->alloc(c, (size_t)(PRODUCT_ROWS * p->in) * sizeof(float), &a));
    err e = c->backend->alloc(c, (size_t)(PRODUCT_ROWS * p->out) * sizeof(float), &out);
    if (e) {
        c->backend->free(c, a);
        return e;
    }
    const double start = bench_now();
    e = c->backend->product(
        c, &(struct product_args){
               .m = PRODUCT_ROWS,
               .n = p->out,
               .k = p->in,
               .a = {a, c->backend->act_dtype, p->in, 1},
               .b = {p->weight.data, p->weight.dtype, p->weight.col_stride, p->weight.row_stride},
               .c = out,
               .c_stride = p->out});
    if (!e) e = c->backend->wait(c);
    r->product_s = (bench_now() - start) / ((double)PRODUCT_ROWS * (double)p->in * (double)p->out);
    c->backend->free(c, a);
    c->backend->free(c, out);
    return e;
}

/* Weights that a token reads: all but an untied embedding, of which it takes one row. */
static double token_bytes(const struct model *m, double *multiplications) {
    double bytes = 0;
    *multiplications = 0;
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        const bool lookup = strcmp(p->name, "model.embed_tokens.weight") == 0;
        if (lookup && !m->config.tied_head) continue;
        bytes += (double)p->count * (double)dtype_bytes(p->dtype);
        if (!lookup && strcmp(p->name, "lm_head.weight") != 0) *multiplications += (double)p->count;
    }
    return bytes;
}

static void print_rounds(const struct bench *b, const struct round *rounds, int64_t n_texts) {
    const struct model_config *c = &b->model.config;
    double read[ROUNDS], step[ROUNDS], ratio[ROUNDS], prompt[ROUNDS], share[ROUNDS], macs;
    struct rusage usage = {0};
    const double bytes = token_bytes(&b->model, &macs);
    const double cache =
        2.0 * 4.0 * (double)(c->n_layers * c->hidden_size) * PROMPT_TOKENS * (double)n_texts;
    for (int i = 0; i < ROUNDS; i++) {
        read[i] = 1 / rounds[i].read_s;
        step[i] = 1 / rounds[i].decode_s;
        ratio[i] = (bytes + cache) / rounds[i].decode_s * rounds[i].read_s;
        prompt[i] = 1 / rounds[i].prompt_s;
        share[i] = macs / rounds[i].prompt_s * rounds[i].product_s;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("threads                    %d, %s:%s\n", par_threads(), b->compute.backend->name,
           b->compute.backend->variant);
    printf("texts side by side         %lld\n", (long long)n_texts);
    printf("reading memory             %.1f GB/s\n", 1e-9 * bench_median(read, ROUNDS));
    printf("a step reads               %.3f GB of weights, %.3f GB of cache\n", 1e-9 * bytes,
           1e-9 * cache);
    printf("decoding                   %.2f tokens/s, %.1f GB/s\n",
           (double)n_texts * bench_median(step, ROUNDS),
           1e-9 * (bytes + cache) * bench_median(step, ROUNDS));
    printf("decoding / reading         %.2f\n", bench_median(ratio, ROUNDS));
    printf("prompt                     %.1f tokens/s\n", bench_median(prompt, ROUNDS));
    printf("prompt / one large product %.2f\n", bench_median(share, ROUNDS));
    printf("peak memory                %.2f GB\n", 1024e-9 * (double)usage.ru_maxrss);
}

static err open_model(struct bench *b, const char *dir) {
    TRY(compute_open(&b->compute, NULL));
    TRY(model_open(&b->model, dir, &b->compute));
    TRY(model_plan(&b->model, &b->plan, &(struct model_plan_options){0}));
    TRY(plan_allocate(&b->plan, &b->compute));
    TRY(model_start(&b->model, &b->plan));
    b->buffer = mem_alloc(BUFFER_BYTES, 1);
    b->sums = mem_alloc(BUFFER_BYTES / PIECE_BYTES, sizeof *b->sums);
    if (!b->buffer || !b->sums) return ERR_MEMORY;
    memset(b->buffer, 1, BUFFER_BYTES);
    return ERR_OK;
}

static err run(struct bench *b, const char *dir, int64_t n_texts, int64_t n_tokens) {
    struct round warm, rounds[ROUNDS];
    TRY(open_model(b, dir));
    TRY(decode(b, &warm, 1, 1)); /* so that the file is in memory */
    for (int i = 0; i < ROUNDS; i++) {
        read_buffer(b, &rounds[i]);
        TRY(decode(b, &rounds[i], n_texts, n_tokens));
        TRY(multiply(b, &rounds[i]));
    }
    print_rounds(b, rounds, n_texts);
    return ERR_OK;
}

int main(int argc, char **argv) {
    struct bench b = {0};
    int64_t n_texts = 1, n_tokens = 16;
    par_start(argv);
    if (argc < 2 || argc > 4 || (argc > 2 && str_to_int64(argv[2], &n_texts)) ||
        (argc > 3 && str_to_int64(argv[3], &n_tokens)) || n_texts < 1 || n_tokens < 1 ||
        n_tokens > PROMPT_TOKENS) {
        fprintf(stderr, "usage: bench_decode MODEL_DIR [TEXTS] [TOKENS, at most %d]\n",
                PROMPT_TOKENS);
        return 2;
    }
    err e = run(&b, argv[1], n_texts, n_tokens);
    if (e) fprintf(stderr, "bench_decode: %s\n", err_message());
    model_close(&b.model);
    plan_release(&b.plan);
    if (b.compute.backend) compute_close(&b.compute);
    mem_free(b.buffer);
    mem_free(b.sums);
    return e ? 1 : 0;
}
