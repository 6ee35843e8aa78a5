/* SPDX-License-Identifier: Apache-2.0
 * What a type of target is (release/targets.def): four steps, each of which may be run again and
 * does what is missing; and what it is handed: the release as a list of files, its target, its
 * token, and a place for its own.
 * Read next: release/push.h; release/targets/git.c. */
#ifndef COTRAIN_RELEASE_PUSH_INT_H
#define COTRAIN_RELEASE_PUSH_INT_H

#include "base/arena.h"
#include "base/env.h"
#include "base/hash.h"
#include "release/push.h"

struct push_file {
    const char *path; /* in the release, and over there */
    const char *full; /* on this machine; NULL: it is `text` */
    const char *text; /* of a file that the hub wants and the release has not */
    char sha256[SHA256_HEX_SIZE];
    int64_t bytes;
    bool large; /* by the rule of push_files.c: it goes by LFS */
};
struct push_release {
    const char *dir, *name, *month; /* month NULL: none */
    char hash[SHA256_HEX_SIZE];
    bool is_signed;
    struct push_file *files; /* sorted by path */
    int64_t n;
    const char *title, *text; /* of the commit: a line, and more lines */
};
/* Lists a release that was verified; texts lie in the arena. */
MUST_CHECK err push_list(struct push_release *r, const char *dir, const json_t *manifest,
                         struct arena *a);
const struct push_file *push_find(const struct push_release *r, const char *path);
/* The whole of a file that is not large, hashed once more as it was read (ERR_MISMATCH); replaces
 * *out. */
MUST_CHECK err push_read_file(const struct push_file *f, struct str *out);
/* A file that is there and the release has not: it would have to be deleted, which nobody does.
 * Which of them belong to the hub is said by the type (`own`, NULL-terminated). */
MUST_CHECK err push_refuse_extra(const char *path, const char *where, const char *const *own);

struct pushing {
    const struct push_options *options;
    const struct push_release *release;
    const struct release_target *target;
    const char *where; /* for people: the repository's address */
    const char *branch, *tag;
    const char *token, *token_file; /* token NULL: none; token_file NULL: it is of the variable */
    const char *work_dir;           /* a folder of its own, which need not be there */
    int64_t stall_ms;               /* without a byte for so long a transfer is given up */
    struct arena *arena;
    json_t *requests;        /* of a dry run; else NULL */
    json_t *note;            /* kept in the state: {"state", "commit", "tag", ...} */
    enum push_state reached; /* by this run */
    void *own;
};

struct target_type {
    const char *name, *summary;
    enum env_name token;
    const char *branch; /* where the recipe names none */
    /* Before anything is asked of anybody: whether its rows make sense; fills `where`. */
    err (*open)(struct pushing *p);
    err (*prepare)(struct pushing *p);
    err (*upload)(struct pushing *p);
    err (*commit)(struct pushing *p); /* notes "commit" */
    err (*verify)(struct pushing *p); /* and sets the tag */
    void (*close)(struct pushing *p); /* `own` may be NULL */
};
extern const struct target_type *const target_types[];

/* One request more in a dry run's list. */
MUST_CHECK err push_plan(struct pushing *p, const char *method, const char *url, int64_t bytes);

#endif
