/* SPDX-License-Identifier: Apache-2.0
 * Scores of one answer, and how sure a share of right answers is. Each is a pure function of its
 * texts; nothing here knows a model.
 * Read next: eval/tasks/requests.c, which applies them. */
#ifndef COTRAIN_EVAL_METRICS_H
#define COTRAIN_EVAL_METRICS_H

#include "base/err.h"
#include "data/text/span.h"
#include <stdbool.h>
#include <stdint.h>

/* Equal after white space at both ends is taken away: an answer often starts with the tokenizer's
 * own space or an ideographic one. */
bool metric_exact_match(struct span expected, struct span got);

/* ROUGE-L on code points of the trimmed texts:
 *   P = lcs / n_got, R = lcs / n_expected, F1 = 2 P R / (P + R) = 2 lcs / (n_got + n_expected)
 * lcs is the length of the longest common subsequence. Two empty texts score 1.
 * Characters, not words: Chinese has no spaces. No stemming, no lower-casing.
 * Source: Lin, "ROUGE: a package for automatic evaluation of summaries" (2004), with beta = 1.
 * Ill-formed UTF-8 is ERR_PARSE; over ROUGE_MAX_PAIRS, a character of each side, is ERR_LIMIT. */
#define ROUGE_MAX_PAIRS (65536LL * 65536)
MUST_CHECK err metric_rouge_l(struct span expected, struct span got, double *out_f1);

/* Wilson's score interval at 95 % for k right answers of n (n = 0: the whole of [0,1]), and for
 * another normal quantile than 1.959963984540054.
 * Source: Wilson (1927). */
struct interval {
    double low, high;
};
struct interval wilson_interval(int64_t k, int64_t n);
struct interval wilson_interval_z(int64_t k, int64_t n, double z);

/* The chance that one of k answers is right, estimated without bias from n answers of which c are:
 *   pass@k = 1 - C(n - c, k) / C(n, k) = 1 - prod_{i = n-c+1}^{n} (1 - k / i)      0 < k <= n
 * Source: Chen et al., "Evaluating large language models trained on code" (2021). */
double pass_at_k(int64_t n, int64_t c, int64_t k);

#endif
