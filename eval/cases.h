/* SPDX-License-Identifier: Apache-2.0
 * Held-out cases: prompts with their expected answers, grouped by the request they were kept for.
 * They come from a dataset folder, which keeps them apart from what is trained, or straight from
 * the files that a recipe's requests name. */
#ifndef COTRAIN_EVAL_CASES_H
#define COTRAIN_EVAL_CASES_H

#include "base/arena.h"
#include "data/dataset/dataset.h"
#include "recipes/request.h"
#include <stdbool.h>

struct eval_case {
    const char *prompt, *expected;
};
struct eval_group {
    const char *request, *scenario; /* id, and what it is called in tables */
    struct eval_case *cases;
    int64_t n_cases;
};
struct eval_cases {
    struct arena arena;        /* owns everything below */
    struct eval_group *groups; /* in the order of the requests */
    int64_t n_groups;
    bool sealed; /* texts are not for publishing: reports carry their hashes */
};

/* The cases of each request, at most `limit` of each (0: all), in the order of the file. `dataset`
 * NULL: from the requests' own files of cases, JSON Lines of {"prompt", "response"}; a bad line is
 * ERR_PARSE naming file and line. */
MUST_CHECK err eval_cases_load(struct eval_cases *c, const struct request_list *requests,
                               const struct dataset *dataset, int64_t limit);
void eval_cases_release(struct eval_cases *c);
int64_t eval_cases_count(const struct eval_cases *c);

#endif
