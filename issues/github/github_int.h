/* SPDX-License-Identifier: Apache-2.0
 * What the files of the GitHub client share. github_send.c asks and waits, github_cache.c keeps
 * answers, github_journal.c notes which of them an unfinished collection has, github_page.c joins
 * the three and follows redirects, github_list.c reads lists whole, github.c has the calls.
 * An epoch is a stretch of time without a pause: it goes up with every run of an unfinished
 * collection and with every wait for a rate limit.
 * Read next: issues/github/github.h. */
#ifndef COTRAIN_ISSUES_GITHUB_GITHUB_INT_H
#define COTRAIN_ISSUES_GITHUB_GITHUB_INT_H

#include "base/hash.h"
#include "issues/github/github.h"
#include "issues/github/github_wait.h"

#define GITHUB_ACCEPT "application/vnd.github+json"

struct github {
    struct http *http;
    struct str api_url, token, cache_dir; /* token empty: none; cache_dir empty: no cache */
    char identity[SHA256_HEX_SIZE];       /* of the token; for cache keys, never written */
    int64_t max_wait_s, max_pages;
    size_t max_bytes;
    struct github_clock clock;
    int64_t epoch, n_requests;
    bool posted;
    json_t *journal; /* key -> [digest, epoch fetched, epoch last asked]; NULL: no collection */
    struct str journal_path; /* empty: no collection */
};

/* An answer as the cache has it. The body of a redirect is where it leads. */
struct github_kept {
    char key[SHA256_HEX_SIZE],
        digest[SHA256_HEX_SIZE]; /* of URL, accept and identity; of the body */
    bool found;
    long status;
    struct str etag, last_modified, link, body;
    json_t *value; /* the body parsed; NULL for a redirect */
};
void github_kept_release(struct github_kept *k);
/* Fills in the key, and the rest where there is a whole entry; a damaged one counts as none. */
MUST_CHECK err github_kept_load(const struct github *g, const char *url, struct github_kept *out);
/* Computes the digest and writes the entry, whole or not at all. */
MUST_CHECK err github_kept_store(const struct github *g, const char *url, struct github_kept *k);

/* Removes the entry, so that the page is asked for anew. */
MUST_CHECK err github_kept_forget(const struct github *g, const char *url);

/* What the collection knows about a kept answer with that digest; false: nothing. */
bool github_journal_find(const struct github *g, const struct github_kept *k, int64_t *out_fetched,
                         int64_t *out_asked);
MUST_CHECK err github_journal_note(struct github *g, const struct github_kept *k, int64_t fetched);

/* One request, with waits and further tries, until there is an answer to take: verdict is TAKE,
 * UNCHANGED or FOLLOW. */
struct github_exchange {
    const char *method, *url;
    const struct github_kept *known; /* asks on condition that it has changed; NULL: without one */
    const struct str *body;          /* of a post; NULL: none */
    bool *slow; /* not NULL: a second 502 or 504 ends the tries, and this is set */
    struct http_answer answer;
    struct github_verdict verdict;
    json_t *value; /* of TAKE; NULL for an empty body */
};
MUST_CHECK err github_exchange(struct github *g, struct github_exchange *x);
void github_exchange_release(struct github_exchange *x);
MUST_CHECK err github_pause(struct github *g, const struct github_verdict *verdict);

/* One page of a list, or an object. */
struct github_page {
    json_t *value;
    struct str url, next;   /* where it was found in the end; the next page's URL, or empty */
    int64_t fetched, asked; /* epochs: since when the content is this, until when it surely was */
    bool moved;
};
/* A kept page that this collection has asked for in epoch `not_before` or later is taken as read.
 * `slow`: see github_exchange. */
MUST_CHECK err github_page_get(struct github *g, const char *url, int64_t not_before, bool *slow,
                               struct github_page *out);
void github_page_release(struct github_page *p);

/* The target of rel="next" of a Link header; ERR_PARSE when it is none. `out` is replaced. */
MUST_CHECK err github_link_next(const char *link, struct str *out, bool *out_found);
/* The list itself, or a search's "items"; NULL: no list. */
json_t *github_items(json_t *value);
/* "OWNER/REPO" that an issue, comment or repository says it is of; where it says none `out` stays
 * as it is. */
MUST_CHECK err github_name_of(const json_t *value, struct str *out);

#endif
