/* SPDX-License-Identifier: Apache-2.0
 * Items of two reports that are the same item: a suite's is known by its number and gold answer, a
 * request's case by its request, prompt and expected answer (of sealed ones by their hashes).
 * Read next: eval/compare.h, eval/rows.h. */
#ifndef COTRAIN_EVAL_PAIRS_H
#define COTRAIN_EVAL_PAIRS_H

#include "base/json.h"
#include <stdbool.h>
#include <stdint.h>

/* 1 right, 0 wrong, -1: without a verdict. */
int item_verdict(const json_t *item);
/* Whether both are verdicts on the same item. */
bool item_same(const json_t *a, const json_t *b);
/* What an item is known by, appended; the same text for the same item. */
MUST_CHECK err item_key(const json_t *item, struct str *out);

struct item_pairs {
    int64_t n; /* judged in both */
    int64_t right_a, right_b;
    int64_t won, lost;      /* right in b alone; right in a alone */
    int64_t only_a, only_b; /* items that the other report has not */
    int64_t unjudged;       /* in both, and without a verdict in either */
    int8_t *differences;    /* of each judged pair: 1 won, -1 lost, 0; owned */
};
/* Pairs two lists of items, whatever their order; `request` NULL: all, else that request's. Either
 * list may be NULL (none). The caller releases, after a failure too. */
MUST_CHECK err item_pairs_count(const json_t *a, const json_t *b, const char *request,
                                struct item_pairs *out);
void item_pairs_release(struct item_pairs *p);

#endif
