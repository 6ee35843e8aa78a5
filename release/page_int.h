/* SPDX-License-Identifier: Apache-2.0
 * What the parts of a release's page have in common: what was read of its folder, and the sections
 * that are files of their own. Nobody else includes this.
 * Read next: release/page.c, release/page_training.c, release/page_data.c. */
#ifndef COTRAIN_RELEASE_PAGE_INT_H
#define COTRAIN_RELEASE_PAGE_INT_H

#include "release/page.h"

struct release_page {
    const char *dir;
    const struct release_facts *facts;
    json_t *data, *ledger;          /* the dataset's manifest, and whose the rows are */
    json_t *before, *after, *gates; /* evaluations, and what the recipe's gates say of them */
};

/* Each is a section, or nothing where there is nothing to say. */
MUST_CHECK err release_page_training(const struct release_page *p, struct str *out);
MUST_CHECK err release_page_data(const struct release_page *p, struct str *out);
MUST_CHECK err release_page_chain(const struct release_page *p, struct str *out);

#endif
