/* SPDX-License-Identifier: Apache-2.0
 * Two evaluations of the same items, paired item by item: of n items B wins w (right where A was
 * wrong) and loses l.
 *   difference = (w - l) / n
 *   p_value    = min(1, 2 sum_{i <= min(w, l)} C(w + l, i) / 2^(w + l))   (McNemar's test, exact)
 *   interval   = the 2.5th and 97.5th percentile of the difference over 10000 resamples of the
 *   items
 * The resamples are drawn by Philox from a fixed seed, so the numbers are the same everywhere.
 * Sources: McNemar (1947); Efron (1979).
 * Read next: eval/report.h for the reports, cli/cmd_eval_compare.c. */
#ifndef COTRAIN_EVAL_COMPARE_H
#define COTRAIN_EVAL_COMPARE_H

#include "base/json.h"
#include "eval/metrics.h"

/* {"tasks": [{"task", "metric", "n", "a", "b", "difference", "interval", "wins", "losses", "ties",
 *             "p_value", "won": [items], "lost": [items]}], "only_a": [tasks], "only_b": [tasks]}
 * of two reports. A task without items, or whose programs were not run, has "a", "b" and
 * "difference" of its metric alone. Tasks of the same name with different items are ERR_MISMATCH
 * that says which. The caller json_decref()s. */
MUST_CHECK err compare_reports(const json_t *a, const json_t *b, json_t **out);
/* For people. */
MUST_CHECK err compare_text(const json_t *comparison, struct str *out);

double mcnemar_exact(int64_t wins, int64_t losses);
/* Of n differences, each -1, 0 or 1. */
MUST_CHECK err paired_bootstrap(const int8_t *differences, int64_t n, struct interval *out);

#endif
