/* SPDX-License-Identifier: Apache-2.0
 * Decoding with a key/value cache and the localized filter's state (one normed input row and one
 * conv1 output row per layer), for several texts of any lengths side by side: a pass reads every
 * weight once for all of them. Exact: a text's logits have the bits of a full recomputation, and of
 * being decoded alone.
 * Read next: model/generate.h, which chooses the tokens; model/model.h for passes without a cache.
 * */
#ifndef COTRAIN_MODEL_DECODER_H
#define COTRAIN_MODEL_DECODER_H

#include "model/model.h"

struct decoder; /* texts 0 .. n_texts - 1, each with its part of the cache */

struct decoder_options {
    int64_t n_texts;
    int64_t max_tokens; /* of a text: prompt and answer together */
    enum isolate isolate;
};
/* Own memory (not the model's plan). The model must have been started; adapters on its projections
 * apply. Several decoders may share a model, and the pieces of a par_for may each run one of their
 * own (a backend's scratch memory belongs to par_for's threads, not to others). */
MUST_CHECK err decoder_new(struct decoder **out, struct model *m,
                           const struct decoder_options *options);
void decoder_free(struct decoder *d);
const struct decoder_options *decoder_options(const struct decoder *d);
const struct model *decoder_model(const struct decoder *d);
void decoder_clear(struct decoder *d, int64_t text); /* a new text takes the place of this one */

struct decoder_part {
    int64_t text;
    const int32_t *ids; /* (n), n >= 1 */
    int64_t n;
};
/* Feeds the next tokens of some texts, each at most once, and leaves the logits after the last
 * token of each. Over max_tokens is ERR_LIMIT; ids and positions outside the model's range are
 * ERR_RANGE; after these nothing has changed. */
MUST_CHECK err decoder_feed(struct decoder *d, const struct decoder_part *parts, int64_t n_parts);
/* (V), host memory: after the text's last token. */
const float *decoder_logits(const struct decoder *d, int64_t text);

#endif
