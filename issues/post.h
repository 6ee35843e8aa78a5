/* SPDX-License-Identifier: Apache-2.0
 * Posts: the body of an issue, or a comment under one, as GitHub's REST API gives them. Read from
 * the files of a folder, from one file, or from JSON in memory; bodies are what people typed and
 * are never trusted. Nothing here judges a post: that is issues/read/reading.h.
 * Shapes: a folder in the layout issues/N.json, issues/N/comments.json, issues.json (below
 * repos/OWNER/REPO/ or not); an object or a list of objects; several JSON values one after the
 * other (`gh api --paginate`, JSON Lines); lists of lists (`--slurp`); {"items": [...]}. */
#ifndef COTRAIN_ISSUES_POST_H
#define COTRAIN_ISSUES_POST_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/opt.h"
#include <stdbool.h>
#include <stdint.h>

struct post {
    const char *id;         /* "OWNER/REPO#ISSUE@COMMENT"; an issue's own body has no "@COMMENT" */
    const char *repository; /* "OWNER/REPO" */
    int64_t issue, comment; /* numbers; comment 0: the issue's own body */
    const char *url;        /* of the page, or NULL */
    const char *title;      /* of the issue; NULL where it is not known */
    const char *opener;     /* login of who opened the issue; NULL where it is not known */
    struct {
        const char *login, *association, *body; /* NULL: none is known */
    } before;                                   /* the post before a comment in the same issue */
    const char *login;                          /* NULL: the account is gone */
    const char *association;                    /* author_association; "" when not said */
    const char *created_at, *updated_at;        /* as given, "2024-01-18T02:00:00Z" */
    int64_t created_s, updated_s;               /* the same, seconds since 1970 */
    const char *body;                           /* as given; "" for null */
    struct opt_list labels;                     /* of the issue */
    int64_t votes;                              /* reactions "+1" */
    bool pull_request;                          /* the issue is a pull request */
    bool bot, minimized;
    char digest[SHA256_HEX_SIZE]; /* of the raw JSON, keys sorted */
    const json_t *json;           /* the raw object, owned by the list */
};

struct post_list {
    struct arena arena;
    struct post *items; /* by repository, time and number; each id once, in its newest state */
    int64_t n;
    json_t *raw; /* owns every post's json */
};
/* A file or folder; what is no post (a manifest, say) is passed over, a file that is not JSON is
 * ERR_PARSE naming it. An empty result is ERR_MISSING. The caller releases either way. */
MUST_CHECK err posts_read(const char *path, struct post_list *out);
/* Adds issues and comments from a JSON value of any of the shapes above; `where` names it
 * in errors. A zeroed list is empty. */
MUST_CHECK err posts_add(struct post_list *list, json_t *value, const char *where);
/* Sorts, removes doubles and tells comments of their issue; call once after the last posts_add. */
void posts_finish(struct post_list *list);
void post_list_release(struct post_list *list);

/* "2024-01-18T02:00:00Z" (also with an offset) to seconds since 1970; ERR_PARSE. */
MUST_CHECK err time_parse(const char *text, int64_t *out_s);
/* The reverse, in UTC. */
MUST_CHECK err time_text(int64_t s, struct arena *a, const char **out);

#endif
