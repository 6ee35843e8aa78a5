/* SPDX-License-Identifier: Apache-2.0
 * Multiple choice by likelihood: the option that the model holds most likely behind the prompt, by
 * the sum of its tokens' log-likelihoods, must be the first, right one. An equal other one is not
 * good enough. Sums favour short options; the two other metrics divide by length.
 * Source of the rule: MC1 of Lin, Hilton, Evans, "TruthfulQA" (2022). */
#include "eval/suite.h"
#include <math.h>

enum measure { SUM, PER_TOKEN, PER_CHARACTER, N_MEASURES };

static err read_choice(const json_t *choice, double out[N_MEASURES]) {
    int64_t n_tokens = 0, n_characters = 0;
    double sum = 0.0;
    TRY(json_need_number(choice, "log_likelihood", &sum));
    TRY(json_need_int(choice, "n_tokens", &n_tokens));
    TRY(json_need_int(choice, "n_characters", &n_characters));
    if (n_tokens < 1 || n_characters < 1)
        return fail(ERR_PARSE, "an option of %lld tokens and %lld characters", (long long)n_tokens,
                    (long long)n_characters);
    out[SUM] = sum;
    out[PER_TOKEN] = sum / (double)n_tokens;
    out[PER_CHARACTER] = sum / (double)n_characters;
    return ERR_OK;
}

static err score(const struct scoring *s, const struct scored_answer *a, struct verdict *out) {
    double right[N_MEASURES], best[N_MEASURES] = {-INFINITY, -INFINITY, -INFINITY}, one[N_MEASURES];
    json_t *choices = NULL;
    (void)s;
    TRY(json_need_array(a->json, "choices", &choices));
    if (json_array_size(choices) < 2) return fail(ERR_PARSE, "fewer than two options");
    TRY(read_choice(json_array_get(choices, 0), right));
    for (size_t i = 1; i < json_array_size(choices); i++) {
        TRY(read_choice(json_array_get(choices, i), one));
        for (int k = 0; k < N_MEASURES; k++) best[k] = fmax(best[k], one[k]);
    }
    out->correct = right[SUM] > best[SUM];
    out->extra[0] = right[PER_TOKEN] > best[PER_TOKEN];
    out->extra[1] = right[PER_CHARACTER] > best[PER_CHARACTER];
    return ERR_OK;
}

const struct scorer scorer_choices = {
    .metric = "mc1",
    .summary = "the right option has the highest sum of log-likelihoods",
    .extras = {{"mc1_per_token", "the highest mean log-likelihood of a token"},
               {"mc1_per_character", "the highest log-likelihood per character"}},
    .score = score,
};
