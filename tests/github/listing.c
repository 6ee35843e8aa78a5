/* SPDX-License-Identifier: Apache-2.0
 * Lists by pages: what of them is wanted (state, creator, labels, since), in which order, one page
 * of it, and the Link header with the others, in the form /repositories/ID/... as GitHub has it.
 * Read next: tests/github/standin.h; tests/github/routes.c. */
#include "tests/github/standin.h"

#include "issues/github/github.h"
#include "issues/post.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PER_PAGE = 30, PER_PAGE_MAX = 100 };

static int digit(char c) {
    return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

bool query_value(const char *query, const char *name, struct str *out) {
    size_t n = strlen(name);
    for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&') {
        if (strncmp(at, name, n) != 0 || at[n] != '=') continue;
        for (at += n + 1; *at && *at != '&'; at++) {
            char c = *at == '+' ? ' ' : *at;
            if (*at == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
                c = (char)(digit(at[1]) * 16 + digit(at[2]));
                at += 2;
            }
            if (str_append(out, &c, 1) != ERR_OK) return false;
        }
        return true;
    }
    return false;
}

/* A list's parameters. */
struct listing {
    struct str since, creator, labels, state, sort, direction, text;
    int64_t per_page, page;
};

static void listing_release(struct listing *l) {
    struct str *all[] = {&l->since, &l->creator,   &l->labels, &l->state,
                         &l->sort,  &l->direction, &l->text};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) str_release(all[i]);
}

static int64_t query_number(const char *query, const char *name, int64_t preset) {
    struct str text = {0};
    int64_t number = preset;
    if (query_value(query, name, &text) && str_to_int64(str_text(&text), &number) != ERR_OK)
        number = preset;
    str_release(&text);
    return number < 1 ? preset : number;
}

static void listing_read(const char *query, struct listing *l) {
    *l = (struct listing){0};
    (void)query_value(query, "since", &l->since);
    (void)query_value(query, "creator", &l->creator);
    (void)query_value(query, "labels", &l->labels);
    (void)query_value(query, "state", &l->state);
    (void)query_value(query, "sort", &l->sort);
    (void)query_value(query, "direction", &l->direction);
    l->per_page = query_number(query, "per_page", PER_PAGE);
    if (l->per_page > PER_PAGE_MAX) l->per_page = PER_PAGE_MAX;
    l->page = query_number(query, "page", 1);
}

static bool has_labels(const json_t *issue, const char *labels) {
    for (const char *at = labels; *at;) {
        char label[256];
        size_t n = strcspn(at, ",");
        snprintf(label, sizeof label, "%.*s", (int)n, at);
        if (!github_has_label(issue, label)) return false;
        at += n + (at[n] == ',');
    }
    return true;
}

static bool wanted(const json_t *item, const struct listing *l, bool issues) {
    const char *login = json_text_of(json_object_get(item, "user"), "login");
    if (l->since.len > 0 && strcmp(json_text_of(item, "updated_at"), l->since.data) < 0)
        return false;
    if (!issues) return true;
    const char *state = l->state.len > 0 ? l->state.data : "open";
    if (strcmp(state, "all") != 0 && strcmp(json_text_of(item, "state"), state) != 0) return false;
    if (l->creator.len > 0 && strcasecmp(login, l->creator.data) != 0) return false;
    return l->labels.len == 0 || has_labels(item, l->labels.data);
}

/* Insertion by the key: the lists of tests are sorted already, or short. */
static err insert(json_t *list, json_t *item, const char *key, bool newest_first) {
    size_t at = json_array_size(list);
    json_int_t id = json_integer_value(json_object_get(item, "id"));
    for (; at > 0; at--) {
        const json_t *other = json_array_get(list, at - 1);
        json_int_t other_id = json_integer_value(json_object_get(other, "id"));
        int order = key ? strcmp(json_text_of(item, key), json_text_of(other, key)) : 0;
        if (order == 0) order = (id > other_id) - (id < other_id);
        if (newest_first ? order < 0 : order > 0) break;
    }
    return json_array_insert(list, at, item) == 0 ? ERR_OK : ERR_MEMORY;
}

static err select_items(const json_t *all, const struct listing *l, bool issues, json_t *out) {
    size_t i;
    json_t *item;
    const char *key = !issues                                      ? NULL
                      : strcmp(str_text(&l->sort), "updated") == 0 ? "updated_at"
                                                                   : "created_at";
    bool newest_first = issues && strcmp(str_text(&l->direction), "asc") != 0;
    json_array_foreach(all, i, item) {
        if (wanted(item, l, issues)) TRY(insert(out, item, key, newest_first));
    }
    return ERR_OK;
}

/* The query without its page. */
static err add_query(const char *query, struct str *out) {
    for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&')
        if (strncmp(at, "page=", 5) != 0) TRY(str_printf(out, "%.*s&", (int)strcspn(at, "&"), at));
    return ERR_OK;
}

static err add_link(const char *base, int64_t page, const char *rel, struct str *out) {
    return str_printf(out, "%s<%spage=%lld>; rel=\"%s\"", out->len > 0 ? ", " : "", base,
                      (long long)page, rel);
}

static err link_header(const struct request *r, const char *path, const struct listing *l,
                       int64_t n, struct reply *out) {
    struct str base = {0}, link = {0};
    int64_t last = (n + l->per_page - 1) / l->per_page;
    err e = str_printf(&base, "%s%s?", r->base.data, path);
    if (e == ERR_OK) e = add_query(r->query, &base);
    if (e == ERR_OK && l->page > 1) e = add_link(base.data, l->page - 1, "prev", &link);
    if (e == ERR_OK && l->page < last) e = add_link(base.data, l->page + 1, "next", &link);
    if (e == ERR_OK && l->page < last) e = add_link(base.data, last, "last", &link);
    if (e == ERR_OK && l->page > 1) e = add_link(base.data, 1, "first", &link);
    if (e == ERR_OK && link.len > 0) e = reply_header(out, "Link", "%s", link.data);
    str_release(&base);
    str_release(&link);
    return e;
}

err reply_list(const struct request *r, const char *path, const json_t *all, struct reply *out) {
    struct listing l;
    int64_t since_s;
    bool issues = str_ends(path, "/issues");
    listing_read(r->query, &l);
    bool as_saved = !issues && l.since.len == 0; /* comments are saved in their order */
    json_t *items = as_saved ? json_incref((json_t *)all) : json_array(), *page = json_array();
    err e = items && page ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK && l.since.len > 0 && time_parse(l.since.data, &since_s) != ERR_OK) {
        e = reply_message(out, 422, "Validation Failed");
    } else if (e == ERR_OK) {
        if (!as_saved) e = select_items(all, &l, issues, items);
        size_t from = (size_t)((l.page - 1) * l.per_page);
        for (size_t i = from; i < from + (size_t)l.per_page && i < json_array_size(items); i++)
            if (e == ERR_OK) e = json_push(page, json_incref(json_array_get(items, i)));
        if (e == ERR_OK) e = reply_json(page, 200, out);
        if (e == ERR_OK) e = link_header(r, path, &l, (int64_t)json_array_size(items), out);
    }
    listing_release(&l);
    json_decref(items);
    json_decref(page);
    return e;
}
