/* SPDX-License-Identifier: Apache-2.0
 * The lints of a whole dataset (data/lint.h) over rows of two kinds: texts that have nothing in
 * common, and texts made from one template, which all resemble each other. What grows faster than
 * the rows do shows in the ratio of the times at N and at a quarter of N.
 * What it prints: bench/README.md. */
#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/par.h"
#include "base/philox.h"
#include "bench/bench.h"
#include "data/lint.h"
#include <stdio.h>
#include <string.h>

struct rows {
    struct corpus corpus;
    struct corpus_source source;
    struct lint_row *lint;
    uint64_t draw;
};

static const struct rng rng = {1, RNG_TEST, 0};

static err add_characters(struct rows *r, int64_t n, struct str *out) {
    for (int64_t i = 0; i < n; i++) {
        bool often = rng_below(&rng, r->draw++, 2) == 0;
        TRY(str_codepoint(out, 0x4E00 + (uint32_t)rng_below(&rng, r->draw++, often ? 200 : 3000)));
    }
    return ERR_OK;
}

static err make_texts(struct rows *r, bool of_template, struct str *prompt, struct str *answer) {
    str_clear(prompt);
    str_clear(answer);
    if (!of_template) {
        TRY(add_characters(r, 20 + (int64_t)rng_below(&rng, r->draw++, 40), prompt));
        return add_characters(r, 20 + (int64_t)rng_below(&rng, r->draw++, 300), answer);
    }
    int count = (int)rng_below(&rng, r->draw++, 100);
    TRY(str_add(prompt, "请把下面的订单写成 JSON，字段为 name、count、city：客户"));
    TRY(add_characters(r, 2, prompt));
    TRY(str_printf(prompt, "订购%d件，送往", count));
    TRY(add_characters(r, 2, prompt));
    TRY(str_add(answer, "{\"name\": \""));
    TRY(add_characters(r, 2, answer));
    TRY(str_printf(answer, "\", \"count\": %d, \"city\": \"", count));
    TRY(add_characters(r, 2, answer));
    return str_add(answer, "\"}");
}

static err make_rows(struct rows *r, int64_t n, bool of_template) {
    struct draft draft = {.arena = &r->corpus.arena};
    struct str prompt = {0}, answer = {0};
    err e = ERR_OK;
    r->source = (struct corpus_source){.name = "rows.jsonl", .license = "mit"};
    r->corpus.sources = &r->source;
    r->corpus.n_sources = 1;
    for (int64_t i = 0; i < n && e == ERR_OK; i++) {
        e = make_texts(r, of_template, &prompt, &answer);
        if (e == ERR_OK)
            e = draft_turn(&draft, (struct span){str_text(&prompt), prompt.len},
                           (struct span){str_text(&answer), answer.len});
        if (e == ERR_OK) e = sample_list_add(&r->corpus.samples, &draft, 0, (int32_t)i + 1);
    }
    str_release(&prompt);
    str_release(&answer);
    TRY(e);
    r->lint = mem_zalloc((size_t)n, sizeof *r->lint);
    if (!r->lint) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++)
        r->lint[i] = (struct lint_row){.sample = &r->corpus.samples.items[i],
                                       .row = i,
                                       .n_tokens = 100,
                                       .n_trained = 50,
                                       .n_sep = 1,
                                       .n_eod = 1,
                                       .ends = true};
    return ERR_OK;
}

static err time_rows(int64_t n, bool of_template, double *out_s) {
    struct rows r = {.draw = 0};
    json_t *report = NULL;
    err e = make_rows(&r, n, of_template);
    struct lint_input input = {.corpus = &r.corpus, .rows = r.lint, .n = n};
    const double start = bench_now();
    if (e == ERR_OK) e = lint_run(&input, &report);
    *out_s = bench_now() - start;
    json_decref(report);
    mem_free(r.lint);
    sample_list_release(&r.corpus.samples);
    arena_release(&r.corpus.arena);
    return e;
}

int main(int argc, char **argv) {
    int64_t n = 100000;
    err e = argc > 1 ? str_to_int64(argv[1], &n) : ERR_OK;
    if (e == ERR_OK && n < 8) e = fail(ERR_USAGE, "at least 8 rows");
    par_start(argv);
    for (int kind = 0; kind < 2 && e == ERR_OK; kind++) {
        double whole = 0, quarter = 0;
        e = time_rows(n / 4, kind == 1, &quarter);
        if (e == ERR_OK) e = time_rows(n, kind == 1, &whole);
        if (e == ERR_OK)
            printf("%-16s %9lld rows  %6.1f s  %9.0f rows/s  %5.2f times a quarter of them\n",
                   kind == 1 ? "one template" : "unlike", (long long)n, whole, (double)n / whole,
                   whole / quarter);
    }
    if (e != ERR_OK) fprintf(stderr, "bench_lint: %s\n", err_message());
    return e == ERR_OK ? 0 : 1;
}
