/* SPDX-License-Identifier: Apache-2.0
 * The page of a dataset: what its parts show is gathered in one pass over the rows, then the
 * summary and the tables are written here, charts and rows in the files beside it. The contract is
 * data/dataset/page.h. */
#include "data/dataset/page.h"
#include "base/chart.h"
#include "base/html.h"
#include "base/mem.h"
#include "data/dataset/page_int.h"
#include "data/lint.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- gathering ---- */

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Whether a model made the row, and how that was checked. */
static err gather_origin(struct page *p, enum dataset_split split, int64_t row, bool *generated) {
    json_t *line;
    TRY(provenance_line(p->provenance, split, row, &line));
    const json_t *origin = json_object_get(line, "origin");
    const char *kind = json_text_of(origin, "check_kind");
    err e = ERR_OK;
    *generated = json_text_of(origin, "generator")[0] != '\0';
    if (*generated) {
        int i = 0;
        if (!kind[0]) kind = "not said";
        while (i < PAGE_CHECKS - 1 && p->checked[i].len > 0 &&
               strcmp(str_text(&p->checked[i]), kind) != 0)
            i++;
        if (p->checked[i].len == 0)
            e = str_add(&p->checked[i], i < PAGE_CHECKS - 1 ? kind : "other");
        p->n_checked[i]++;
    }
    json_decref(line);
    return e;
}

static err gather_row(struct page *p, enum dataset_split split, int64_t row, int64_t at) {
    const struct dataset_row *r = &dataset_rows(p->d, split)[row];
    const uint8_t *trained = dataset_answer(p->d, split, row);
    int64_t n_trained = 0;
    bool generated;
    for (int32_t i = 1; i < r->n_tokens; i++) n_trained += trained[i];
    TRY(gather_origin(p, split, row, &generated));
    p->lengths[at] = r->n_tokens;
    p->shares[at] = 100.0 * (double)n_trained / r->n_tokens;
    p->source_rows[r->source]++;
    p->source_generated[r->source] += generated;
    p->n_generated += generated;
    return ERR_OK;
}

static err gather_rows(struct page *p) {
    int64_t at = 0;
    for (int split = 0; split < SPLIT_COUNT; split++)
        for (int64_t row = 0; row < dataset_n_rows(p->d, (enum dataset_split)split); row++)
            TRY(gather_row(p, (enum dataset_split)split, row, at++));
    qsort(p->lengths, (size_t)p->n_rows, sizeof *p->lengths, ascending);
    qsort(p->shares, (size_t)p->n_rows, sizeof *p->shares, ascending);
    return ERR_OK;
}

static err gather(struct page *p) {
    size_t n_sources = (size_t)dataset_n_sources(p->d) + 1;
    p->n_rows = dataset_n_rows(p->d, SPLIT_TRAIN) + dataset_n_rows(p->d, SPLIT_VALID);
    p->lengths = mem_alloc((size_t)p->n_rows + 1, sizeof *p->lengths);
    p->shares = mem_alloc((size_t)p->n_rows + 1, sizeof *p->shares);
    p->source_rows = mem_zalloc(n_sources, sizeof *p->source_rows);
    p->source_generated = mem_zalloc(n_sources, sizeof *p->source_generated);
    if (!p->lengths || !p->shares || !p->source_rows || !p->source_generated) return ERR_MEMORY;
    TRY(tokenizer_open(&p->tokenizer, dataset_tokenizer_dir(p->d)));
    TRY(provenance_open(&p->provenance, p->d));
    TRY(lint_read(p->d, 0, &p->lint));
    TRY(dropped_read(dataset_dir(p->d), &p->arena, &p->dropped));
    return gather_rows(p);
}

static void page_release(struct page *p) {
    mem_free(p->lengths);
    mem_free(p->shares);
    mem_free(p->source_rows);
    mem_free(p->source_generated);
    for (int i = 0; i < PAGE_CHECKS; i++) str_release(&p->checked[i]);
    tokenizer_free(p->tokenizer);
    provenance_close(p->provenance);
    json_decref(p->lint);
    arena_release(&p->arena);
}

const json_t *page_lint(const struct page *p, const char *name) {
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(p->lint, "lints"), i, item) {
        if (strcmp(json_text_of(item, "name"), name) == 0) return item;
    }
    return NULL;
}

/* ---- summary ---- */

static err add_fact(struct page *p, const char *what, double value, const char *unit) {
    char text[32];
    chart_number(value, text);
    return str_printf(p->out, "<div><dt>%s</dt><dd>%s%s</dd></div>\n", what, text, unit);
}

static err add_summary(struct page *p) {
    const struct dataset *d = p->d;
    int64_t n_tokens = dataset_n_tokens(d, SPLIT_TRAIN), n_requests = 0;
    const json_t *share = page_lint(p, "trained_share");
    double trained = json_real_value(json_object_get(share, "share"));
    for (int64_t g = 0; g < dataset_n_groups(d); g++)
        n_requests += dataset_source(d, dataset_group(d, g)->first_source)->request != NULL;
    TRY(str_add(p->out, "<h1>Dataset "));
    TRY(html_add(p->out, p->options->name));
    TRY(str_printf(p->out,
                   "</h1>\n<p class=\"soft\">Digest <span class=\"hash\">%s</span></p>\n"
                   "<nav aria-label=\"Sections\"><a href=\"#sources\">Sources</a>"
                   "<a href=\"#charts\">Distributions</a><a href=\"#lint\">Lint</a>"
                   "<a href=\"#filters\">Filters</a><a href=\"#rows\">Rows</a></nav>\n"
                   "<dl class=\"facts\">\n",
                   dataset_digest(d)));
    TRY(add_fact(p, "rows to train", (double)dataset_n_rows(d, SPLIT_TRAIN), ""));
    TRY(add_fact(p, "rows to validate", (double)dataset_n_rows(d, SPLIT_VALID), ""));
    TRY(add_fact(p, dataset_sealed(d) ? "held-out cases (sealed)" : "held-out cases",
                 (double)dataset_n_cases(d), ""));
    TRY(add_fact(p, "tokens to train", (double)n_tokens, ""));
    TRY(add_fact(p, "tokens trained", (double)(int64_t)(1000 * trained + 0.5) / 10, " %"));
    TRY(add_fact(p, "requests", (double)n_requests, ""));
    TRY(add_fact(p, "generated rows", (double)p->n_generated, ""));
    TRY(add_fact(p, "dropped by filters", (double)p->dropped.n, ""));
    return str_add(p->out, "</dl>\n");
}

/* ---- tables ---- */

static err add_source(struct page *p, const struct html_table *t, int64_t i) {
    const struct dataset_source *s = dataset_source(p->d, i);
    char rows[32], generated[32], hash[32];
    chart_number((double)p->source_rows[i], rows);
    chart_number((double)p->source_generated[i], generated);
    snprintf(hash, sizeof hash, "%.12s", s->sha256);
    const char *const cells[] = {s->name,
                                 s->request ? s->request : "none",
                                 s->format,
                                 s->license ? s->license : "not named",
                                 s->reviewer ? s->reviewer : "not named",
                                 rows,
                                 generated,
                                 hash};
    return html_table_row(p->out, t, cells);
}

static err add_sources(struct page *p) {
    static const char *const columns[] = {"source",   "request", "format",    "licence",
                                          "reviewer", "rows",    "generated", "SHA-256"};
    static const struct html_table table = {
        .caption =
            "Licence and reviewer are the source's; a row may name its own. Of each hash the "
            "first 12 digits: manifest.json has all of them.",
        .columns = columns,
        .numbers = "tttttnnc",
        .n_columns = 8,
    };
    TRY(html_section(p->out, "sources", "Sources"));
    TRY(html_table_begin(p->out, &table));
    for (int64_t i = 0; i < dataset_n_sources(p->d); i++) TRY(add_source(p, &table, i));
    return html_table_end(p->out);
}

static err add_lint_row(struct page *p, const struct html_table *t, const json_t *item) {
    char rows[32], share[32];
    chart_number((double)json_int_of(item, "rows"), rows);
    snprintf(share, sizeof share, "%.2f %%", 100 * json_real_value(json_object_get(item, "share")));
    const char *const cells[] = {json_text_of(item, "name"), rows, share,
                                 json_text_of(item, "summary")};
    return html_table_row(p->out, t, cells);
}

static err add_worst(struct page *p, const json_t *item) {
    json_t *row, *list = json_object_get(item, "worst");
    size_t i;
    if (json_array_size(list) == 0) return ERR_OK;
    TRY(str_add(p->out, "<details open><summary>"));
    TRY(html_add(p->out, json_text_of(item, "name")));
    TRY(str_printf(p->out, ": the worst of %lld</summary><ol class=\"rows\">\n",
                   (long long)json_int_of(item, "rows")));
    json_array_foreach(list, i, row) {
        TRY(str_add(p->out, "<li>"));
        TRY(html_add(p->out, json_text_of(row, "file")));
        TRY(str_printf(p->out, " line %lld", (long long)json_int_of(row, "line")));
        if (json_int_of(row, "part") > 0)
            TRY(str_printf(p->out, " turn %lld", (long long)json_int_of(row, "part")));
        TRY(str_add(p->out, ": "));
        TRY(html_add(p->out, json_text_of(row, "note")));
        TRY(str_add(p->out, "<q>"));
        TRY(html_add(p->out, json_text_of(row, "excerpt")));
        TRY(str_add(p->out, "</q></li>\n"));
    }
    return str_add(p->out, "</ol></details>\n");
}

static err add_lint(struct page *p) {
    static const char *const columns[] = {"lint", "rows", "share", "what is found"};
    static const struct html_table table = {.columns = columns, .numbers = "tnnt", .n_columns = 4};
    json_t *item;
    size_t i;
    TRY(html_section(p->out, "lint", "Lint"));
    TRY(html_table_begin(p->out, &table));
    json_array_foreach(json_object_get(p->lint, "lints"), i, item) {
        TRY(add_lint_row(p, &table, item));
    }
    TRY(html_table_end(p->out));
    json_array_foreach(json_object_get(p->lint, "lints"), i, item) {
        TRY(add_worst(p, item));
    }
    return ERR_OK;
}

static err add_filter(struct page *p, const struct html_table *t, int64_t i) {
    struct dataset_filter f;
    char seen[32], dropped[32], changed[32], noted[32], spared[32];
    TRY(dataset_filter(p->d, i, -1, &f));
    chart_number((double)f.seen, seen);
    chart_number((double)f.dropped, dropped);
    chart_number((double)f.changed, changed);
    chart_number((double)f.noted, noted);
    chart_number((double)f.spared, spared);
    const char *const cells[] = {f.name, seen, dropped, changed, noted, spared};
    return html_table_row(p->out, t, cells);
}

static err add_dropped(struct page *p, const struct dropped_row *row) {
    TRY(str_add(p->out, "<li>"));
    TRY(html_add(p->out, row->source));
    TRY(str_printf(p->out, " line %lld, ", (long long)row->line));
    TRY(html_add(p->out, row->filter));
    TRY(str_add(p->out, ": "));
    TRY(html_add(p->out, row->reason));
    if (row->related) TRY(str_add(p->out, ", like "));
    if (row->related) TRY(html_add(p->out, row->related));
    if (row->sealed_case) TRY(str_add(p->out, ", like a sealed case of "));
    if (row->sealed_case) TRY(html_add(p->out, row->sealed_case));
    if (row->text) TRY(str_add(p->out, "<q>"));
    if (row->text) TRY(html_add(p->out, row->text));
    return str_add(p->out, row->text ? "</q></li>\n" : "</li>\n");
}

static err add_filters(struct page *p) {
    static const char *const columns[] = {"filter",  "seen",  "dropped",
                                          "changed", "noted", "spared"};
    static const struct html_table table = {
        .caption = "In the order in which they ran. Spared are examples of requests, which stay.",
        .columns = columns,
        .numbers = "tnnnnn",
        .n_columns = 6};
    int64_t n = p->dropped.n < p->options->n_dropped ? p->dropped.n : p->options->n_dropped;
    TRY(html_section(p->out, "filters", "Filters"));
    if (dataset_n_filters(p->d) == 0)
        return str_add(p->out, "<p class=\"soft\">The recipe names none.</p>\n");
    TRY(html_table_begin(p->out, &table));
    for (int64_t i = 0; i < dataset_n_filters(p->d); i++) TRY(add_filter(p, &table, i));
    TRY(html_table_end(p->out));
    if (n == 0) return ERR_OK;
    TRY(str_printf(p->out,
                   "<details open><summary>The first %lld of %lld dropped</summary>"
                   "<ol class=\"rows\">\n",
                   (long long)n, (long long)p->dropped.n));
    for (int64_t i = 0; i < n; i++) TRY(add_dropped(p, &p->dropped.items[i]));
    return str_add(p->out, "</ol></details>\n");
}

static err write_all(struct page *p) {
    struct str title = {0};
    err e = str_printf(&title, "Dataset %s", p->options->name);
    if (e == ERR_OK) e = html_begin(p->out, str_text(&title), "en");
    str_release(&title);
    TRY(e);
    TRY(add_summary(p));
    TRY(add_sources(p));
    TRY(page_charts(p));
    TRY(add_lint(p));
    TRY(add_filters(p));
    TRY(page_rows(p));
    return html_end(p->out);
}

err page_write(const struct dataset *d, const struct page_options *options, struct str *out) {
    struct page p = {.d = d, .options = options, .out = out};
    err e = gather(&p);
    if (e == ERR_OK) e = write_all(&p);
    page_release(&p);
    return e;
}
