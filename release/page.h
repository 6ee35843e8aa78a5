/* SPDX-License-Identifier: Apache-2.0
 * A release as one page of HTML (base/html.h): what verification found and who signed it, what was
 * made of what, scores before and after with their intervals and some answers, gates, training's
 * curves, and what the data was. It is no part of the release: it shows timings and whether there
 * are signatures, which are not in its hash.
 * Read next: release/page.c, eval/page.h, base/chart.h. */
#ifndef COTRAIN_RELEASE_PAGE_H
#define COTRAIN_RELEASE_PAGE_H

#include "base/str.h"
#include "release/verify.h"

/* Appends the page of a folder that release_verify found to be `facts`. The same folder and facts
 * give the same bytes. */
MUST_CHECK err release_page_write(const char *dir, const struct release_facts *facts,
                                  struct str *out);

/* Whether a page may be written there, which is no folder: a file more in its folder, and a release
 * is refused. ERR_USAGE. */
MUST_CHECK err release_page_place(const char *path);

#endif
