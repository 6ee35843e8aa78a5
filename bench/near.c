/* SPDX-License-Identifier: Apache-2.0
 * Near-duplicates of a whole dataset by data/text/near.h: every row is made ready, searched for
 * among those before it, and added when nothing like it is there. Against it, in the same run,
 * comparing a row with every other one, and reading the rows' bytes once. `bench_near filter
 * ROWS...` times the filter near_dup instead, for each number of rows in turn, with its peak of
 * memory. What it prints: bench/README.md. */
#include "base/log.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/philox.h"
#include "base/str.h"
#include "bench/bench.h"
#include "data/filters/filter.h"
#include "data/filters_int.h"
#include "data/sensitive.h"
#include "data/text/near.h"
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 3, PAIRS = 20000 };

struct row {
    char *text;
    size_t n;
    struct near_text ready;
};
struct rows {
    struct row *items;
    int64_t n, bytes, finds;
    err code;
};

/* Half of the characters come from 200 frequent ones, as in Chinese; a tenth of the rows are an
 * earlier one with one character in 20 replaced. */
static err make_rows(struct rows *rows, int64_t n) {
    struct rng rng = {1, RNG_TEST, 0};
    uint64_t draw = 0;
    rows->items = mem_zalloc((size_t)n, sizeof *rows->items);
    if (!rows->items) return ERR_MEMORY;
    rows->n = n;
    for (int64_t i = 0; i < n; i++) {
        struct str out = {0};
        bool copy = i > 0 && rng_below(&rng, draw++, 10) == 0;
        const struct row *from = copy ? &rows->items[rng_below(&rng, draw++, (uint64_t)i)] : NULL;
        int64_t length = 20 + (int64_t)rng_below(&rng, draw++, 480);
        if (copy) length = utf8_count(from->text, from->n);
        for (int64_t k = 0; k < length; k++) {
            bool often = rng_below(&rng, draw++, 2) == 0;
            uint32_t fresh = 0x4E00 + (uint32_t)rng_below(&rng, draw++, often ? 200 : 3000),
                     kept = 0;
            if (copy) (void)utf8_next(from->text + 3 * k, 3, &kept);
            bool keep = copy && rng_below(&rng, draw++, 20) > 0;
            TRY(str_codepoint(&out, keep ? kept : fresh));
        }
        rows->items[i].text = out.data;
        rows->items[i].n = out.len;
        rows->bytes += (int64_t)out.len;
    }
    return ERR_OK;
}

static void ready_rows(void *ctx, int64_t begin, int64_t end, int thread) {
    struct rows *rows = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        struct row *row = &rows->items[i];
        err e = near_text_init(&row->ready, row->text, row->n);
        if (e) rows->code = e;
    }
}

static void search_rows(void *ctx, int64_t begin, int64_t end, int thread) {
    struct rows *rows = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        struct arena arena = {0};
        struct sensitive_list list;
        err e = sensitive_find(rows->items[i].text, rows->items[i].n, &arena, &list);
        if (e) rows->code = e;
        arena_release(&arena);
    }
}

static void release_rows(struct rows *rows) {
    for (int64_t i = 0; i < rows->n; i++) near_text_release(&rows->items[i].ready);
}

/* Rows a second that are searched for and added. */
static err dedup(const struct rows *rows, double threshold, double *out_s, int64_t *out_kept) {
    struct near_index *index;
    struct near_match found;
    TRY(near_index_new(threshold, &index));
    const double start = bench_now();
    err e = ERR_OK;
    *out_kept = 0;
    for (int64_t i = 0; i < rows->n && !e; i++) {
        int64_t n;
        e = near_index_find(index, &rows->items[i].ready, &found, 1, &n);
        if (!e && n == 0) e = near_index_add(index, &rows->items[i].ready, i);
        *out_kept += n == 0;
    }
    *out_s = bench_now() - start;
    near_index_free(index);
    return e;
}

static double compare_s(const struct rows *rows) {
    struct rng rng = {2, RNG_TEST, 0};
    double sum = 0;
    const double start = bench_now();
    for (uint64_t i = 0; i < PAIRS; i++)
        sum +=
            near_text_similarity(&rows->items[rng_below(&rng, 2 * i, (uint64_t)rows->n)].ready,
                                 &rows->items[rng_below(&rng, 2 * i + 1, (uint64_t)rows->n)].ready);
    const double took = bench_now() - start;
    if (sum < 0) puts("");
    return took / PAIRS;
}

static void parallel(struct rows *rows, const char *what,
                     void (*fn)(void *ctx, int64_t begin, int64_t end, int thread)) {
    double best = 1e300;
    for (int round = 0; round < ROUNDS; round++) {
        if (fn == ready_rows) release_rows(rows);
        const double start = bench_now();
        par_for(rows->n, 64, fn, rows);
        const double took = bench_now() - start;
        if (took < best) best = took;
    }
    printf("%-24s %10.0f rows/s %8.1f MB/s (%d threads)\n", what, (double)rows->n / best,
           (double)rows->bytes / best / 1e6, par_threads());
}

static err run(int64_t n) {
    static const double thresholds[] = {0.9, 0.8, 0.7, 0.5};
    struct rows rows = {0};
    TRY(make_rows(&rows, n));
    printf("%lld rows of %.0f bytes\n", (long long)n, (double)rows.bytes / (double)n);
    parallel(&rows, "sensitive_find", search_rows);
    parallel(&rows, "near_text_init", ready_rows);
    if (rows.code) return rows.code;
    const double pair_s = compare_s(&rows);
    printf("%-24s %10.0f pairs/s\n", "near_text_similarity", 1 / pair_s);
    for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++) {
        double took;
        int64_t kept;
        TRY(dedup(&rows, thresholds[i], &took, &kept));
        printf("find and add at %.1f      %10.0f rows/s, %lld kept; all pairs / this: %.0f\n",
               thresholds[i], (double)n / took, (long long)kept,
               pair_s * (double)n * (double)(n - 1) / 2 / took);
    }
    release_rows(&rows);
    for (int64_t i = 0; i < n; i++) mem_free(rows.items[i].text);
    mem_free(rows.items);
    printf("peak of allocations      %10.1f bytes a row\n",
           (double)mem_stats().peak_bytes / (double)n);
    return ERR_OK;
}

/* ---- the filter ---- */

static err make_corpus(const struct rows *rows, struct corpus *c) {
    c->sources = arena_alloc(&c->arena, 1, sizeof *c->sources);
    c->groups = arena_alloc(&c->arena, 1, sizeof *c->groups);
    if (!c->sources || !c->groups) return ERR_MEMORY;
    c->sources[0] = (struct corpus_source){.path = "rows", .name = "rows", .format = "text"};
    c->groups[0] = (struct corpus_group){.name = "rows", .weight = 1};
    c->n_sources = c->n_groups = 1;
    for (int64_t i = 0; i < rows->n; i++) {
        struct draft draft = {.arena = &c->arena};
        TRY(draft_segment(&draft, (struct span){rows->items[i].text, rows->items[i].n}, true));
        TRY(sample_list_add(&c->samples, &draft, 0, (int32_t)i + 1));
        mem_free(rows->items[i].text);
        rows->items[i].text = NULL;
    }
    c->use = mem_zalloc((size_t)c->samples.n, 1);
    return c->use ? ERR_OK : ERR_MEMORY;
}

/* Seconds and bytes above the corpus itself. */
static err filter_rows(int64_t n, double *out_s) {
    static const struct data_options options;
    const struct filter *these[] = {&filter_near_dup};
    struct rows rows = {0};
    struct corpus c = {0};
    struct filtering done = {0};
    const struct filters_run run = {.corpus = &c, .options = &options};
    TRY(make_rows(&rows, n));
    err e = make_corpus(&rows, &c);
    mem_free(rows.items);
    const int64_t before = mem_stats().live_bytes;
    const double start = bench_now();
    if (!e) e = filters_run_these(&run, these, 1, &done);
    *out_s = bench_now() - start;
    if (!e)
        printf("%9lld rows: %8.1f s, %6.0f rows/s, %lld dropped, peak %.2f GiB (rows %.2f GiB)\n",
               (long long)n, *out_s, (double)n / *out_s, (long long)done.n_dropped,
               (double)mem_stats().peak_bytes / (1 << 30), (double)before / (1 << 30));
    filtering_release(&done);
    corpus_release(&c);
    return e;
}

static err filter_all(int argc, char **argv) {
    double last_s = 0;
    int64_t last_n = 0;
    for (int i = 2; i < argc; i++) {
        int64_t n;
        double took;
        TRY(str_to_int64(argv[i], &n));
        TRY(filter_rows(n, &took));
        if (last_n > 0)
            printf("%9.1f times the rows take %.1f times as long\n", (double)n / (double)last_n,
                   took / last_s);
        last_n = n;
        last_s = took;
    }
    return ERR_OK;
}

int main(int argc, char **argv) {
    int64_t n = 100000;
    par_start(argv);
    bool filter = argc > 1 && strcmp(argv[1], "filter") == 0;
    err e = argc > 1 && !filter ? str_to_int64(argv[1], &n) : ERR_OK;
    if (!e) e = filter ? filter_all(argc, argv) : run(n);
    if (e) fprintf(stderr, "bench_near: %s\n", err_message());
    return err_exit_code(e);
}
