/* SPDX-License-Identifier: Apache-2.0
 * What packing measures before it lets a folder go out (users' most frequent complaints: merged
 * weights that behave worse than the adapter, and a model that answers differently once loaded).
 *
 * Merged against adapter: the same held-out texts through base + adapter and through the packed
 * folder; refused over the bound of adapters/compare.h.
 *
 * Read back: the packed folder is opened like anybody's model and answers the first cases of every
 * request; each answer must be the one in the report. Read next: release/pack.c. */
#ifndef COTRAIN_RELEASE_CHECK_H
#define COTRAIN_RELEASE_CHECK_H

#include "base/json.h"
#include "data/dataset/dataset.h"
#include "recipes/request.h"

struct release_check {
    const char *base_dir, *adapter_dir; /* adapter_dir NULL: the first check has nothing to do */
    const char *packed_dir;
    const struct request_list *requests;
    const char *dataset_dir;
    const json_t *after; /* the report of the model that is packed */
};

/* ERR_MISMATCH when a check says no. `out` is the manifest's "checks": counts, the bound and what
 * was measured against it; the same on every machine that runs the CPU backend. */
MUST_CHECK err release_check(const struct release_check *c, json_t **out);

#endif
