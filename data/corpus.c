/* SPDX-License-Identifier: Apache-2.0
 * Lines up the sources of a recipe in their fixed order, request by request, reads them and the
 * files of held-out cases into samples, and checks what only the whole list shows: unknown
 * requests, requests without rows. The contract is data/corpus.h; reading one file is
 * data/source/read.c. */
#include "data/corpus.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/source/files.h"
#include "data/source/read.h"
#include "data/text/text_map.h"
#include <string.h>

static bool same_request(const struct data_source *source, const struct request *request) {
    return source->request && strcmp(source->request, request->id) == 0;
}

/* A source that names a request must name a known one, and has no weight of its own. */
static err check_source(const struct data_source *source, const struct request_list *requests) {
    if (!source->request) return ERR_OK;
    const char **ids = mem_zalloc((size_t)requests->n + 1, sizeof *ids);
    if (!ids) return ERR_MEMORY;
    bool known = false;
    for (int64_t i = 0; i < requests->n; i++) {
        ids[i] = requests->items[i].id;
        known = known || same_request(source, &requests->items[i]);
    }
    err e = ERR_OK;
    if (!known) {
        const char *near = str_nearest(source->request, ids, (size_t)requests->n);
        e = fail(ERR_MISSING, "source '%s' is for request '%s', which the recipe does not have",
                 source->path, source->request);
        if (near) (void)fail_hint(e, "did you mean '%s'?", near);
    } else if (source->weight < 1 || source->weight > 1) {
        e = fail(ERR_USAGE, "source '%s' has a weight and a request; its request's weight counts",
                 source->path);
    }
    mem_free(ids);
    return e;
}

static err add_source(struct corpus *c, const struct corpus_source *source) {
    if (c->n_sources == c->sources_capacity) {
        int64_t capacity = c->sources_capacity ? 2 * c->sources_capacity : 16;
        struct corpus_source *grown = arena_alloc(&c->arena, (size_t)capacity, sizeof *grown);
        if (!grown) return ERR_MEMORY;
        for (int64_t i = 0; i < c->n_sources; i++) grown[i] = c->sources[i];
        c->sources = grown;
        c->sources_capacity = capacity;
    }
    c->sources[c->n_sources++] = *source;
    return ERR_OK;
}

/* The files of a recipe's source, each a source of the present group. */
static err add_files(struct corpus *c, const struct data_source *from,
                     const struct request *request) {
    struct source_files files;
    const char *format = from->format ? from->format : "auto";
    err e = source_files_find(&files, from->path, format);
    for (size_t i = 0; i < files.paths.n && e == ERR_OK; i++) {
        struct corpus_source source = {
            .path = arena_strdup(&c->arena, files.paths.names[i]),
            .name = arena_strdup(&c->arena, files.names.names[i]),
            .format = format,
            .license = from->license,
            .reviewer = from->reviewer,
            .columns = &from->columns,
            .trains_text = from->text && strcmp(from->text, "trained") == 0,
            .request = request,
            .group = c->n_groups,
        };
        e = source.path && source.name ? add_source(c, &source) : ERR_MEMORY;
    }
    source_files_release(&files);
    return e;
}

static err add_request(struct corpus *c, const struct request *request,
                       const struct data_source_list *files) {
    int64_t before = c->n_sources;
    if (request->n_examples > 0)
        TRY(add_source(c, &(struct corpus_source){
                              .name = reader_examples.name,
                              .format = reader_examples.name,
                              .request = request,
                              .group = c->n_groups,
                          }));
    for (int64_t i = 0; i < files->n; i++)
        if (same_request(&files->items[i], request)) TRY(add_files(c, &files->items[i], request));
    if (c->n_sources == before)
        return fail(ERR_MISSING,
                    "request '%s' has no rows: it has no examples and no source names it",
                    request->id);
    c->groups[c->n_groups++] = (struct corpus_group){
        .name = request->id, .weight = request->weight, .request = request, .role = GROUP_REQUEST};
    return ERR_OK;
}

/* The last part of a path, whatever slashes end it. */
static const char *last_part(struct arena *arena, const char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    const char *cut = arena_strndup(arena, path, n);
    return cut ? path_base(cut) : NULL;
}

/* Sources of the same name would be one to who reads where a row comes from: the second is called
 * "name#2", and so on. */
static err name_apart(struct corpus *c, struct text_map *known, const char **name) {
    for (int64_t number = 1;; number++) {
        const char *tried =
            number == 1 ? *name : arena_printf(&c->arena, "%s#%lld", *name, (long long)number);
        int64_t *seen;
        if (!tried) return ERR_MEMORY;
        TRY(text_map_add(known, (struct span){tried, strlen(tried)}, 0, &seen));
        if ((*seen)++ > 0) continue;
        *name = tried;
        return ERR_OK;
    }
}

static err name_all_apart(struct corpus *c) {
    struct text_map sources = {0}, groups = {0};
    err e = ERR_OK;
    for (int64_t i = 0; i < c->n_sources && e == ERR_OK; i++)
        if (c->sources[i].path) e = name_apart(c, &sources, &c->sources[i].name);
    for (int64_t i = 0; i < c->n_groups && e == ERR_OK; i++)
        e = name_apart(c, &groups, &c->groups[i].name);
    text_map_release(&sources);
    text_map_release(&groups);
    return e;
}

static err line_up(struct corpus *c, const struct data_source_list *files,
                   const struct request_list *requests) {
    size_t most = (size_t)(files->n + requests->n) + 2;
    c->groups = arena_alloc(&c->arena, most, sizeof *c->groups);
    if (!c->groups) return ERR_MEMORY;
    for (int64_t i = 0; i < files->n; i++) TRY(check_source(&files->items[i], requests));
    for (int64_t i = 0; i < requests->n; i++) {
        for (int64_t k = 0; k < i; k++)
            if (strcmp(requests->items[i].id, requests->items[k].id) == 0)
                return fail(ERR_EXISTS, "request '%s' is there twice", requests->items[i].id);
        TRY(add_request(c, &requests->items[i], files));
    }
    for (int64_t i = 0; i < files->n; i++) {
        if (files->items[i].request) continue;
        TRY(add_files(c, &files->items[i], NULL));
        const char *name = last_part(&c->arena, files->items[i].path);
        if (!name) return ERR_MEMORY;
        c->groups[c->n_groups++] = (struct corpus_group){
            .name = name, .weight = files->items[i].weight, .role = GROUP_SOURCE};
    }
    if (c->n_sources == 0)
        return fail(ERR_MISSING, "the recipe has no rows: no request, no source");
    return ERR_OK;
}

/* A group of its own behind all others. Its plain text is trained: context alone is no replay. */
static err add_replay(struct corpus *c, const struct data_replay *replay) {
    const struct data_source file = {.path = replay->path,
                                     .format = replay->format,
                                     .license = replay->license,
                                     .text = "trained"};
    if (!replay->path) return ERR_OK;
    TRY(add_files(c, &file, NULL));
    const char *name = last_part(&c->arena, replay->path);
    if (!name) return ERR_MEMORY;
    c->groups[c->n_groups++] = (struct corpus_group){.name = name, .role = GROUP_REPLAY};
    return ERR_OK;
}

static err read_examples(struct reading *r, struct corpus_source *source, int32_t number) {
    struct sha256 hash;
    int64_t before = r->samples->n;
    TRY(sha256_init(&hash));
    err e = ERR_OK;
    for (int64_t i = 0; i < source->request->n_examples && e == ERR_OK; i++) {
        const struct example *example = &source->request->examples[i];
        /* with the NUL at its end, so that no two lists of texts hash alike */
        e = sha256_add(&hash, example->prompt, strlen(example->prompt) + 1);
        if (e == ERR_OK) e = sha256_add(&hash, example->response, strlen(example->response) + 1);
        if (e == ERR_OK) e = read_example(r, example, number, (int32_t)i + 1);
    }
    source->n_samples = r->samples->n - before;
    if (e == ERR_OK) return sha256_final(&hash, source->sha256);
    sha256_release(&hash);
    return e;
}

static err read_source(struct reading *r, struct corpus_source *source, int32_t number) {
    if (!source->path) return read_examples(r, source, number);
    struct read_file file = {.path = source->path,
                             .format = source->format,
                             .source = number,
                             .trains_text = source->trains_text,
                             .columns = source->columns};
    TRY(read_file(r, &file));
    if (file.reader) source->format = file.reader->name;
    source->n_samples = file.n_samples;
    memcpy(source->sha256, file.sha256, sizeof source->sha256);
    return ERR_OK;
}

err corpus_add_case(struct corpus *c, const struct corpus_case *item) {
    TRY(mem_grow(&c->cases, &c->cases_capacity, c->n_cases, sizeof *c->cases));
    c->cases[c->n_cases++] = *item;
    return ERR_OK;
}

/* A request's file of cases: pairs, one turn each. */
static err read_cases(struct reading *r, struct corpus *c, const struct request *request) {
    struct sample_list cases = {0};
    struct reading of_cases = {.arena = r->arena, .samples = &cases, .faults = r->faults};
    struct read_file file = {.path = request->cases, .format = "pairs"};
    err e = read_file(&of_cases, &file);
    if (e == ERR_OK && request->cases_sha256 && strcmp(request->cases_sha256, file.sha256) != 0) {
        e = fail(ERR_MISMATCH, "'%s' has the SHA-256 %s, not %s", request->cases, file.sha256,
                 request->cases_sha256);
        (void)fail_hint(e, "the cases were changed after they were sealed");
    }
    r->n_records += of_cases.n_records;
    for (int64_t i = 0; i < cases.n && e == ERR_OK; i++) {
        const struct turn *turn = &cases.items[i].turns[0];
        struct corpus_case item = {request, turn->prompt, turn->answer, request->cases,
                                   cases.items[i].line};
        e = corpus_add_case(c, &item);
    }
    sample_list_release(&cases);
    return e == ERR_OK ? ERR_OK : fail_in(e, "held-out cases of request '%s'", request->id);
}

err corpus_read(struct corpus *c, const struct data_options *options,
                const struct request_list *requests) {
    struct faults faults = {0};
    struct reading r = {
        .arena = &c->arena, .samples = &c->samples, .faults = &faults, .tokenizer = c->tokenizer};
    TRY(line_up(c, &options->sources, requests));
    TRY(add_replay(c, &options->replay));
    TRY(name_all_apart(c));
    err e = ERR_OK;
    for (int64_t i = 0; i < c->n_sources && e == ERR_OK; i++)
        e = read_source(&r, &c->sources[i], (int32_t)i);
    for (int64_t i = 0; i < requests->n && e == ERR_OK; i++)
        if (requests->items[i].cases) e = read_cases(&r, c, &requests->items[i]);
    if (e == ERR_OK) e = faults_end(&faults, r.n_records, "rows cannot be used");
    faults_release(&faults);
    return e;
}

const struct corpus_source *sample_source(const struct corpus *c, int64_t sample) {
    return &c->sources[c->samples.items[sample].source];
}

err corpus_place(const struct corpus *c, int64_t sample, struct str *out) {
    const struct corpus_source *source = sample_source(c, sample);
    if (source->request) TRY(str_printf(out, "request '%s' ", source->request->id));
    return str_printf(out, "%s line %d", source->name, c->samples.items[sample].line);
}

void corpus_release(struct corpus *c) {
    sample_list_release(&c->samples);
    mem_free(c->use);
    mem_free(c->cases);
    arena_release(&c->arena);
    *c = (struct corpus){0};
}
