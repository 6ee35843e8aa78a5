/* SPDX-License-Identifier: Apache-2.0
 * What remote/http*.c and remote/url.c share: the parts of a URL that decide whether it is asked,
 * and a request under way. Texts of a URL are copies in fixed buffers; a URL with longer parts is
 * refused.
 * Read next: remote/http.h. */
#ifndef COTRAIN_REMOTE_HTTP_INT_H
#define COTRAIN_REMOTE_HTTP_INT_H

#include "remote/http.h"
#include <curl/curl.h>

struct url_parts {
    char scheme[8], host[256], port[8]; /* the port always, also where the URL leaves it out */
    bool plain;                         /* http, not https */
    bool loopback;                      /* the host's name or number is this machine */
};
/* ERR_RANGE: not a URL, or one with a user name in it. */
MUST_CHECK err url_read(const char *url, struct url_parts *out);
/* The same, and it is one that may be asked. */
MUST_CHECK err url_check(const char *url, struct url_parts *out);

/* One request under way; the first four are the caller's. */
struct transfer {
    const struct http_options *limits;
    const struct http_request *request;
    struct http_answer *answer;
    void *ticket;
    CURL *easy;
    struct url_parts url;
    struct curl_slist *headers;
    int file;           /* descriptor of the request's file; -1: it has none */
    int64_t sent;       /* bytes of it handed to libcurl */
    struct sha256 hash; /* of them, behind the request's */
    bool stalled, stopped;
    int64_t seen;   /* bytes that had moved when it was last looked at */
    double moved_s; /* when the last of them moved */
    err failed;     /* in a callback, for the reason `why` */
    char why[512], reason[CURL_ERROR_SIZE];
    struct transfer *next;
};
/* Checks the request and tells libcurl. On failure too it is to be freed. */
MUST_CHECK err transfer_begin(struct transfer *t);
/* Notes whether anything moved since the last look, and whether that is too long ago. */
void transfer_look(struct transfer *t, double now_s);
/* What became of it: headers and status of an answer, or why there is none. */
MUST_CHECK err transfer_end(struct transfer *t, CURLcode code);
void transfer_free(struct transfer *t); /* NULL is fine */

#endif
