/* SPDX-License-Identifier: Apache-2.0
 * Writing and reading what filters dropped, and their counts for the manifest. Of a row that is
 * like a sealed case no text is written, since it would be the case's. The contracts are
 * data/dataset/dropped.h and data/filters.h; who fills the record is data/filters.c. */
#include "data/dataset/dropped.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/filters/filter.h"

enum { LINE_MAX_BYTES = 1 << 20 };

struct filter_count filtering_count(const struct filtering *f, int64_t filter, int64_t source) {
    return f->counts[filter * f->corpus->n_sources + source];
}

/* ---- the manifest ---- */

static err put_count(json_t *out, struct filter_count c) {
    TRY(json_put(out, "seen", json_integer(c.seen)));
    TRY(json_put(out, "dropped", json_integer(c.dropped)));
    TRY(json_put(out, "changed", json_integer(c.changed)));
    TRY(json_put(out, "noted", json_integer(c.noted)));
    return json_put(out, "spared", json_integer(c.spared));
}

static err describe_filter(const struct filtering *f, int64_t filter, json_t *out) {
    struct filter_count all = {0};
    for (int64_t i = 0; i < f->corpus->n_sources; i++) {
        struct filter_count c = filtering_count(f, filter, i);
        all.seen += c.seen;
        all.dropped += c.dropped;
        all.changed += c.changed;
        all.noted += c.noted;
        all.spared += c.spared;
    }
    TRY(json_put(out, "name", json_string(f->filters[filter]->name)));
    TRY(put_count(out, all));
    json_t *sources = json_array();
    TRY(json_put(out, "sources", sources));
    for (int64_t i = 0; i < f->corpus->n_sources; i++) {
        struct filter_count c = filtering_count(f, filter, i);
        if (c.dropped + c.changed + c.noted + c.spared == 0) continue;
        json_t *item = json_object();
        TRY(json_push(sources, item));
        TRY(json_put(item, "source", json_integer(i)));
        TRY(put_count(item, c));
    }
    return ERR_OK;
}

err filtering_describe(const struct filtering *f, json_t *out_list) {
    for (int64_t i = 0; i < f->n_filters; i++) {
        json_t *item = json_object();
        TRY(json_push(out_list, item));
        TRY(describe_filter(f, i, item));
    }
    return ERR_OK;
}

/* ---- dropped.jsonl ---- */

static err put_related(const struct filtering *f, const struct dropped_sample *d, json_t *out) {
    struct str place = {0};
    err e = d->related >= 0 ? corpus_place(f->corpus, d->related, &place) : ERR_OK;
    const char *text = d->related >= 0 ? str_text(&place) : d->elsewhere;
    if (e == ERR_OK) e = json_put(out, "related", json_text_or_null(text));
    str_release(&place);
    return e;
}

/* The first characters, cut between two of them. */
static err put_text(const struct sample *s, json_t *out) {
    struct str text = {0};
    err e = sample_text(s, &text);
    size_t n = 0;
    for (int i = 0; i < DROPPED_TEXT_CHARS && n < text.len; i++) {
        uint32_t c;
        size_t size = utf8_next_any(str_text(&text) + n, text.len - n, &c);
        if (c == 0) break; /* which no reader of JSON expects */
        n += size;
    }
    if (e == ERR_OK) e = json_put(out, "text", json_stringn(str_text(&text), n));
    str_release(&text);
    return e;
}

static err put_drop(const struct filtering *f, const struct dropped_sample *d, json_t *out) {
    const struct corpus_source *source = sample_source(f->corpus, d->sample);
    const struct sample *s = &f->corpus->samples.items[d->sample];
    TRY(json_put(out, "source", json_string(source->name)));
    TRY(json_put(out, "request", json_text_or_null(source->request ? source->request->id : NULL)));
    TRY(json_put(out, "line", json_integer(s->line)));
    TRY(json_put(out, "part", json_integer(0)));
    TRY(json_put(out, "filter", json_string(d->filter->name)));
    TRY(json_put(out, "reason", json_string(d->reason)));
    TRY(put_related(f, d, out));
    TRY(json_put(out, "sealed_case", json_text_or_null(d->sealed_case)));
    return d->sealed_case ? json_put(out, "text", json_null()) : put_text(s, out);
}

static err write_line(const struct filtering *f, const struct dropped_sample *d,
                      struct file_writer *w) {
    struct str line = {0};
    json_t *item = json_object();
    err e = item ? put_drop(f, d, item) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = json_text(item, 0, &line);
    if (e == ERR_OK) e = str_add(&line, "\n");
    if (e == ERR_OK) e = file_writer_write(w, str_text(&line), line.len);
    json_decref(item);
    str_release(&line);
    return e;
}

err dropped_write(const struct filtering *f, const char *dir) {
    struct file_writer w;
    if (f->n_filters == 0) return ERR_OK;
    char *path = path_join(dir, "dropped.jsonl");
    err e = path ? file_writer_open(&w, path) : ERR_MEMORY;
    mem_free(path);
    TRY(e);
    for (int64_t i = 0; i < f->n_dropped && e == ERR_OK; i++) e = write_line(f, &f->dropped[i], &w);
    if (e == ERR_OK) return file_writer_commit(&w);
    file_writer_abort(&w);
    return e;
}

/* ---- reading ---- */

static err take_text(const json_t *line, const char *key, bool needed, struct arena *a,
                     const char **out) {
    const json_t *value = json_object_get(line, key);
    *out = NULL;
    if (json_is_null(value) && !needed) return ERR_OK;
    const char *text;
    TRY(json_need_string(line, key, &text));
    *out = arena_strdup(a, text);
    return *out ? ERR_OK : ERR_MEMORY;
}

static err take_row(const json_t *line, struct arena *a, struct dropped_row *out) {
    TRY(take_text(line, "source", true, a, &out->source));
    TRY(take_text(line, "request", false, a, &out->request));
    TRY(json_need_int(line, "line", &out->line));
    TRY(json_need_int(line, "part", &out->part));
    TRY(take_text(line, "filter", true, a, &out->filter));
    TRY(take_text(line, "reason", true, a, &out->reason));
    TRY(take_text(line, "related", false, a, &out->related));
    TRY(take_text(line, "sealed_case", false, a, &out->sealed_case));
    return take_text(line, "text", false, a, &out->text);
}

/* Doubles the room when it is full; outgrown arrays stay in the arena. */
static err add_row(struct dropped_list *list, struct arena *a, struct dropped_row row) {
    if ((list->n & (list->n - 1)) == 0) {
        struct dropped_row *items =
            arena_alloc(a, list->n ? 2 * (size_t)list->n : 1, sizeof *items);
        if (!items) return ERR_MEMORY;
        for (int64_t i = 0; i < list->n; i++) items[i] = list->items[i];
        list->items = items;
    }
    list->items[list->n++] = row;
    return ERR_OK;
}

static err read_line(const struct line_reader *r, struct arena *a, struct dropped_list *out) {
    json_t *line = NULL;
    struct dropped_row row = {0};
    err e = json_parse(r->line, r->len, "line", &line);
    if (e == ERR_OK) e = take_row(line, a, &row);
    if (e == ERR_OK) e = add_row(out, a, row);
    json_decref(line);
    return e;
}

err dropped_read(const char *dir, struct arena *a, struct dropped_list *out) {
    struct line_reader lines;
    bool more = true;
    *out = (struct dropped_list){0};
    char *path = path_join(dir, "dropped.jsonl");
    if (!path) return ERR_MEMORY;
    if (!file_exists(path)) {
        mem_free(path);
        return ERR_OK;
    }
    err e = line_reader_open(&lines, path, LINE_MAX_BYTES);
    if (e == ERR_OK) {
        while (e == ERR_OK && more) {
            e = line_reader_next(&lines, &more);
            if (e == ERR_OK && more) e = read_line(&lines, a, out);
        }
        if (e != ERR_OK) e = fail_in(e, "'%s' line %lld", path, (long long)lines.line_number);
        line_reader_close(&lines);
    }
    mem_free(path);
    return e;
}
