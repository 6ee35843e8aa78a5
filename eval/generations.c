/* SPDX-License-Identifier: Apache-2.0
 * Generations in a file (eval/generations.h). Lines are appended by one write each, so only the
 * last one can be torn; they are put in order by writing the file anew, line by line.
 * Read next: eval/score.c, which reads the same lines. */
#include "eval/generations.h"

#include "base/mem.h"
#include "eval/text.h"
#include <string.h>

enum { MAX_KEY_BYTES = 128 };

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

/* The line at `begin` of the file, with its end. */
static struct span line_at(const struct file_map *file, size_t begin) {
    const char *text = (const char *)file->data + begin;
    const char *end = memchr(text, '\n', file->size_bytes - begin);
    return (struct span){text, (size_t)(end - text) + 1};
}

static err parse_line(const struct file_map *file, struct span line, json_t **out) {
    err result = json_parse(line.text, line.n - 1, NULL, out);
    file_map_forget(file, file->data, file->size_bytes);
    return result;
}

/* The lines before byte `end`. */
static err take_lines(struct generations *g, size_t end) {
    size_t begin = 0;
    for (int64_t number = 1; begin < end; number++) {
        const struct span text = line_at(&g->file, begin);
        char key[MAX_KEY_BYTES];
        json_t *line = NULL;
        err result = parse_line(&g->file, text, &line);
        if (result == ERR_OK) result = key_of(line, key);
        json_decref(line);
        if (result == ERR_OK) result = json_put(g->lines, key, json_integer((json_int_t)begin));
        if (result != ERR_OK) {
            result = fail_in(result, "'%s' line %lld", g->path, (long long)number);
            return result == ERR_PARSE ? fail_hint(result, "this is no file of generations")
                                       : result;
        }
        begin += text.n;
    }
    return ERR_OK;
}

/* A last line without its end was being written when the run stopped: what there is of it begins as
 * fill_head() begins, or the file is somebody's and stays as it is. */
static err drop_torn_line(struct generations *g, size_t whole) {
    static const char head[] = "{\"task\":";
    const size_t torn = g->file.size_bytes - whole, n = sizeof head - 1;
    if (torn == 0) return ERR_OK;
    if (memcmp(g->file.data + whole, head, torn < n ? torn : n) != 0)
        return fail(ERR_PARSE,
                    "'%s' is no file of generations: what stands behind its last line end "
                    "is no answer",
                    g->path);
    TRY(file_write(g->path, g->file.data, whole));
    file_map_close(&g->file);
    return file_map_open(&g->file, g->path);
}

static err take_file(struct generations *g) {
    TRY(file_map_open(&g->file, g->path));
    size_t whole = g->file.size_bytes;
    while (whole > 0 && g->file.data[whole - 1] != '\n') whole--;
    TRY(take_lines(g, whole));
    return drop_torn_line(g, whole);
}

err generations_open(struct generations *g, const char *path, const struct eval_subject *subject) {
    *g = (struct generations){.path = path, .lines = json_object(), .subject = subject};
    if (g->lines == NULL) return fail(ERR_MEMORY, "out of memory for generations");
    if (path == NULL || !file_exists(path)) return ERR_OK;
    err result = take_file(g);
    if (result != ERR_OK) generations_close(g);
    return result;
}

void generations_forget(struct generations *g) {
    file_map_close(&g->file);
    json_decref(g->lines);
    g->lines = NULL;
}

void generations_close(struct generations *g) {
    generations_forget(g);
    *g = (struct generations){0};
}

static err check_head(const struct generations *g, const char *key, const json_t *line,
                      const json_t *head) {
    const char *member = NULL;
    json_t *wanted = NULL;
    json_object_foreach((json_t *)head, member, wanted) {
        if (json_equal(json_object_get(line, member), wanted)) continue;
        (void)fail(ERR_EXISTS, "'%s' has %s already, with another %s", g->path, key, member);
        return fail_hint(ERR_EXISTS, "a file of generations is of one model and one way of asking: "
                                     "name another file");
    }
    return ERR_OK;
}

err generations_find(const struct generations *g, const json_t *head, json_t **out) {
    char key[MAX_KEY_BYTES];
    json_t *line = NULL;
    *out = NULL;
    TRY(key_of(head, key));
    const json_t *at = json_object_get(g->lines, key);
    if (at == NULL) return ERR_OK;
    TRY(parse_line(&g->file, line_at(&g->file, (size_t)json_integer_value(at)), &line));
    err result = check_head(g, key, line, head);
    if (result == ERR_OK)
        *out = line;
    else
        json_decref(line);
    return result;
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

err generations_add(const struct generations *g, const json_t *line) {
    struct str text = {0};
    if (g->path == NULL) return ERR_OK;
    err result = json_text(line, 0, &text);
    if (result == ERR_OK) result = str_add(&text, "\n");
    if (result == ERR_OK) result = file_append(g->path, text.data, text.len);
    str_release(&text);
    return result;
}

/* Lines in the order in which they shall stand. */
struct order {
    size_t *begins; /* (n) of each in the file; owned */
    int64_t n, capacity;
};

static err add_line(struct order *o, const json_t *at) {
    TRY(mem_grow(&o->begins, &o->capacity, o->n, sizeof *o->begins));
    o->begins[o->n++] = (size_t)json_integer_value(at);
    return ERR_OK;
}

static err find_order(const struct generations *g, const char *task, const json_t *lines,
                      struct order *out) {
    const char *key = NULL;
    json_t *at = NULL, *line = NULL;
    char wanted[MAX_KEY_BYTES];
    size_t i, n = strlen(task);
    json_object_foreach(g->lines, key, at) {
        if (strncmp(key, task, n) != 0 || key[n] != ' ') TRY(add_line(out, at));
    }
    json_array_foreach(lines, i, line) {
        TRY(key_of(line, wanted));
        at = json_object_get(g->lines, wanted);
        if (at == NULL) return fail(ERR_MISMATCH, "'%s' lost %s while this ran", g->path, wanted);
        TRY(add_line(out, at));
    }
    return ERR_OK;
}

static bool is_in_order(const struct generations *g, const struct order *o) {
    size_t begin = 0;
    for (int64_t i = 0; i < o->n; i++) {
        if (o->begins[i] != begin) return false;
        begin += line_at(&g->file, begin).n;
    }
    return begin == g->file.size_bytes;
}

static err write_lines(const struct generations *g, const struct order *o) {
    struct file_writer w;
    TRY(file_writer_open(&w, g->path));
    for (int64_t i = 0; i < o->n; i++) {
        const struct span line = line_at(&g->file, o->begins[i]);
        err result = file_writer_write(&w, line.text, line.n);
        file_map_forget(&g->file, g->file.data, g->file.size_bytes);
        if (result != ERR_OK) {
            file_writer_abort(&w);
            return result;
        }
    }
    return file_writer_commit(&w);
}

err generations_settle(const struct generations *g, const char *task, const json_t *lines) {
    struct generations now;
    struct order order = {0};
    if (g->path == NULL || json_array_size(lines) == 0) return ERR_OK;
    TRY(generations_open(&now, g->path, g->subject));
    err result = find_order(&now, task, lines, &order);
    if (result == ERR_OK && !is_in_order(&now, &order)) result = write_lines(&now, &order);
    mem_free(order.begins);
    generations_close(&now);
    return result;
}
