/* SPDX-License-Identifier: Apache-2.0
 * Generations in a file (eval/generations.h). Lines are appended by one write each, so only the
 * last one can be torn; they are put in order by writing the file anew.
 * Read next: eval/score.c, which reads the same lines. */
#include "eval/generations.h"

#include "base/file.h"
#include <string.h>

enum { MAX_BYTES = 1 << 30, MAX_KEY_BYTES = 128 };

static err key_of(const json_t *line, char out[MAX_KEY_BYTES]) {
    const char *task = NULL;
    int64_t item = 0;
    TRY(json_need_string(line, "task", &task));
    TRY(json_need_int(line, "item", &item));
    const json_t *sample = json_object_get(line, "sample");
    int n = snprintf(out, MAX_KEY_BYTES, "%.80s %lld", task, (long long)item);
    if (json_object_get(line, "judge") != NULL)
        snprintf(out + n, (size_t)(MAX_KEY_BYTES - n), " tests");
    if (sample != NULL)
        snprintf(out + n, (size_t)(MAX_KEY_BYTES - n), " %lld",
                 (long long)json_integer_value(sample));
    return ERR_OK;
}

static err take_lines(struct generations *g, const struct str *text) {
    size_t begin = 0;
    for (int64_t number = 1; begin < text->len; number++) {
        const char *end = memchr(text->data + begin, '\n', text->len - begin);
        size_t n = (size_t)(end - (text->data + begin));
        char key[MAX_KEY_BYTES];
        json_t *line = NULL;
        err result = json_parse(text->data + begin, n, "a line of generations", &line);
        if (result == ERR_OK) result = key_of(line, key);
        if (result == ERR_OK)
            result = json_put(g->lines, key, line);
        else
            json_decref(line);
        if (result != ERR_OK) return fail_in(result, "'%s' line %lld", g->path, (long long)number);
        begin += n + 1;
    }
    return ERR_OK;
}

/* A last line without its end was being written when the run stopped. */
static err drop_torn_line(const char *path, struct str *text) {
    size_t whole = text->len;
    while (whole > 0 && text->data[whole - 1] != '\n') whole--;
    if (whole == text->len) return ERR_OK;
    text->len = whole;
    return file_write(path, text->data, whole);
}

err generations_open(struct generations *g, const char *path, const struct eval_subject *subject) {
    struct str text = {0};
    *g = (struct generations){.path = path, .lines = json_object(), .subject = subject};
    if (g->lines == NULL) return fail(ERR_MEMORY, "out of memory for generations");
    if (path == NULL || !file_exists(path)) return ERR_OK;
    err result = file_read(path, MAX_BYTES, &text);
    if (result == ERR_OK) result = drop_torn_line(path, &text);
    if (result == ERR_OK) result = take_lines(g, &text);
    str_release(&text);
    if (result != ERR_OK) generations_close(g);
    return result;
}

void generations_close(struct generations *g) {
    json_decref(g->lines);
    *g = (struct generations){0};
}

err generations_find(const struct generations *g, const json_t *head, const json_t **out) {
    char key[MAX_KEY_BYTES];
    const char *member = NULL;
    json_t *wanted = NULL;
    TRY(key_of(head, key));
    *out = json_object_get(g->lines, key);
    if (*out == NULL) return ERR_OK;
    json_object_foreach((json_t *)head, member, wanted) {
        if (json_equal(json_object_get(*out, member), wanted)) continue;
        (void)fail(ERR_EXISTS, "'%s' has %s already, with another %s", g->path, key, member);
        return fail_hint(ERR_EXISTS, "a file of generations is of one model and one way of asking: "
                                     "name another file");
    }
    return ERR_OK;
}

static err fill_head(const struct generations *g, const struct generation_head *h, json_t *to) {
    const char *adapter = g->subject->adapter != NULL ? g->subject->adapter_digest : NULL;
    TRY(json_put(to, "task", json_string(h->task)));
    TRY(json_put(to, "item", json_integer(h->item)));
    if (h->id != NULL) TRY(json_put(to, "task_id", json_string(h->id)));
    if (h->tests) TRY(json_put(to, "judge", json_string("tests")));
    TRY(json_put(to, "model", json_string(g->subject->model_digest)));
    TRY(json_put(to, "adapter", adapter != NULL ? json_string(adapter) : json_null()));
    TRY(json_put(to, "version", json_string(COTRAIN_VERSION)));
    TRY(json_put(to, "decoding", json_string(h->sample < 0 ? "greedy" : "sampled")));
    TRY(json_put(to, "seed", json_integer((json_int_t)h->sampling->seed)));
    if (h->sample >= 0) {
        TRY(json_put(to, "temperature", json_real(h->sampling->temperature)));
        TRY(json_put(to, "sample", json_integer(h->sample)));
    }
    TRY(json_put(to, "max_new_tokens", json_integer(h->max_new_tokens)));
    return json_put(to, "prompt", json_string(h->prompt));
}

err generations_head(const struct generations *g, const struct generation_head *head,
                     json_t **out) {
    json_t *line = json_object();
    err result = fill_head(g, head, line);
    if (result != ERR_OK) {
        json_decref(line);
        return result;
    }
    *out = line;
    return ERR_OK;
}

static err add_text(const json_t *line, struct str *to) {
    TRY(json_text(line, 0, to));
    return str_add(to, "\n");
}

err generations_add(const struct generations *g, const json_t *line) {
    struct str text = {0};
    if (g->path == NULL) return ERR_OK;
    err result = add_text(line, &text);
    if (result == ERR_OK) result = file_append(g->path, text.data, text.len);
    str_release(&text);
    return result;
}

/* Unless the file is so already. */
static err write_new(const char *path, const struct str *text) {
    struct str old = {0};
    err result = file_read(path, MAX_BYTES, &old);
    bool same = result == ERR_OK && old.len == text->len && !memcmp(old.data, text->data, old.len);
    if (result == ERR_OK && !same) result = file_write(path, text->data, text->len);
    str_release(&old);
    return result;
}

err generations_settle(const struct generations *g, const char *task, const json_t *lines) {
    struct str text = {0};
    const char *key = NULL, *of = NULL;
    json_t *line = NULL;
    size_t i;
    err result = ERR_OK;
    if (g->path == NULL || json_array_size(lines) == 0) return ERR_OK;
    json_object_foreach(g->lines, key, line) {
        if (result == ERR_OK) result = json_need_string(line, "task", &of);
        if (result == ERR_OK && strcmp(of, task) != 0) result = add_text(line, &text);
    }
    json_array_foreach(lines, i, line) {
        if (result == ERR_OK) result = add_text(line, &text);
    }
    if (result == ERR_OK) result = write_new(g->path, &text);
    str_release(&text);
    return result;
}
