/* SPDX-License-Identifier: Apache-2.0
 * What was made of what, on a release's page: the chain of its manifest as a picture, and the same
 * hashes whole as a table.
 * Read next: base/chart.h, release/manifest.h, release/statement.h. */
#include "base/chart.h"
#include "base/html.h"
#include "release/page_int.h"
#include <stdio.h>

enum { REQUESTS, ROWS, RECIPE, SHARDS, BASE, ADAPTER, MERGED, EVALUATION, RELEASE, N_BOXES };

/* Arrows that pass a row run straight down, so the cells below BASE, RECIPE and ADAPTER are free
 * where theirs do (base/chart.h). */
static const struct chart_arrow arrows[] = {
    {REQUESTS, ROWS},   {REQUESTS, RECIPE},   {ROWS, SHARDS},       {SHARDS, ADAPTER},
    {RECIPE, ADAPTER},  {BASE, ADAPTER},      {BASE, MERGED},       {ADAPTER, MERGED},
    {ADAPTER, RELEASE}, {MERGED, EVALUATION}, {EVALUATION, RELEASE}};

struct chain {
    char requests[48], rows[48], shards[48];
    struct chart_box boxes[N_BOXES];
};

static void fill(const struct release_page *p, struct chain *c) {
    const json_t *manifest = p->facts->manifest, *chain = json_object_get(manifest, "chain");
    const json_t *about = json_object_get(manifest, "about");
    const json_t *train = json_array_get(json_object_get(p->data, "splits"), 0);
    char n[32];
    chart_number((double)json_array_size(json_object_get(manifest, "requests")), n);
    snprintf(c->requests, sizeof c->requests, "%s", n);
    chart_number((double)json_int_of(p->ledger, "rows"), n);
    snprintf(c->rows, sizeof c->rows, "%s", n);
    chart_number((double)json_int_of(train, "tokens"), n);
    snprintf(c->shards, sizeof c->shards, "%s tokens", n);
    bool adapted = json_is_string(json_object_get(chain, "adapter"));
    const struct chart_box boxes[N_BOXES] = {
        [REQUESTS] = {0, 0, "requests", c->requests, json_text_of(chain, "requests")},
        [ROWS] = {0, 1, "rows", c->rows, NULL},
        [RECIPE] = {1, 1, "recipe", json_text_of(about, "month"), json_text_of(chain, "recipe")},
        [SHARDS] = {0, 2, "shards", c->shards, json_text_of(chain, "dataset")},
        [BASE] = {2, 2, "base", json_text_of(about, "base_model"), json_text_of(chain, "base")},
        [ADAPTER] = {1, 3, adapted ? "adapter" : "training", adapted ? "trained" : "of all weights",
                     json_text_of(chain, adapted ? "adapter" : "training")},
        [MERGED] = {2, 4, adapted ? "merged model" : "model", json_text_of(about, "name"),
                    json_text_of(chain, "merged")},
        [EVALUATION] = {2, 5, "evaluation", "of the model", json_text_of(chain, "eval_after")},
        [RELEASE] = {1, 6, "release", json_text_of(about, "name"), p->facts->hash},
    };
    for (int i = 0; i < N_BOXES; i++) c->boxes[i] = boxes[i];
}

/* Every hash of the chain under its name in the manifest, the release's, and each request's. */
static err add_hashes(const struct release_page *p, struct str *out) {
    static const char *const columns[] = {"what", "SHA-256"};
    static const struct html_table table = {.columns = columns, .numbers = "tc", .n_columns = 2};
    const json_t *manifest = p->facts->manifest;
    const char *name = NULL;
    json_t *value = NULL;
    size_t i = 0;
    TRY(str_add(out, "<details><summary>The hashes, whole</summary>\n"));
    TRY(html_table_begin(out, &table));
    TRY(html_table_row(out, &table, (const char *const[]){"release", p->facts->hash}));
    json_object_foreach(json_object_get(manifest, "chain"), name, value) {
        const char *const cells[] = {name, json_string_value(value)};
        TRY(html_table_row(out, &table, cells));
    }
    json_array_foreach(json_object_get(manifest, "requests"), i, value) {
        const char *const cells[] = {json_text_of(value, "id"), json_text_of(value, "sha256")};
        TRY(html_table_row(out, &table, cells));
    }
    TRY(html_table_end(out));
    return str_add(out, "</details>\n");
}

err release_page_chain(const struct release_page *p, struct str *out) {
    struct chain c;
    fill(p, &c);
    const struct chart_graph graph = {.title = "From requests to the release",
                                      .summary = "An arrow leads to what was made of it. Boxes "
                                                 "have the beginning of their hash; those of "
                                                 "rows stand with their sources.",
                                      .boxes = c.boxes,
                                      .n_boxes = N_BOXES,
                                      .arrows = arrows,
                                      .n_arrows = sizeof arrows / sizeof arrows[0]};
    TRY(html_section(out, "chain", "Provenance"));
    TRY(str_add(out, "<div class=\"charts\">\n"));
    TRY(chart_graph(out, &graph));
    TRY(str_add(out, "</div>\n"));
    return add_hashes(p, out);
}
