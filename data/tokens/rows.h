/* SPDX-License-Identifier: Apache-2.0
 * From a sample to the tokens of its rows. With turns `each`, a conversation gives one row for
 * every assistant turn that is trained: all that came before it, joined by newlines as Yuan 2.0
 * writes conversations, then <sep>, the answer, <eod>. With `all` it gives one row: prompt <sep>
 * answer <eod> for each turn in order.
 *
 * Segments give one row. Each is encoded by itself, so that it begins a sentencepiece run of its
 * own (with the mark for a space that the tokenizer puts before every text). So does Axolotl encode
 * them, so does Yuan's tokenizer treat the texts between special tokens, and a segment's tokens are
 * the same whatever stands before it. Special tokens may be written in a segment ("question<sep>",
 * then "answer"); white space beside them is treated within the segment. Plain text is one segment,
 * ids are a row as they are. Where the last token of either is not <eod>, one is added, trained as
 * that token is. */
#ifndef COTRAIN_DATA_TOKENS_ROWS_H
#define COTRAIN_DATA_TOKENS_ROWS_H

#include "base/str.h"
#include "data/source/sample.h"
#include "data/tokens/tokenizer.h"

struct row_text {
    const struct sample *sample;
    int32_t part; /* the turn, from 1; 0: the whole sample */
};
struct row_list {
    struct row_text *items;
    int64_t n, capacity;
};
MUST_CHECK err rows_of_sample(const struct sample *sample, bool all_turns, struct row_list *out);
void row_list_release(struct row_list *list);

struct row_tokens {
    struct tokens ids;
    struct str answer; /* a byte a token: 1 where predicting it is trained: it belongs to a
                       trained answer or segment, or ends one */
};
/* Replaces what `out` holds. Thread-safe for different `out`. */
MUST_CHECK err row_encode(const struct tokenizer *t, const struct row_text *row,
                          enum special_whitespace whitespace, struct row_tokens *out);
void row_tokens_release(struct row_tokens *r);

#endif
