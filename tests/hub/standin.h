/* SPDX-License-Identifier: Apache-2.0
 * A stand-in for the hubs that releases are pushed to, on loopback, for tests. It keeps
 * repositories and objects in memory, answers with the hubs' status codes and bodies, and refuses
 * what the real ones would or what a careful client must not send: a token for the store, a part
 * of another size, a pointer to an object that is not there, a commit on a parent that is not the
 * head. standin.c is the program, hf.c speaks Hugging Face's interface, modelscope.c ModelScope's,
 * lfs.c has the batch call and the store that both use, faults.c the faults on purpose.
 * Read next: tests/hub/standin.c, the command line. */
#ifndef COTRAIN_TESTS_HUB_STANDIN_H
#define COTRAIN_TESTS_HUB_STANDIN_H

#include "base/json.h"
#include "tests/standin/serve.h"

struct fault {
    char *method, *path; /* patterns of fnmatch */
    int64_t times, after, status, retry_after, cut;
    bool hold, drop, unanswered, lose, omit, echo, race;
};
struct standin {
    const char *log, *token, *moved; /* moved: a name that the first repository had; NULL: none */
    int64_t chunk, n_made; /* chunk: above so many bytes an upload is in parts; 0: never */
    json_t *repos; /* "OWNER/NAME" -> {"head", "commits": {sha: {path: file}}, "tags", "private"} */
    json_t *objects; /* oid -> bytes */
    json_t *parts;   /* oid -> {number: {"bytes", "etag"}}, of uploads under way */
    struct fault *faults;
    int64_t n_faults;
    bool lose, omit; /* the present request's fault: the object is not kept, not spoken of */
};

#define RENDER(out, code, ...) reply_json(out, code, json_pack(__VA_ARGS__))
/* Takes over the value. */
MUST_CHECK err reply_json(struct reply *out, int status, json_t *value);
MUST_CHECK err reply_refuse(struct reply *out, int status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* A new empty repository; a new commit's id for "n-th of all". */
MUST_CHECK err repo_make(struct standin *s, const char *name);
MUST_CHECK err repo_commit(struct standin *s, json_t *repo, json_t *files, char out_id[41]);
/* The files of a revision (a branch's name, a commit's id, a tag); NULL: there is none. */
json_t *repo_files(json_t *repo, const char *revision, const char **out_commit);

/* lfs.c: the batch call on objects, and the store. */
MUST_CHECK err lfs_batch(struct standin *s, const struct request *r, const char *place,
                         const json_t *asked, json_t **out_objects, const char **out_wrong);
MUST_CHECK err lfs_store(struct standin *s, const struct request *r, struct reply *out);

/* hf.c, modelscope.c: false where the address is not theirs. */
MUST_CHECK err hf_route(struct standin *s, const struct request *r, struct reply *out, bool *mine);
MUST_CHECK err ms_route(struct standin *s, const struct request *r, struct reply *out, bool *mine);
/* Whether somebody shows ModelScope's session; refused in *out where not. */
MUST_CHECK err ms_judge_session(const struct request *r, struct reply *out, bool *good);
/* Whether a path is of a form in which % stands for OWNER/NAME, which goes into `name`; *rest: what
 * follows. */
bool route_has_form(const char *path, const char *form, char *name, size_t capacity,
                    const char **rest);

/* faults.c */
MUST_CHECK err fault_add(struct standin *s, const char *text);
/* The one that is due now, of those that cut a body (`cuts`) or of the others; NULL: none. */
struct fault *fault_due(struct standin *s, const struct request *r, bool cuts);

#endif
