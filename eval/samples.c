/* SPDX-License-Identifier: Apache-2.0
 * Verdicts on several answers to each item, taken together (eval/samples.h).
 * Counting is quadratic in the answers to one item, of which there are few.
 * Read next: eval/score.c. */
#include "eval/samples.h"

#include "base/mem.h"
#include "eval/metrics.h"
#include <stdio.h>
#include <string.h>

static int64_t group_length(const struct sample_verdict *v, int64_t n) {
    int64_t length = 1;
    while (length < n && v[length].item == v[0].item) length++;
    return length;
}

static bool majority_is_right(const struct sample_verdict *v, int64_t n) {
    int64_t most = 0;
    bool right = false;
    for (int64_t i = 0; i < n; i++) {
        int64_t votes = 0;
        if (v[i].vote == NULL) continue;
        for (int64_t k = 0; k < n; k++)
            votes += v[k].vote != NULL && strcmp(v[k].vote, v[i].vote) == 0;
        if (votes <= most) continue;
        most = votes;
        right = v[i].correct;
    }
    return right;
}

/* Whether the answer that the generated tests choose is right. */
static err chosen_is_right(const struct sample_verdict *v, int64_t n, bool *out) {
    struct judged *candidates = mem_alloc((size_t)n, sizeof *candidates);
    if (candidates == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) candidates[i] = v[i].judged;
    *out = v[judge_choose(candidates, n)].correct;
    mem_free(candidates);
    return ERR_OK;
}

static double mean_pass(const struct sample_verdict *v, int64_t n, int64_t per_item, int64_t k) {
    double sum = 0.0;
    for (int64_t at = 0; at < n; at += per_item) {
        int64_t right = 0;
        for (int64_t i = 0; i < per_item; i++) right += v[at + i].correct;
        sum += pass_at_k(per_item, right, k);
    }
    return sum / (double)(n / per_item);
}

err samples_put(const struct sample_verdict *v, int64_t n, json_t *scores, int64_t *out_n_items) {
    int64_t per_item = group_length(v, n), n_right = 0, n_chosen = 0;
    bool votes = false, judged = false;
    *out_n_items = n / per_item;
    for (int64_t at = 0; at < n; at += per_item) {
        if (group_length(v + at, n - at) != per_item)
            return fail(ERR_MISMATCH, "item %lld has another number of answers than the first",
                        (long long)v[at].item);
        n_right += majority_is_right(v + at, per_item);
        bool chosen = false;
        TRY(chosen_is_right(v + at, per_item, &chosen));
        n_chosen += chosen;
        for (int64_t i = 0; i < per_item; i++) {
            votes |= v[at + i].vote != NULL;
            judged |= v[at + i].is_judged;
        }
    }
    if (per_item == 1) return ERR_OK;
    for (int64_t k = 1; k <= per_item; k *= 2) {
        char name[32];
        snprintf(name, sizeof name, "pass@%lld", (long long)k);
        TRY(json_put(scores, name, json_real(mean_pass(v, n, per_item, k))));
    }
    if (judged)
        TRY(json_put(scores, "generated_tests",
                     json_real((double)n_chosen / (double)*out_n_items)));
    if (!votes) return ERR_OK;
    return json_put(scores, "majority", json_real((double)n_right / (double)*out_n_items));
}
