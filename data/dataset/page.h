/* SPDX-License-Identifier: Apache-2.0
 * A dataset as one page of HTML, for whoever has to answer for it: what is in it, where it comes
 * from, how long rows are and how much of them is trained, what the lints found, what the filters
 * dropped, and rows token by token. The page needs nothing but itself (base/html.h). Held-out cases
 * are counted, not shown.
 * Read next: data/dataset/page_int.h, its parts. */
#ifndef COTRAIN_DATA_DATASET_PAGE_H
#define COTRAIN_DATA_DATASET_PAGE_H

#include "base/str.h"
#include "data/dataset/dataset.h"

struct page_options {
    const char *name;  /* of the dataset, for the title */
    int64_t rows;      /* of train that are shown, spread over it */
    int64_t tokens;    /* of each row that are shown at most */
    int64_t n_dropped; /* dropped samples that are shown at most */
};
/* Appends the page; the same dataset and options give the same bytes. */
MUST_CHECK err page_write(const struct dataset *d, const struct page_options *options,
                          struct str *out);

#endif
