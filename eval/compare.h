/* SPDX-License-Identifier: Apache-2.0
 * Two evaluations of the same items, paired item by item: of n items B wins w (better than in A)
 * and loses l (worse).
 *   difference = mean over items of B's result - A's
 *   p_value    = of the sign test of w against l, which for right and wrong is McNemar's
 *   interval   = of the difference: eval/confidence.h's for right and wrong, else by resampling
 * A task that was asked several times has as an item's result the mean of its answers.
 * Read next: eval/confidence.h, eval/report.h for the reports, cli/cmd_eval_compare.c. */
#ifndef COTRAIN_EVAL_COMPARE_H
#define COTRAIN_EVAL_COMPARE_H

#include "base/json.h"

/* {"tasks": [{"task", "metric", "n", "a", "b", "difference", "interval", "wins", "losses", "ties",
 *             "p_value", "won": [items], "lost": [items], "only_a": N, "only_b": N}],
 *  "only_a": [tasks], "only_b": [tasks]}
 * of two reports, at 95 %. A task without items, or whose programs were not run, has "a", "b" and
 * "difference" of its metric alone. Items are named as compare_add_names says. Suites of the same
 * name with different items are ERR_MISMATCH that says which; of requests' cases, of which two
 * months share some, those in both are compared (eval/pairs.h) and a row's "only_a" and "only_b"
 * count the others. The caller json_decref()s. */
MUST_CHECK err compare_reports(const json_t *a, const json_t *b, json_t **out);
/* One score of a task of both ("" is its metric), with the interval at that confidence, as a row of
 * compare_reports. */
struct comparing {
    const char *task, *score;
    double confidence;
};
MUST_CHECK err compare_score(const json_t *a, const json_t *b, const struct comparing *what,
                             json_t **out);
/* For people. */
MUST_CHECK err compare_text(const json_t *comparison, struct str *out);
/* Of a list of items, at most n_most by name and how many more there are. An item is known by its
 * id, its number, or its prompt; of sealed ones as "sha256:HEX". */
MUST_CHECK err compare_add_names(const json_t *items, size_t n_most, struct str *out);

#endif
