/* SPDX-License-Identifier: Apache-2.0
 * Work folders and stage records (cli/work.h). Times are measured here and go to stages.jsonl
 * alone: nothing that is hashed may depend on them.
 * Read next: cli/cmd_run.c, which chains the stages. */
#include "cli/work.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "release/names.h"
#include <string.h>

err work_open(struct work *w, const char *dir, const char *release_name, struct arena *arena) {
    *w = (struct work){.dir = dir};
    if (release_name != NULL) TRY(release_title_check(release_name));
    const struct {
        const char **path, *name;
    } below[] = {{&w->expand, "expand"},
                 {&w->data, "data"},
                 {&w->cache, "cache"},
                 {&w->eval, "eval"},
                 {&w->before, "eval/before.json"},
                 {&w->after, "eval/after.json"},
                 {&w->gates, "eval/gates.json"},
                 {&w->train, "train"},
                 {&w->adapter, "train/adapter"},
                 {&w->merged, "train/merged"},
                 {&w->plan, "train/plan.json"},
                 {&w->log, "train/run.jsonl"},
                 {&w->result, "train/result.json"}};
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        *below[i].path = arena_printf(arena, "%s/%s", dir, below[i].name);
        if (*below[i].path == NULL) return ERR_MEMORY;
    }
    if (env_get(ENV_COTRAIN_CACHE) != NULL) w->cache = env_get(ENV_COTRAIN_CACHE);
    if (release_name != NULL) {
        w->release = arena_printf(arena, "%s/release/%s", dir, release_name);
        if (w->release == NULL) return ERR_MEMORY;
    }
    return dir_make(dir);
}

static err hash_path(const char *path, char out[SHA256_HEX_SIZE]) {
    if (dir_exists(path)) return sha256_dir(path, out);
    if (file_exists(path)) return sha256_file(path, out);
    return sha256_bytes("", 0, out);
}

err stage_input_text(struct stage *s, const char *key, const char *text) {
    char hash[SHA256_HEX_SIZE];
    TRY(sha256_bytes(text, strlen(text), hash));
    return json_put(s->inputs, key, json_string(hash));
}

err stage_input_path(struct stage *s, const char *key, const char *path) {
    char hash[SHA256_HEX_SIZE];
    TRY(hash_path(path, hash));
    return json_put(s->inputs, key, json_string(hash));
}

/* A section is its key's line and what follows up to the next line that begins with a key. */
err stage_input_section(struct stage *s, const char *resolved, const char *section) {
    char hash[SHA256_HEX_SIZE];
    size_t n = strlen(section), len = 0;
    const char *at = resolved;
    while (*at != '\0' && !(strncmp(at, section, n) == 0 && at[n] == ':')) {
        const char *end = strchr(at, '\n');
        at = end != NULL ? end + 1 : at + strlen(at);
    }
    while (at[len] != '\0') {
        len += strcspn(at + len, "\n");
        if (at[len] == '\n') len++;
        if (strchr(" -\n", at[len]) == NULL) break;
    }
    TRY(sha256_bytes(at, len, hash));
    return json_put(s->inputs, section, json_string(hash));
}

err stage_begin(struct stage *s, const struct work *w, const char *name) {
    *s = (struct stage){.work = w, .name = name, .started_s = clock_seconds()};
    struct str path = {0};
    err result = str_printf(&path, "%s/stages/%s.json", w->dir, name);
    s->path = path.data;
    TRY(result);
    s->inputs = json_object();
    TRY(stage_input_text(s, "program", COTRAIN_VERSION));
    if (!file_exists(s->path)) return ERR_OK;
    result = json_parse_file(s->path, &s->record);
    if (result == ERR_PARSE) {
        s->record = NULL;
        err_clear();
    }
    return result == ERR_PARSE ? ERR_OK : result;
}

bool stage_was_started(const struct stage *s) {
    return json_equal(json_object_get(s->record, "inputs"), s->inputs);
}

err stage_is_done(const struct stage *s, bool *out) {
    json_t *outputs = json_object_get(s->record, "outputs"), *hash = NULL;
    const char *name = NULL;
    *out = false;
    if (!stage_was_started(s) || !json_is_object(outputs)) return ERR_OK;
    json_object_foreach(outputs, name, hash) {
        char found[SHA256_HEX_SIZE];
        char *path = path_join(s->work->dir, name);
        if (path == NULL) return ERR_MEMORY;
        err result = hash_path(path, found);
        mem_free(path);
        TRY(result);
        if (!json_is_string(hash) || strcmp(json_string_value(hash), found) != 0) return ERR_OK;
    }
    *out = true;
    return ERR_OK;
}

/* Takes over `outputs` (NULL: not there yet). */
static err write_record(struct stage *s, json_t *outputs) {
    json_t *record =
        json_pack("{s:s, s:O, s:o?}", "stage", s->name, "inputs", s->inputs, "outputs", outputs);
    if (record == NULL) return fail(ERR_MEMORY, "out of memory for a stage record");
    json_decref(s->record);
    s->record = record;
    char *folder = path_dir(s->path);
    if (folder == NULL) return ERR_MEMORY;
    err result = dir_make(folder);
    mem_free(folder);
    return result == ERR_OK ? json_write_file(s->path, record) : result;
}

err stage_start(struct stage *s) {
    return write_record(s, NULL);
}

static err log_time(const struct stage *s, double seconds) {
    struct str line = {0};
    char *path = path_join(s->work->dir, "stages.jsonl");
    err result = path == NULL ? ERR_MEMORY
                              : str_printf(&line, "{\"stage\": \"%s\", \"seconds\": %.3f}\n",
                                           s->name, seconds);
    if (result == ERR_OK) result = file_append(path, line.data, line.len);
    str_release(&line);
    mem_free(path);
    return result;
}

err stage_finish(struct stage *s, const char *const *outputs, double *out_seconds) {
    json_t *hashes = json_object();
    size_t below = strlen(s->work->dir) + 1; /* recorded relative to the work folder */
    for (; *outputs != NULL; outputs++) {
        char hash[SHA256_HEX_SIZE];
        err result = hash_path(*outputs, hash);
        if (result == ERR_OK) result = json_put(hashes, *outputs + below, json_string(hash));
        if (result != ERR_OK) {
            json_decref(hashes);
            return result;
        }
    }
    TRY(write_record(s, hashes));
    *out_seconds = clock_seconds() - s->started_s;
    return log_time(s, *out_seconds);
}

void stage_release(struct stage *s) {
    json_decref(s->inputs);
    json_decref(s->record);
    mem_free(s->path);
    *s = (struct stage){0};
}
