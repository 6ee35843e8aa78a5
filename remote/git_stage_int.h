/* SPDX-License-Identifier: Apache-2.0
 * What remote/git_stage.c (objects) and remote/git_wire.c (the other repository) share: one stage,
 * with what its callbacks note of the connection under way.
 * Read next: remote/git_stage.h. */
#ifndef COTRAIN_REMOTE_GIT_STAGE_INT_H
#define COTRAIN_REMOTE_GIT_STAGE_INT_H

#include "remote/git_stage.h"
#include <git2.h>

struct git_stage {
    const char *dir, *url, *token;
    git_repository *repo;
    git_remote *remote;
    git_index *index;  /* the added files, in memory */
    int asked;         /* how often a token was asked for on one connection */
    char refusal[256]; /* why the other side did not take a ref; "" where it did */
};

#endif
