/* SPDX-License-Identifier: Apache-2.0
 * Items of two reports that are the same item: a suite's is known by its number and gold answer, a
 * request's case by its request, prompt and expected answer (of sealed ones by their hashes). One
 * that stands several times in a report is as many items: the n-th of one report is the n-th of the
 * other, and what has no partner stands in one report only.
 * Read next: eval/compare.h, eval/rows.h, eval/page.h, which all pair so. */
#ifndef COTRAIN_EVAL_PAIRS_H
#define COTRAIN_EVAL_PAIRS_H

#include "base/json.h"
#include <stdbool.h>
#include <stdint.h>

/* 1 right, 0 wrong, -1: without a verdict. */
int item_verdict(const json_t *item);
/* Whether both are verdicts on the same item. */
bool item_same(const json_t *a, const json_t *b);

/* The items of one report, to be found by those of another whatever their order. */
struct item_index {
    json_t *places;        /* {item: place} */
    json_t *added, *found; /* how often each was, so far */
    int64_t n_added, n_found;
};
/* Release it after a failure, too. */
MUST_CHECK err item_index_init(struct item_index *index);
/* Items are added in order; a place is how many were added before. */
MUST_CHECK err item_index_add(struct item_index *index, const json_t *item);
/* The place of the partner of the other report's next item; -1: it has none. */
MUST_CHECK err item_index_find(struct item_index *index, const json_t *item, int64_t *out_place);
void item_index_release(struct item_index *index);

struct item_pairs {
    int64_t n;              /* judged in both */
    int64_t won, lost;      /* right in b alone; right in a alone */
    int64_t only_a, only_b; /* items that the other report has not */
    int64_t unjudged;       /* in both, and without a verdict in either */
};
/* Pairs two lists of items; `request` NULL: all, else that request's. Either list may be NULL
 * (none). */
MUST_CHECK err item_pairs_count(const json_t *a, const json_t *b, const char *request,
                                struct item_pairs *out);

#endif
