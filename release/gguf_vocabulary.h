/* SPDX-License-Identifier: Apache-2.0
 * A tokenizer folder as the plain arrays that a GGUF file takes: the one place where data/ and
 * model/ meet over it.
 * Read next: data/tokens/tokenizer.h, model/formats/gguf_write.h. */
#ifndef COTRAIN_RELEASE_GGUF_VOCABULARY_H
#define COTRAIN_RELEASE_GGUF_VOCABULARY_H

#include "base/json.h"
#include "data/tokens/tokenizer.h"
#include "model/formats/gguf_write.h"

struct gguf_vocabulary { /* zeroed: none */
    struct tokenizer *tokenizer;
    struct gguf_token *tokens; /* (n) by id; their texts are the tokenizer's */
    int64_t n;
    json_t *settings; /* tokenizer_config.json, or NULL */
};

/* Of folder `dir`, where tokenizer.model must be; `dir` NULL: of the model's folder where it has
 * one, else none. On failure nothing needs closing. */
MUST_CHECK err gguf_vocabulary_open(struct gguf_vocabulary *v, const char *dir, const char *model);
void gguf_vocabulary_close(struct gguf_vocabulary *v);
/* Fills in what a GGUF file says of it, in memory that stays the vocabulary's. */
void gguf_vocabulary_describe(const struct gguf_vocabulary *v, struct gguf_notes *notes);

#endif
