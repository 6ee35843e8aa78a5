/* SPDX-License-Identifier: Apache-2.0
 * The log of answers. A line's key is computed again from what stands in it when it is read, so a
 * line that somebody edited is found.
 * Read next: data/synth/log.h, the contract. */
#include "data/synth/log.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include <string.h>

#define FORMAT "cotrain-expand-log"

/* ---- keys ---- */

static err key_of(const char *model, const char *settings, int64_t seed, const char *prompt,
                  char out[SHA256_HEX_SIZE]) {
    struct str text = {0};
    err e = str_printf(&text, "%s %d\n%s\n%s\n%lld\n", FORMAT, SYNTH_LOG_VERSION, model, settings,
                       (long long)seed);
    if (e == ERR_OK) e = str_add(&text, prompt);
    if (e == ERR_OK) e = sha256_bytes(text.data, text.len, out);
    str_release(&text);
    return e;
}

err synth_key(const struct teacher *t, const struct teacher_question *q,
              char out[SHA256_HEX_SIZE]) {
    return key_of(t->model, t->settings, q->seed, q->prompt, out);
}

/* ---- entries ---- */

static err copy(struct arena *a, const char *text, const char **out) {
    *out = arena_strdup(a, text);
    return *out ? ERR_OK : ERR_MEMORY;
}

static err add_entry(struct synth_log *log, const char *key, const struct teacher_answer *a) {
    int64_t *place;
    struct synth_entry *entry = arena_alloc(&log->arena, 1, sizeof *entry);
    if (!entry) return ERR_MEMORY;
    entry->answer = *a;
    TRY(copy(&log->arena, key, &entry->key));
    TRY(copy(&log->arena, a->outcome, &entry->answer.outcome));
    TRY(copy(&log->arena, a->text, &entry->answer.text));
    TRY(copy(&log->arena, a->tried, &entry->answer.tried));
    TRY(mem_grow(&log->entries, &log->capacity, log->n, sizeof *log->entries));
    TRY(text_map_add(&log->keys, (struct span){entry->key, strlen(entry->key)}, log->n, &place));
    if (*place != log->n) return fail(ERR_EXISTS, "the question '%s' stands there twice", key);
    log->entries[log->n++] = entry;
    return ERR_OK;
}

struct synth_entry *synth_log_find(const struct synth_log *log, const char *key) {
    int64_t place = text_map_get(&log->keys, (struct span){key, strlen(key)}, -1);
    return place < 0 ? NULL : log->entries[place];
}

/* ---- reading ---- */

static int64_t count_tries(const char *tried) {
    int64_t n = tried[0] != '\0';
    for (; *tried; tried++) n += *tried == ' ';
    return n;
}

static err read_entry(struct synth_log *log, const json_t *value) {
    const char *key, *model, *settings, *prompt;
    int64_t seed;
    char wanted[SHA256_HEX_SIZE];
    struct teacher_answer a;
    TRY(json_need_string(value, "key", &key));
    TRY(json_need_string(value, "model", &model));
    TRY(json_need_string(value, "settings", &settings));
    TRY(json_need_int(value, "seed", &seed));
    TRY(json_need_string(value, "prompt", &prompt));
    TRY(json_need_string(value, "outcome", &a.outcome));
    TRY(json_need_string(value, "text", &a.text));
    TRY(json_need_string(value, "tried", &a.tried));
    TRY(json_need_int(value, "prompt_tokens", &a.prompt_tokens));
    TRY(json_need_int(value, "answer_tokens", &a.answer_tokens));
    a.n_tries = count_tries(a.tried);
    TRY(key_of(model, settings, seed, prompt, wanted));
    if (strcmp(wanted, key) != 0)
        return fail(ERR_MISMATCH, "the line's key is not of its question");
    return add_entry(log, key, &a);
}

static err read_head(const json_t *value) {
    const json_t *version = json_object_get(value, "version");
    if (strcmp(json_text_of(value, "format"), FORMAT) != 0)
        return fail(ERR_MISMATCH, "this is no log of answers");
    if (json_is_integer(version) && json_integer_value(version) == SYNTH_LOG_VERSION) return ERR_OK;
    return fail(ERR_MISMATCH, "the log was written by another version of this program");
}

static err read_line(struct synth_log *log, const char *text, size_t n, int64_t line) {
    json_t *value;
    TRY(json_parse(text, n, "log", &value));
    err e = line == 1 ? read_head(value) : read_entry(log, value);
    json_decref(value);
    return e;
}

static err read_lines(struct synth_log *log, struct span text, size_t *out_whole) {
    *out_whole = 0;
    for (int64_t line = 1; *out_whole < text.n; line++) {
        const char *begin = text.text + *out_whole;
        const char *end = memchr(begin, '\n', text.n - *out_whole);
        if (!end) return ERR_OK; /* cut off while it was written */
        err e = read_line(log, begin, (size_t)(end - begin), line);
        if (e != ERR_OK) {
            e = fail_in(e, "'%s' line %lld", log->path, (long long)line);
            return fail_hint(e, "move the file away to ask everything anew, or use another folder");
        }
        *out_whole += (size_t)(end - begin) + 1;
    }
    return ERR_OK;
}

static err begin(const struct synth_log *log) {
    struct str head = {0};
    err e = str_printf(&head, "{\"format\":\"%s\",\"version\":%d,\"program\":\"%s\"}\n", FORMAT,
                       SYNTH_LOG_VERSION, COTRAIN_VERSION);
    if (e == ERR_OK) e = file_write(log->path, head.data, head.len);
    str_release(&head);
    return e;
}

err synth_log_open(struct synth_log *log, const char *dir) {
    struct file_map map;
    size_t whole = 0;
    struct str kept = {0};
    *log = (struct synth_log){.path = path_join(dir, SYNTH_LOG_NAME)};
    if (!log->path) return ERR_MEMORY;
    if (!file_exists(log->path)) return begin(log);
    TRY(file_map_open(&map, log->path));
    size_t size = map.size_bytes;
    err e = read_lines(log, (struct span){(const char *)map.data, size}, &whole);
    if (e == ERR_OK && whole < size && whole > 0) e = str_append(&kept, map.data, whole);
    file_map_close(&map);
    if (e == ERR_OK && whole < size)
        LOG(DATA, WARN, "'%s': the last line was cut off and is taken away", log->path);
    if (e == ERR_OK && whole < size && whole > 0) e = file_write(log->path, kept.data, kept.len);
    str_release(&kept);
    return e == ERR_OK && whole == 0 ? begin(log) : e;
}

void synth_log_release(struct synth_log *log) {
    text_map_release(&log->keys);
    mem_free(log->entries);
    mem_free(log->path);
    arena_release(&log->arena);
    *log = (struct synth_log){0};
}

/* ---- writing ---- */

err synth_log_add(struct synth_log *log, const struct teacher *t, const struct teacher_question *q,
                  const struct teacher_answer *a) {
    char key[SHA256_HEX_SIZE];
    struct str line = {0};
    TRY(synth_key(t, q, key));
    json_t *value = json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:I}", "key", key, "model", t->model,
        "settings", t->settings, "seed", (json_int_t)q->seed, "prompt", q->prompt, "outcome",
        a->outcome, "text", a->text, "tried", a->tried, "prompt_tokens",
        (json_int_t)a->prompt_tokens, "answer_tokens", (json_int_t)a->answer_tokens);
    err e = value ? json_text(value, 0, &line) : fail(ERR_MEMORY, "out of memory for the log");
    if (e == ERR_OK) e = str_add(&line, "\n");
    if (e == ERR_OK) e = add_entry(log, key, a);
    if (e == ERR_OK) e = file_append(log->path, line.data, line.len);
    json_decref(value);
    str_release(&line);
    return e;
}

err synth_log_flush(const struct synth_log *log) {
    return file_flush(log->path);
}
