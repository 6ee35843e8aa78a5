/* SPDX-License-Identifier: Apache-2.0
 * The recipe's `release.targets`: where a release goes. Which keys mean anything depends on the
 * type (release/targets/). Tokens are nobody's recipe's business.
 * Read next: release/push.h. */
#ifndef COTRAIN_RELEASE_TARGETS_H
#define COTRAIN_RELEASE_TARGETS_H

#include "base/opt.h"

struct release_target {
    const char *type;
    const char *name;    /* what --target calls it; NULL: its type */
    const char *url;     /* git: https://, a folder's path, file:// */
    const char *repo;    /* a hub: "OWNER/NAME" */
    const char *branch;  /* NULL: the type's own */
    const char *tag;     /* NULL: v and the month, "v2024.03" */
    const char *author;  /* git: "Name <address>" */
    const char *license; /* modelscope: one of its display names; NULL: none is said */
    bool create;         /* a hub: make the repository where it is not there */
    bool is_private;     /* of one that is made */
    bool pull_request;   /* huggingface: propose it instead of committing */
    const char *file;    /* where it stands in a recipe, for errors */
    int line;
};
struct release_target_list {
    struct release_target *items;
    int64_t n;
};
struct opt_table release_target_table(void);
const char *release_target_name(const struct release_target *t);

#endif
