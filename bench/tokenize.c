/* SPDX-License-Identifier: Apache-2.0
 * Rows to tokens: our way from a file of rows to shards, part by part, against the sentencepiece
 * library alone on one core, in turn. Rows are made of the lines of text files: a prompt of one
 * line, an answer of one to four. A library call is what data/tokens/sentencepiece_int.h hands on.
 * What it prints: bench/README.md. */
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/philox.h"
#include "bench/bench.h"
#include "data/build.h"
#include "data/corpus.h"
#include "data/tokens/encoding.h"
#include "data/tokens/rows.h"
#include "data/tokens/sentencepiece_int.h"
#include "data/tokens/tokenizer.h"
#include <stdatomic.h>

enum { ROUNDS = 5, MAX_TEXT_BYTES = 64 << 20 };

struct bench {
    const char *tokenizer_dir, *folder;
    int64_t n_rows;
    struct str text; /* of all files */
    struct span *lines;
    int64_t n_lines;
    char source[300], out[300], cache[300];
    struct pieces *sp;
    struct tokenizer **tokenizers; /* a thread each */
    struct corpus corpus;
    struct row_list rows;
    struct row_tokens *tokens; /* a thread each */
    bool shares;
    _Atomic int64_t next; /* row */
    _Atomic int code;     /* an err */
    int64_t n_tokens;
};

static err read_lines(struct bench *b, char **files) {
    for (; *files; files++) TRY(file_read(*files, MAX_TEXT_BYTES, &b->text));
    b->lines = mem_alloc(b->text.len / 2 + 1, sizeof *b->lines);
    if (!b->lines) return ERR_MEMORY;
    for (char *at = b->text.data, *end = at + b->text.len; at < end;) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        struct span line = span_strip((struct span){at, (size_t)(stop - at)});
        bool good = line.n >= 20 && line.n <= 4000 && utf8_invalid_at(line.text, line.n) < 0;
        if (good && tokenizer_find_special(line.text, line.n, NULL) < 0)
            b->lines[b->n_lines++] = line;
        at = stop + 1;
    }
    return b->n_lines > 0 ? ERR_OK : fail(ERR_RANGE, "the files have no line of text");
}

static err write_source(struct bench *b) {
    const struct rng rng = {1, RNG_TEST, 0};
    struct str out = {0}, answer = {0};
    uint64_t draw = 0;
    err e = ERR_OK;
    for (int64_t i = 0; i < b->n_rows && e == ERR_OK; i++) {
        struct span prompt = b->lines[rng_below(&rng, draw++, (uint64_t)b->n_lines)];
        str_clear(&answer);
        for (uint64_t n = 1 + rng_below(&rng, draw++, 4); n > 0 && e == ERR_OK; n--) {
            struct span line = b->lines[rng_below(&rng, draw++, (uint64_t)b->n_lines)];
            e = str_append(&answer, line.text, line.n);
            if (e == ERR_OK && n > 1) e = str_add(&answer, "\n");
        }
        json_t *row = json_object();
        if (e == ERR_OK) e = json_put(row, "instruction", json_stringn(prompt.text, prompt.n));
        if (e == ERR_OK) e = json_put(row, "output", json_stringn(answer.data, answer.len));
        if (e == ERR_OK) e = json_text(row, 0, &out);
        if (e == ERR_OK) e = str_add(&out, "\n");
        json_decref(row);
    }
    snprintf(b->source, sizeof b->source, "%s/rows.jsonl", b->folder);
    if (e == ERR_OK) e = file_write(b->source, out.data, out.len);
    str_release(&out);
    str_release(&answer);
    return e;
}

/* ---- what is timed ---- */

static bool count_ids(void *ctx, const int32_t *ids, size_t n) {
    (void)ids;
    *(int64_t *)ctx += (int64_t)n;
    return true;
}

static err library_alone(struct bench *b) {
    b->n_tokens = 0;
    for (int64_t i = 0; i < b->rows.n; i++) {
        const struct turn *turn = &b->rows.items[i].sample->turns[0];
        if (!sentencepiece_encode(b->sp, turn->prompt.text, turn->prompt.n, count_ids,
                                  &b->n_tokens) ||
            !sentencepiece_encode(b->sp, turn->answer.text, turn->answer.n, count_ids,
                                  &b->n_tokens))
            return fail(ERR_LIMIT, "sentencepiece refused row %lld", (long long)i);
    }
    return ERR_OK;
}

static err drop_row(void *ctx, const struct row_text *row, const struct row_tokens *tokens) {
    (void)ctx, (void)row, (void)tokens;
    return ERR_OK;
}

static err encode_all(struct bench *b) {
    const struct encoding e = {
        .tokenizer = b->tokenizers[0], .rows = b->rows.items, .n = b->rows.n, .take = drop_row};
    return encode_rows(&e);
}

/* The same rows by as many threads; each has a tokenizer of its own, or all share one. */
static void encode_some(void *ctx, int64_t begin, int64_t end, int thread) {
    struct bench *b = ctx;
    const struct tokenizer *t = b->tokenizers[b->shares ? 0 : thread];
    (void)begin, (void)end;
    for (;;) {
        int64_t i = atomic_fetch_add(&b->next, 1);
        if (i >= b->rows.n) return;
        err e = row_encode(t, &b->rows.items[i], WHITESPACE_STRIP, &b->tokens[thread]);
        if (e != ERR_OK) b->code = e;
    }
}

static err encode_shared(struct bench *b) {
    b->code = ERR_OK;
    b->next = 0;
    b->shares = true;
    par_for(par_threads(), 1, encode_some, b);
    return (err)b->code;
}

static err encode_owned(struct bench *b) {
    b->code = ERR_OK;
    b->next = 0;
    b->shares = false;
    par_for(par_threads(), 1, encode_some, b);
    return (err)b->code;
}

static struct data_source source_of(const struct bench *b) {
    return (struct data_source){.path = b->source, .format = "alpaca", .weight = 1};
}

static err read_all(struct bench *b) {
    struct data_source source = source_of(b);
    const struct data_options options = {
        .special_whitespace = "strip", .turns = "each", .sources = {&source, 1}};
    const struct request_list none = {0};
    corpus_release(&b->corpus);
    row_list_release(&b->rows);
    TRY(corpus_read(&b->corpus, &options, &none));
    for (int64_t i = 0; i < b->corpus.samples.n; i++)
        TRY(rows_of_sample(&b->corpus.samples.items[i], false, &b->rows));
    return ERR_OK;
}

static err build_with(struct bench *b, const char *cache_dir) {
    struct data_source source = source_of(b);
    const struct data_options options = {
        .special_whitespace = "strip", .turns = "each", .sources = {&source, 1}};
    const struct request_list none = {0};
    const struct data_build build = {.options = &options,
                                     .requests = &none,
                                     .tokenizer_dir = b->tokenizer_dir,
                                     .seed = 1,
                                     .cache_dir = cache_dir};
    return data_build(&build, b->out);
}

static err build_all(struct bench *b) {
    return build_with(b, NULL);
}

static err build_cached(struct bench *b) {
    return build_with(b, b->cache);
}

struct part {
    const char *name;
    err (*run)(struct bench *b);
    int threads;                                         /* 0: all */
    double seconds[ROUNDS], ratio[ROUNDS], work[ROUNDS]; /* work: processor seconds */
};
enum { ALONE, READ, ENCODE_ONE, SHARED, OWNED, ENCODE, BUILD, CACHED, PARTS };

static err measure(struct bench *b, struct part *parts) {
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < PARTS; i++) {
            par_set_threads(parts[i].threads);
            double begin = bench_now();
            const clock_t work = clock();
            TRY(parts[i].run(b));
            parts[i].work[round] = (double)(clock() - work) / CLOCKS_PER_SEC;
            parts[i].seconds[round] = bench_now() - begin;
        }
    par_set_threads(0);
    for (int i = PARTS - 1; i >= 0; i--)
        for (int round = 0; round < ROUNDS; round++) {
            parts[i].ratio[round] = parts[ALONE].seconds[round] / parts[i].seconds[round];
            parts[i].work[round] /= parts[ALONE].work[round];
        }
    return ERR_OK;
}

static err run(struct bench *b, char **files) {
    struct part parts[PARTS] = {
        {.name = "sentencepiece alone, 1 core", .run = library_alone, .threads = 1},
        {.name = "read", .run = read_all, .threads = 1},
        {.name = "encode, 1 thread", .run = encode_all, .threads = 1},
        {.name = "one tokenizer for all", .run = encode_shared},
        {.name = "a tokenizer each", .run = encode_owned},
        {.name = "encode", .run = encode_all},
        {.name = "data build", .run = build_all},
        {.name = "data build, rows cached", .run = build_cached},
    };
    struct str model = {0};
    char path[300], why[SENTENCEPIECE_WHY];
    TRY(read_lines(b, files));
    TRY(write_source(b));
    TRY(read_all(b));
    snprintf(b->out, sizeof b->out, "%s/out", b->folder);
    snprintf(b->cache, sizeof b->cache, "%s/cache", b->folder);
    snprintf(path, sizeof path, "%s/tokenizer.model", b->tokenizer_dir);
    b->tokenizers = mem_zalloc((size_t)par_threads(), sizeof *b->tokenizers);
    for (int i = 0; b->tokenizers && i < par_threads(); i++)
        TRY(tokenizer_open(&b->tokenizers[i], b->tokenizer_dir));
    err e = file_read(path, MAX_TEXT_BYTES, &model);
    if (e == ERR_OK) b->sp = sentencepiece_new(model.data, model.len, why);
    str_release(&model);
    TRY(e);
    b->tokens = mem_zalloc((size_t)par_threads(), sizeof *b->tokens);
    if (!b->sp || !b->tokens || !b->tokenizers)
        return fail(ERR_PARSE, "'%s' cannot be opened", path);
    TRY(build_cached(b)); /* fills the cache */
    TRY(measure(b, parts));
    int threads = par_threads();
    printf("%lld rows, %lld tokens, %d threads\n", (long long)b->rows.n, (long long)b->n_tokens,
           threads);
    for (int i = 0; i < PARTS; i++) {
        double ratio = bench_median(parts[i].ratio, ROUNDS);
        double seconds = bench_median(parts[i].seconds, ROUNDS);
        printf("%-27s %8.0f rows/s %6.2f million tokens/s, / alone %5.2f, / threads %5.2f, work / "
               "alone %5.2f\n",
               parts[i].name, (double)b->rows.n / seconds, 1e-6 * (double)b->n_tokens / seconds,
               ratio, ratio / threads, bench_median(parts[i].work, ROUNDS));
    }
    return ERR_OK;
}

static void release(struct bench *b) {
    for (int i = 0; b->tokens && i < par_threads(); i++) row_tokens_release(&b->tokens[i]);
    mem_free(b->tokens);
    mem_free(b->lines);
    str_release(&b->text);
    row_list_release(&b->rows);
    corpus_release(&b->corpus);
    for (int i = 0; b->tokenizers && i < par_threads(); i++) tokenizer_free(b->tokenizers[i]);
    mem_free(b->tokenizers);
    if (b->sp) sentencepiece_free(b->sp);
}

int main(int argc, char **argv) {
    struct str folder = {0};
    struct bench b = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: bench_tokenize TOKENIZER_DIR ROWS TEXT_FILE...\n");
        return 2;
    }
    b.tokenizer_dir = argv[1];
    b.n_rows = strtoll(argv[2], NULL, 10);
    err e = b.n_rows > 0 ? dir_make_temporary(&folder) : fail(ERR_USAGE, "no rows");
    b.folder = str_text(&folder);
    if (e == ERR_OK) e = run(&b, argv + 3);
    if (e != ERR_OK) fprintf(stderr, "bench_tokenize: %s\n", err_message());
    release(&b);
    if (folder.len > 0) (void)!dir_remove(b.folder);
    str_release(&folder);
    return e == ERR_OK ? 0 : 1;
}
