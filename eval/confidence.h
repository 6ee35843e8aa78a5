/* SPDX-License-Identifier: Apache-2.0
 * How sure a share, or the difference of two shares over the same items, is. All intervals are
 * two-sided at a confidence such as 0.95: what they leave out is (1 - confidence) / 2 on each side.
 * Sources: Wilson (1927); McNemar (1947); Clopper and Pearson (1934); Efron (1979); Tango,
 * "Equivalence test and confidence interval for the difference in proportions for the paired-sample
 * design" (1998).
 * Read next: eval/compare.h, eval/gates.h. */
#ifndef COTRAIN_EVAL_CONFIDENCE_H
#define COTRAIN_EVAL_CONFIDENCE_H

#include "eval/metrics.h"

/* Of n items: those that the second alone has right, and those that the first alone has. */
struct paired_counts {
    int64_t n, wins, losses;
};

/* z with P(|Z| <= z) = confidence, for 0 < confidence < 1. */
double normal_z(double confidence);

/* Wilson's interval of k of n. */
struct interval share_interval(int64_t k, int64_t n, double confidence);

/* McNemar's test, exact: p = min(1, 2 sum_{i <= min(w, l)} C(w + l, i) / 2^(w + l)) */
double mcnemar_exact(int64_t wins, int64_t losses);

/* The difference (wins - losses) / n. Each end is the wider one of two intervals: Tango's, which
 * knows that items without a change say little when they are few, and Clopper's and Pearson's of
 * wins among wins + losses, which leaves out 0 exactly where mcnemar_exact is below 1 -
 * confidence. So an interval never says more than the test. n = 0: the whole of [-1, 1]. */
struct interval paired_interval(struct paired_counts c, double confidence);

/* The mean of n values, by 10000 resamples of the items; drawn by Philox from a fixed seed, so the
 * numbers are the same everywhere. n = 0: [0, 0]. */
MUST_CHECK err bootstrap_interval(const double *values, int64_t n, double confidence,
                                  struct interval *out);

#endif
