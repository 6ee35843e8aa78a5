/* SPDX-License-Identifier: Apache-2.0
 * cotrain data why: where a row of a dataset comes from, or why it is not in it, as a chain for
 * people: request, source, licence, reviewer, who generated it and from which prompt, the filters,
 * and the place in the shards where it ended. What is found is data/dataset/why.h's. */
#include "base/file.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "data/dataset/why.h"
#include <string.h>

struct why_options {
    const char *dataset, *row, *log;
    int64_t max;
    bool json;
};

#define ROW(field, ...) OPT(struct why_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(dataset, .positional = true, .required = true, .value = "DATASET",
        .help = "dataset folder, as `data build` writes it"),
    ROW(row, .positional = true, .required = true, .value = "ROW",
        .help = "a row's number (of train; valid:N), FILE:LINE of a source, or a stretch of text"),
    ROW(max, .min = 1, .max = 1e6, .preset = "5", .help = "how many that fit are told at most"),
    ROW(log, .path = true, .value = "FILE",
        .help = "the expansion's log, to show what a generated row was the answer to"),
    ROW(json, .help = "as JSON"),
};

/* "  licence    mit"; nothing where there is no text. */
static err add_fact(const char *what, const char *text, struct str *out) {
    if (!text || !text[0]) return ERR_OK;
    TRY(str_printf(out, "  %-10s ", what));
    TRY(terminal_add_line(text, 0, out));
    return str_add(out, "\n");
}

static err add_source(const json_t *item, struct str *out) {
    const json_t *source = json_object_get(item, "source");
    struct str text = {0};
    err e = str_printf(&text, "%s line %lld", json_text_of(source, "name"),
                       (long long)json_int_of(source, "line"));
    if (e == ERR_OK && json_int_of(source, "part") > 0)
        e = str_printf(&text, " turn %lld", (long long)json_int_of(source, "part"));
    if (e == ERR_OK && json_text_of(source, "format")[0])
        e = str_printf(&text, " (%s, SHA-256 %s)", json_text_of(source, "format"),
                       json_text_of(source, "sha256"));
    if (e == ERR_OK) e = add_fact("source", str_text(&text), out);
    str_release(&text);
    return e;
}

/* Every member of the origin, "generator: yuan2, method: ..., prompt_sha256: ...". */
static err add_origin(const json_t *origin, struct str *out) {
    const char *key;
    json_t *value;
    struct str text = {0};
    err e = ERR_OK;
    json_object_foreach((json_t *)origin, key, value) {
        if (e == ERR_OK) e = str_printf(&text, "%s%s: ", text.len > 0 ? ", " : "", key);
        if (e == ERR_OK)
            e = json_is_string(value) ? str_add(&text, json_string_value(value))
                                      : json_text(value, 0, &text);
    }
    if (e == ERR_OK) e = add_fact("origin", str_text(&text), out);
    str_release(&text);
    return e;
}

static err add_list(const char *what, const json_t *list, const char *none, struct str *out) {
    struct str text = {0};
    json_t *item;
    size_t i;
    err e = ERR_OK;
    json_array_foreach((json_t *)list, i, item) {
        if (e == ERR_OK) e = str_printf(&text, "%s%s", i > 0 ? ", " : "", json_string_value(item));
    }
    if (e == ERR_OK) e = add_fact(what, text.len > 0 ? str_text(&text) : none, out);
    str_release(&text);
    return e;
}

static err add_request(const json_t *item, struct str *out) {
    const json_t *request = json_object_get(item, "request");
    struct str text = {0};
    if (json_is_string(request)) return add_fact("request", json_string_value(request), out);
    if (!json_is_object(request)) return add_fact("request", "none: general rows", out);
    err e = str_add(&text, json_text_of(request, "id"));
    const char *scenario = json_text_of(request, "scenario");
    if (e == ERR_OK && scenario[0]) e = str_printf(&text, " (%s)", scenario);
    if (e == ERR_OK) e = add_fact("request", str_text(&text), out);
    str_release(&text);
    return e;
}

static err add_kept(const json_t *item, struct str *out) {
    const char *license = json_text_of(item, "license"), *reviewer = json_text_of(item, "reviewer");
    TRY(str_printf(out, "%s row %lld\n", json_text_of(item, "split"),
                   (long long)json_int_of(item, "row")));
    TRY(add_request(item, out));
    TRY(add_source(item, out));
    TRY(add_fact("licence", license[0] ? license : "not named", out));
    TRY(add_fact("reviewer", reviewer[0] ? reviewer : "not named", out));
    if (json_is_object(json_object_get(item, "origin")))
        TRY(add_origin(json_object_get(item, "origin"), out));
    else
        TRY(add_fact("origin", "brought by people", out));
    const json_t *question = json_object_get(item, "question");
    TRY(add_fact("asked", json_text_of(question, "prompt"), out));
    TRY(add_fact("answered", json_text_of(question, "text"), out));
    TRY(add_list("filters", json_object_get(item, "filters"), "none ran", out));
    TRY(add_list("notes", json_object_get(item, "notes"), "", out));
    TRY(str_printf(out, "  %-10s %s from token %lld on: %lld tokens, %lld trained\n", "shard",
                   json_text_of(item, "shard"), (long long)json_int_of(item, "offset"),
                   (long long)json_int_of(item, "tokens"),
                   (long long)json_int_of(item, "trained_tokens")));
    return add_fact("text", json_text_of(item, "text"), out);
}

static err add_dropped(const json_t *item, struct str *out) {
    const char *sealed = json_text_of(item, "sealed_case");
    TRY(str_printf(out, "dropped by the filter '%s': ", json_text_of(item, "filter")));
    TRY(terminal_add_line(json_text_of(item, "reason"), 0, out));
    TRY(str_add(out, "\n"));
    TRY(add_request(item, out));
    TRY(add_source(item, out));
    TRY(add_fact("like", json_text_of(item, "related"), out));
    if (sealed[0])
        TRY(add_fact("like", "a held-out case of the request below, which is sealed", out));
    TRY(add_fact("case of", sealed, out));
    return add_fact("text", json_text_of(item, "text"), out);
}

static err add_held_out(const json_t *item, struct str *out) {
    TRY(str_add(out, "held out: a case that evaluation asks, never trained\n"));
    TRY(add_request(item, out));
    TRY(add_source(item, out));
    if (json_is_true(json_object_get(item, "sealed")))
        return add_fact("text", "sealed, so it is not shown", out);
    return add_fact("text", json_text_of(item, "text"), out);
}

static err add_all(const json_t *list, int64_t n, struct str *out) {
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)list, i, item) {
        const char *state = json_text_of(item, "state");
        if (i > 0) TRY(str_add(out, "\n"));
        if (strcmp(state, "kept") == 0)
            TRY(add_kept(item, out));
        else
            TRY(strcmp(state, "dropped") == 0 ? add_dropped(item, out) : add_held_out(item, out));
    }
    int64_t shown = (int64_t)json_array_size(list);
    if (n > shown)
        TRY(str_printf(out, "\nand %lld more; --max shows them\n", (long long)(n - shown)));
    return ERR_OK;
}

static err run(const void *given, struct arena *arena) {
    const struct why_options *o = given;
    struct dataset *d;
    struct str text = {0};
    json_t *list = NULL;
    int64_t n = 0;
    (void)arena;
    TRY(dataset_open(&d, o->dataset));
    err e = why_find(d, o->row, o->max, &list, &n);
    dataset_close(d);
    if (e == ERR_OK && o->log) e = why_add_questions(list, o->log);
    if (e == ERR_OK && o->json) e = print_json(list);
    if (e == ERR_OK && !o->json) e = add_all(list, n, &text);
    if (e == ERR_OK && !o->json) e = print_text(&text);
    json_decref(list);
    str_release(&text);
    return e;
}

const struct command cmd_data_why = {
    .noun = "data",
    .verb = "why",
    .summary = "where a row comes from, or why it is not in the dataset",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct why_options),
    .run = run,
};
