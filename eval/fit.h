/* SPDX-License-Identifier: Apache-2.0
 * Whether a tokenizer belongs to a model: the one place that knows both data/tokens/tokenizer.h and
 * model/config.h, which know nothing of each other.
 * Read next: tokenizer_fits in data/tokens/tokenizer.h, for what is compared. */
#ifndef COTRAIN_EVAL_FIT_H
#define COTRAIN_EVAL_FIT_H

#include "data/tokens/tokenizer.h"
#include "model/config.h"

/* ERR_MISMATCH naming both numbers where it does not; the caller adds the folder. */
MUST_CHECK static inline err tokenizer_fits_model(const struct tokenizer *t,
                                                  const struct model_config *c) {
    const struct vocabulary v = {c->vocab_size, c->eod, c->sep, c->pad};
    return tokenizer_fits(t, &v);
}

#endif
