/* SPDX-License-Identifier: Apache-2.0
 * The charts of a dataset's page: how long rows are, how much of each is trained, what they are
 * written in, which requests and sources they come from, who made them, under which licences, and
 * why others were dropped. The numbers are what data/dataset/page.c gathered; drawing is
 * base/chart.h's. */
#include "base/chart.h"
#include "base/html.h"
#include "base/mem.h"
#include "data/dataset/page_int.h"
#include "data/text/script.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_BARS = 10 };

static err draw_histograms(struct page *p) {
    struct chart_histogram lengths = {.title = "Length of rows",
                                      .x_unit = "tokens in a row",
                                      .y_unit = "rows",
                                      .values = p->lengths,
                                      .n = p->n_rows,
                                      .suffix = ""};
    struct chart_histogram shares = {.title = "Trained part of rows",
                                     .x_unit = "of a row's tokens are trained",
                                     .y_unit = "rows",
                                     .values = p->shares,
                                     .n = p->n_rows,
                                     .full = 100,
                                     .suffix = " %"};
    TRY(chart_histogram(p->out, &lengths));
    return chart_histogram(p->out, &shares);
}

static err draw_languages(struct page *p) {
    static const char *const labels[SCRIPT_COUNT] = {"Chinese", "English and other Latin", "code",
                                                     "other scripts", "neither: numbers and signs"};
    const json_t *rows = json_object_get(page_lint(p, "language"), "main");
    struct chart_bar bars[SCRIPT_COUNT];
    int64_t n = 0;
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        double value = (double)json_integer_value(json_object_get(rows, script_names[i]));
        if (value > 0) bars[n++] = (struct chart_bar){labels[i], value, 0};
    }
    struct chart_bars chart = {.title = "What rows are written in",
                               .summary = "By what most of a row's characters are.",
                               .unit = "rows",
                               .bars = bars,
                               .n = n};
    return chart_bars(p->out, &chart);
}

/* The largest first; of equal ones the order stays. */
static void sort_bars(struct chart_bar *bars, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        struct chart_bar bar = bars[i];
        int64_t at = i;
        for (; at > 0 && bars[at - 1].value < bar.value; at--) bars[at] = bars[at - 1];
        bars[at] = bar;
    }
}

static err draw_groups(struct page *p, struct chart_bar *bars) {
    int64_t n = dataset_n_groups(p->d);
    for (int64_t g = 0; g < n; g++) {
        const struct dataset_group *group = dataset_group(p->d, g);
        bars[g] = (struct chart_bar){group->name, 0, 0};
        if (group->scenario) {
            char *label = arena_printf(&p->arena, "%s (%s)", group->scenario, group->name);
            if (!label) return ERR_MEMORY;
            bars[g].label = label;
        }
        for (int64_t i = 0; i < group->n_sources; i++)
            bars[g].value += (double)p->source_rows[group->first_source + i];
    }
    sort_bars(bars, n);
    struct chart_bars chart = {.title = "Requests and general data",
                               .summary = "Rows of each, before weights: what training repeats or "
                                          "leaves out is the recipe's to say.",
                               .unit = "rows",
                               .bars = bars,
                               .n = n,
                               .most = MOST_BARS};
    return chart_bars(p->out, &chart);
}

static err draw_sources(struct page *p, struct chart_bar *bars) {
    int64_t n = dataset_n_sources(p->d);
    for (int64_t i = 0; i < n; i++) {
        const struct dataset_source *source = dataset_source(p->d, i);
        const char *label = source->name;
        if (strcmp(source->format, "examples") == 0) /* every request's have the same name */
            label = arena_printf(&p->arena, "%s of %s", source->name, source->request);
        if (!label) return ERR_MEMORY;
        bars[i] = (struct chart_bar){label, (double)p->source_rows[i],
                                     p->source_generated[i] > 0 ? 1 : 0};
    }
    sort_bars(bars, n);
    struct chart_bars chart = {.title = "Sources",
                               .summary = p->n_generated > 0
                                              ? "Those with generated rows have the second colour."
                                              : "All of them were brought by people.",
                               .unit = "rows",
                               .bars = bars,
                               .n = n,
                               .most = MOST_BARS};
    return chart_bars(p->out, &chart);
}

static err draw_makers(struct page *p) {
    struct chart_bar bars[] = {{"brought by people", (double)(p->n_rows - p->n_generated), 0},
                               {"generated", (double)p->n_generated, 1}};
    struct chart_bars chart = {.title = "Who made the rows", .unit = "rows", .bars = bars, .n = 2};
    return chart_bars(p->out, &chart);
}

static err draw_checks(struct page *p) {
    struct chart_bar bars[PAGE_CHECKS];
    int64_t n = 0;
    if (p->n_generated == 0) return ERR_OK;
    for (int i = 0; i < PAGE_CHECKS; i++)
        if (p->n_checked[i] > 0)
            bars[n++] = (struct chart_bar){str_text(&p->checked[i]), (double)p->n_checked[i], 1};
    sort_bars(bars, n);
    struct chart_bars chart = {.title = "How generated rows were checked",
                               .summary = "As the rows' origin says.",
                               .unit = "rows",
                               .bars = bars,
                               .n = n};
    return chart_bars(p->out, &chart);
}

static err draw_licenses(struct page *p) {
    const json_t *item = page_lint(p, "license");
    json_t *licenses = json_object_get(item, "licenses"), *count;
    const char *name;
    size_t room = json_object_size(licenses) + 1;
    struct chart_bar *bars = mem_zalloc(room, sizeof *bars);
    int64_t n = 0, none = (int64_t)json_integer_value(json_object_get(item, "rows"));
    if (!bars) return ERR_MEMORY;
    json_object_foreach(licenses, name, count) {
        bars[n++] = (struct chart_bar){name, (double)json_integer_value(count), 0};
    }
    if (none > 0) bars[n++] = (struct chart_bar){"none named", (double)none, 1};
    sort_bars(bars, n);
    struct chart_bars chart = {
        .title = "Licences", .unit = "rows", .bars = bars, .n = n, .most = MOST_BARS};
    err e = chart_bars(p->out, &chart);
    mem_free(bars);
    return e;
}

static err draw_drops(struct page *p) {
    int64_t n = dataset_n_filters(p->d);
    if (n == 0) return ERR_OK;
    struct chart_bar *bars = mem_zalloc((size_t)n, sizeof *bars);
    if (!bars) return ERR_MEMORY;
    err e = ERR_OK;
    for (int64_t i = 0; i < n && e == ERR_OK; i++) {
        struct dataset_filter filter;
        e = dataset_filter(p->d, i, -1, &filter);
        if (e == ERR_OK) bars[i] = (struct chart_bar){filter.name, (double)filter.dropped, 0};
    }
    struct chart_bars chart = {.title = "Why samples were dropped",
                               .summary = "By filter, in the order in which they ran.",
                               .unit = "samples",
                               .bars = bars,
                               .n = n};
    if (e == ERR_OK) e = chart_bars(p->out, &chart);
    mem_free(bars);
    return e;
}

err page_charts(struct page *p) {
    int64_t groups = dataset_n_groups(p->d), sources = dataset_n_sources(p->d);
    struct chart_bar *bars = mem_zalloc((size_t)(groups + sources) + 1, sizeof *bars);
    if (!bars) return ERR_MEMORY;
    err e = html_section(p->out, "charts", "Distributions");
    if (e == ERR_OK) e = str_add(p->out, "<div class=\"charts\">\n");
    if (e == ERR_OK) e = draw_histograms(p);
    if (e == ERR_OK) e = draw_languages(p);
    if (e == ERR_OK) e = draw_groups(p, bars);
    if (e == ERR_OK) e = draw_sources(p, bars);
    if (e == ERR_OK) e = draw_makers(p);
    if (e == ERR_OK) e = draw_checks(p);
    if (e == ERR_OK) e = draw_licenses(p);
    if (e == ERR_OK) e = draw_drops(p);
    mem_free(bars);
    return e == ERR_OK ? str_add(p->out, "</div>\n") : e;
}
