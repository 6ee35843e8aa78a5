/* SPDX-License-Identifier: Apache-2.0
 * Several adapters as one: the sum of w_i s_i B_i A_i as a plain LoRA whose rank is the sum of
 * theirs, site by site:
 *   A = [w_1 s_1 A_1; w_2 s_2 A_2; ...],   B = [B_1, B_2, ...],   scale 1
 * so that merging it sums all of them in fp32 and rounds once. The same as PEFT's
 * add_weighted_adapter with combination_type "cat". A kind whose update is not a sum on top of W
 * (DoRA), and modules that are trained whole, have no such sum and are refused.
 * Read next: adapters/combine.c. */
#ifndef COTRAIN_ADAPTERS_COMBINE_H
#define COTRAIN_ADAPTERS_COMBINE_H

#include "adapters/adapter.h"

struct adapter_part {
    const char *dir; /* a PEFT folder */
    double weight;
};

/* Writes the combination into a folder that exists. The model is opened, without an adapter, and
 * not planned; it is left as it was. */
MUST_CHECK err adapter_combine(struct model *m, const struct adapter_part *parts, int64_t n,
                               const char *dir);

#endif
