/* SPDX-License-Identifier: Apache-2.0
 * Choosing the next token from logits z, in this order:
 *   penalty      z[i] > 0 ? z[i] / r : z[i] r   once for each distinct token i of prompt and answer
 *   greedy       (temperature 0) the largest z; of equals the lowest id. Nothing below happens
 *   temperature  w[i] = exp((z[i] - max z) / temperature)
 *   top-k        the k largest; of equals the lowest ids
 *   top-p        of these, by falling z (equals: rising id), the fewest whose w reach p of their
 *                sum; so the one that crosses p stays, and there is always one
 *   draw         the first one whose running sum exceeds u times the sum of those that are left, by
 *                falling z where top-k or top-p is in force, else by rising id
 * u is the number `n_answer` of the Philox stream (seed, RNG_SAMPLE, text): what a text gets
 * depends neither on the texts beside it nor on threads.
 * Sources: CTRL (Keskar et al. 2019, section 4.1) for the penalty, over prompt and answer as in
 * common use; Holtzman et al. 2020 for top-p. */
#ifndef COTRAIN_MODEL_SAMPLE_H
#define COTRAIN_MODEL_SAMPLE_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct sampling {
    double temperature;        /* 0: greedy */
    int64_t top_k;             /* 0: all */
    double top_p;              /* over 0, at most 1; 0 and 1: all */
    double repetition_penalty; /* over 0; 0 and 1: none */
    uint64_t seed;
};

struct sampler; /* memory for a vocabulary */
MUST_CHECK err sampler_new(struct sampler **out, int64_t vocab_size);
void sampler_free(struct sampler *s);

struct sample_call {
    const struct sampling *sampling;
    const float *logits; /* (V) */
    const int32_t *prompt, *answer;
    int64_t n_prompt, n_answer;
    uint64_t text; /* below 2^56: keeps the texts of a seed apart */
};
/* A logit that is not finite is ERR_NUMERIC naming its token. */
MUST_CHECK err sampler_next(struct sampler *s, const struct sample_call *call, int32_t *out);

/* log softmax(z)[id], natural, over z (V); in double. */
double log_probability(const float *z, int64_t V, int32_t id);

#endif
