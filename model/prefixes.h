/* SPDX-License-Identifier: Apache-2.0
 * The order in which texts are begun, and what they share. Texts whose prompts begin alike follow
 * each other, so that what they share is computed for the first of them only; beside that, longer
 * prompts come first, so that the last passes, which have few texts left, are short.
 * Read next: model/generate.c, which follows it. */
#ifndef COTRAIN_MODEL_PREFIXES_H
#define COTRAIN_MODEL_PREFIXES_H

#include "model/generate.h"

/* Consecutive texts of the order that begin with the same tokens. Groups lie in each other like
 * folders, each sharing more than the one around it. */
struct prefix_group {
    int64_t parent; /* the group around it; -1: none */
    int mark;       /* how many there are around it: its mark in the decoder */
    int64_t n_tokens;
    int64_t place; /* of the decoder, for who follows the order: has the tokens; -1: none yet */
};
struct prefixes {
    int64_t n;
    int64_t *order;     /* (n) numbers of texts */
    int64_t *innermost; /* (n) group of order[i]; -1: none */
    struct prefix_group *groups;
    int64_t n_groups, capacity;
};

MUST_CHECK err prefixes_find(struct prefixes *p, const struct generate_text *texts, int64_t n);
void prefixes_release(struct prefixes *p);

#endif
