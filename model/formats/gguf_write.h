/* SPDX-License-Identifier: Apache-2.0
 * Writing GGUF, version 3: what the file holds besides the tensors, and the two functions of the
 * format's table (model/formats/format.h has their contract). Norms and biases are always f32, as
 * ggml wants them; convolutions have rows of one element, which no block type can hold, so they are
 * f16 where the other weights are q8_0 or q4_0. A tied head is written as "output" as well: the
 * fork has no other. bf16 becomes f32, for ggml of the fork's age has no bf16.
 * Read next: model/formats/gguf_write.c, gguf_names.h. */
#ifndef COTRAIN_MODEL_FORMATS_GGUF_WRITE_H
#define COTRAIN_MODEL_FORMATS_GGUF_WRITE_H

#include "model/formats/format.h"

/* As ggml numbers them. */
enum gguf_token_kind {
    GGUF_TOKEN_NORMAL = 1,
    GGUF_TOKEN_UNKNOWN,
    GGUF_TOKEN_CONTROL,
    GGUF_TOKEN_USER_DEFINED,
    GGUF_TOKEN_UNUSED,
    GGUF_TOKEN_BYTE,
};

struct gguf_token {
    const char *text;
    size_t text_bytes;
    float score;
    enum gguf_token_kind kind;
};

/* A further key: a text; where that is NULL, a list of `n` texts; where there is none, the count
 * `n`. */
struct gguf_note {
    const char *key, *text;
    const char *const *texts;
    int64_t n;
};

/* The caller's. */
struct gguf_notes {
    const char *name; /* general.name */
    const struct gguf_note *further;
    int64_t n_further;
    /* Ids without a token (rows of the embedding past the last) get one of their own, unused. */
    const struct gguf_token *tokens; /* by id; NULL: the file has no tokenizer */
    int64_t n_tokens;
    int64_t bos, unknown;      /* ids */
    const char *chat_template; /* NULL: none */
};

MUST_CHECK err gguf_plan(const char *type, struct tensor *t, struct tensor_stored *out);
MUST_CHECK err gguf_write(const struct tensor_output *o);

#endif
