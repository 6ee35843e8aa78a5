/* SPDX-License-Identifier: Apache-2.0
 * One span of the thread. Both ways, online and from saved JSON, end in the same three values: the
 * collecting issue, the items, and the authors' reports; the rest is the same for both.
 * GitHub's `since` is about updates, so it gives all that was created since and more; what was
 * created outside the span is left out here.
 * Read next: issues/github/collect.h, the contract. */
#include "issues/github/collect.h"

#include "base/log.h"
#include "base/mem.h"
#include "issues/post.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One collection under way. */
struct collection {
    const struct collect_options *options;
    struct arena arena;
    struct post_list saved;
    const char *from, *to;
    const char *repository; /* as GitHub has it now */
    int64_t issue;
    json_t *json, *thread, *items, *reports;
};

/* Adds what was created in the span and is no pull request. */
static err take(struct collection *c, json_t *item) {
    int64_t created_s;
    const json_t *pull = json_object_get(item, "pull_request");
    err e = time_parse(json_text_of(item, "created_at"), &created_s);
    if (e != ERR_OK) return fail_in(e, "'%s'", json_text_of(item, "url"));
    if (created_s < c->options->from_s || created_s >= c->options->to_s) return ERR_OK;
    if (pull && !json_is_null(pull)) return ERR_OK;
    return json_push(c->items, json_incref(item));
}

static err take_issue(struct collection *c, json_t *issue) {
    bool collecting = json_integer_value(json_object_get(issue, "number")) == c->issue;
    return collecting ? ERR_OK : take(c, issue);
}

/* GitHub may know the repository, or the issue, by another name and number. */
static err follow_move(struct collection *c, const struct github_found *found) {
    if (found->moved_to.len == 0) return ERR_OK;
    c->repository = arena_strdup(&c->arena, found->moved_to.data);
    if (!c->repository) return ERR_MEMORY;
    return json_put(c->json, "moved_to", json_string(c->repository));
}

static err ask_thread(struct collection *c) {
    struct github_found found;
    json_t *item;
    size_t i;
    if (c->issue == 0) return ERR_OK;
    TRY(github_issue(c->options->github, c->repository, c->issue, &found));
    c->thread = json_incref(found.value);
    err e = follow_move(c, &found);
    if (found.moved_to.len > 0) c->issue = json_integer_value(json_object_get(c->thread, "number"));
    github_found_release(&found);
    TRY(e);
    TRY(github_comments(c->options->github, c->repository, c->issue, c->from, &found));
    json_array_foreach(found.value, i, item) if (e == ERR_OK) e = take(c, item);
    github_found_release(&found);
    return e;
}

static err ask_label(struct collection *c) {
    struct github_found found;
    struct github_filter filter = {.labels = c->options->label, .since = c->from};
    json_t *item;
    size_t i;
    if (!c->options->label) return ERR_OK;
    TRY(github_issues(c->options->github, c->repository, &filter, &found));
    err e = follow_move(c, &found);
    json_array_foreach(found.value, i, item) if (e == ERR_OK) e = take_issue(c, item);
    github_found_release(&found);
    return e;
}

static err read_saved(struct collection *c) {
    TRY(posts_read(c->options->path, &c->saved));
    for (int64_t i = 0; i < c->saved.n; i++) {
        const struct post *post = &c->saved.items[i];
        json_t *item = (json_t *)post->json; /* the list's, which counts its users */
        if (strcasecmp(post->repository, c->repository) != 0) continue;
        if (post->comment > 0) {
            if (post->issue == c->issue) TRY(take(c, item));
        } else if (post->issue == c->issue) {
            json_decref(c->thread);
            c->thread = json_incref(item);
        } else if (c->options->label && github_has_label(item, c->options->label)) {
            TRY(take(c, item));
        }
    }
    return ERR_OK;
}

static int64_t count_saved(const struct collection *c, const struct github_reports *of) {
    int64_t n = 0;
    for (int64_t i = 0; i < c->saved.n; i++) {
        const struct post *post = &c->saved.items[i];
        n += post->comment == 0 && !post->pull_request &&
             strcasecmp(post->repository, c->repository) == 0 && github_is_report(post->json, of);
    }
    return n;
}

struct placed {
    json_t *json;
    const char *created;
    bool issue;
    json_int_t id;
};

static int by_time(const void *left, const void *right) {
    const struct placed *a = left, *b = right;
    int order = strcmp(a->created, b->created);
    if (order == 0) order = (int)a->issue - (int)b->issue;
    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

static err sort_items(struct collection *c) {
    size_t i, n = json_array_size(c->items);
    json_t *item, *sorted = json_array();
    struct placed *list = mem_zalloc(n + 1, sizeof *list);
    err e = list && sorted ? ERR_OK : fail(ERR_MEMORY, "out of memory for %zu posts", n);
    if (e == ERR_OK) {
        json_array_foreach(c->items, i, item) {
            list[i] = (struct placed){item, json_text_of(item, "created_at"),
                                      json_object_get(item, "title") != NULL,
                                      json_integer_value(json_object_get(item, "id"))};
        }
        qsort(list, n, sizeof *list, by_time);
    }
    for (i = 0; i < n && e == ERR_OK; i++) e = json_push(sorted, json_incref(list[i].json));
    mem_free(list);
    json_decref(c->items);
    c->items = sorted;
    return e;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The authors that can have reported something, sorted; some may stand there several times. */
static err list_authors(struct collection *c, const char ***out, size_t *out_n) {
    size_t i;
    const json_t *item;
    *out_n = 0;
    *out = arena_alloc(&c->arena, json_array_size(c->items) + 1, sizeof **out);
    if (!*out) return ERR_MEMORY;
    json_array_foreach(c->items, i, item) {
        const json_t *user = json_object_get(item, "user");
        const char *login = json_text_of(user, "login");
        if (!*login || str_ends(login, "[bot]") || strcmp(json_text_of(user, "type"), "Bot") == 0)
            continue;
        (*out)[(*out_n)++] = login;
    }
    qsort(*out, *out_n, sizeof **out, by_name);
    return ERR_OK;
}

static err count_reports(struct collection *c) {
    const char **authors;
    size_t n;
    TRY(list_authors(c, &authors, &n));
    for (size_t i = 0; i < n; i++) {
        struct github_reports of = {
            .login = authors[i], .label = c->options->label, .issue = c->issue};
        int64_t count = 0;
        if (i > 0 && strcmp(authors[i - 1], authors[i]) == 0) continue;
        if (c->options->path)
            count = count_saved(c, &of);
        else
            TRY(github_count_reports(c->options->github, c->repository, &of, &count));
        TRY(json_put(c->reports, authors[i], json_integer(count)));
    }
    return ERR_OK;
}

static err ask(struct collection *c) {
    const struct collect_options *o = c->options;
    struct str what = {0};
    err e = str_printf(&what, "%s#%lld %s %s %s", o->repository, (long long)o->issue,
                       o->label ? o->label : "", c->from, c->to);
    if (e == ERR_OK) e = github_begin(o->github, what.data);
    if (e == ERR_OK) e = ask_thread(c);
    if (e == ERR_OK) e = ask_label(c);
    if (e == ERR_OK) e = sort_items(c);
    if (e == ERR_OK) e = count_reports(c);
    if (e == ERR_OK) e = github_end(o->github);
    if (e == ERR_OK)
        LOG(ISSUES, INFO, "%s: %zu posts by %zu people", what.data, json_array_size(c->items),
            json_object_size(c->reports));
    str_release(&what);
    return e;
}

static err read_all(struct collection *c) {
    TRY(read_saved(c));
    TRY(sort_items(c));
    return count_reports(c);
}

static err begin(struct collection *c) {
    const struct collect_options *o = c->options;
    if (o->issue <= 0 && !o->label)
        return fail(ERR_USAGE, "neither an issue nor a label says what to collect");
    if (o->from_s >= o->to_s) return fail(ERR_USAGE, "the span to collect is empty");
    c->repository = o->repository;
    c->issue = o->issue;
    TRY(time_text(o->from_s, &c->arena, &c->from));
    TRY(time_text(o->to_s, &c->arena, &c->to));
    c->json = json_pack("{s:s,s:I,s:s?,s:s,s:s}", "repository", o->repository, "number",
                        (json_int_t)o->issue, "label", o->label, "from", c->from, "to", c->to);
    c->items = json_array();
    c->reports = json_object();
    return c->json && c->items && c->reports ? ERR_OK
                                             : fail(ERR_MEMORY, "out of memory for a collection");
}

err collect(const struct collect_options *options, json_t **out) {
    struct collection c = {.options = options};
    *out = NULL;
    err e = begin(&c);
    if (e == ERR_OK) e = options->path ? read_all(&c) : ask(&c);
    if (e == ERR_OK) e = json_put(c.json, "issue", c.thread ? json_incref(c.thread) : json_null());
    if (e == ERR_OK) e = json_put(c.json, "items", json_incref(c.items));
    if (e == ERR_OK) e = json_put(c.json, "problem_reports", json_incref(c.reports));
    if (e == ERR_OK) *out = json_incref(c.json);
    json_decref(c.json);
    json_decref(c.thread);
    json_decref(c.items);
    json_decref(c.reports);
    post_list_release(&c.saved);
    arena_release(&c.arena);
    return e;
}
