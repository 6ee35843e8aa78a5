/* SPDX-License-Identifier: Apache-2.0
 * Requests to a hub that takes releases: each is tried again where that may help (cut connections,
 * 408, 429, 5xx; the server's Retry-After first, else a wait that doubles), and an answer that says
 * no becomes an error that says who refused and what to do. A plan of requests can be made instead
 * of asking. The token goes to the hub's own host alone, and no message repeats it: a server that
 * echoes it is quoted with `***` in its place.
 * Read next: remote/http.h below it; release/targets/, which ask. */
#ifndef COTRAIN_REMOTE_ASK_H
#define COTRAIN_REMOTE_ASK_H

#include "base/json.h"
#include "remote/http.h"

enum { ASK_TRIES = 6, ASK_ANSWER_BYTES = 64 << 20 };

struct ask_options {
    const char *endpoint;     /* "https://huggingface.co" */
    const char *token;        /* NULL: there is none */
    const char *token_name;   /* of the variable that a token is looked for in, for people */
    const char *subject;      /* what is asked about, "IEITYuan/Yuan2-2B", for people */
    json_t *plan;             /* not NULL: nothing is asked, each request is appended to it */
    int64_t stall_timeout_ms; /* 0: as remote/http.h has it */
    /* How a wait is spent; NULL: asleep, in steps that hear a request to stop. */
    err (*wait)(void *context, int64_t ms);
    void *context;
};
struct ask;
/* The options' texts must outlive it. */
MUST_CHECK err ask_new(const struct ask_options *options, struct ask **out);
void ask_free(struct ask *a); /* NULL is fine */

struct ask_request {
    struct http_request http; /* url: whole, or from / on below the endpoint; no token */
    bool no_token;            /* an address that an answer gave: it has its own rights in it */
    bool once;                /* not tried again: a second one would do something else */
    bool follows;            /* a GET or HEAD: where a redirect (301, 307, 308) stays on the host */
    const char *unknown_url; /* in a plan: stands for an address that an answer will give */
};
/* Any answer at all, the last try's; a 5xx or 429 that stays is ERR_IO. With a plan: *out has
 * status 0. The caller releases *out either way. */
MUST_CHECK err ask_send(struct ask *a, const struct ask_request *r, struct http_answer *out);
/* ERR_OK for 2xx; else the error that stands for the status, with what the server said. */
MUST_CHECK err ask_judge(const struct ask *a, const struct http_answer *answer);
/* The same for a refusal that came as something else; `status` as HTTP would have said it. */
MUST_CHECK err ask_refused(const struct ask *a, long status, const char *says);
/* Sends, judges, and parses the answer as JSON; *out is NULL with a plan. The caller
 * json_decref()s. */
MUST_CHECK err ask_json(struct ask *a, const struct ask_request *r, json_t **out);
/* A POST of JSON (its reference is taken over, NULL is ERR_MEMORY). */
MUST_CHECK err ask_post(struct ask *a, const char *url, json_t *body, json_t **out);
bool ask_plans(const struct ask *a);
/* One more text that no message repeats (a session that the token was exchanged for); it must
 * outlive `a`. */
void ask_hide(struct ask *a, const char *secret);
/* A header for the hub's own host alone, whoever gave the address: NULL where it is another's. */
const char *ask_own_header(const struct ask *a, const char *url, const char *header);

#endif
