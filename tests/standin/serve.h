/* SPDX-License-Identifier: Apache-2.0
 * What every stand-in of a server is made of: a program that listens on any port of 127.0.0.1 (or
 * on `port`), prints it and a line end, hears requests whole, answers them one at a time, takes
 * lines from its standard input, and ends when that does or its parent dies. What is answered is
 * the stand-in's own business (tests/github, tests/hub).
 * Read next: tests/standin/serve.c; tests/standin/reply.c, the bytes that leave. */
#ifndef COTRAIN_TESTS_STANDIN_SERVE_H
#define COTRAIN_TESTS_STANDIN_SERVE_H

#include "base/err.h"
#include "base/str.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct request {
    struct str uri;             /* as it was asked, from its path on: "/repos/a/b/issues?page=2" */
    struct str path;            /* without the query */
    struct str body, base;      /* of a post; "http://HOST" that links begin with */
    const char *method, *query; /* query: "page=2&per_page=100", or "" */
    struct MHD_Connection *connection;
    int64_t cut; /* bytes of the body after which no more is taken, and it is closed; -1: all is */
    bool hold;   /* it is kept open then, unanswered */
    bool begun;
};
/* NULL where it has none of that name. */
const char *request_header(const struct request *r, const char *name);

struct reply {
    int status;
    struct str body, headers; /* headers: "name: value\n" lines */
    int64_t cut;              /* close the connection behind so many bytes of the body; -1: no */
    bool stall;               /* then stand still there instead, until the client goes away */
    bool drop;                /* close it without an answer */
    bool hold;      /* say "held" on stdout and do not answer, until the client goes away */
    bool untouched; /* no rate limit is counted */
};
/* Sets a header: one of that name is replaced. */
MUST_CHECK err reply_header(struct reply *out, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
enum MHD_Result reply_send(const struct request *r, struct reply *reply);

/* All are called with the lock, so one at a time; those beside `make` may be NULL. */
struct serving {
    void *context;
    uint16_t port; /* 0: any */
    size_t body_max_bytes;
    err (*head)(void *context, struct request *r); /* its headers are there, its body not yet */
    err (*cut)(void *context, struct request *r);  /* it was cut */
    err (*make)(void *context, const struct request *r, struct reply *out);
    const char *(*line)(void *context, const char *line); /* of standard input; what is printed */
    pthread_mutex_t one_at_a_time;
};
/* Returns where it cannot listen; else the process ends here. */
int serve(struct serving *s);

#endif
