/* SPDX-License-Identifier: Apache-2.0
 * A list, whole. Its pages are read one after the other by their links. When there was a pause
 * between them, or the first ones come from a run that was ended, the list may have moved under the
 * reader: something deleted on page 1 draws the first item of page 3 onto page 2, which was read
 * already. So the list counts only when there is a moment at which every page was as it was read:
 * every page asked, at the latest, no earlier than the youngest content was fetched. Otherwise the
 * pages that were asked before that are asked again (a 304 mostly), until it is so.
 * Read next: issues/github/github_int.h; issues/github/github_page.c. */
#include "issues/github/github_int.h"

#include "base/log.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

enum { PER_PAGE = 100, PER_PAGE_LEAST = 10, ROUNDS_MAX = 8 };

/* One reading of a list from its first page to its last. */
struct walk {
    struct github *g;
    int64_t not_before; /* pages asked since are taken as read */
    bool slow;          /* the server gave up a page: read it with smaller ones */
    bool can_shrink;
    json_t *urls, *items;   /* of the pages read; the list's items in their order */
    int64_t fetched, asked; /* of all pages: the youngest content, the longest not asked */
    bool moved;
};

static void walk_release(struct walk *w) {
    json_decref(w->urls);
    json_decref(w->items);
    w->urls = w->items = NULL;
}

static err walk_start(struct walk *w) {
    walk_release(w);
    w->urls = json_object();
    w->items = json_array();
    w->slow = w->moved = false;
    w->fetched = 0;
    w->asked = INT64_MAX;
    return w->urls && w->items ? ERR_OK : fail(ERR_MEMORY, "out of memory for a list");
}

/* Takes over the page's items; false: it was the last page. */
static err take_page(struct walk *w, struct github_page *page, bool *out_more) {
    json_t *items = github_items(page->value), *item;
    size_t i, n = json_array_size(items);
    if (!items) return fail(ERR_PARSE, "GET %s: the answer is no list", page->url.data);
    json_array_foreach(items, i, item) {
        if (!json_is_integer(json_object_get(item, "id")))
            return fail(ERR_PARSE, "GET %s: item %zu has no whole number as 'id'", page->url.data,
                        i);
        TRY(json_push(w->items, json_incref(item)));
    }
    if (page->fetched > w->fetched) w->fetched = page->fetched;
    if (page->asked < w->asked) w->asked = page->asked;
    w->moved = w->moved || page->moved;
    *out_more = n > 0 && page->next.len > 0;
    if (!*out_more || !json_object_get(w->urls, page->next.data)) return ERR_OK;
    TRY(github_kept_forget(w->g, page->url.data)); /* or a 304 would keep the link for ever */
    return fail(ERR_MISMATCH, "GET %s: the pages lead round in a circle", page->url.data);
}

static err walk_pages(struct walk *w, const char *first) {
    struct str url = {0};
    bool more = true;
    err e = walk_start(w);
    if (e == ERR_OK) e = str_add(&url, first);
    while (e == ERR_OK && more) {
        struct github_page page = {0};
        if ((int64_t)json_object_size(w->urls) >= w->g->max_pages)
            e = fail(ERR_LIMIT, "GET %s: the list has over %lld pages", first,
                     (long long)w->g->max_pages);
        if (e == ERR_OK) e = json_put(w->urls, url.data, json_true());
        if (e == ERR_OK)
            e = github_page_get(w->g, url.data, w->not_before, w->can_shrink ? &w->slow : NULL,
                                &page);
        if (e == ERR_OK) e = take_page(w, &page, &more);
        str_clear(&url);
        if (e == ERR_OK && more) e = str_add(&url, page.next.data);
        github_page_release(&page);
    }
    str_release(&url);
    return e;
}

/* Reads until the list is whole as of one moment. */
static err walk_whole(struct walk *w, const char *first) {
    w->not_before = 0;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        TRY(walk_pages(w, first));
        if (w->asked >= w->fetched) return ERR_OK;
        w->not_before = w->fetched;
        LOG(ISSUES, INFO, "there was a pause: earlier pages of %s are asked again", first);
    }
    err e = fail(ERR_STOPPED, "GET %s: the list kept changing while it was read", first);
    return fail_hint(e, "run the same command again: what was fetched is kept");
}

static err first_url(const struct github *g, const char *path, int per_page, struct str *out) {
    str_clear(out);
    TRY(str_printf(out, "%s%s", g->api_url.data, path));
    if (per_page == 0) return ERR_OK;
    return str_printf(out, "%cper_page=%d", strchr(path, '?') ? '&' : '?', per_page);
}

/* With pages half the size where the server gives them up. */
static err walk_list(struct walk *w, const char *path) {
    struct str url = {0};
    int per_page = strstr(path, "per_page=") ? 0 : PER_PAGE;
    err e;
    do {
        w->slow = false;
        w->can_shrink = per_page / 2 >= PER_PAGE_LEAST;
        e = first_url(w->g, path, per_page, &url);
        if (e == ERR_OK) e = walk_whole(w, url.data);
        if (w->slow) per_page /= 2;
        if (w->slow)
            LOG(ISSUES, INFO, "the server takes too long: pages of %d from now on", per_page);
    } while (e != ERR_OK && w->slow);
    str_release(&url);
    return e;
}

struct item {
    json_t *json;
    json_int_t id;
    const char *created, *updated;
    size_t place;
};

/* Of the same id the newest state comes first, else the one that was read last. */
static int by_id(const void *left, const void *right) {
    const struct item *a = left, *b = right;
    if (a->id != b->id) return a->id < b->id ? -1 : 1;
    int order = strcmp(b->updated, a->updated);
    return order != 0 ? order : a->place < b->place ? 1 : -1;
}

static int by_time(const void *left, const void *right) {
    const struct item *a = left, *b = right;
    int order = strcmp(a->created, b->created);
    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

/* Each id once, by created_at and id. Times are all written alike ("2024-01-18T02:00:00Z"), so
 * their order is that of the texts. */
static err sort_items(const json_t *items, json_t **out) {
    size_t i, kept = 0, n = json_array_size(items);
    json_t *json;
    struct item *list = mem_zalloc(n + 1, sizeof *list);
    *out = list ? json_array() : NULL;
    err e = *out ? ERR_OK : fail(ERR_MEMORY, "out of memory for a list");
    json_array_foreach(items, i, json) {
        if (e != ERR_OK) break;
        list[i] =
            (struct item){json, json_integer_value(json_object_get(json, "id")),
                          json_text_of(json, "created_at"), json_text_of(json, "updated_at"), i};
    }
    if (e == ERR_OK) {
        qsort(list, n, sizeof *list, by_id);
        for (i = 0; i < n; i++)
            if (kept == 0 || list[kept - 1].id != list[i].id) list[kept++] = list[i];
        qsort(list, kept, sizeof *list, by_time);
    }
    for (i = 0; i < kept && e == ERR_OK; i++) e = json_push(*out, json_incref(list[i].json));
    mem_free(list);
    if (e != ERR_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return e;
}

err github_list(struct github *g, const char *path, struct github_found *out) {
    struct walk w = {.g = g};
    *out = (struct github_found){0};
    err e = walk_list(&w, path);
    if (e == ERR_OK) e = sort_items(w.items, &out->value);
    if (e == ERR_OK && w.moved) e = github_name_of(out->value, &out->moved_to);
    if (e == ERR_OK) out->n_pages = (int64_t)json_object_size(w.urls);
    walk_release(&w);
    if (e != ERR_OK) github_found_release(out);
    return e;
}
