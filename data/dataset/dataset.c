/* SPDX-License-Identifier: Apache-2.0
 * Opening a dataset folder: the manifest, every hash, the mapped shards. The index is checked even
 * though its hash fits, since the folder may come from somebody else. The contract is
 * data/dataset/dataset.h, the format is data/dataset/shards_int.h's; held-out cases are read in
 * data/dataset/dataset_view.c. */
#include "data/dataset/dataset.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/dataset/dataset_int.h"
#include <string.h>

static err check_hashes(const struct dataset *d) {
    json_t *files;
    const char *name;
    json_t *wanted;
    TRY(json_need_object(d->manifest, "files", &files));
    json_object_foreach(files, name, wanted) {
        char hex[SHA256_HEX_SIZE];
        char *path = path_join(d->dir, name);
        err e = path ? ERR_OK : ERR_MEMORY;
        if (e == ERR_OK && (name[0] == '/' || strstr(name, "..")))
            e = fail(ERR_PARSE, "file '%s' is not inside the dataset", name);
        if (e == ERR_OK) e = sha256_file(path, hex);
        if (e == ERR_OK && !(json_is_string(wanted) && strcmp(json_string_value(wanted), hex) == 0))
            e = fail(ERR_MISMATCH, "'%s' is not the file that the manifest names: its hash differs",
                     path);
        mem_free(path);
        TRY(e);
    }
    return ERR_OK;
}

/* Files that hold tokens must be among the hashed ones. */
static err need_hashed(const struct dataset *d, const char *path) {
    const char *relative = path + strlen(d->dir);
    while (*relative == '/') relative++;
    if (json_object_get(json_object_get(d->manifest, "files"), relative)) return ERR_OK;
    return fail(ERR_PARSE, "the manifest has no hash of '%s'", relative);
}

static err map_file(const struct dataset *d, char *path, size_t size_bytes, struct file_map *out) {
    if (!path) return ERR_MEMORY;
    err e = need_hashed(d, path);
    if (e == ERR_OK) e = file_map_open(out, path);
    if (e == ERR_OK && out->size_bytes != size_bytes)
        e = fail(ERR_MISMATCH, "'%s' has %zu bytes instead of %zu", path, out->size_bytes,
                 size_bytes);
    mem_free(path);
    return e;
}

static err map_shards(struct dataset *d, struct split *s, const char *dir, json_t *shards) {
    int64_t n = (int64_t)json_array_size(shards);
    s->shards = mem_zalloc((size_t)n + 1, sizeof *s->shards);
    if (!s->shards) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        struct shard *shard = &s->shards[i];
        int64_t end = s->n_tokens;
        if (i + 1 < n) end = (int64_t)json_integer_value(json_array_get(shards, (size_t)i + 1));
        shard->first_token = (int64_t)json_integer_value(json_array_get(shards, (size_t)i));
        int64_t count = end - shard->first_token;
        bool in_order =
            i > 0 ? shard->first_token > s->shards[i - 1].first_token : shard->first_token == 0;
        if (!in_order || count <= 0 || count > SHARD_MAX_TOKENS)
            return fail(ERR_PARSE, "the shards of the manifest do not follow one another");
        s->n_shards = i + 1;
        TRY(map_file(d, shard_path(dir, "tokens", i), (size_t)count * sizeof(int32_t),
                     &shard->tokens));
        TRY(map_file(d, shard_path(dir, "answer", i), (size_t)count, &shard->answer));
    }
    return n > 0 || s->n_tokens == 0 ? ERR_OK : fail(ERR_PARSE, "the manifest names no shards");
}

static int64_t shard_of(const struct split *s, int64_t token) {
    int64_t low = 0, high = s->n_shards - 1;
    while (low < high) { /* the last shard that begins at or before the token */
        int64_t middle = (low + high + 1) / 2;
        if (s->shards[middle].first_token <= token)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static err check_index(const struct dataset *d, const struct split *s) {
    int64_t token = 0;
    int32_t source = 0;
    for (int64_t i = 0; i < s->n_rows; i++) {
        const struct dataset_row *row = &s->rows[i];
        bool good = row->first_token == token && row->n_tokens > 0 &&
                    row->n_tokens <= s->n_tokens - token && row->source >= source &&
                    row->source < d->n_sources;
        if (good) good = shard_of(s, token) == shard_of(s, token + row->n_tokens - 1);
        if (!good)
            return fail(ERR_PARSE, "index of '%s': row %lld does not fit", d->dir, (long long)i);
        token += row->n_tokens;
        source = row->source;
    }
    return token == s->n_tokens ? ERR_OK
                                : fail(ERR_PARSE, "index of '%s' is short of tokens", d->dir);
}

static err open_split(struct dataset *d, int number) {
    struct split *s = &d->splits[number];
    json_t *splits, *shards;
    TRY(json_need_array(d->manifest, "splits", &splits));
    const json_t *item = json_array_get(splits, (size_t)number);
    TRY(json_need_int(item, "rows", &s->n_rows));
    TRY(json_need_int(item, "tokens", &s->n_tokens));
    TRY(json_need_int(item, "answer_tokens", &s->n_answer_tokens));
    TRY(json_need_array(item, "shards", &shards));
    if (s->n_rows < 0 || s->n_tokens < 0) return fail(ERR_PARSE, "negative counts");
    char *dir = path_join(d->dir, split_names[number]);
    if (!dir) return ERR_MEMORY;
    err e = map_shards(d, s, dir, shards);
    if (e == ERR_OK)
        e = map_file(d, path_join(dir, "index.bin"), (size_t)s->n_rows * sizeof *s->rows,
                     &s->index);
    mem_free(dir);
    s->rows = (const struct dataset_row *)(const void *)s->index.data;
    return e == ERR_OK ? check_index(d, s) : e;
}

const char *const group_role_names[] = {"request", "source", "replay"};

static err read_role(const json_t *item, enum group_role *out) {
    const char *name;
    TRY(json_need_string(item, "role", &name));
    for (int i = 0; i < 3; i++)
        if (strcmp(name, group_role_names[i]) == 0) {
            *out = (enum group_role)i;
            return ERR_OK;
        }
    return fail(ERR_PARSE, "a group of unknown role '%s'", name);
}

static err read_mix(struct dataset *d) {
    json_t *mix;
    TRY(json_need_object(d->manifest, "mix", &mix));
    TRY(json_need_number(mix, "temperature", &d->mix.temperature));
    TRY(json_need_number(mix, "replay_share", &d->mix.replay_share));
    TRY(json_need_int(mix, "tokens", &d->mix.tokens));
    if (d->mix.temperature >= 0 && d->mix.replay_share >= 0 && d->mix.replay_share < 1 &&
        d->mix.tokens >= 0)
        return ERR_OK;
    return fail(ERR_PARSE, "a mix out of range");
}

static err read_groups(struct dataset *d) {
    json_t *groups, *sources;
    TRY(json_need_array(d->manifest, "groups", &groups));
    TRY(json_need_array(d->manifest, "sources", &sources));
    d->n_groups = (int64_t)json_array_size(groups);
    d->n_sources = (int64_t)json_array_size(sources);
    d->groups = arena_alloc(&d->arena, (size_t)d->n_groups + 1, sizeof *d->groups);
    d->sources = arena_alloc(&d->arena, (size_t)d->n_sources + 1, sizeof *d->sources);
    if (!d->groups || !d->sources) return ERR_MEMORY;
    for (int64_t i = 0; i < d->n_groups; i++) {
        const json_t *item = json_array_get(groups, (size_t)i);
        TRY(json_need_string(item, "name", &d->groups[i].name));
        TRY(read_role(item, &d->groups[i].role));
        TRY(json_need_number(item, "weight", &d->groups[i].weight));
        if (!(d->groups[i].weight >= 0)) return fail(ERR_PARSE, "a negative weight");
        d->groups[i].scenario = json_string_value(json_object_get(item, "scenario"));
    }
    for (int64_t i = 0, group = 0; i < d->n_sources; i++) {
        const json_t *item = json_array_get(sources, (size_t)i);
        struct dataset_source *source = &d->sources[i];
        TRY(json_need_string(item, "name", &source->name));
        TRY(json_need_int(item, "group", &source->group));
        TRY(json_need_string(item, "format", &source->format));
        TRY(json_need_string(item, "sha256", &source->sha256));
        source->license = json_string_value(json_object_get(item, "license"));
        source->reviewer = json_string_value(json_object_get(item, "reviewer"));
        source->request = json_string_value(json_object_get(item, "request"));
        if (source->group < group || source->group >= d->n_groups)
            return fail(ERR_PARSE, "source '%s' is in no group", source->name);
        group = source->group;
        if (d->groups[group].n_sources++ == 0) d->groups[group].first_source = i;
    }
    return ERR_OK;
}

static err read_manifest(struct dataset *d) {
    const char *format;
    int64_t version;
    json_t *tokenizer;
    TRY(json_need_string(d->manifest, "format", &format));
    TRY(json_need_int(d->manifest, "version", &version));
    if (strcmp(format, "cotrain-dataset") != 0) return fail(ERR_PARSE, "it is no dataset");
    if (version != DATASET_VERSION)
        return fail(ERR_UNSUPPORTED, "version %lld of the format (this program reads %d)",
                    (long long)version, DATASET_VERSION);
    TRY(json_need_string(d->manifest, "input", &d->input));
    TRY(json_need_string(d->manifest, "special_whitespace", &d->special_whitespace));
    TRY(json_need_object(d->manifest, "tokenizer", &tokenizer));
    TRY(json_need_string(tokenizer, "digest", &d->tokenizer_digest));
    TRY(json_need_int(tokenizer, "eod", &d->eod));
    TRY(json_need_int(tokenizer, "sep", &d->sep));
    d->sealed = json_is_true(json_object_get(d->manifest, "sealed"));
    TRY(read_mix(d));
    return read_groups(d);
}

static err open_folder(struct dataset *d, const char *dir) {
    char *path = path_join(dir, "manifest.json");
    d->dir = arena_strdup(&d->arena, dir);
    err e = path && d->dir ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK && !file_exists(path))
        e = fail(ERR_MISSING, "'%s' is no dataset: it has no manifest.json", dir);
    if (e == ERR_OK) e = json_parse_file(path, &d->manifest);
    if (e == ERR_OK) e = sha256_file(path, d->digest);
    if (e == ERR_OK) {
        e = read_manifest(d);
        if (e != ERR_OK) e = fail_in(e, "'%s'", path);
    }
    if (e == ERR_OK) e = check_hashes(d);
    for (int i = 0; i < SPLIT_COUNT && e == ERR_OK; i++) {
        e = open_split(d, i);
        if (e != ERR_OK) e = fail_in(e, "dataset '%s', %s", dir, split_names[i]);
    }
    mem_free(path);
    if (e == ERR_OK) d->tokenizer_dir = arena_printf(&d->arena, "%s/tokenizer", dir);
    if (e == ERR_OK && !d->tokenizer_dir) e = ERR_MEMORY;
    return e == ERR_OK ? dataset_read_cases(d) : e;
}

err dataset_open(struct dataset **out, const char *dir) {
    struct dataset *d = mem_zalloc(1, sizeof *d);
    *out = NULL;
    if (!d) return ERR_MEMORY;
    err e = open_folder(d, dir);
    if (e == ERR_OK)
        *out = d;
    else
        dataset_close(d);
    return e;
}

void dataset_close(struct dataset *d) {
    if (!d) return;
    for (int i = 0; i < SPLIT_COUNT; i++) {
        struct split *s = &d->splits[i];
        for (int64_t k = 0; k < s->n_shards; k++) {
            file_map_close(&s->shards[k].tokens);
            file_map_close(&s->shards[k].answer);
        }
        file_map_close(&s->index);
        mem_free(s->shards);
    }
    json_decref(d->manifest);
    arena_release(&d->arena);
    mem_free(d);
}

static int64_t offset_in_shard(const struct dataset *d, enum dataset_split split, int64_t row,
                               const struct shard **out) {
    const struct split *s = &d->splits[split];
    *out = &s->shards[shard_of(s, s->rows[row].first_token)];
    return s->rows[row].first_token - (*out)->first_token;
}

const int32_t *dataset_tokens(const struct dataset *d, enum dataset_split split, int64_t row) {
    const struct shard *shard;
    int64_t offset = offset_in_shard(d, split, row, &shard);
    return (const int32_t *)(const void *)shard->tokens.data + offset;
}

const uint8_t *dataset_answer(const struct dataset *d, enum dataset_split split, int64_t row) {
    const struct shard *shard;
    int64_t offset = offset_in_shard(d, split, row, &shard);
    return shard->answer.data + offset;
}

err dataset_shard(const struct dataset *d, enum dataset_split split, int64_t row,
                  struct str *out_file, int64_t *out_offset) {
    const struct shard *shard;
    *out_offset = offset_in_shard(d, split, row, &shard);
    char *path = shard_path(split_names[split], "tokens", shard - d->splits[split].shards);
    err e = path ? str_add(out_file, path) : ERR_MEMORY;
    mem_free(path);
    return e;
}
