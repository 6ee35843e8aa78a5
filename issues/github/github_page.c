/* SPDX-License-Identifier: Apache-2.0
 * One page: from the journal of the collection, on condition that it has changed, or new. Follows
 * redirects on the API's own host; a renamed repository answers with one for every path under its
 * old name.
 * Read next: issues/github/github_int.h, the contract. */
#include "issues/github/github_int.h"

#include <stdlib.h>
#include <string.h>

enum { REDIRECTS_MAX = 5, PER_PAGE_PRESET = 30 };

void github_page_release(struct github_page *p) {
    json_decref(p->value);
    str_release(&p->url);
    str_release(&p->next);
    *p = (struct github_page){0};
}

/* Whether a kept answer may stay as it is when the server says "not modified". A list that grows
 * leaves a full page as it was: only the link to the next page is new, and a 304 need not bring
 * it. So a full page without a next one is asked for anew. */
static err may_stay(const struct github_kept *k, const char *url, bool *out) {
    struct str next = {0};
    const char *size = strstr(url, "per_page=");
    const json_t *items = github_items(k->value);
    int64_t per_page = size ? strtoll(size + strlen("per_page="), NULL, 10) : PER_PAGE_PRESET;
    bool has_next = true;
    *out = k->found && k->status == 200;
    if (!*out || !items || (int64_t)json_array_size(items) < per_page) return ERR_OK;
    err e = github_link_next(str_text(&k->link), &next, &has_next);
    *out = e == ERR_OK && has_next;
    str_release(&next);
    return e;
}

/* Takes over a header of the answer. */
static err keep_header(const struct http_answer *a, const char *name, struct str *out) {
    bool found;
    return http_header(a, name, out, &found);
}

static err keep_answer(struct github_exchange *x, struct github_kept *k) {
    str_clear(&k->body);
    json_decref(k->value);
    k->value = NULL;
    k->status = x->verdict.action == GITHUB_FOLLOW ? x->answer.status : 200;
    TRY(keep_header(&x->answer, "etag", &k->etag));
    TRY(keep_header(&x->answer, "last-modified", &k->last_modified));
    TRY(keep_header(&x->answer, "link", &k->link));
    if (x->verdict.action == GITHUB_FOLLOW) return keep_header(&x->answer, "location", &k->body);
    k->value = json_incref(x->value);
    return str_append(&k->body, x->answer.body.data, x->answer.body.len);
}

/* The next page's URL, whole, or empty; it must lie on the API's host. */
static err find_next(const struct github *g, const char *url, const struct github_kept *k,
                     struct str *out) {
    struct str reference = {0};
    bool found;
    str_clear(out);
    err e = github_link_next(str_text(&k->link), &reference, &found);
    if (e == ERR_OK && found) e = http_url_join(url, reference.data, out);
    if (e == ERR_OK && found && !http_same_host(out->data, g->api_url.data))
        e = fail(ERR_MISMATCH, "the next page is on another host, '%.200s', which is not asked",
                 out->data);
    str_release(&reference);
    return fail_in(e, "GET %s", url);
}

/* A 304 may come with a new link. */
static err keep_link(struct github *g, const char *url, struct github_exchange *x,
                     struct github_kept *k) {
    struct str link = {0};
    bool found;
    err e = http_header(&x->answer, "link", &link, &found);
    if (e == ERR_OK && found && strcmp(link.data, str_text(&k->link)) != 0) {
        struct str next = {0};
        str_clear(&k->link);
        e = str_append(&k->link, link.data, link.len);
        if (e == ERR_OK) e = find_next(g, url, k, &next);
        if (e == ERR_OK) e = github_kept_store(g, url, k);
        str_release(&next);
    }
    str_release(&link);
    return e;
}

/* Keeps the answer, unless it cannot be used. */
static err keep(struct github *g, const char *url, struct github_exchange *x,
                struct github_kept *k) {
    struct str next = {0};
    TRY(keep_answer(x, k));
    if (!k->value && k->status == 200) return fail(ERR_PARSE, "GET %s: an empty answer", url);
    err e = find_next(g, url, k, &next);
    str_release(&next);
    return e == ERR_OK ? github_kept_store(g, url, k) : e;
}

/* Asks, keeps the answer and notes it. */
static err ask(struct github *g, const char *url, bool *slow, struct github_kept *k,
               struct github_page *out) {
    struct github_exchange x = {.method = "GET", .url = url, .slow = slow};
    int64_t asked;
    bool conditional, noted = github_journal_find(g, k, &out->fetched, &asked);
    char before[SHA256_HEX_SIZE];
    memcpy(before, k->digest, sizeof before);
    TRY(may_stay(k, url, &conditional));
    if (conditional) x.known = k;
    err e = github_exchange(g, &x);
    if (e == ERR_OK && x.verdict.action == GITHUB_UNCHANGED) {
        e = x.known ? keep_link(g, url, &x, k)
                    : fail(ERR_PARSE, "GET %s: 304, and nothing was known", url);
    } else if (e == ERR_OK) {
        e = keep(g, url, &x, k);
    }
    github_exchange_release(&x);
    TRY(e);
    out->asked = g->epoch;
    if (!noted || strcmp(before, k->digest) != 0) out->fetched = g->epoch;
    return github_journal_note(g, k, out->fetched);
}

/* Where a redirect leads, seen from `url`, which is replaced. */
static err follow(struct github *g, const struct github_kept *k, struct str *url) {
    struct str target = {0};
    err e = http_url_join(url->data, str_text(&k->body), &target);
    if (e == ERR_OK && !http_same_host(target.data, g->api_url.data))
        e = fail(ERR_MISMATCH, "a redirect to another host, '%.200s', is not followed",
                 target.data);
    if (e != ERR_OK) {
        e = fail_in(e, "GET %s", url->data);
        str_release(&target);
        return e;
    }
    str_release(url);
    *url = target;
    return ERR_OK;
}

static err one_hop(struct github *g, int64_t not_before, bool *slow, struct github_kept *k,
                   struct github_page *out) {
    TRY(github_kept_load(g, out->url.data, k));
    bool noted = github_journal_find(g, k, &out->fetched, &out->asked);
    return noted && out->asked >= not_before ? ERR_OK : ask(g, out->url.data, slow, k, out);
}

err github_page_get(struct github *g, const char *url, int64_t not_before, bool *slow,
                    struct github_page *out) {
    *out = (struct github_page){0};
    err e = str_add(&out->url, url);
    for (int hop = 0; e == ERR_OK && !out->value; hop++) {
        struct github_kept k = {0};
        e = one_hop(g, not_before, slow, &k, out);
        if (e == ERR_OK && k.status == 200) {
            out->value = json_incref(k.value);
            e = find_next(g, out->url.data, &k, &out->next);
        } else if (e == ERR_OK && hop == REDIRECTS_MAX) {
            e = fail(ERR_LIMIT, "GET %s: more than %d redirects", url, REDIRECTS_MAX);
        } else if (e == ERR_OK) {
            out->moved = true;
            e = follow(g, &k, &out->url);
        }
        github_kept_release(&k);
    }
    if (e != ERR_OK) github_page_release(out);
    return e;
}
