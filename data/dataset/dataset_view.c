/* SPDX-License-Identifier: Apache-2.0
 * Looking things up in an open dataset - counts, groups, where a row comes from - and reading
 * its held-out cases. Nothing here checks the folder: data/dataset/dataset.c did when it opened it.
 * The contract is data/dataset/dataset.h. */
#include "base/mem.h"
#include "data/dataset/dataset_int.h"

enum { CASE_MAX_BYTES = 16 << 20 };

static err take_case(struct dataset *d, const struct line_reader *lines) {
    struct dataset_case *item = &d->cases[d->n_cases];
    const char *request, *prompt, *response, *file;
    json_t *line = NULL;
    TRY(json_parse(lines->line, lines->len, "case", &line));
    err e = json_need_string(line, "request", &request);
    if (e == ERR_OK) e = json_need_string(line, "prompt", &prompt);
    if (e == ERR_OK) e = json_need_string(line, "response", &response);
    if (e == ERR_OK) e = json_need_string(line, "file", &file);
    if (e == ERR_OK) e = json_need_int(line, "line", &item->line);
    if (e == ERR_OK) {
        item->request = arena_strdup(&d->arena, request);
        item->prompt = arena_strdup(&d->arena, prompt);
        item->response = arena_strdup(&d->arena, response);
        item->file = arena_strdup(&d->arena, file);
        if (!item->request || !item->prompt || !item->response || !item->file) e = ERR_MEMORY;
    }
    json_decref(line);
    if (e == ERR_OK) d->n_cases++;
    return e;
}

/* Doubles the room when it is full; outgrown arrays stay in the arena. */
static err make_room(struct dataset *d, int64_t *capacity) {
    if (d->n_cases < *capacity) return ERR_OK;
    int64_t bigger = *capacity ? 2 * *capacity : 64;
    struct dataset_case *grown = arena_alloc(&d->arena, (size_t)bigger, sizeof *grown);
    if (!grown) return ERR_MEMORY;
    for (int64_t i = 0; i < d->n_cases; i++) grown[i] = d->cases[i];
    d->cases = grown;
    *capacity = bigger;
    return ERR_OK;
}

err dataset_read_cases(struct dataset *d) {
    struct line_reader lines;
    int64_t capacity = 0;
    char *path = path_join(d->dir, "holdout.jsonl");
    if (!path) return ERR_MEMORY;
    err e = line_reader_open(&lines, path, CASE_MAX_BYTES);
    if (e == ERR_OK) {
        bool more = true;
        while (e == ERR_OK && more) {
            e = line_reader_next(&lines, &more);
            if (e == ERR_OK && more) e = make_room(d, &capacity);
            if (e == ERR_OK && more) e = take_case(d, &lines);
        }
        if (e != ERR_OK) e = fail_in(e, "'%s' line %lld", path, (long long)lines.line_number);
        line_reader_close(&lines);
    }
    mem_free(path);
    return e;
}

const char *dataset_digest(const struct dataset *d) {
    return d->digest;
}
const char *dataset_input(const struct dataset *d) {
    return d->input;
}
const char *dataset_dir(const struct dataset *d) {
    return d->dir;
}
const char *dataset_tokenizer_dir(const struct dataset *d) {
    return d->tokenizer_dir;
}
const char *dataset_tokenizer_digest(const struct dataset *d) {
    return d->tokenizer_digest;
}
const char *dataset_special_whitespace(const struct dataset *d) {
    return d->special_whitespace;
}
int64_t dataset_eod(const struct dataset *d) {
    return d->eod;
}
int64_t dataset_sep(const struct dataset *d) {
    return d->sep;
}
bool dataset_sealed(const struct dataset *d) {
    return d->sealed;
}

int64_t dataset_n_rows(const struct dataset *d, enum dataset_split split) {
    return d->splits[split].n_rows;
}
int64_t dataset_n_tokens(const struct dataset *d, enum dataset_split split) {
    return d->splits[split].n_tokens;
}
int64_t dataset_n_answer_tokens(const struct dataset *d, enum dataset_split split) {
    return d->splits[split].n_answer_tokens;
}
const struct dataset_row *dataset_rows(const struct dataset *d, enum dataset_split split) {
    return d->splits[split].rows;
}

int64_t dataset_n_groups(const struct dataset *d) {
    return d->n_groups;
}
const struct dataset_group *dataset_group(const struct dataset *d, int64_t group) {
    return &d->groups[group];
}
const struct dataset_mix *dataset_mix(const struct dataset *d) {
    return &d->mix;
}

int64_t dataset_n_sources(const struct dataset *d) {
    return d->n_sources;
}
const struct dataset_source *dataset_source(const struct dataset *d, int64_t source) {
    return &d->sources[source];
}

/* First row whose source is `source` or later. */
static int64_t first_row_from(const struct split *s, int64_t source) {
    int64_t low = 0, high = s->n_rows;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (s->rows[middle].source < source)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void dataset_group_rows(const struct dataset *d, enum dataset_split split, int64_t group,
                        int64_t *out_first, int64_t *out_n) {
    const struct dataset_group *g = &d->groups[group];
    *out_first = first_row_from(&d->splits[split], g->first_source);
    *out_n = first_row_from(&d->splits[split], g->first_source + g->n_sources) - *out_first;
}

err dataset_describe(const struct dataset *d, enum dataset_split split, int64_t row,
                     struct str *out) {
    const struct dataset_row *r = &d->splits[split].rows[row];
    const struct dataset_source *source = &d->sources[r->source];
    if (source->request) TRY(str_printf(out, "request '%s' ", source->request));
    TRY(str_printf(out, "%s line %d", source->name, r->line));
    return r->part > 0 ? str_printf(out, " turn %d", r->part) : ERR_OK;
}

int64_t dataset_n_filters(const struct dataset *d) {
    return (int64_t)json_array_size(json_object_get(d->manifest, "filters"));
}

static err add_counts(const json_t *item, struct dataset_filter *out) {
    int64_t dropped, changed, noted, spared;
    TRY(json_need_int(item, "dropped", &dropped));
    TRY(json_need_int(item, "changed", &changed));
    TRY(json_need_int(item, "noted", &noted));
    TRY(json_need_int(item, "spared", &spared));
    out->dropped += dropped;
    out->changed += changed;
    out->noted += noted;
    out->spared += spared;
    return ERR_OK;
}

err dataset_filter(const struct dataset *d, int64_t filter, int64_t group,
                   struct dataset_filter *out) {
    const json_t *item = json_array_get(json_object_get(d->manifest, "filters"), (size_t)filter);
    json_t *sources;
    *out = (struct dataset_filter){0};
    TRY(json_need_string(item, "name", &out->name));
    TRY(json_need_int(item, "seen", &out->seen));
    if (group < 0) return add_counts(item, out);
    TRY(json_need_array(item, "sources", &sources));
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *counts = json_array_get(sources, i);
        int64_t source;
        TRY(json_need_int(counts, "source", &source));
        if (source < 0 || source >= d->n_sources)
            return fail(ERR_PARSE, "'%s': filter '%s' names source %lld", d->dir, out->name,
                        (long long)source);
        if (d->sources[source].group == group) TRY(add_counts(counts, out));
    }
    return ERR_OK;
}

int64_t dataset_n_cases(const struct dataset *d) {
    return d->n_cases;
}
const struct dataset_case *dataset_cases(const struct dataset *d) {
    return d->cases;
}
