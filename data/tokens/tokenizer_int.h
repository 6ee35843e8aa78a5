/* SPDX-License-Identifier: Apache-2.0
 * The tokenizer's insides, shared by data/tokens/tokenizer.c (opening), data/tokens/encode.c and
 * data/tokens/decode.c. Everyone else uses data/tokens/tokenizer.h. The sentencepiece library
 * itself is one step further down, behind data/tokens/sentencepiece_int.h. */
#ifndef COTRAIN_DATA_TOKENS_TOKENIZER_INT_H
#define COTRAIN_DATA_TOKENS_TOKENIZER_INT_H

#include "data/tokens/sentencepiece_int.h"
#include "data/tokens/tokenizer.h"

enum special_kind { SPECIAL_CORE, SPECIAL_ADDED };
struct special_row {
    const char *text;
    size_t len;
    enum special_kind kind;
};
extern const struct special_row special_rows[SPECIAL_COUNT];

struct tokenizer {
    struct pieces *sp;
    int64_t n_pieces, n_ids;
    int32_t special[SPECIAL_COUNT];
    char digest[SHA256_HEX_SIZE];
};

/* The special token with this id, or SPECIAL_COUNT. */
enum special_token special_of_id(const struct tokenizer *t, int32_t id);

#endif
