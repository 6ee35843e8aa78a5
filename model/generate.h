/* SPDX-License-Identifier: Apache-2.0
 * Decoding with a key/value cache and the localized filter's state (one normed input row and one
 * conv1 output row per layer). Exact: the same tokens as a full recomputation.
 * Read next: model/model.h for the passes without a cache. */
#ifndef COTRAIN_MODEL_GENERATE_H
#define COTRAIN_MODEL_GENERATE_H

#include "model/model.h"

struct decoder; /* cache of one sequence; several decoders may share a model */

/* max_tokens: prompt and answer together. Own memory (not the model's plan). The model must have
 * been started; adapters on its projections apply. The pieces of a par_for may each run a decoder
 * of their own over one model (a backend's scratch memory belongs to par_for's threads, not to
 * others). */
MUST_CHECK err decoder_new(struct decoder **out, struct model *m, int64_t max_tokens,
                           enum isolate isolate);
void decoder_free(struct decoder *d);
void decoder_clear(struct decoder *d); /* a new sequence */
/* Feeds n tokens (n >= 1) and leaves the last one's logits. Over max_tokens is ERR_LIMIT. */
MUST_CHECK err decoder_feed(struct decoder *d, const int32_t *ids, int64_t n);
const float *decoder_logits(const struct decoder *d); /* (V), host memory */

struct generate_options {
    int64_t max_new_tokens;
    bool ignore_eod; /* go on after <eod> */
};
/* Greedy continuation (ties: the lowest id). Stops after max_new_tokens or before <eod>, which is
 * not returned. on_token (may be NULL) sees each token as it comes. `out` holds max_new_tokens
 * ids. */
MUST_CHECK err generate_greedy(struct decoder *d, const int32_t *prompt, int64_t n,
                               const struct generate_options *options, int32_t *out, int64_t *out_n,
                               void (*on_token)(void *ctx, int32_t id), void *ctx);

#endif
