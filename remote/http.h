/* SPDX-License-Identifier: Apache-2.0
 * HTTP by libcurl: one request, one answer, whole in memory; one at a time, or many side by side.
 * What is sent may lie in a file, which is read as it goes.
 * Speaks https, and plain http to loopback only. A token goes into the Authorization header of the
 * host that was asked and nowhere else: not into a log, an error or another host's request;
 * redirects are the caller's to follow. What an answer means is the caller's business too; only
 * what is no answer at all is an error.
 * Read next: issues/github/github.h. */
#ifndef COTRAIN_REMOTE_HTTP_H
#define COTRAIN_REMOTE_HTTP_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;

struct http_options {
    int64_t connect_timeout_ms; /* 0: 10 s */
    int64_t stall_timeout_ms;   /* without a byte for so long the request is given up; 0: 30 s */
};
/* Connections are kept open between requests. One thread at a time. */
MUST_CHECK err http_new(const struct http_options *options, struct http **out);
void http_free(struct http *h); /* NULL is fine */

struct http_request {
    const char *method, *url;   /* method NULL: GET, with a body POST, with a file PUT */
    const char *const *headers; /* "Name: value"; one with a control character is ERR_RANGE */
    int64_t n_headers;
    const char *token; /* bearer token, or NULL */
    const void *body;  /* NULL: none */
    size_t n_body;
    const char *file; /* in place of a body: `file_bytes` of it from `file_offset` on; or NULL */
    int64_t file_offset, file_bytes;
    struct sha256 *file_hash; /* goes on over what is sent, once it was taken (2xx); NULL: none */
    const char *file_sha256; /* what it must be at the end of this one; NULL: it is not looked at */
    size_t max_bytes;        /* of the answer's body, decoded; more is ERR_LIMIT */
};
/* Answers of any status, with the body decoded (gzip and whatever else libcurl knows). */
struct http_answer {
    long status;        /* 0: there is no answer */
    struct str body;    /* as far as it came, where there is no answer */
    struct str headers; /* "name: value\n" lines, names in lower case; the last hop's alone */
    bool again; /* no answer, but the same request may well get one later: refused, cut, stalled */
    bool stalled; /* nothing came for stall_timeout_ms */
};
/* ERR_IO: no answer (refused, cut, stalled, TLS), naming host and reason. ERR_STOPPED: the process
 * was asked to stop (base/stop.h); a request with a body is never broken off for that, one with a
 * file is. ERR_MISMATCH: the file is shorter than was said, or not the one that was hashed: of that
 * the last bytes are not sent. Replaces *out, which the caller releases either way. */
MUST_CHECK err http_send(struct http *h, const struct http_request *request,
                         struct http_answer *out);
void http_answer_release(struct http_answer *a);

/* Many side by side: http_start begins a request, http_next says which one is over. What is started
 * beside them says is refused as by http_send; http_free gives up what still runs. Not to be mixed
 * with http_send while anything runs. */
struct http_done {
    struct http_answer *answer; /* NULL: none is over yet */
    void *ticket;               /* as given to http_start */
    err failed;                 /* as http_send's result, the message being this one's */
};
/* The request, its texts and *out must stay where they are until it is over. */
MUST_CHECK err http_start(struct http *h, const struct http_request *request,
                          struct http_answer *out, void *ticket);
/* Drives all of them until one is over, for at most wait_ms (and no longer once the process is
 * asked to stop). wait_ms below 0: however long that takes; with nothing started it returns at
 * once. */
MUST_CHECK err http_next(struct http *h, int64_t wait_ms, struct http_done *out);

/* The first header of that name (lower case), without its line end; *out_found false and an empty
 * text when there is none. `out` is replaced. */
MUST_CHECK err http_header(const struct http_answer *a, const char *name, struct str *out,
                           bool *out_found);

/* Whether http_send would ask this URL: https, or plain http to loopback; no user name in it.
 * ERR_RANGE says what is wrong. */
MUST_CHECK err http_url_check(const char *url);
/* Whether two URLs name the same scheme, host and port. */
bool http_same_host(const char *a, const char *b);
/* The URL that `reference` (whole, or relative as in "/a?b=c") names when it stands in an answer
 * from `base`; ERR_PARSE where it is none. `out` is replaced. */
MUST_CHECK err http_url_join(const char *base, const char *reference, struct str *out);
/* Appends text as a part of a path or query: all but letters, digits and -._~ as %XX. */
MUST_CHECK err http_url_escape(const char *text, struct str *out);

#endif
