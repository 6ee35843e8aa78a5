/* SPDX-License-Identifier: Apache-2.0
 * An answer on standard output while it comes: the text of the tokens so far, printed as far as it
 * is complete. Shared by `generate` and `chat`.
 * Read next: cli/speaker.h. */
#ifndef COTRAIN_CLI_STREAM_H
#define COTRAIN_CLI_STREAM_H

#include "data/tokens/tokenizer.h"

/* Appends the text of ids; those that the tokenizer does not know stand for nothing: a model may
 * answer with a row of its embedding that is only padding. */
MUST_CHECK err answer_text(const struct tokenizer *t, const int32_t *ids, int64_t n,
                           struct str *out);

/* Zeroed but for the tokenizer it is an empty answer. */
struct stream {
    const struct tokenizer *tokenizer;
    struct tokens ids;
    struct str text;
    size_t shown; /* bytes of text that are printed */
    err code;     /* of the first failure; nothing is printed after it */
};
void stream_take(struct stream *s, int32_t id);
/* Prints the rest and a newline; returns the first failure. */
MUST_CHECK err stream_end(struct stream *s);
void stream_release(struct stream *s);

#endif
