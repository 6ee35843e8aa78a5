/* SPDX-License-Identifier: Apache-2.0
 * The data of a release on its page, from the dataset's manifest and the ledger: which requests and
 * sources rows come from, how long they are, their licences, and what filters dropped. The rows
 * themselves are not in a release.
 * Read next: base/chart.h, release/ledger.h, docs/formats.md for the manifest. */
#include "base/chart.h"
#include "base/html.h"
#include "base/mem.h"
#include "release/page_int.h"
#include <string.h>

enum { MOST_BARS = 12 };

struct bars {
    struct chart_bar *bars; /* owned; their labels are the JSON's */
    int64_t n;
};

static err bars_new(struct bars *b, size_t room) {
    b->n = 0;
    b->bars = mem_zalloc(room + 1, sizeof *b->bars);
    return b->bars != NULL ? ERR_OK : ERR_MEMORY;
}

static void bars_add(struct bars *b, const char *label, double value, int colour) {
    b->bars[b->n++] = (struct chart_bar){label, value, colour};
}

static err draw(struct bars *b, struct chart_bars chart, struct str *out) {
    chart.bars = b->bars;
    chart.n = b->n;
    chart.most = MOST_BARS;
    return chart_bars(out, &chart);
}

static const char *group_name(const json_t *group) {
    const char *scenario = json_text_of(group, "scenario");
    return scenario[0] != '\0' ? scenario : json_text_of(group, "name");
}

static err draw_groups(const struct release_page *p, struct bars *b, struct str *out) {
    const json_t *groups = json_object_get(p->data, "groups");
    json_t *group = NULL;
    size_t i = 0;
    json_array_foreach(groups, i, group) {
        const json_t *train = json_object_get(group, "train");
        bars_add(b, group_name(group), (double)json_int_of(train, "rows"), 0);
    }
    TRY(draw(b,
             (struct chart_bars){.title = "Requests and general data",
                                 .summary = "Rows that are trained, before weights.",
                                 .unit = "rows"},
             out));
    b->n = 0;
    json_array_foreach(groups, i, group) {
        const json_t *train = json_object_get(group, "train");
        int64_t rows = json_int_of(train, "rows");
        double mean = rows > 0 ? (double)json_int_of(train, "tokens") / (double)rows : 0.0;
        bars_add(b, group_name(group), mean, 0);
    }
    return draw(b,
                (struct chart_bars){.title = "Length of rows",
                                    .summary = "Mean of each request's and general data's rows.",
                                    .unit = "tokens"},
                out);
}

static err draw_sources(const struct release_page *p, struct bars *b, struct str *out) {
    json_t *source = NULL;
    size_t i = 0;
    b->n = 0;
    json_array_foreach(json_object_get(p->ledger, "sources"), i, source) {
        const json_t *generators = json_object_get(source, "generators");
        const char *name = json_text_of(source, "name"), *of = json_text_of(source, "request");
        bool own = strcmp(name, "examples") == 0 && of[0] != '\0'; /* all have this name */
        bars_add(b, own ? of : name, (double)json_int_of(source, "rows"),
                 json_object_size(generators) > 0);
    }
    return draw(b,
                (struct chart_bars){
                    .title = "Sources",
                    .summary = "A request's own examples under its number; generated rows in the "
                               "second colour.",
                    .unit = "rows"},
                out);
}

static err draw_licenses(const struct release_page *p, struct str *out) {
    json_t *sums = json_object(), *source = NULL, *value = NULL;
    const char *name = NULL;
    size_t i = 0;
    err result = sums != NULL ? ERR_OK : fail(ERR_MEMORY, "out of memory for licences");
    json_array_foreach(json_object_get(p->ledger, "sources"), i, source) {
        json_object_foreach(json_object_get(source, "licenses"), name, value) {
            json_int_t sum = json_integer_value(json_object_get(sums, name));
            if (result == ERR_OK)
                result = json_put(sums, name, json_integer(sum + json_integer_value(value)));
        }
    }
    struct bars own = {NULL, 0};
    if (result == ERR_OK) result = bars_new(&own, json_object_size(sums));
    if (result == ERR_OK) json_object_foreach(sums, name, value) {
            bars_add(&own, name, (double)json_integer_value(value), strcmp(name, "unknown") == 0);
        }
    if (result == ERR_OK)
        result = draw(&own, (struct chart_bars){.title = "Licences", .unit = "rows"}, out);
    mem_free(own.bars);
    json_decref(sums);
    return result;
}

static err draw_filters(const struct release_page *p, struct bars *b, struct str *out) {
    json_t *filter = NULL;
    size_t i = 0;
    b->n = 0;
    json_array_foreach(json_object_get(p->data, "filters"), i, filter) {
        bars_add(b, json_text_of(filter, "name"), (double)json_int_of(filter, "dropped"), 0);
    }
    if (b->n == 0) return ERR_OK;
    return draw(b,
                (struct chart_bars){.title = "Dropped by filters",
                                    .summary = "In the order in which they ran.",
                                    .unit = "samples"},
                out);
}

/* Source, licence and hash of each. */
static err add_table(const struct release_page *p, struct str *out) {
    static const char *const columns[] = {"source",  "request", "format",
                                          "licence", "samples", "SHA-256"};
    static const struct html_table table = {
        .columns = columns, .numbers = "ttttnc", .n_columns = 6};
    json_t *source = NULL;
    size_t i = 0;
    TRY(str_add(out, "<details><summary>Sources and their hashes</summary>\n"));
    TRY(html_table_begin(out, &table));
    json_array_foreach(json_object_get(p->data, "sources"), i, source) {
        char samples[32];
        chart_number((double)json_int_of(source, "samples"), samples);
        const char *const cells[] = {json_text_of(source, "name"),
                                     json_text_of(source, "request"),
                                     json_text_of(source, "format"),
                                     json_text_of(source, "license"),
                                     samples,
                                     json_text_of(source, "sha256")};
        TRY(html_table_row(out, &table, cells));
    }
    TRY(html_table_end(out));
    return str_add(out, "</details>\n");
}

static err draw_all(const struct release_page *p, struct bars *b, struct str *out) {
    TRY(html_section(out, "data", "Data"));
    TRY(str_add(out, "<div class=\"charts\">\n"));
    TRY(draw_groups(p, b, out));
    TRY(draw_sources(p, b, out));
    TRY(draw_licenses(p, out));
    TRY(draw_filters(p, b, out));
    TRY(str_add(out, "</div>\n"));
    return add_table(p, out);
}

err release_page_data(const struct release_page *p, struct str *out) {
    struct bars b = {NULL, 0};
    size_t room = json_array_size(json_object_get(p->data, "groups")) +
                  json_array_size(json_object_get(p->ledger, "sources")) +
                  json_array_size(json_object_get(p->data, "filters"));
    TRY(bars_new(&b, room));
    err result = draw_all(p, &b, out);
    mem_free(b.bars);
    return result;
}
