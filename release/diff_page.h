/* SPDX-License-Identifier: Apache-2.0
 * Two releases compared, as one page of HTML (base/html.h): what release_diff found, a section for
 * each part of release/diffs.def, a row for each difference.
 * Read next: release/diff.h. */
#ifndef COTRAIN_RELEASE_DIFF_PAGE_H
#define COTRAIN_RELEASE_DIFF_PAGE_H

#include "base/json.h"
#include "base/str.h"

/* Appends the page of what release_diff made; the same gives the same bytes. */
MUST_CHECK err release_diff_page(const json_t *diff, struct str *out);

#endif
