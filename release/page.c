/* SPDX-License-Identifier: Apache-2.0
 * The page of a release (release/page.h): what it is, what is proved of it, scores, answers and
 * gates; curves, data and chain are files of their own.
 * Read next: release/page_int.h, eval/page.h, release/verify.c. */
#include "base/chart.h"
#include "base/file.h"
#include "base/html.h"
#include "base/mem.h"
#include "eval/page.h"
#include "release/ledger.h"
#include "release/manifest.h"
#include "release/page_int.h"
#include <stdio.h>
#include <string.h>

enum { SAMPLE_BYTES = 2048, SAMPLES = 4 }; /* of a text; of each kind of item */

/* ---- what it is ---- */

static err add_fact(struct str *out, const char *what, const char *value) {
    TRY(str_printf(out, "<div><dt>%s</dt><dd>", what));
    TRY(html_add(out, value));
    return str_add(out, "</dd></div>\n");
}

static err add_count(struct str *out, const char *what, double value) {
    char text[32];
    chart_number(value, text);
    return add_fact(out, what, text);
}

static err add_signatures(const struct release_facts *facts, struct str *out) {
    if (!facts->has_signatures)
        return str_add(out, "<p class=\"warn\">UNSIGNED: nobody vouches for this release. Compare "
                            "its hash with one that you have from its makers.</p>\n");
    if (!facts->is_signed)
        return str_add(out, "<p class=\"warn\">SIGNED BY SOMEBODY: whose signature it is was not "
                            "checked.</p>\n");
    return str_add(out, "<p>Signed by whom the reader trusts; see below.</p>\n");
}

static err add_summary(const struct release_page *p, struct str *out) {
    const json_t *manifest = p->facts->manifest, *about = json_object_get(manifest, "about");
    const json_t *train = json_array_get(json_object_get(p->data, "splits"), 0);
    const char *summary = json_text_of(about, "summary");
    TRY(str_add(out, "<h1>"));
    TRY(html_add(out, json_text_of(about, "name")));
    TRY(str_add(out, "</h1>\n<p class=\"soft\">Release <span class=\"hash\">"));
    TRY(html_add(out, p->facts->hash));
    TRY(str_add(out, "</span></p>\n"));
    TRY(add_signatures(p->facts, out));
    if (summary[0] != '\0') {
        TRY(str_add(out, "<p>"));
        TRY(html_add(out, summary));
        TRY(str_add(out, "</p>\n"));
    }
    TRY(str_add(out, "<nav aria-label=\"Sections\"><a href=\"#proved\">Verification</a>"
                     "<a href=\"#requests\">Requests</a><a href=\"#scores\">Scores</a>"
                     "<a href=\"#samples\">Answers</a><a href=\"#gates\">Gates</a>"
                     "<a href=\"#training\">Training</a><a href=\"#data\">Data</a>"
                     "<a href=\"#chain\">Provenance</a></nav>\n<dl class=\"facts\">\n"));
    TRY(add_fact(out, "month", json_text_of(about, "month")));
    TRY(add_fact(out, "base", json_text_of(about, "base_model")));
    TRY(add_fact(out, "licence", json_text_of(about, "license")));
    TRY(add_count(out, "requests", (double)json_array_size(json_object_get(manifest, "requests"))));
    TRY(add_count(out, "rows", (double)json_int_of(train, "rows")));
    TRY(add_count(out, "tokens", (double)json_int_of(train, "tokens")));
    TRY(add_count(out, "gates", (double)json_array_size(p->gates)));
    TRY(add_count(out, "files", (double)p->facts->n_files));
    return str_add(out, "</dl>\n");
}

static err add_findings(const struct release_page *p, struct str *out) {
    static const char *const columns[] = {"", "what"};
    static const struct html_table table = {.columns = columns, .numbers = "tt", .n_columns = 2};
    json_t *one = NULL;
    TRY(html_section(out, "proved", "Verification"));
    TRY(html_table_begin(out, &table));
    for (int proved = 1; proved >= 0; proved--) {
        size_t i = 0;
        json_array_foreach(p->facts->findings, i, one) {
            const char *const cells[] = {proved ? "proved" : "not proved",
                                         json_text_of(one, "says")};
            if (json_is_true(json_object_get(one, "proved")) == (proved != 0))
                TRY(html_table_row(out, &table, cells));
        }
    }
    return html_table_end(out);
}

static err add_requests(const struct release_page *p, struct str *out) {
    static const char *const columns[] = {"request", "scenario",
                                          "what the model should be able to do"};
    static const struct html_table table = {.columns = columns, .numbers = "ttt", .n_columns = 3};
    json_t *request = NULL;
    size_t i = 0;
    TRY(html_section(out, "requests", "Requests"));
    TRY(html_table_begin(out, &table));
    json_array_foreach(json_object_get(p->facts->manifest, "requests"), i, request) {
        const char *const cells[] = {json_text_of(request, "id"), json_text_of(request, "scenario"),
                                     json_text_of(request, "capability")};
        TRY(html_table_row(out, &table, cells));
    }
    return html_table_end(out);
}

/* ---- evaluation ---- */

static err add_scores(const struct release_page *p, struct str *out) {
    struct report_rows rows;
    err result = report_rows(p->before, p->after, &rows);
    if (result == ERR_OK) result = html_section(out, "scores", "Scores before and after");
    if (result == ERR_OK) result = str_add(out, "<div class=\"charts\">\n");
    if (result == ERR_OK) result = eval_page_chart(&rows, out);
    if (result == ERR_OK) result = str_add(out, "</div>\n");
    if (result == ERR_OK) result = eval_page_tables(&rows, out);
    report_rows_release(&rows);
    return result;
}

static err add_samples(const struct release_page *p, struct str *out) {
    json_t *part = NULL;
    size_t i = 0;
    TRY(html_section(out, "samples", "Answers before and after"));
    TRY(str_printf(out,
                   "<p>The first of each kind, texts up to %d bytes; sealed cases show "
                   "their hashes.</p>\n",
                   SAMPLE_BYTES));
    json_array_foreach(json_object_get(p->after, "tasks"), i, part) {
        const struct eval_page_items items = {
            .was = report_find(p->before, json_text_of(part, "task")),
            .is = part,
            .number = (int)i,
            .text_bytes = SAMPLE_BYTES,
            .most = SAMPLES};
        if (json_array_size(json_object_get(part, "items")) > 0) TRY(eval_page_items(&items, out));
    }
    return ERR_OK;
}

static err add_gate(const struct html_table *table, const json_t *gate, struct str *out) {
    const json_t *pairs = json_object_get(gate, "paired");
    char numbers[3][32], won[32] = "\xE2\x80\x93", lost[32] = "\xE2\x80\x93";
    static const char *const keys[] = {"before", "after", "bound"};
    for (int k = 0; k < 3; k++)
        snprintf(numbers[k], sizeof numbers[k], "%.4f",
                 json_number_value(json_object_get(gate, keys[k])));
    if (json_is_object(pairs)) {
        chart_number((double)json_int_of(pairs, "wins"), won);
        chart_number((double)json_int_of(pairs, "losses"), lost);
    }
    const char *const cells[] = {json_text_of(gate, "gate"),
                                 json_text_of(gate, "of"),
                                 numbers[0],
                                 numbers[1],
                                 numbers[2],
                                 won,
                                 lost,
                                 json_is_true(json_object_get(gate, "holds")) ? "holds" : "MISSED"};
    return html_table_row(out, table, cells);
}

static err add_gates(const struct release_page *p, struct str *out) {
    static const char *const columns[] = {"gate",  "of",  "before", "after",
                                          "bound", "won", "lost",   ""};
    static const struct html_table table = {
        .columns = columns, .numbers = "ttnnnnnt", .n_columns = 8};
    json_t *gate = NULL;
    size_t i = 0;
    TRY(html_section(out, "gates", "Gates"));
    if (json_array_size(p->gates) == 0)
        return str_add(out, "<p class=\"warn\">The recipe has no gate: any model would have been "
                            "released.</p>\n");
    TRY(html_table_begin(out, &table));
    json_array_foreach(p->gates, i, gate) TRY(add_gate(&table, gate, out));
    return html_table_end(out);
}

/* ---- the page ---- */

static err read_files(struct release_page *p) {
    TRY(release_read_json(p->dir, PACK_DATA, json_parse_file, &p->data));
    TRY(release_read_json(p->dir, LEDGER_FILE, json_parse_file, &p->ledger));
    TRY(release_read_json(p->dir, PACK_BEFORE, report_read, &p->before));
    TRY(release_read_json(p->dir, PACK_AFTER, report_read, &p->after));
    return release_read_json(p->dir, PACK_GATES, json_parse_file, &p->gates);
}

static err write_all(const struct release_page *p, struct str *out) {
    const json_t *about = json_object_get(p->facts->manifest, "about");
    TRY(html_begin(out, json_text_of(about, "name"), "en"));
    TRY(add_summary(p, out));
    TRY(add_findings(p, out));
    TRY(add_requests(p, out));
    TRY(add_scores(p, out));
    TRY(add_samples(p, out));
    TRY(add_gates(p, out));
    TRY(release_page_training(p, out));
    TRY(release_page_data(p, out));
    TRY(release_page_chain(p, out));
    return html_end(out);
}

err release_page_write(const char *dir, const struct release_facts *facts, struct str *out) {
    struct release_page p = {.dir = dir, .facts = facts};
    err result = read_files(&p);
    if (result == ERR_OK) result = write_all(&p, out);
    json_decref(p.data);
    json_decref(p.ledger);
    json_decref(p.before);
    json_decref(p.after);
    json_decref(p.gates);
    return result;
}

err release_page_place(const char *path) {
    if (dir_exists(path)) return fail(ERR_USAGE, "'%s' is a folder: name a file in it", path);
    char *dir = path_dir(path), *seal = dir != NULL ? path_join(dir, SEAL_RELEASE) : NULL;
    err result = seal == NULL ? ERR_MEMORY : ERR_OK;
    if (result == ERR_OK && file_exists(seal))
        result = fail_hint(fail(ERR_USAGE, "'%s' would lie inside a release", path),
                           "a release with another file in it is refused; name another place");
    mem_free(seal);
    mem_free(dir);
    return result;
}
