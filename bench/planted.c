/* SPDX-License-Identifier: Apache-2.0
 * Precision and recall of the filters near_dup and decontaminate on rows in which copies and leaks
 * are planted (bench/planted.h), by language, length and edit distance. What it prints:
 * bench/README.md. Options: the number of rows, and how many rows of each sort to show. */
#include "base/log.h"
#include "base/par.h"
#include "bench/bench.h"
#include "bench/planted.h"
#include "data/filters/filter.h"
#include "data/filters_int.h"
#include "data/text/text_map.h"

enum { PER_CELL = 50, N_SHARES = 5, N_CASES = 600 };
static const double shares[N_SHARES] = {0, 0.02, 0.05, 0.1, 0.2};
static const char *const columns[] = {"0",   "1/50",   "1/20",   "1/10",
                                      "1/5", "digits", "blocks", "within"};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

struct planted {
    struct planted_row row;
    int64_t from; /* row, or case, that it is a copy of */
    int column;
};
struct set {
    struct planted_row *rows;
    int64_t n;
    struct planted planted[PLANTED_KINDS * N_COLUMNS * PER_CELL];
    int64_t n_planted;
};

/* n rows of which no two have a prompt in common. */
static err make_rows(struct planted_draw *d, struct set *s, int64_t n) {
    struct text_map known = {0};
    s->rows = mem_zalloc((size_t)n, sizeof *s->rows);
    err e = s->rows ? ERR_OK : ERR_MEMORY;
    while (s->n < n && e == ERR_OK) {
        struct planted_row *row = &s->rows[s->n];
        int64_t *first;
        e = planted_make(d, row);
        if (e == ERR_OK)
            e = text_map_add(&known, (struct span){row->prompt, strlen(row->prompt)}, s->n, &first);
        if (e == ERR_OK && *first < s->n) {
            mem_free(row->prompt);
            mem_free(row->answer);
        } else {
            s->n++;
        }
    }
    text_map_release(&known);
    return e;
}

static err plant_one(struct planted_draw *d, struct set *s, int kind, int column,
                     const struct planted_row *from, int64_t n_from) {
    struct planted *p = &s->planted[s->n_planted];
    do p->from = planted_below(d, (uint32_t)n_from);
    while ((int)from[p->from].kind != kind ||
           (column == N_SHARES && !strpbrk(from[p->from].prompt, "0123456789")));
    p->column = column;
    s->n_planted++;
    if (column == N_SHARES) return planted_digits(d, &from[p->from], &p->row);
    if (column == N_SHARES + 1) return planted_blocks(&from[p->from], &p->row);
    if (column > N_SHARES + 1) return planted_within(d, s->rows, s->n, &from[p->from], &p->row);
    return planted_edit(d, s->rows, s->n, &from[p->from], shares[column], &p->row);
}

static err plant(struct planted_draw *d, struct set *s, const struct planted_row *from,
                 int64_t n_from) {
    for (int kind = 0; kind < PLANTED_KINDS; kind++)
        for (int column = 0; column < N_COLUMNS; column++)
            for (int i = 0; i < PER_CELL; i++) TRY(plant_one(d, s, kind, column, from, n_from));
    return ERR_OK;
}

static err add_sample(struct corpus *c, const struct planted_row *row, int64_t line) {
    struct draft draft = {.arena = &c->arena};
    TRY(draft_turn(&draft, (struct span){row->prompt, strlen(row->prompt)},
                   (struct span){row->answer, strlen(row->answer)}));
    return sample_list_add(&c->samples, &draft, 0, (int32_t)line);
}

/* The rows, then what is planted. */
static err make_corpus(const struct set *s, struct corpus *c) {
    c->sources = arena_alloc(&c->arena, 1, sizeof *c->sources);
    c->groups = arena_alloc(&c->arena, 1, sizeof *c->groups);
    if (!c->sources || !c->groups) return ERR_MEMORY;
    c->sources[0] = (struct corpus_source){.path = "rows", .name = "rows", .format = "pairs"};
    c->groups[0] = (struct corpus_group){.name = "rows", .weight = 1};
    c->n_sources = c->n_groups = 1;
    for (int64_t i = 0; i < s->n; i++) TRY(add_sample(c, &s->rows[i], i + 1));
    for (int64_t i = 0; i < s->n_planted; i++) TRY(add_sample(c, &s->planted[i].row, s->n + i + 1));
    c->use = mem_zalloc((size_t)c->samples.n, 1);
    return c->use ? ERR_OK : ERR_MEMORY;
}

static void show(const struct filtering *f, const struct dropped_sample *d) {
    const struct sample *a = &f->corpus->samples.items[d->sample];
    printf("  %s\n    %.*s | %.*s\n", d->reason, (int)a->turns[0].prompt.n, a->turns[0].prompt.text,
           (int)a->turns[0].answer.n, a->turns[0].answer.text);
    if (d->related < 0) return;
    const struct sample *b = &f->corpus->samples.items[d->related];
    printf("    %.*s | %.*s\n", (int)b->turns[0].prompt.n, b->turns[0].prompt.text,
           (int)b->turns[0].answer.n, b->turns[0].answer.text);
}

static void report(const struct set *s, const struct filtering *f, int64_t n_show) {
    int64_t found[PLANTED_KINDS][N_COLUMNS] = {{0}}, wrong[PLANTED_KINDS] = {0};
    int64_t n[PLANTED_KINDS] = {0}, all_wrong = 0, all_found = 0;
    int64_t shown = 0;
    for (int64_t i = 0; i < s->n; i++) n[s->rows[i].kind]++;
    for (int64_t i = 0; i < f->n_dropped; i++) {
        const struct dropped_sample *d = &f->dropped[i];
        if (d->sample < s->n) {
            wrong[s->rows[d->sample].kind]++;
            all_wrong++;
            if (shown++ < n_show) show(f, d);
        } else {
            const struct planted *p = &s->planted[d->sample - s->n];
            found[p->row.kind][p->column]++;
            all_found++;
        }
    }
    printf("%-10s", "found");
    for (int c = 0; c < N_COLUMNS; c++) printf(" %7s", columns[c]);
    printf("   rows dropped that are no copies\n");
    for (int k = 0; k < PLANTED_KINDS; k++) {
        printf("%-10s", planted_kinds[k]);
        for (int c = 0; c < N_COLUMNS; c++)
            printf(" %6.1f%%", 100.0 * (double)found[k][c] / PER_CELL);
        printf("   %lld of %lld\n", (long long)wrong[k], (long long)n[k]);
    }
    printf("precision %.4f (%lld planted, %lld others dropped of %lld)\n",
           (double)all_found / (double)(all_found + all_wrong), (long long)all_found,
           (long long)all_wrong, (long long)s->n);
}

static err run_filter(const struct set *s, const struct filters_run *given, const char *name,
                      int64_t n_show) {
    struct corpus c = {0};
    struct filtering done = {0};
    struct filters_run run = *given;
    const struct filter *these[] = {filter_find(name)};
    run.corpus = &c;
    err e = make_corpus(s, &c);
    const double start = bench_now();
    if (e == ERR_OK) e = filters_run_these(&run, these, 1, &done);
    if (e == ERR_OK) {
        printf("%s: %.1f s, peak of allocations %.0f bytes a row\n", name, bench_now() - start,
               (double)mem_stats().peak_bytes / (double)c.samples.n);
        report(s, &done, n_show);
    }
    filtering_release(&done);
    corpus_release(&c);
    return e;
}

static void release(struct set *s) {
    planted_release(s->rows, s->n);
    for (int64_t i = 0; i < s->n_planted; i++) {
        mem_free(s->planted[i].row.prompt);
        mem_free(s->planted[i].row.answer);
    }
    mem_free(s);
}

static err copies(int64_t n, int64_t n_show) {
    struct planted_draw d = {{1, RNG_TEST, 0}, 0};
    struct data_options options = {0};
    const struct filters_run run = {.options = &options};
    struct set *s = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    err e = make_rows(&d, s, n);
    if (e == ERR_OK) e = plant(&d, s, s->rows, s->n);
    if (e == ERR_OK) e = run_filter(s, &run, "near_dup", n_show);
    release(s);
    return e;
}

struct cases {
    const struct planted_row *items;
    int64_t n;
};

static err hand_cases(void *ctx, forbidden_take *take, void *taker) {
    const struct cases *c = ctx;
    for (int64_t i = 0; i < c->n; i++)
        TRY(take(taker, &(struct forbidden_text){
                            .set = "cases",
                            .prompt = {c->items[i].prompt, strlen(c->items[i].prompt)},
                            .answer = {c->items[i].answer, strlen(c->items[i].answer)}}));
    return ERR_OK;
}

/* The cases are of the same templates as the rows: the last N_CASES of all that were made. */
static err leaks(int64_t n, int64_t n_show) {
    struct planted_draw d = {{2, RNG_TEST, 0}, 0};
    struct data_options options = {0};
    struct set *s = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    err e = make_rows(&d, s, n + N_CASES);
    s->n -= N_CASES;
    struct cases cases = {s->rows + s->n, N_CASES};
    const struct forbidden_source forbidden = {hand_cases, &cases};
    const struct filters_run run = {.options = &options, .forbidden = &forbidden};
    if (e == ERR_OK) e = plant(&d, s, cases.items, cases.n);
    if (e == ERR_OK) e = run_filter(s, &run, "decontaminate", n_show);
    s->n += N_CASES;
    release(s);
    return e;
}

int main(int argc, char **argv) {
    int64_t n = 100000, n_show = 0;
    par_start(argv);
    err e = argc > 1 ? str_to_int64(argv[1], &n) : ERR_OK;
    if (e == ERR_OK && argc > 2) e = str_to_int64(argv[2], &n_show);
    if (e == ERR_OK) e = copies(n, n_show);
    if (e == ERR_OK) e = leaks(n, n_show);
    if (e) fprintf(stderr, "bench_planted: %s\n", err_message());
    return err_exit_code(e);
}
