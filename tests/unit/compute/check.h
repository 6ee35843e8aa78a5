/* SPDX-License-Identifier: Apache-2.0
 * A case's results held against its plain reference, within the operation's own tolerance: for the
 * tests of every backend.
 * Read next: cases.h, test_ops.c. */
#ifndef COTRAIN_TESTS_UNIT_COMPUTE_CHECK_H
#define COTRAIN_TESTS_UNIT_COMPUTE_CHECK_H

#include "tests/unit/compute/cases.h"
#include <math.h>

/* With bf16 activations each rounding to them adds 2^-8 of the largest. */
static inline double case_tolerance(const struct test_case *t) {
    const int roundings = t->op->bf16_roundings > 0 ? t->op->bf16_roundings : 1;
    const double acts = t->act_dtype == DTYPE_BF16 ? roundings * 0x1p-8 : 0;
    return t->op->tolerance(t->args) + acts;
}

/* Says where they differ. */
static inline bool slot_agrees(const struct test_case *t, int s, const double *want,
                               const void *got, const char *variant) {
    double most = 0, tolerance = case_tolerance(t);
    for (int64_t i = 0; i < t->count[s]; i++) most = fmax(most, fabs(want[i]));
    for (int64_t i = 0; i < t->count[s]; i++) {
        const double value = stored_value(slot_dtype(t, s), got, i);
        if (fabs(value - want[i]) <= tolerance * most) continue;
        fprintf(stderr,
                "%s on %s, case %s (%s): %s[%lld] is %.9g, not %.9g: off by %.3g of the largest, "
                "allowed %.3g\n",
                t->op->name, variant, t->name, dtype_name(t->mat_dtype), t->op->slots[s].name,
                (long long)i, value, want[i], fabs(value - want[i]) / most, tolerance);
        return false;
    }
    return true;
}

#endif
