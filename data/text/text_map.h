/* SPDX-License-Identifier: Apache-2.0
 * A hash map from texts to numbers; finds equal prompts without comparing every pair. Keys are
 * spans that the caller keeps alive. Iteration is not offered, so no order of hashing can reach a
 * result. */
#ifndef COTRAIN_DATA_TEXT_TEXT_MAP_H
#define COTRAIN_DATA_TEXT_TEXT_MAP_H

#include "base/err.h"
#include "data/text/span.h"
#include <stdint.h>

struct text_map {
    struct text_map_slot *slots;
    int64_t n, capacity; /* capacity is a power of two */
};

/* A zeroed map is empty. *out points to the value of `key`, which starts as `fresh` when the key
 * was not there; it is valid until the next call. */
MUST_CHECK err text_map_add(struct text_map *m, struct span key, int64_t fresh, int64_t **out);
/* The key's value, or `absent`. */
int64_t text_map_get(const struct text_map *m, struct span key, int64_t absent);
void text_map_release(struct text_map *m);

#endif
