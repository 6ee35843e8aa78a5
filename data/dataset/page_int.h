/* SPDX-License-Identifier: Apache-2.0
 * The parts of a dataset's page: each appends its section to `out`. data/dataset/page.c gathers
 * what they show and writes the tables, data/dataset/page_charts.c the charts,
 * data/dataset/page_rows.c the rows. Nobody else includes this.
 * Read next: data/dataset/page.h. */
#ifndef COTRAIN_DATA_DATASET_PAGE_INT_H
#define COTRAIN_DATA_DATASET_PAGE_INT_H

#include "base/arena.h"
#include "base/json.h"
#include "data/dataset/dropped.h"
#include "data/dataset/page.h"
#include "data/dataset/provenance.h"
#include "data/tokens/tokenizer.h"

enum { PAGE_CHECKS = 6 };

struct page {
    const struct dataset *d;
    const struct page_options *options;
    struct tokenizer *tokenizer;
    struct provenance *provenance;
    json_t *lint;
    struct arena arena;
    struct dropped_list dropped;
    /* Of every row, train before valid: */
    int64_t n_rows;
    double *lengths, *shares;  /* tokens; trained ones of a hundred; each ascending */
    int64_t *source_rows;      /* of each source: its rows */
    int64_t *source_generated; /* those that a model made */
    int64_t n_generated;
    struct str checked[PAGE_CHECKS]; /* how generated rows were checked, as their origin says */
    int64_t n_checked[PAGE_CHECKS];  /* rows of each; the last one is all that are left */
    struct str *out;
};

MUST_CHECK err page_charts(struct page *p);
MUST_CHECK err page_rows(struct page *p);
/* The lint of that name in the report, or NULL. */
const json_t *page_lint(const struct page *p, const char *name);

#endif
