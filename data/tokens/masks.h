/* SPDX-License-Identifier: Apache-2.0
 * Loss masks by name: which tokens are trained as targets. Three others exist for Yuan 2.0 besides
 * ours, and they disagree (spec of Yuan 2.0, 4.5 and 4.6; golden extras/masks.json), so a recipe
 * names the one it uses. E is <eod>, S is <sep>; position t predicts labels[t], the token after
 * ids[t].
 *
 *   answer         (default) exactly the answers' tokens and the E that ends each one; never a
 * prompt, a S or padding. yuan-megatron  the official `--sft-stage`: answers, S and E; also
 * everything in a row without E, documents without S, and the tail after a single E. yuan-hf
 * get_loss_mask of the released HF code: looks at ids, not labels; also trains the first token of
 * each next prompt; everything when there is no E or no S, or when their counts do not fit. all
 * every target. */
#ifndef COTRAIN_DATA_TOKENS_MASKS_H
#define COTRAIN_DATA_TOKENS_MASKS_H

#include "base/err.h"
#include <stdint.h>

#define LOSS_MASKS(X)                                                                              \
    X(ANSWER, "answer")                                                                            \
    X(YUAN_MEGATRON, "yuan-megatron")                                                              \
    X(YUAN_HF, "yuan-hf")                                                                          \
    X(ALL, "all")
enum loss_mask {
#define X(name, text) LOSS_MASK_##name,
    LOSS_MASKS(X)
#undef X
        LOSS_MASK_COUNT
};
MUST_CHECK err loss_mask_parse(const char *name, enum loss_mask *out);
const char *loss_mask_name(enum loss_mask kind);

/* mask[t] = 1 where predicting labels[t] counts, for one row of n positions. `ids` and `labels` are
 * the row without its last and without its first token: ids[t + 1] == labels[t]. For `answer` over
 * bare ids, documents end at each E: the row ids[0], labels[0..n) is cut after every E, and a
 * document's answer is what follows its first S, up to and with its E (or to the row's end where
 * the E is missing). A document without S has no answer. A row that begins inside an answer
 * therefore trains nothing up to its first E: a S before the row cannot be seen. (The loader does
 * not guess like this: it knows each document's answer from the dataset.) Labels below 0 (already
 * ignored) get 0 under every mask, and do not count as E or S. */
MUST_CHECK err loss_mask_apply(enum loss_mask kind, const int32_t *ids, int64_t n, int64_t eod,
                               int64_t sep, const int32_t *labels, uint8_t *mask);

#endif
