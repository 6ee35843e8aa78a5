/* SPDX-License-Identifier: Apache-2.0
 * From GitHub's JSON to posts. What a value is shows in its keys: an issue has a number and a
 * title, a comment an issue_url. Whatever else lies beside them is passed over.
 * Read next: issues/post.h, the contract. */
#include "issues/post.h"

#include "base/file.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILE_MAX_BYTES = 1 << 30, NEST_MAX = 8 };

err time_parse(const char *text, int64_t *out_s) {
    struct tm t = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);
    if (!rest) return fail(ERR_PARSE, "'%s' is no time as in 2024-01-18T02:00:00Z", text);
    if (*rest == '.') rest += 1 + strspn(rest + 1, "0123456789");
    int hours = 0, minutes = 0, n = 0;
    char sign = '+', end = '\0';
    bool zone = sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &n) == 3 && !rest[n] &&
                (sign == '+' || sign == '-');
    bool utc = sscanf(rest, "Z%c", &end) <= 0 && rest[0] == 'Z' && !rest[1];
    if (!zone && !utc) return fail(ERR_PARSE, "'%s' is no time as in 2024-01-18T02:00:00Z", text);
    int64_t offset_s = zone ? (hours * 60 + minutes) * 60 : 0;
    *out_s = (int64_t)timegm(&t) - (sign == '-' ? -offset_s : offset_s);
    return ERR_OK;
}

err time_text(int64_t s, struct arena *a, const char **out) {
    struct tm t;
    time_t when = (time_t)s;
    char text[32];
    if (!gmtime_r(&when, &t) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t) == 0)
        return fail(ERR_RANGE, "no calendar has the second %lld", (long long)s);
    *out = arena_strdup(a, text);
    return *out ? ERR_OK : ERR_MEMORY;
}

/* "OWNER/REPO" and the issue's number out of ".../repos/OWNER/REPO/issues/22" (a comment's
 * issue_url, an issue's url) or ".../OWNER/REPO/issues/22" (a page). */
static bool split_url(const char *url, struct arena *a, const char **repository, int64_t *issue) {
    const char *at = strstr(url, "://"), *tail = NULL;
    at = at ? strchr(at + 3, '/') : NULL;
    if (at && strstr(at, "/repos/")) at = strstr(at, "/repos/") + strlen("/repos");
    if (at) tail = strstr(at, "/issues/");
    if (at && !tail) tail = strstr(at, "/pull/");
    if (!tail || tail == at) return false;
    const char *name = at + 1, *slash = memchr(name, '/', (size_t)(tail - name));
    if (!slash || slash == name || slash + 1 == tail) return false;
    char *end;
    *issue = strtoll(strchr(tail + 1, '/') + 1, &end, 10);
    *repository = arena_strndup(a, name, (size_t)(tail - name));
    return *issue > 0 && *repository;
}

static struct post *new_post(struct post_list *list) {
    if ((list->n & (list->n - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        size_t capacity = list->n ? 2 * (size_t)list->n : 1;
        struct post *items = mem_resize(list->items, capacity, sizeof *items);
        if (!items) return NULL;
        list->items = items;
    }
    struct post *post = &list->items[list->n++];
    memset(post, 0, sizeof *post);
    return post;
}

static err add_labels(struct post_list *list, const json_t *json, struct post *post) {
    const json_t *labels = json_object_get(json, "labels");
    size_t n = json_array_size(labels);
    post->labels.items = arena_alloc(&list->arena, n + 1, sizeof *post->labels.items);
    if (!post->labels.items) return ERR_MEMORY;
    for (size_t i = 0; i < n; i++) { /* objects or plain strings */
        const json_t *label = json_array_get(labels, i);
        const char *name =
            json_is_object(label) ? json_text_of(label, "name") : json_string_value(label);
        if (name && *name) post->labels.items[post->labels.n++] = name;
    }
    return ERR_OK;
}

static err post_digest(const json_t *json, char out[SHA256_HEX_SIZE]) {
    struct str text = {0};
    err e = json_text(json, JSON_TEXT_SORTED, &text);
    if (e == ERR_OK) e = sha256_bytes(text.data, text.len, out);
    str_release(&text);
    return e;
}

/* What issues and comments have in common. */
static err add_post(struct post_list *list, json_t *json, int64_t comment, const char *url,
                    const char *where) {
    struct post *post = new_post(list);
    if (!post) return ERR_MEMORY;
    const json_t *user = json_object_get(json, "user");
    if (!split_url(url, &list->arena, &post->repository, &post->issue))
        return fail(ERR_PARSE, "%s: '%s' names no repository and issue", where, url);
    post->comment = comment;
    post->id =
        comment ? arena_printf(&list->arena, "%s#%lld@%lld", post->repository,
                               (long long)post->issue, (long long)comment)
                : arena_printf(&list->arena, "%s#%lld", post->repository, (long long)post->issue);
    if (!post->id) return ERR_MEMORY;
    post->url = json_string_value(json_object_get(json, "html_url"));
    post->login = json_string_value(json_object_get(user, "login"));
    post->bot = strcmp(json_text_of(user, "type"), "Bot") == 0 ||
                (post->login && str_ends(post->login, "[bot]"));
    post->association = json_text_of(json, "author_association");
    post->created_at = json_text_of(json, "created_at");
    post->updated_at = json_text_of(json, "updated_at");
    if (!*post->updated_at) post->updated_at = post->created_at;
    err e = time_parse(post->created_at, &post->created_s);
    if (e == ERR_OK) e = time_parse(post->updated_at, &post->updated_s);
    if (e != ERR_OK) return fail_in(e, "%s: post '%s'", where, post->id);
    post->body = json_text_of(json, "body");
    post->votes = json_integer_value(json_object_get(json_object_get(json, "reactions"), "+1"));
    const json_t *minimized = json_object_get(json, "minimized");
    post->minimized = json_is_true(minimized) || json_is_object(minimized);
    post->pull_request = json_is_object(json_object_get(json, "pull_request")) ||
                         (post->url && strstr(post->url, "/pull/"));
    post->json = json;
    TRY(post_digest(json, post->digest));
    return json_push(list->raw, json_incref(json));
}

static err add_issue(struct post_list *list, json_t *json, const char *where) {
    const char *url = json_text_of(json, "url");
    if (!strstr(url, "/repos/")) url = json_text_of(json, "html_url");
    TRY(add_post(list, json, 0, url, where));
    struct post *post = &list->items[list->n - 1];
    post->title = json_text_of(json, "title");
    return add_labels(list, json, post);
}

static err add_comment(struct post_list *list, json_t *json, const char *where) {
    int64_t id = json_integer_value(json_object_get(json, "id"));
    if (id <= 0) return fail(ERR_PARSE, "%s: a comment without a whole number as 'id'", where);
    return add_post(list, json, id, json_text_of(json, "issue_url"), where);
}

static err add_value(struct post_list *list, json_t *value, const char *where, int depth) {
    if (json_is_array(value) && depth < NEST_MAX) {
        for (size_t i = 0; i < json_array_size(value); i++)
            TRY(add_value(list, json_array_get(value, i), where, depth + 1));
        return ERR_OK;
    }
    if (!json_is_object(value) || depth >= NEST_MAX) return ERR_OK;
    if (json_is_string(json_object_get(value, "issue_url"))) return add_comment(list, value, where);
    if (json_is_integer(json_object_get(value, "number")) &&
        json_is_string(json_object_get(value, "title")))
        return add_issue(list, value, where);
    static const char *const around[] = {"items", "issue", "comment"}; /* a search, a webhook */
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        json_t *inside = json_object_get(value, around[i]);
        if (inside) TRY(add_value(list, inside, where, depth + 1));
    }
    return ERR_OK;
}

err posts_add(struct post_list *list, json_t *value, const char *where) {
    if (!list->raw) list->raw = json_array();
    if (!list->raw) return fail(ERR_MEMORY, "out of memory for posts");
    return add_value(list, value, where, 0);
}

static int compare(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

/* By repository and time; the same post's newest state first. */
static int by_place(const void *left, const void *right) {
    const struct post *a = left, *b = right;
    int order = strcmp(a->repository, b->repository);
    if (order == 0) order = compare(a->created_s, b->created_s);
    if (order == 0) order = compare(a->issue, b->issue);
    if (order == 0) order = compare(a->comment, b->comment);
    if (order == 0) order = compare(b->updated_s, a->updated_s);
    return order != 0 ? order : strcmp(a->digest, b->digest);
}

static int by_issue(const void *left, const void *right) {
    const struct post *a = left, *b = right;
    int order = strcmp(a->repository, b->repository);
    if (order == 0) order = compare(a->issue, b->issue);
    return order != 0 ? order : compare(a->comment, b->comment);
}

/* Comments learn of their issue, and of what was said before: sorted by issue, its own body stands
 * first. */
static void tell_comments(struct post_list *list) {
    const struct post *issue = NULL;
    for (int64_t i = 0; i < list->n; i++) {
        struct post *post = &list->items[i], *before = post - 1;
        if (post->comment == 0) issue = post;
        if (i > 0 && before->issue == post->issue &&
            strcmp(before->repository, post->repository) == 0) {
            post->before.login = before->login;
            post->before.association = before->association;
            post->before.body = before->body;
        }
        if (post->comment == 0 || !issue || issue->issue != post->issue ||
            strcmp(issue->repository, post->repository) != 0)
            continue;
        post->title = issue->title;
        post->opener = issue->login;
        post->labels = issue->labels;
        post->pull_request = post->pull_request || issue->pull_request;
    }
}

void posts_finish(struct post_list *list) {
    int64_t kept = 0;
    if (list->n == 0) return;
    qsort(list->items, (size_t)list->n, sizeof *list->items, by_place);
    for (int64_t i = 0; i < list->n; i++)
        if (kept == 0 || strcmp(list->items[kept - 1].id, list->items[i].id) != 0)
            list->items[kept++] = list->items[i];
    list->n = kept;
    qsort(list->items, (size_t)list->n, sizeof *list->items, by_issue);
    tell_comments(list);
    qsort(list->items, (size_t)list->n, sizeof *list->items, by_place);
}

static err read_one(struct post_list *list, const char *path) {
    struct str text = {0}, where = {0};
    json_t *values = NULL;
    err e = file_read(path, FILE_MAX_BYTES, &text);
    if (e == ERR_OK) e = str_printf(&where, "'%s'", path);
    if (e == ERR_OK) e = json_parse_all(str_text(&text), text.len, str_text(&where), &values);
    if (e == ERR_OK) e = posts_add(list, values, str_text(&where));
    json_decref(values);
    str_release(&where);
    str_release(&text);
    return e;
}

static err read_folder(struct post_list *list, const char *path) {
    struct name_list names = {0};
    TRY(dir_walk(path, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        if (!str_ends(names.names[i], ".json") && !str_ends(names.names[i], ".jsonl")) continue;
        char *file = path_join(path, names.names[i]);
        e = file ? read_one(list, file) : ERR_MEMORY;
        mem_free(file);
    }
    name_list_release(&names);
    return e;
}

err posts_read(const char *path, struct post_list *out) {
    *out = (struct post_list){0};
    TRY(dir_exists(path) ? read_folder(out, path) : read_one(out, path));
    posts_finish(out);
    if (out->n > 0) return ERR_OK;
    err e = fail(ERR_MISSING, "'%s' holds no issue and no comment", path);
    return fail_hint(e,
                     "wanted is JSON as GitHub's REST API gives it: an issue, a list of issues or "
                     "of comments, or a folder of such files");
}

void post_list_release(struct post_list *list) {
    json_decref(list->raw);
    mem_free(list->items);
    arena_release(&list->arena);
    *list = (struct post_list){0};
}
