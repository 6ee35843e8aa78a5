/* SPDX-License-Identifier: Apache-2.0
 * A stand-in for GitHub's REST API on loopback, for tests: it serves saved JSON (the folder layout
 * repos/OWNER/NAME/issues.json, issues/N.json, issues/N/comments.json) and recorded pages with
 * GitHub's behaviour, and makes the faults that it is told to make.
 * standin.c is the program, folder.c the saved JSON, routes.c what is asked and answered, listing.c
 * lists by pages, recorded.c recorded pages, faults.c faults on purpose.
 * Read next: tests/github/standin.c, the command line; tests/github/client.h, for tests. */
#ifndef COTRAIN_TESTS_GITHUB_STANDIN_H
#define COTRAIN_TESTS_GITHUB_STANDIN_H

#include "base/json.h"
#include "tests/standin/serve.h"

/* A fault on purpose: what it is for, and what happens then. */
struct fault {
    char *method, *path;                 /* patterns of fnmatch */
    json_t *query;                       /* name -> value that must be there */
    int64_t times, after;                /* how often; after how many that it lets pass */
    int64_t status, truncate, cut, huge; /* 0, and -1 for the last three: as it would be */
    char *message;
    struct str headers;
    bool html, stall, drop, hold;
};
struct standin {
    const char *folder, *log;
    json_t *recorded, *renamed, *posted, *repositories; /* repositories: "OWNER/NAME", sorted */
    struct fault *faults;
    int64_t n_faults, limit, used, reset_s, n_posted;
    struct kept_file *files;
    int64_t n_files;
};

/* folder.c */
MUST_CHECK err folder_open(struct standin *s);
/* The JSON of a file below the repository's folder, or NULL where there is none. Not owned. */
json_t *folder_json(struct standin *s, const char *repository, const char *name);

/* routes.c */
MUST_CHECK err route(struct standin *s, const struct request *r, struct reply *out);
MUST_CHECK err reply_message(struct reply *out, int status, const char *message);
MUST_CHECK err reply_json(const json_t *value, int status, struct reply *out);

/* listing.c: a page of the list, as the query says; links get `path`. */
MUST_CHECK err reply_list(const struct request *r, const char *path, const json_t *all,
                          struct reply *out);
/* The value of a query's parameter, decoded, appended to `out`; false: it is not there. */
bool query_value(const char *query, const char *name, struct str *out);

/* recorded.c: false where nothing of the kind was recorded. */
MUST_CHECK err recorded_load(struct standin *s, const char *path);
MUST_CHECK err recorded_reply(struct standin *s, const struct request *r, struct reply *out,
                              bool *out_found);

/* faults.c */
MUST_CHECK err fault_add(struct standin *s, const char *text);
/* The fault that is due for the request, or NULL; counts it. */
struct fault *fault_due(struct standin *s, const struct request *r);
MUST_CHECK err fault_reply(const struct fault *f, const struct request *r, struct reply *out);

#endif
