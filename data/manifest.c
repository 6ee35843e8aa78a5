/* SPDX-License-Identifier: Apache-2.0
 * What is written down about a dataset: the held-out cases, and the manifest with counts and the
 * hash of every other file. No time, host or folder is written, so that the same input gives the
 * same bytes. Reading them back is data/dataset/dataset.c. */
#include "base/json.h"
#include "base/mem.h"
#include "data/build_int.h"
#include <string.h>

static json_t *span_string(struct span s) {
    return json_stringn(s.text, s.n);
}

static err add_case(const struct corpus_case *item, struct str *lines) {
    json_t *line = json_object();
    err e = line ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = json_put(line, "request", json_string(item->request->id));
    if (e == ERR_OK) e = json_put(line, "prompt", span_string(item->prompt));
    if (e == ERR_OK) e = json_put(line, "response", span_string(item->answer));
    if (e == ERR_OK) e = json_put(line, "file", json_string(path_base(item->path)));
    if (e == ERR_OK) e = json_put(line, "line", json_integer(item->line));
    if (e == ERR_OK) e = json_text(line, 0, lines);
    if (e == ERR_OK) e = str_add(lines, "\n");
    json_decref(line);
    return e;
}

err build_write_cases(struct building *s) {
    const struct corpus *c = &s->corpus;
    struct str lines = {0};
    char *path = path_join(s->dir, "holdout.jsonl");
    err e = path ? ERR_OK : ERR_MEMORY;
    for (int64_t g = 0; g < c->n_groups; g++)
        for (int64_t i = 0; i < c->n_cases && e == ERR_OK; i++) {
            if (c->cases[i].request != c->groups[g].request) continue;
            s->counts[g].cases++;
            e = add_case(&c->cases[i], &lines);
        }
    if (e == ERR_OK) e = file_write(path, str_text(&lines), lines.len);
    mem_free(path);
    str_release(&lines);
    return e;
}

err build_write_lint(const struct building *s) {
    struct lint_input input = {.corpus = &s->corpus,
                               .rows = s->lint_rows,
                               .n = s->rows.n,
                               .words = s->b->options->sensitive_words};
    json_t *report = NULL;
    char *path = path_join(s->dir, "lint.json");
    err e = path ? lint_run(&input, &report) : ERR_MEMORY;
    if (e == ERR_OK) e = json_write_file(path, report);
    json_decref(report);
    mem_free(path);
    return e;
}

static err describe_tokenizer(const struct building *s, json_t *out) {
    TRY(json_put(out, "digest", json_string(tokenizer_digest(s->tokenizer))));
    TRY(json_put(out, "n_ids", json_integer(tokenizer_n_ids(s->tokenizer))));
    TRY(json_put(out, "eod", json_integer(tokenizer_special(s->tokenizer, SPECIAL_EOD))));
    return json_put(out, "sep", json_integer(tokenizer_special(s->tokenizer, SPECIAL_SEP)));
}

static err describe_group(const struct building *s, int64_t g, json_t *out) {
    const struct corpus_group *group = &s->corpus.groups[g];
    const struct group_count *count = &s->counts[g];
    TRY(json_put(out, "name", json_string(group->name)));
    TRY(json_put(out, "request", json_text_or_null(group->request ? group->request->id : NULL)));
    TRY(json_put(out, "scenario",
                 json_text_or_null(group->request ? group->request->scenario : NULL)));
    TRY(json_put(out, "role", json_string(group_role_names[group->role])));
    TRY(json_put(out, "weight", json_real(group->weight)));
    for (int split = 0; split < SPLIT_COUNT; split++) {
        json_t *part = json_object();
        TRY(json_put(out, split_names[split], part));
        TRY(json_put(part, "rows", json_integer(count->rows[split])));
        TRY(json_put(part, "tokens", json_integer(count->tokens[split])));
        TRY(json_put(part, "answer_tokens", json_integer(count->answer_tokens[split])));
    }
    return json_put(out, "cases", json_integer(count->cases));
}

static err describe_source(const struct building *s, int64_t i, json_t *out) {
    const struct corpus_source *source = &s->corpus.sources[i];
    TRY(json_put(out, "name", json_string(source->name)));
    TRY(json_put(out, "format", json_string(source->format)));
    TRY(json_put(out, "license", json_text_or_null(source->license)));
    TRY(json_put(out, "reviewer", json_text_or_null(source->reviewer)));
    TRY(json_put(out, "request", json_text_or_null(source->request ? source->request->id : NULL)));
    TRY(json_put(out, "group", json_integer(source->group)));
    TRY(json_put(out, "samples", json_integer(source->n_samples)));
    return json_put(out, "sha256", json_string(source->sha256));
}

static err describe_split(const struct building *s, int64_t i, json_t *out) {
    const struct shard_writer *w = &s->splits[i];
    TRY(json_put(out, "rows", json_integer(w->n_rows)));
    TRY(json_put(out, "tokens", json_integer(w->n_tokens)));
    TRY(json_put(out, "answer_tokens", json_integer(w->n_answer_tokens)));
    json_t *shards = json_array();
    TRY(json_put(out, "shards", shards)); /* number of each one's first token */
    for (int64_t k = 0; k < w->n_shards; k++)
        TRY(json_push(shards, json_integer(w->first_tokens[k])));
    return ERR_OK;
}

/* A list under `key` with one object for each of n, filled by `describe`. */
static err put_list(const struct building *s, json_t *manifest, const char *key, int64_t n,
                    err (*describe)(const struct building *s, int64_t i, json_t *out)) {
    json_t *list = json_array();
    TRY(json_put(manifest, key, list));
    for (int64_t i = 0; i < n; i++) {
        json_t *item = json_object();
        TRY(json_push(list, item));
        TRY(describe(s, i, item));
    }
    return ERR_OK;
}

static err put_files(const struct building *s, json_t *manifest) {
    struct name_list names = {0};
    json_t *files = json_object();
    TRY(json_put(manifest, "files", files));
    err e = dir_walk(s->dir, &names);
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        char hex[SHA256_HEX_SIZE];
        char *path = path_join(s->dir, names.names[i]);
        e = path ? sha256_file(path, hex) : ERR_MEMORY;
        if (e == ERR_OK) e = json_put(files, names.names[i], json_string(hex));
        mem_free(path);
    }
    name_list_release(&names);
    return e;
}

static err fill_manifest(const struct building *s, json_t *m) {
    const struct data_options *o = s->b->options;
    char input[SHA256_HEX_SIZE];
    TRY(data_build_input(s->b, input));
    TRY(json_put(m, "format", json_string("cotrain-dataset")));
    TRY(json_put(m, "version", json_integer(DATASET_VERSION)));
    TRY(json_put(m, "input", json_string(input)));
    json_t *tokenizer = json_object();
    TRY(json_put(m, "tokenizer", tokenizer));
    TRY(describe_tokenizer(s, tokenizer));
    TRY(json_put(m, "special_whitespace", json_string(o->special_whitespace)));
    TRY(json_put(m, "turns", json_string(o->turns)));
    TRY(json_put(m, "validation", json_real(o->validation)));
    TRY(json_put(m, "seed", json_integer((json_int_t)s->b->seed)));
    TRY(json_put(m, "sealed", json_boolean(o->holdout.sealed)));
    TRY(json_put(m, "mix",
                 json_pack("{s:f, s:f, s:I}", "temperature", o->mix.temperature, "replay_share",
                           o->replay.share, "tokens", (json_int_t)o->mix.tokens)));
    TRY(put_list(s, m, "groups", s->corpus.n_groups, describe_group));
    TRY(put_list(s, m, "sources", s->corpus.n_sources, describe_source));
    if (s->filtering.n_filters > 0) {
        json_t *list = json_array();
        TRY(json_put(m, "filters", list));
        TRY(filtering_describe(&s->filtering, list));
    }
    TRY(put_list(s, m, "splits", SPLIT_COUNT, describe_split));
    return put_files(s, m);
}

err build_write_manifest(const struct building *s) {
    json_t *manifest = json_object();
    char *path = path_join(s->dir, "manifest.json");
    err e = path ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) e = manifest ? fill_manifest(s, manifest) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = json_write_file(path, manifest);
    json_decref(manifest);
    mem_free(path);
    return e;
}
