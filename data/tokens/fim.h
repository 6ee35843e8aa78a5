/* SPDX-License-Identifier: Apache-2.0
 * Fill in the middle: a document is cut at two places into prefix p, middle m and suffix s, and
 * written so that the middle comes last and is learnt from both sides:
 *   PSM   <FIM_PREFIX> p <FIM_SUFFIX> s <FIM_MIDDLE> m
 *   SPM   <FIM_PREFIX> <FIM_SUFFIX> s <FIM_MIDDLE> p m
 * The document's tokens are decoded, cut between code points, and each part is encoded on its own.
 * Rows of plain text only: a row with an answer is left as it is, whatever the rate, since its
 * prompt would no longer come before its answer (Yuan's own scripts do that to them). It is applied
 * to each row once, when the dataset is built: the same seed makes the same rows. Unlike Yuan's,
 * which permutes inside of packed samples of a fixed length, no row is cut or padded for it.
 * Source: permute of the released code (spec of Yuan 2.0, 4.7). */
#ifndef COTRAIN_DATA_TOKENS_FIM_H
#define COTRAIN_DATA_TOKENS_FIM_H

#include "data/options.h"
#include "data/tokens/rows.h"

struct fim_cut {
    int64_t first, second; /* boundaries in code points, first <= second <= the text's length */
    bool spm;
};
/* Appends the tokens of the text so permuted. */
MUST_CHECK err fim_permute(const struct tokenizer *t, struct span text, const struct fim_cut *cut,
                           enum special_whitespace whitespace, struct tokens *out);

struct fim {
    const struct tokenizer *tokenizer;
    enum special_whitespace whitespace;
    struct data_fim options;
    uint64_t seed;
    struct str text; /* scratch */
};
/* Whether this row is permuted, by the chance of the seed, its source and its line. */
bool fim_chooses(const struct fim *f, const struct row_text *row);
/* Replaces *out by the row's tokens permuted; <eod> stays the last. */
MUST_CHECK err fim_row(struct fim *f, const struct row_text *row, const struct row_tokens *tokens,
                       struct row_tokens *out);
void fim_release(struct fim *f);

#endif
