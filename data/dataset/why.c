/* SPDX-License-Identifier: Apache-2.0
 * Finding what somebody asks about. A question is read once into what it may mean; rows, dropped
 * samples and held-out cases are then each asked whether they are meant. Rows hold tokens, so a
 * text is looked for in what they decode to, side by side. The contract is data/dataset/why.h. */
#include "data/dataset/why.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/par.h"
#include "data/dataset/dropped.h"
#include "data/dataset/shards_int.h"
#include "data/text/normal.h"
#include <string.h>

enum { TEXT_SHOWN = 200 }; /* bytes */

struct search {
    const struct dataset *d;
    const struct provenance *p;
    struct tokenizer *tokenizer;
    json_t *out;
    int64_t max, n;
    /* What is asked for: a row, else a line of a file, else a text. */
    enum dataset_split split;
    int64_t row; /* -1: not by number */
    const char *file;
    size_t file_len; /* 0: not by line */
    int64_t line;
    struct normal text;
    /* Of the rows of the split that is looked through for a text: */
    uint8_t *hit;
    err *results; /* of each thread */
};

/* ---- what is asked for ---- */

static bool whole_number(const char *text, int64_t *out) {
    if (text[0] < '0' || text[0] > '9') return false;
    bool read = str_to_int64(text, out) == ERR_OK;
    err_clear();
    return read;
}

static bool reads_row(struct search *s, const char *what) {
    for (int split = 0; split < SPLIT_COUNT; split++) {
        size_t n = strlen(split_names[split]);
        if (strncmp(what, split_names[split], n) != 0 || what[n] != ':') continue;
        s->split = (enum dataset_split)split;
        return whole_number(what + n + 1, &s->row);
    }
    return whole_number(what, &s->row);
}

/* The name of a file, with or without folders before it. */
static bool same_file(const struct search *s, const char *name) {
    size_t n = strlen(name);
    if (n > s->file_len || memcmp(s->file + s->file_len - n, name, n) != 0) return false;
    return n == s->file_len || s->file[s->file_len - n - 1] == '/';
}

/* FILE:LINE of a file that the dataset knows. */
static bool reads_line(struct search *s, const char *what) {
    const char *colon = strrchr(what, ':');
    if (!colon || !whole_number(colon + 1, &s->line)) return false;
    s->file = what;
    s->file_len = (size_t)(colon - s->file);
    for (int64_t i = 0; i < dataset_n_sources(s->d); i++)
        if (same_file(s, dataset_source(s->d, i)->name)) return true;
    for (int64_t i = 0; i < dataset_n_cases(s->d); i++)
        if (same_file(s, dataset_cases(s->d)[i].file)) return true;
    s->file_len = 0;
    return false;
}

static err read_question(struct search *s, const char *what) {
    s->row = -1;
    if (reads_row(s, what)) {
        int64_t n = dataset_n_rows(s->d, s->split);
        if (s->row < n) return ERR_OK;
        return fail(ERR_RANGE, "dataset '%s' has %lld rows in %s, numbered from 0",
                    dataset_dir(s->d), (long long)n, split_names[s->split]);
    }
    s->row = -1;
    if (reads_line(s, what)) return ERR_OK;
    TRY(normal_set(&s->text, what, strlen(what)));
    if (s->text.n == 0) return fail(ERR_USAGE, "'%s' holds nothing to look for", what);
    return ERR_OK;
}

/* ---- rows ---- */

static err row_text(const struct search *s, int64_t row, struct str *out) {
    int64_t n = dataset_rows(s->d, s->split)[row].n_tokens;
    return tokenizer_decode(s->tokenizer, dataset_tokens(s->d, s->split, row), n, true, out);
}

static err add_beginning(json_t *item, const char *text, size_t n) {
    size_t shown = n < TEXT_SHOWN ? n : TEXT_SHOWN;
    while (shown > 0 && shown < n && ((unsigned char)text[shown] & 0xC0) == 0x80) shown--;
    struct str cut = {0};
    err e = str_append(&cut, text, shown);
    if (e == ERR_OK && shown < n) e = str_add(&cut, "...");
    if (e == ERR_OK) e = json_put(item, "text", json_stringn(str_text(&cut), cut.len));
    str_release(&cut);
    return e;
}

static err add_row(struct search *s, int64_t row) {
    struct str text = {0};
    if (s->n++ >= s->max) return ERR_OK;
    json_t *item = json_object();
    TRY(json_push(s->out, item));
    TRY(provenance_chain(s->p, s->split, row, item));
    err e = row_text(s, row, &text);
    if (e == ERR_OK) e = add_beginning(item, str_text(&text), text.len);
    str_release(&text);
    return e;
}

static void look_through_some(void *ctx, int64_t begin, int64_t end, int thread) {
    struct search *s = ctx;
    struct str text = {0};
    struct normal normal = {0};
    err e = ERR_OK;
    for (int64_t row = begin; row < end && e == ERR_OK; row++) {
        str_clear(&text);
        e = row_text(s, row, &text);
        if (e == ERR_OK) e = normal_set(&normal, str_text(&text), text.len);
        if (e == ERR_OK) s->hit[row] = normal_holds(&normal, &s->text);
    }
    str_release(&text);
    normal_release(&normal);
    if (e != ERR_OK) s->results[thread] = e;
}

static err look_through_split(struct search *s) {
    int64_t n = dataset_n_rows(s->d, s->split);
    s->hit = mem_zalloc((size_t)n + 1, 1);
    s->results = mem_zalloc((size_t)par_threads(), sizeof *s->results);
    err e = s->hit && s->results ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) par_for(n, 64, look_through_some, s);
    for (int i = 0; i < par_threads() && e == ERR_OK; i++) e = s->results[i];
    if (e == ERR_MEMORY) e = fail(e, "out of memory"); /* messages are a thread's own */
    if (e != ERR_OK && e != ERR_MEMORY)
        e = fail(e, "dataset '%s': not every row can be decoded", dataset_dir(s->d));
    for (int64_t row = 0; row < n && e == ERR_OK; row++)
        if (s->hit[row]) e = add_row(s, row);
    mem_free(s->hit);
    mem_free(s->results);
    return e;
}

static err look_for_lines(struct search *s) {
    const struct dataset_row *rows = dataset_rows(s->d, s->split);
    for (int64_t row = 0; row < dataset_n_rows(s->d, s->split); row++)
        if (rows[row].line == s->line && same_file(s, dataset_source(s->d, rows[row].source)->name))
            TRY(add_row(s, row));
    return ERR_OK;
}

static err find_rows(struct search *s) {
    if (s->row >= 0) return add_row(s, s->row);
    for (int split = 0; split < SPLIT_COUNT; split++) {
        s->split = (enum dataset_split)split;
        TRY(s->file_len > 0 ? look_for_lines(s) : look_through_split(s));
    }
    return ERR_OK;
}

/* ---- held-out cases ---- */

static err text_meant(const struct search *s, const char *text, bool *out) {
    struct normal normal = {0};
    err e = normal_set(&normal, text, strlen(text));
    *out = e == ERR_OK && normal_holds(&normal, &s->text);
    normal_release(&normal);
    return e;
}

static err case_meant(const struct search *s, const struct dataset_case *c, bool *out) {
    if (s->file_len > 0) {
        *out = c->line == s->line && same_file(s, c->file);
        return ERR_OK;
    }
    TRY(text_meant(s, c->prompt, out));
    return *out ? ERR_OK : text_meant(s, c->response, out);
}

static err put_place(json_t *item, const char *name, int64_t line) {
    json_t *source = json_object();
    TRY(json_put(item, "source", source));
    TRY(json_put(source, "name", json_string(name)));
    return json_put(source, "line", json_integer(line));
}

static err add_case(struct search *s, const struct dataset_case *c) {
    if (s->n++ >= s->max) return ERR_OK;
    json_t *item = json_object();
    TRY(json_push(s->out, item));
    TRY(json_put(item, "state", json_string("held out")));
    TRY(json_put(item, "request", json_string(c->request)));
    TRY(put_place(item, c->file, c->line));
    TRY(json_put(item, "sealed", json_boolean(dataset_sealed(s->d))));
    return dataset_sealed(s->d) ? ERR_OK : add_beginning(item, c->prompt, strlen(c->prompt));
}

static err find_cases(struct search *s) {
    for (int64_t i = 0; i < dataset_n_cases(s->d); i++) {
        bool meant;
        TRY(case_meant(s, &dataset_cases(s->d)[i], &meant));
        if (meant) TRY(add_case(s, &dataset_cases(s->d)[i]));
    }
    return ERR_OK;
}

/* ---- samples that were dropped ---- */

static err dropped_meant(const struct search *s, const struct dropped_row *row, bool *out) {
    if (s->file_len == 0) return text_meant(s, row->text ? row->text : "", out);
    *out = row->line == s->line && same_file(s, row->source);
    return ERR_OK;
}

static err add_dropped(struct search *s, const struct dropped_row *row) {
    if (s->n++ >= s->max) return ERR_OK;
    json_t *item = json_object();
    TRY(json_push(s->out, item));
    TRY(json_put(item, "state", json_string("dropped")));
    TRY(put_place(item, row->source, row->line));
    TRY(json_put(item, "request", json_text_or_null(row->request)));
    TRY(json_put(item, "filter", json_string(row->filter)));
    TRY(json_put(item, "reason", json_string(row->reason)));
    TRY(json_put(item, "related", json_text_or_null(row->related)));
    TRY(json_put(item, "sealed_case", json_text_or_null(row->sealed_case)));
    return json_put(item, "text", json_text_or_null(row->text));
}

static err find_dropped(struct search *s) {
    struct arena arena = {0};
    struct dropped_list list;
    err e = dropped_read(dataset_dir(s->d), &arena, &list);
    for (int64_t i = 0; e == ERR_OK && i < list.n; i++) {
        bool meant;
        e = dropped_meant(s, &list.items[i], &meant);
        if (e == ERR_OK && meant) e = add_dropped(s, &list.items[i]);
    }
    arena_release(&arena);
    return e;
}

static err find_all(struct search *s, const char *what) {
    TRY(read_question(s, what));
    TRY(find_rows(s));
    if (s->row >= 0) return ERR_OK;
    TRY(find_dropped(s));
    TRY(find_cases(s));
    if (s->n > 0) return ERR_OK;
    err e =
        fail(ERR_MISSING, "'%s' is not in dataset '%s': no row, no dropped one, no held-out case",
             what, dataset_dir(s->d));
    return s->file_len > 0 ? fail_hint(e, "a line that holds no record is no row")
                           : fail_hint(e, "a row's number, FILE:LINE, or a stretch of its text");
}

err why_find(const struct dataset *d, const char *what, int64_t max, json_t **out, int64_t *out_n) {
    struct search s = {.d = d, .max = max, .out = json_array()};
    struct provenance *p = NULL;
    *out = NULL;
    err e = s.out ? provenance_open(&p, d) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = tokenizer_open(&s.tokenizer, dataset_tokenizer_dir(d));
    s.p = p;
    if (e == ERR_OK) e = find_all(&s, what);
    tokenizer_free(s.tokenizer);
    provenance_close(p);
    normal_release(&s.text);
    if (e == ERR_OK)
        *out = s.out;
    else
        json_decref(s.out);
    *out_n = s.n;
    return e;
}
