/* SPDX-License-Identifier: Apache-2.0
 * The driver of filters for tests: filters of a test's own, which say what a filter gets to see.
 * A recipe cannot name those, so no dataset is ever built with them.
 * Everybody else names filters in a recipe and calls filters_run (data/filters.h). */
#ifndef COTRAIN_DATA_FILTERS_INT_H
#define COTRAIN_DATA_FILTERS_INT_H

#include "data/filters.h"

MUST_CHECK err filters_run_these(const struct filters_run *run, const struct filter *const *these,
                                 int64_t n, struct filtering *out);

#endif
