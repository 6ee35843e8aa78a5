/* SPDX-License-Identifier: Apache-2.0
 * Writing rows.jsonl while a dataset is built, and looking rows up in it. The file is mapped, and
 * the place of each row's line is noted once, when it is opened: its lines begin the same way and
 * stand in the order of the rows. The contract is data/dataset/provenance.h. */
#include "data/dataset/provenance.h"
#include "base/mem.h"
#include "data/build_int.h"
#include <string.h>

/* ---- writing ---- */

static err put_notes(const struct sample *s, json_t *out) {
    if (!s->notes) return ERR_OK;
    json_t *list = json_array();
    TRY(json_put(out, "notes", list));
    for (const struct note *note = s->notes; note; note = note->next)
        TRY(json_push(list, json_string(note->text)));
    return ERR_OK;
}

static err describe_sample(const struct sample *s, json_t *out) {
    if (s->license) TRY(json_put(out, "license", json_string(s->license)));
    if (s->reviewer) TRY(json_put(out, "reviewer", json_string(s->reviewer)));
    if (s->origin) {
        json_t *origin = NULL;
        TRY(json_parse(s->origin, strlen(s->origin), "origin", &origin));
        TRY(json_put(out, "origin", origin));
    }
    return put_notes(s, out);
}

static err write_line(const struct lint_row *row, struct str *line, struct file_writer *w) {
    json_t *item = json_object();
    err e = item ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = json_put(item, "split", json_string(split_names[row->split]));
    if (e == ERR_OK) e = json_put(item, "row", json_integer(row->row));
    if (e == ERR_OK) e = describe_sample(row->sample, item);
    str_clear(line);
    if (e == ERR_OK) e = json_text(item, 0, line);
    if (e == ERR_OK) e = str_add(line, "\n");
    if (e == ERR_OK) e = file_writer_write(w, str_text(line), line->len);
    json_decref(item);
    return e;
}

err build_write_rows(const struct building *s) {
    char *path = path_join(s->dir, "rows.jsonl");
    struct file_writer w;
    struct str line = {0};
    err e = path ? file_writer_open(&w, path) : ERR_MEMORY;
    mem_free(path);
    TRY(e);
    for (int split = 0; split < SPLIT_COUNT; split++)
        for (int64_t i = 0; i < s->rows.n && e == ERR_OK; i++) {
            const struct lint_row *row = &s->lint_rows[i];
            const struct sample *sample = row->sample;
            bool known = sample->license || sample->reviewer || sample->origin || sample->notes;
            if (row->split == split && known) e = write_line(row, &line, &w);
        }
    str_release(&line);
    if (e == ERR_OK) return file_writer_commit(&w);
    file_writer_abort(&w);
    return e;
}

/* ---- looking up ---- */

struct provenance {
    const struct dataset *d;
    struct file_map map;
    int64_t *lines[SPLIT_COUNT]; /* of each row: where its line begins, plus 1; 0: it has none */
};

/* The row that a line is about, by how lines begin; false: it begins otherwise. */
static bool read_place(const struct provenance *p, const char *line, size_t n, int *split,
                       int64_t *row) {
    for (*split = 0; *split < SPLIT_COUNT; ++*split) {
        char begin[64];
        int len = snprintf(begin, sizeof begin, "{\"split\":\"%s\",\"row\":", split_names[*split]);
        if ((size_t)len >= n || memcmp(line, begin, (size_t)len) != 0) continue;
        *row = 0;
        for (size_t i = (size_t)len; i < n && line[i] >= '0' && line[i] <= '9'; i++)
            if (*row < dataset_n_rows(p->d, (enum dataset_split) * split))
                *row = 10 * *row + (line[i] - '0');
        return *row < dataset_n_rows(p->d, (enum dataset_split) * split);
    }
    return false;
}

static size_t line_length(const struct provenance *p, size_t at) {
    const char *text = (const char *)p->map.data + at;
    const char *end = memchr(text, '\n', p->map.size_bytes - at);
    return end ? (size_t)(end - text) : p->map.size_bytes - at;
}

static err find_lines(struct provenance *p, const char *path) {
    for (int i = 0; i < SPLIT_COUNT; i++) {
        size_t n = (size_t)dataset_n_rows(p->d, (enum dataset_split)i);
        p->lines[i] = mem_zalloc(n + 1, sizeof *p->lines[i]);
        if (!p->lines[i]) return ERR_MEMORY;
    }
    for (size_t at = 0, n; at < p->map.size_bytes; at += n + 1) {
        int split;
        int64_t row;
        n = line_length(p, at);
        if (!read_place(p, (const char *)p->map.data + at, n, &split, &row))
            return fail(ERR_PARSE, "'%s': byte %zu begins no line about a row", path, at);
        p->lines[split][row] = (int64_t)at + 1;
    }
    return ERR_OK;
}

err provenance_open(struct provenance **out, const struct dataset *d) {
    struct provenance *p = mem_zalloc(1, sizeof *p);
    char *path = path_join(dataset_dir(d), "rows.jsonl");
    *out = NULL;
    err e = p && path ? file_map_open(&p->map, path) : ERR_MEMORY;
    if (e == ERR_OK) {
        p->d = d;
        e = find_lines(p, path);
    }
    mem_free(path);
    if (e == ERR_OK)
        *out = p;
    else
        provenance_close(p);
    return e;
}

void provenance_close(struct provenance *p) {
    if (!p) return;
    file_map_close(&p->map);
    for (int i = 0; i < SPLIT_COUNT; i++) mem_free(p->lines[i]);
    mem_free(p);
}

err provenance_line(const struct provenance *p, enum dataset_split split, int64_t row,
                    json_t **out) {
    size_t at = (size_t)p->lines[split][row];
    *out = NULL;
    if (at == 0) return ERR_OK;
    return json_parse((const char *)p->map.data + at - 1, line_length(p, at - 1), "rows.jsonl",
                      out);
}

static err put_request(const struct dataset *d, const struct dataset_source *source, json_t *out) {
    if (!source->request) return json_put(out, "request", json_null());
    json_t *request = json_object();
    TRY(json_put(out, "request", request));
    TRY(json_put(request, "id", json_string(source->request)));
    return json_put(request, "scenario",
                    json_text_or_null(dataset_group(d, source->group)->scenario));
}

static err put_source(const struct dataset_source *source, const struct dataset_row *row,
                      json_t *out) {
    json_t *item = json_object();
    TRY(json_put(out, "source", item));
    TRY(json_put(item, "name", json_string(source->name)));
    TRY(json_put(item, "line", json_integer(row->line)));
    TRY(json_put(item, "part", json_integer(row->part)));
    TRY(json_put(item, "format", json_string(source->format)));
    return json_put(item, "sha256", json_string(source->sha256));
}

static err put_tokens(const struct dataset *d, enum dataset_split split, int64_t row, json_t *out) {
    int64_t n = dataset_rows(d, split)[row].n_tokens, n_trained = 0, offset;
    const uint8_t *trained = dataset_answer(d, split, row);
    struct str shard = {0};
    for (int64_t i = 1; i < n; i++) n_trained += trained[i]; /* nothing predicts the first */
    err e = dataset_shard(d, split, row, &shard, &offset);
    if (e == ERR_OK) e = json_put(out, "shard", json_string(str_text(&shard)));
    if (e == ERR_OK) e = json_put(out, "offset", json_integer(offset));
    if (e == ERR_OK) e = json_put(out, "tokens", json_integer(n));
    if (e == ERR_OK) e = json_put(out, "trained_tokens", json_integer(n_trained));
    str_release(&shard);
    return e;
}

/* The row's own, else the source's, else null. */
static err put_said(const json_t *line, const char *key, const char *of_source, json_t *out) {
    const char *own = json_string_value(json_object_get(line, key));
    return json_put(out, key, json_text_or_null(own ? own : of_source));
}

/* A member of the line, or what stands for its absence. */
static err put_member(const json_t *line, const char *key, json_t *absent, json_t *out) {
    json_t *value = json_object_get(line, key);
    if (!value) return json_put(out, key, absent);
    json_decref(absent);
    return json_put(out, key, json_incref(value));
}

static err put_chain(const struct dataset *d, enum dataset_split split, int64_t row,
                     const json_t *line, json_t *out) {
    const struct dataset_row *r = &dataset_rows(d, split)[row];
    const struct dataset_source *source = dataset_source(d, r->source);
    TRY(json_put(out, "state", json_string("kept")));
    TRY(json_put(out, "split", json_string(split_names[split])));
    TRY(json_put(out, "row", json_integer(row)));
    TRY(put_request(d, source, out));
    TRY(put_source(source, r, out));
    TRY(put_said(line, "license", source->license, out));
    TRY(put_said(line, "reviewer", source->reviewer, out));
    TRY(put_member(line, "origin", json_null(), out));
    json_t *filters = json_array();
    TRY(json_put(out, "filters", filters));
    for (int64_t i = 0; i < dataset_n_filters(d); i++) {
        struct dataset_filter filter;
        TRY(dataset_filter(d, i, -1, &filter));
        TRY(json_push(filters, json_string(filter.name)));
    }
    TRY(put_member(line, "notes", json_array(), out));
    return put_tokens(d, split, row, out);
}

err provenance_chain(const struct provenance *p, enum dataset_split split, int64_t row,
                     json_t *out) {
    json_t *line;
    TRY(provenance_line(p, split, row, &line));
    err e = put_chain(p->d, split, row, line, out);
    json_decref(line);
    return e;
}

static err add_origin(const json_t *origin, struct str *out) {
    const char *model = json_text_of(origin, "model"), *method = json_text_of(origin, "method");
    const char *prompt = json_text_of(origin, "prompt_sha256");
    const char *generator = json_text_of(origin, "generator");
    TRY(str_printf(out, ", generated by %s", model[0] ? model : generator));
    if (!method[0] && !prompt[0]) return ERR_OK;
    TRY(str_printf(out, " (%s%s", method, method[0] && prompt[0] ? ", " : ""));
    return prompt[0] ? str_printf(out, "prompt %.12s)", prompt) : str_add(out, ")");
}

err provenance_describe(const struct provenance *p, enum dataset_split split, int64_t row,
                        struct str *out) {
    const struct dataset_row *r = &dataset_rows(p->d, split)[row];
    const struct dataset_source *source = dataset_source(p->d, r->source);
    json_t *line;
    TRY(provenance_line(p, split, row, &line));
    const char *license = json_string_value(json_object_get(line, "license"));
    const char *reviewer = json_string_value(json_object_get(line, "reviewer"));
    const json_t *origin = json_object_get(line, "origin");
    if (!license) license = source->license;
    if (!reviewer) reviewer = source->reviewer;
    err e = dataset_describe(p->d, split, row, out);
    if (e == ERR_OK) e = str_printf(out, ", %s", license ? license : "no licence named");
    if (e == ERR_OK && reviewer) e = str_printf(out, ", reviewed by %s", reviewer);
    if (e == ERR_OK && origin) e = add_origin(origin, out);
    json_decref(line);
    return e;
}
