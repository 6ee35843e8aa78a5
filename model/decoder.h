/* SPDX-License-Identifier: Apache-2.0
 * Decoding with a key/value cache and the localized filter's state (one normed input row and one
 * conv1 output row per layer), for several texts of any lengths side by side: a pass reads every
 * weight once for all of them. Exact: a text's logits have the bits of a full recomputation, of
 * being decoded alone, and of being begun from another's first tokens.
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
/* Brings memory of its own: what decoder_plan says, and beside it some KiB that do not depend on
 * the texts. The model must have been started; adapters on its projections apply. Several decoders
 * may share a model, and the pieces of a par_for may each run one of their own (a backend's scratch
 * memory belongs to par_for's threads, not to others). Freed on the thread that made it. */
MUST_CHECK err decoder_new(struct decoder **out, struct model *m,
                           const struct decoder_options *options);
void decoder_free(struct decoder *d);
/* Reserves in `plan` what decoder_new allocates. A model that has been planned, with its adapters
 * attached, will do; described or opened. */
MUST_CHECK err decoder_plan(const struct model *m, const struct decoder_options *options,
                            struct plan *plan);
/* Lowers options->n_texts until the decoder's plan has at most `limit` bytes, which *out_bytes gets
 * (NULL: not wanted). Where one text is too many it is ERR_LIMIT with the bytes. */
MUST_CHECK err decoder_fit(const struct model *m, struct decoder_options *options, int64_t limit,
                           int64_t *out_bytes);
const struct decoder_options *decoder_options(const struct decoder *d);
const struct model *decoder_model(const struct decoder *d);
int64_t decoder_bytes(const struct decoder *d); /* of its plan, allocated */

void decoder_clear(struct decoder *d, int64_t text); /* a new text takes the place of this one */

/* Texts that begin alike: the tokens that they share are fed once, marked, and then every other
 * text begins behind them. A mark holds the filter's state; keys and values are copied from a text
 * that has them. */
enum { DECODER_MARKS = 4 };
/* Mark number `mark` is now where `text` has got to. */
MUST_CHECK err decoder_mark(struct decoder *d, int64_t text, int mark);
/* A new text takes the place of `text`: the tokens up to the mark, which `from` began with, too
 * (`from` may be `text` itself). */
MUST_CHECK err decoder_begin(struct decoder *d, int64_t text, int mark, int64_t from);

struct decoder_part {
    int64_t text;
    const int32_t *ids; /* (n), n >= 1 */
    int64_t n;
    bool silent;      /* no logits are wanted after its last token */
    int64_t n_scored; /* the probabilities of so many of its last tokens are wanted; below n */
    double *log_p;    /* (n_scored) gets the natural logarithms (model/sample.h) */
};
/* Feeds the next tokens of some texts, each at most once, and leaves the logits after the last
 * token of each. Prompts of any length: a pass takes at most 256 rows. Over max_tokens is
 * ERR_LIMIT; ids and positions outside the model's range are ERR_RANGE; after these nothing has
 * changed. */
MUST_CHECK err decoder_feed(struct decoder *d, const struct decoder_part *parts, int64_t n_parts);
/* (V), host memory: after the text's last token, where that was not silent. */
const float *decoder_logits(const struct decoder *d, int64_t text);

#endif
