/* SPDX-License-Identifier: Apache-2.0
 * GitHub's REST API, as far as a programme needs it: reading issues and comments whole, and posting
 * a comment. All pages are read, rate limits are waited for, faults are tried again, and what came
 * is kept on disk, so that an unchanged page costs nothing and a run that was ended goes on where
 * it stood. What a list gives was true as a whole at one moment: after a pause its earlier pages
 * are asked again, and where one has changed the list is read anew; so nothing that was deleted,
 * added or edited meanwhile makes another item vanish or come twice.
 * Source: docs.github.com/en/rest (2022-11-28).
 * Read next: issues/github/collect.h, which reads a month; issues/github/github_wait.h, what
 * answers mean. */
#ifndef COTRAIN_ISSUES_GITHUB_GITHUB_H
#define COTRAIN_ISSUES_GITHUB_GITHUB_H

#include "base/json.h"
#include "remote/http.h"
#include <stdbool.h>
#include <stdint.h>

struct github;

/* Time, for tests to hand in; zeroed: the system's. */
struct github_clock {
    int64_t (*now_s)(void *context);             /* seconds since 1970 */
    err (*wait)(void *context, int64_t seconds); /* ERR_STOPPED: somebody asked to stop */
    void *context;
};
struct github_options {
    const char *api_url;   /* NULL: GITHUB_API_URL, or else https://api.github.com */
    const char *token;     /* NULL: ask as nobody (remote/token.h reads one) */
    const char *cache_dir; /* made when needed; NULL: nothing is kept */
    int64_t max_wait_s;    /* a longer wait is ERR_STOPPED instead; 0: 900, negative: never wait */
    int64_t max_pages;     /* of one list; 0: 1000 */
    size_t max_bytes;      /* of one answer; 0: 64 MiB */
    struct http_options http;
    struct github_clock clock;
};
/* Options are copied. ERR_RANGE: an api_url that may not be asked (remote/http.h), or a token with
 * a character that none has. */
MUST_CHECK err github_new(const struct github_options *options, struct github **out);
void github_free(struct github *g);              /* NULL is fine */
int64_t github_requests(const struct github *g); /* sent so far */

/* A collection: several calls that belong together, named by `what`. Until github_end, pages that
 * came in are noted in the cache; where a run ended before it, by ERR_STOPPED, an error or a kill,
 * the next github_begin of the same `what` within a day takes those pages as read. Without a cache
 * both do nothing. */
MUST_CHECK err github_begin(struct github *g, const char *what);
MUST_CHECK err github_end(struct github *g);

struct github_found {
    json_t *value; /* the object; of a list, the items by created_at and id, each id once */
    struct str
        moved_to; /* "OWNER/REPO" where it was found instead; empty: where it was looked for */
    int64_t n_pages;
};
/* Errors of all: ERR_STOPPED, with the time until when, for a wait over max_wait_s; ERR_DENIED 401
 * and 403, ERR_MISSING 404 and 410, ERR_RANGE 422, ERR_IO for 5xx and a line that stays cut,
 * ERR_PARSE for what is no JSON, ERR_LIMIT over max_bytes or max_pages, ERR_MISMATCH for a page or
 * redirect on another host. Each names method and path and says what to do. `out` is released by
 * the caller only after success. */
MUST_CHECK err github_issue(struct github *g, const char *repository, int64_t number,
                            struct github_found *out);
/* Of one issue; with `since` ("2024-03-01T00:00:00Z", or NULL) those that were updated since. */
MUST_CHECK err github_comments(struct github *g, const char *repository, int64_t number,
                               const char *since, struct github_found *out);
/* Open and closed ones, pull requests too (they have the key "pull_request"). */
struct github_filter {
    const char *labels;  /* "a,b": has both; NULL: any */
    const char *creator; /* a login; NULL: any */
    const char *since;   /* updated since; NULL: any */
};
MUST_CHECK err github_issues(struct github *g, const char *repository,
                             const struct github_filter *filter, struct github_found *out);
void github_found_release(struct github_found *f);

/* How many issues a login has opened that report a problem. A login that GitHub does not know
 * (any more) has opened none. */
struct github_reports {
    const char *login;
    const char *label; /* issues with it do not count: they are requests; NULL: there is none */
    int64_t issue;     /* nor does the one with this number; 0: there is none */
};
MUST_CHECK err github_count_reports(struct github *g, const char *repository,
                                    const struct github_reports *of, int64_t *out);
/* Whether an issue, as GitHub gives it, is one of those: no pull request, that login, not that
 * label, not that number. */
bool github_is_report(const json_t *issue, const struct github_reports *of);
/* Labels come as objects or as plain strings; case does not count. */
bool github_has_label(const json_t *issue, const char *label);

/* Posts a comment and gives it as GitHub has it now; the caller json_decref()s. Between two posts
 * of a handle lies a second. A post is tried again only where GitHub has refused it for a rate
 * limit; after a fault nobody knows whether it was made, and the error says so. */
MUST_CHECK err github_comment(struct github *g, const char *repository, int64_t number,
                              const char *body, json_t **out);

/* Any path below the API's URL ("/repos/a/b"): one object; a list, or a search's items; a post. */
MUST_CHECK err github_get(struct github *g, const char *path, struct github_found *out);
MUST_CHECK err github_list(struct github *g, const char *path, struct github_found *out);
MUST_CHECK err github_post(struct github *g, const char *path, const json_t *body, json_t **out);

#endif
