/* SPDX-License-Identifier: Apache-2.0
 * Sets of hashes, as near-duplicates (data/text/near.c) and copies (data/text/alike_grams.c) both
 * keep them. Nobody else includes this. Sketches of such sets are near_sketch's.
 * Read next: data/text/near.h. */
#ifndef COTRAIN_DATA_TEXT_NEAR_INT_H
#define COTRAIN_DATA_TEXT_NEAR_INT_H

#include "base/err.h"
#include <stdint.h>

/* The last step of SplitMix64 (Steele, Lea, Flood 2014, with Stafford's variant 13): a bijection
 * that makes each output bit depend on every input bit. */
uint64_t near_mix(uint64_t x);
/* The n hashes in ascending order, each once, into `out` of the same size. They are spread evenly:
 * one pass into buckets by their upper bits, then each bucket. */
MUST_CHECK err near_sort(const uint64_t *in, int64_t n, uint64_t *out, int64_t *out_n);

#endif
