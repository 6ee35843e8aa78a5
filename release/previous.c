/* SPDX-License-Identifier: Apache-2.0
 * Last month's release beside this one (release/previous.h). Two months have different requests, so
 * a task is compared in pairs where its items are the same and by its scores alone where they are
 * not.
 * Read next: release/changelog.c, which says it in words. */
#include "release/previous.h"
#include "base/file.h"
#include "base/mem.h"
#include "eval/compare.h"
#include "eval/digest.h"
#include "eval/report.h"
#include "release/gguf.h"
#include "release/manifest.h"
#include "release/pack.h"
#include "release/seal.h"
#include <string.h>

enum { PREVIOUS_VERSION = 1 };

struct comparing_releases {
    const char *dir; /* of the one before */
    struct seal seal;
    json_t *manifest, *dataset, *before; /* its own; `before`: its evaluation after training */
    const json_t *after;                 /* this one's */
};

/* ---- sizes ---- */

bool previous_counts(const char *path) {
    return digest_is_weights(path) &&
           (strchr(path, '/') == NULL || str_starts(path, PACK_ADAPTER "/") ||
            str_starts(path, RELEASE_GGUF "/"));
}

static err weights_was(const struct seal *s, const char *dir, int64_t *out) {
    for (int64_t i = 0; i < s->n_lines; i++) {
        int64_t bytes = 0;
        if (!previous_counts(s->lines[i].path)) continue;
        char *path = path_join(dir, s->lines[i].path);
        err result = path == NULL ? ERR_MEMORY : file_size(path, &bytes);
        mem_free(path);
        TRY(result);
        *out += bytes;
    }
    return ERR_OK;
}

static err weights_is(const char *dir, int64_t *out) {
    struct name_list names = {0};
    err result = dir_walk(dir, &names);
    for (size_t i = 0; i < names.n && result == ERR_OK; i++) {
        int64_t bytes = 0;
        if (!previous_counts(names.names[i])) continue;
        char *path = path_join(dir, names.names[i]);
        result = path == NULL ? ERR_MEMORY : file_size(path, &bytes);
        mem_free(path);
        *out += bytes;
    }
    name_list_release(&names);
    return result;
}

/* ---- scores ---- */

/* The pairs of a task, or null where it has none or its items are others. */
static err pair_up(const struct comparing_releases *c, const char *task, json_t **out) {
    const struct comparing what = {.task = task, .score = "", .confidence = 0.95};
    json_t *row = NULL;
    err result = compare_score(c->before, c->after, &what, &row);
    if (result == ERR_MISMATCH) {
        err_clear();
        result = ERR_OK;
    }
    if (result == ERR_OK) {
        *out = json_is_integer(json_object_get(row, "wins"))
                   ? json_pack("{s:I, s:I, s:I, s:f}", "n", (json_int_t)json_int_of(row, "n"),
                               "wins", (json_int_t)json_int_of(row, "wins"), "losses",
                               (json_int_t)json_int_of(row, "losses"), "p_value",
                               json_number_value(json_object_get(row, "p_value")))
                   : json_null();
        if (*out == NULL) result = fail(ERR_MEMORY, "out of memory for pairs");
    }
    json_decref(row);
    return result;
}

static err add_task(const struct comparing_releases *c, const json_t *is, json_t *list) {
    const char *task = NULL, *score = NULL;
    json_t *paired = NULL;
    TRY(json_need_string(is, "task", &task));
    TRY(json_need_string(is, "metric", &score));
    const json_t *was = report_find(c->before, task);
    const json_t *a = json_object_get(json_object_get(was, "scores"), score);
    const json_t *b = json_object_get(json_object_get(is, "scores"), score);
    if (!json_is_number(a) || !json_is_number(b)) return ERR_OK; /* not measured then */
    TRY(pair_up(c, task, &paired));
    return json_push(list,
                     json_pack("{s:s, s:s, s:f, s:f, s:o}", "task", task, "score", score, "was",
                               json_number_value(a), "is", json_number_value(b), "paired", paired));
}

static err put_tasks(const struct comparing_releases *c, json_t *out) {
    json_t *list = json_array(), *tasks = NULL, *is = NULL;
    size_t i = 0;
    TRY(json_put(out, "tasks", list));
    TRY(json_need_array(c->after, "tasks", &tasks));
    json_array_foreach(tasks, i, is) TRY(add_task(c, is, list));
    return ERR_OK;
}

/* ---- the rest ---- */

static err put_requests(const json_t *manifest, json_t *out) {
    json_t *list = json_array(), *row = NULL;
    size_t i = 0;
    TRY(json_put(out, "requests", list));
    json_array_foreach(json_object_get(manifest, "requests"), i, row)
        TRY(json_push(list, json_string(json_text_of(row, "id"))));
    return ERR_OK;
}

static err put_data(const json_t *dataset, json_t *out) {
    static const char *const counts[] = {"rows", "tokens", "answer_tokens"};
    const json_t *train = json_array_get(json_object_get(dataset, "splits"), 0);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        TRY(json_put(out, counts[i], json_integer(json_int_of(train, counts[i]))));
    return ERR_OK;
}

static err fill(const struct comparing_releases *c, const char *dir, json_t *out) {
    static const char *const texts[] = {"name", "month", "base_model"};
    const json_t *about = json_object_get(c->manifest, "about");
    int64_t was = 0, is = 0;
    TRY(json_put(out, "cotrain_previous", json_integer(PREVIOUS_VERSION)));
    TRY(json_put(out, "hash", json_string(c->seal.release)));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        TRY(json_put(out, texts[i], json_string(json_text_of(about, texts[i]))));
    TRY(put_requests(c->manifest, out));
    TRY(put_data(c->dataset, out));
    TRY(weights_was(&c->seal, c->dir, &was));
    TRY(weights_is(dir, &is));
    TRY(json_put(out, "bytes",
                 json_pack("{s:I, s:I}", "was", (json_int_t)was, "is", (json_int_t)is)));
    return put_tasks(c, out);
}

static err open_previous(struct comparing_releases *c, bool every_byte) {
    TRY(every_byte ? seal_check(&c->seal, c->dir) : seal_read(&c->seal, c->dir));
    TRY(manifest_read(c->dir, &c->manifest));
    TRY(release_read_json(c->dir, PACK_DATA, json_parse_file, &c->dataset));
    return release_read_json(c->dir, PACK_AFTER, report_read, &c->before);
}

static void close_previous(struct comparing_releases *c) {
    seal_clear(&c->seal);
    json_decref(c->manifest);
    json_decref(c->dataset);
    json_decref(c->before);
}

err previous_check(const char *previous_dir, bool every_byte) {
    struct comparing_releases c = {.dir = previous_dir};
    err result = open_previous(&c, every_byte);
    close_previous(&c);
    return fail_in(result, "release.previous '%s'", previous_dir);
}

err previous_make(const char *previous_dir, const char *dir, const json_t *after, json_t **out) {
    struct comparing_releases c = {.dir = previous_dir, .after = after};
    json_t *made = json_object();
    err result = made == NULL ? fail(ERR_MEMORY, "out of memory") : open_previous(&c, true);
    if (result == ERR_OK) result = fill(&c, dir, made);
    close_previous(&c);
    if (result == ERR_OK) {
        *out = made;
        return ERR_OK;
    }
    json_decref(made);
    return fail_in(result, "release.previous '%s'", previous_dir);
}

static err check_tasks(const json_t *tasks) {
    const json_t *one = NULL;
    const char *text = NULL;
    double number = 0.0;
    size_t i = 0;
    json_array_foreach(tasks, i, one) {
        TRY(json_need_string(one, "task", &text));
        TRY(json_need_string(one, "score", &text));
        TRY(json_need_number(one, "was", &number));
        TRY(json_need_number(one, "is", &number));
    }
    return ERR_OK;
}

static err check_outline(const json_t *previous) {
    static const char *const texts[] = {"hash", "name", "month", "base_model"};
    int64_t version = 0;
    const char *text = NULL;
    json_t *member = NULL, *id = NULL;
    size_t i = 0;
    TRY(json_need_int(previous, "cotrain_previous", &version));
    if (version != PREVIOUS_VERSION)
        return fail(ERR_UNSUPPORTED, "version %lld (this program reads %d)", (long long)version,
                    PREVIOUS_VERSION);
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
        TRY(json_need_string(previous, texts[k], &text));
    TRY(json_need_object(previous, "bytes", &member));
    TRY(json_need_array(previous, "requests", &member));
    json_array_foreach(member, i, id) if (!json_is_string(id)) return fail(ERR_PARSE,
                                                                           "a request is no text");
    TRY(json_need_array(previous, "tasks", &member));
    return check_tasks(member);
}

err previous_read(const char *dir, json_t **out) {
    char *path = path_join(dir, PREVIOUS_FILE);
    *out = NULL;
    if (path == NULL) return ERR_MEMORY;
    err result = ERR_OK;
    if (file_exists(path)) result = json_parse_file(path, out);
    if (result == ERR_OK && *out != NULL)
        result = fail_in(check_outline(*out), "'%s'", PREVIOUS_FILE);
    mem_free(path);
    if (result == ERR_OK) return ERR_OK;
    json_decref(*out);
    *out = NULL;
    return result;
}
