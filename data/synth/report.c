/* SPDX-License-Identifier: Apache-2.0
 * What synthesis leaves beside its log: each request's rows with their origin, and the report. Its
 * numbers are of the whole, whatever part was asked in which run: a second run writes the same
 * bytes.
 * Read next: docs/synthesis.md, which says what each number means. */
#include "data/synth/expand_int.h"

#include <ctype.h>
#include <string.h>

err count_add(json_t *counts, const char *word) {
    const json_t *before = json_object_get(counts, word);
    return json_put(counts, word, json_integer(json_integer_value(before) + 1));
}

/* ---- rows ---- */

static err slug_add(const char *id, struct str *out) {
    size_t begin = out->len;
    for (; *id; id++) {
        bool plain = isalnum((unsigned char)*id) || *id == '.' || *id == '_';
        char c = plain ? (char)tolower((unsigned char)*id) : '-';
        if (c == '.' && out->len == begin) c = '-';
        TRY(str_append(out, &c, 1));
    }
    return ERR_OK;
}

/* Ids that differ in signs alone are told apart by the request's number. */
err expand_file_name(const struct request_list *requests, int64_t i, struct str *out) {
    struct str own = {0}, other = {0};
    bool same = false;
    err e = slug_add(requests->items[i].id, &own);
    for (int64_t k = 0; k < i && e == ERR_OK && !same; k++) {
        str_clear(&other);
        e = slug_add(requests->items[k].id, &other);
        same = e == ERR_OK && strcmp(str_text(&own), str_text(&other)) == 0;
    }
    if (e == ERR_OK) e = str_add(out, str_text(&own));
    if (e == ERR_OK && same) e = str_printf(out, "-n%lld", (long long)i + 1);
    if (e == ERR_OK) e = str_add(out, ".jsonl");
    str_release(&own);
    str_release(&other);
    return e;
}

static err checks_json(const struct check_list *list, json_t **out) {
    *out = json_array();
    for (int64_t i = 0; i < list->n; i++)
        TRY(json_push(*out, json_string(list->items[i].check->name)));
    return *out ? ERR_OK : fail(ERR_MEMORY, "out of memory");
}

static err row_json(const struct expanding *x, const struct growing *g, const struct made *row,
                    json_t *out) {
    const struct teacher *t = x->e->teacher;
    json_t *names = NULL;
    TRY(json_put(out, "prompt", json_string(row->pair.prompt)));
    TRY(json_put(out, "response", json_string(row->pair.response)));
    if (x->o->license) TRY(json_put(out, "license", json_string(x->o->license)));
    json_t *origin =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "generator", t->generator, "model",
                  t->model, "method", row->method->name, "prompt_sha256", row->key, "check_kind",
                  checks_kind(&g->checks), "round", (json_int_t)row->round, "attempt",
                  (json_int_t)row->attempt, "seed", (json_int_t)row->seed);
    TRY(json_put(out, "origin", origin));
    err e = checks_json(&g->checks, &names);
    if (e == ERR_OK) return json_put(origin, "checks", names);
    json_decref(names);
    return e;
}

static err row_write(const struct expanding *x, const struct growing *g, const struct made *row,
                     struct file_writer *w) {
    struct str line = {0};
    json_t *value = json_object();
    err e = value ? row_json(x, g, row, value) : fail(ERR_MEMORY, "out of memory for a row");
    if (e == ERR_OK) e = json_text(value, 0, &line);
    if (e == ERR_OK) e = str_add(&line, "\n");
    if (e == ERR_OK) e = file_writer_write(w, line.data, line.len);
    json_decref(value);
    str_release(&line);
    return e;
}

err rows_write(const struct expanding *x, const struct growing *g) {
    struct str path = {0};
    struct file_writer w;
    err e = str_printf(&path, "%s/", x->dir);
    if (e == ERR_OK) e = expand_file_name(x->e->requests, g->number, &path);
    if (e == ERR_OK) e = file_writer_open(&w, str_text(&path));
    str_release(&path);
    TRY(e);
    for (int64_t i = 0; i < g->n && e == ERR_OK; i++) e = row_write(x, g, g->rows[i], &w);
    if (e == ERR_OK) return file_writer_commit(&w);
    file_writer_abort(&w);
    return e;
}

/* ---- the report ---- */

static err put_int(json_t *out, const char *key, int64_t value) {
    return json_put(out, key, json_integer(value));
}

static err request_json(const struct expanding *x, const struct growing *g, json_t *out) {
    struct str name = {0};
    const char *kind = checks_kind(&g->checks);
    json_t *names = NULL;
    err e = expand_file_name(x->e->requests, g->number, &name);
    if (e == ERR_OK) e = json_put(out, "file", json_string(str_text(&name)));
    str_release(&name);
    TRY(e);
    TRY(json_put(out, "request", json_string(g->request->id)));
    TRY(put_int(out, "wanted", x->o->per_request));
    TRY(put_int(out, "accepted", g->n));
    TRY(put_int(out, "questions", g->n_asked));
    TRY(put_int(out, "regenerated", g->n_regenerated));
    TRY(put_int(out, "rows_proposed", g->n_pairs));
    TRY(put_int(out, "surplus", g->n_surplus));
    double share = g->n_pairs > 0 ? (double)(g->n + g->n_surplus) / (double)g->n_pairs : 0;
    TRY(json_put(out, "acceptance", json_real(share)));
    TRY(json_put(out, "check_kind", json_string(kind)));
    e = checks_json(&g->checks, &names);
    if (e != ERR_OK) json_decref(names);
    TRY(e);
    TRY(json_put(out, "checks", names));
    TRY(json_put(out, "rejected", json_incref(g->rejected)));
    TRY(json_put(out, "outcomes", json_incref(g->outcomes)));
    TRY(json_put(out, "tries", json_incref(g->tries)));
    TRY(json_put(out, "forms", json_incref(g->forms)));
    TRY(put_int(out, "prompt_tokens", g->prompt_tokens));
    return put_int(out, "answer_tokens", g->answer_tokens);
}

/* Shares of all accepted rows by what has looked at them. */
static err kinds_json(const struct expanding *x, json_t *out) {
    static const char *const kinds[] = {"machine", "vote", "judge", "none"};
    int64_t n = 0;
    for (int64_t i = 0; i < x->n; i++) n += x->requests[i].n;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        int64_t of_kind = 0;
        for (int64_t i = 0; i < x->n; i++)
            if (strcmp(checks_kind(&x->requests[i].checks), kinds[k]) == 0)
                of_kind += x->requests[i].n;
        TRY(json_put(out, kinds[k], json_real(n > 0 ? (double)of_kind / (double)n : 0)));
    }
    return ERR_OK;
}

static const char *ended(const struct expanding *x) {
    for (int64_t i = 0; i < x->n; i++)
        if (x->requests[i].n < x->o->per_request) return x->exhausted ? "budget" : "rounds";
    return "reached";
}

err expand_report(const struct expanding *x, json_t *out) {
    const struct teacher *t = x->e->teacher;
    TRY(json_put(out, "format", json_string("cotrain-expand")));
    TRY(put_int(out, "version", SYNTH_LOG_VERSION));
    TRY(json_put(out, "generator", json_string(t->generator)));
    TRY(json_put(out, "model", json_string(t->model)));
    TRY(json_put(out, "settings", json_string(t->settings)));
    TRY(json_put(out, "ended", json_string(ended(x))));
    TRY(put_int(out, "requests_made", x->spent_requests));
    TRY(put_int(out, "tokens", x->spent_tokens));
    json_t *kinds = json_object();
    TRY(json_put(out, "checked_by", kinds));
    json_t *list = json_array();
    TRY(json_put(out, "requests", list));
    TRY(kinds_json(x, kinds));
    for (int64_t i = 0; i < x->n; i++) {
        json_t *item = json_object();
        TRY(json_push(list, item));
        TRY(request_json(x, &x->requests[i], item));
    }
    return ERR_OK;
}
