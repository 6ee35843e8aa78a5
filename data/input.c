/* SPDX-License-Identifier: Apache-2.0
 * The digest of everything a dataset depends on - files, texts, options, tokenizer, seed - so
 * that a chain can tell whether one is up to date without building it again. Names of files
 * count, their folders do not. The contract is data_build_input in data/build.h. */
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/build.h"
#include "data/dataset/near_rows.h"
#include "data/dataset/shards_int.h"
#include "data/source/files.h"
#include "data/tokens/tokenizer.h"
#include <string.h>

static err put_text(json_t *out, const char *key, const char *text) {
    return json_put(out, key, text ? json_string(text) : json_null());
}

static err put_file(json_t *out, const char *key, const char *path) {
    char hex[SHA256_HEX_SIZE];
    if (!path) return json_put(out, key, json_null());
    TRY(sha256_file(path, hex));
    return json_put(out, key, json_string(hex));
}

static err put_request(json_t *out, const struct request *request) {
    TRY(put_text(out, "id", request->id));
    TRY(put_text(out, "scenario", request->scenario));
    TRY(json_put(out, "weight", json_real(request->weight)));
    TRY(put_file(out, "cases", request->cases));
    json_t *examples = json_array();
    TRY(json_put(out, "examples", examples));
    for (int64_t i = 0; i < request->n_examples; i++) {
        const struct example *example = &request->examples[i];
        TRY(json_push(examples, json_string(example->prompt)));
        TRY(json_push(examples, json_string(example->response)));
    }
    return ERR_OK;
}

static err put_source(json_t *out, const struct data_source *source) {
    struct source_files files;
    const char *format = source->format ? source->format : "auto";
    json_t *list = json_array();
    TRY(json_put(out, "files", list));
    err e = source_files_find(&files, source->path, format);
    for (size_t i = 0; i < files.paths.n && e == ERR_OK; i++) {
        char hex[SHA256_HEX_SIZE];
        e = source_file_sha256(files.paths.names[i], hex);
        if (e == ERR_OK) e = json_push(list, json_string(files.names.names[i]));
        if (e == ERR_OK) e = json_push(list, json_string(hex));
    }
    source_files_release(&files);
    TRY(e);
    TRY(put_text(out, "format", source->format));
    TRY(put_text(out, "license", source->license));
    TRY(put_text(out, "reviewer", source->reviewer));
    TRY(put_text(out, "request", source->request));
    TRY(put_text(out, "text", source->text));
    json_t *columns = json_array();
    TRY(json_put(out, "columns", columns));
    for (int64_t i = 0; i < source->columns.n; i++)
        TRY(json_push(columns, json_string(source->columns.items[i])));
    return json_put(out, "weight", json_real(source->weight));
}

static err add_forbidden(void *hash, const struct forbidden_text *text) {
    const int64_t lengths[] = {(int64_t)text->prompt.n, (int64_t)text->answer.n};
    TRY(sha256_add(hash, lengths, sizeof lengths));
    TRY(sha256_add(hash, text->set, strlen(text->set) + 1));
    TRY(sha256_add(hash, text->prompt.text, text->prompt.n));
    return text->answer.n > 0 ? sha256_add(hash, text->answer.text, text->answer.n) : ERR_OK;
}

/* A hash of what must not be trained on, which says nothing of the texts. */
static err put_forbidden(const struct forbidden_source *from, json_t *out) {
    struct sha256 hash;
    char hex[SHA256_HEX_SIZE];
    TRY(sha256_init(&hash));
    err e = from->each(from->ctx, add_forbidden, &hash);
    if (e == ERR_OK)
        e = sha256_final(&hash, hex);
    else
        sha256_release(&hash);
    return e == ERR_OK ? json_put(out, "forbidden", json_string(hex)) : e;
}

/* The files themselves count, not where they are. */
static err put_files_of(const struct opt *row, const struct filter_options *o, json_t *out) {
    struct opt_list list;
    memcpy(&list, (const char *)o + row->offset, sizeof list);
    json_t *hashes = json_array();
    TRY(json_put(out, row->name, hashes));
    for (int64_t i = 0; i < list.n; i++) {
        char hex[SHA256_HEX_SIZE];
        char *path = near_rows_path(list.items[i]);
        err e = path ? sha256_file(path, hex) : ERR_MEMORY;
        if (e == ERR_OK) e = json_push(hashes, json_string(hex));
        mem_free(path);
        TRY(e);
    }
    return ERR_OK;
}

/* Nothing where no filter is named: a threshold alone changes no row. */
static err put_filters(const struct data_options *o, json_t *out) {
    struct opt_table table = filter_options_table();
    struct arena arena = {0};
    if (o->filters.n == 0) return ERR_OK;
    json_t *names = json_array();
    TRY(json_put(out, "filters", names));
    json_t *thresholds = json_object();
    TRY(json_put(out, "filter", thresholds));
    err e = ERR_OK;
    for (int64_t i = 0; i < o->filters.n && e == ERR_OK; i++)
        e = json_push(names, json_string(o->filters.items[i]));
    for (size_t i = 0; i < table.n && e == ERR_OK; i++) {
        const char *text;
        if (opt_left_out(&table.rows[i], &o->filter)) continue;
        if (table.rows[i].path) {
            e = put_files_of(&table.rows[i], &o->filter, thresholds);
            continue;
        }
        e = opt_text(&table.rows[i], &o->filter, &arena, &text);
        if (e == ERR_OK) e = json_put(thresholds, table.rows[i].name, json_string(text));
    }
    arena_release(&arena);
    return e;
}

/* Replay, and how an epoch is mixed. */
static err put_mix(const struct data_options *o, json_t *out) {
    TRY(json_put(out, "temperature", json_real(o->mix.temperature)));
    TRY(json_put(out, "mix_tokens", json_integer(o->mix.tokens)));
    if (!o->replay.path) return ERR_OK;
    const struct data_source file = {
        .path = o->replay.path, .format = o->replay.format, .license = o->replay.license};
    json_t *replay = json_object();
    TRY(json_put(out, "replay", replay));
    TRY(put_source(replay, &file));
    return json_put(replay, "share", json_real(o->replay.share));
}

static err put_all(const struct data_build *b, const struct tokenizer *t, json_t *out) {
    const struct data_options *o = b->options;
    json_t *requests = json_array();
    TRY(json_put(out, "requests", requests));
    json_t *sources = json_array();
    TRY(json_put(out, "sources", sources));
    TRY(json_put(out, "version", json_integer(DATASET_VERSION)));
    TRY(put_text(out, "tokenizer", tokenizer_digest(t)));
    TRY(json_put(out, "vocab_size", json_integer(b->vocab_size)));
    TRY(json_put(out, "seed", json_integer((json_int_t)b->seed)));
    TRY(put_text(out, "special_whitespace", o->special_whitespace));
    TRY(json_put(out, "fim_rate", json_real(o->fim.rate)));
    TRY(json_put(out, "fim_spm_rate", json_real(o->fim.spm_rate)));
    TRY(put_text(out, "turns", o->turns));
    TRY(json_put(out, "validation", json_real(o->validation)));
    TRY(json_put(out, "per_request", json_integer(o->holdout.per_request)));
    TRY(json_put(out, "sealed", json_boolean(o->holdout.sealed)));
    if (o->sensitive_words) TRY(put_file(out, "sensitive_words", o->sensitive_words));
    TRY(put_filters(o, out));
    if (b->score_digest && opt_list_has(&o->filters, "quality"))
        TRY(put_text(out, "score", b->score_digest));
    if (b->forbidden && opt_list_has(&o->filters, "decontaminate"))
        TRY(put_forbidden(b->forbidden, out));
    TRY(put_mix(o, out));
    for (int64_t i = 0; i < b->requests->n; i++) {
        json_t *item = json_object();
        TRY(json_push(requests, item));
        TRY(put_request(item, &b->requests->items[i]));
    }
    for (int64_t i = 0; i < o->sources.n; i++) {
        json_t *item = json_object();
        TRY(json_push(sources, item));
        TRY(put_source(item, &o->sources.items[i]));
    }
    return ERR_OK;
}

err data_build_input(const struct data_build *b, char out[SHA256_HEX_SIZE]) {
    struct tokenizer *t;
    struct str text = {0};
    TRY(tokenizer_open(&t, b->tokenizer_dir));
    json_t *all = json_object();
    err e = all ? put_all(b, t, all) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = json_text(all, 0, &text);
    if (e == ERR_OK) e = sha256_bytes(str_text(&text), text.len, out);
    str_release(&text);
    json_decref(all);
    tokenizer_free(t);
    return e;
}
