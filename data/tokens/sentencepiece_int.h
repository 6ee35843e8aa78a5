/* SPDX-License-Identifier: Apache-2.0
 * The few calls of libsentencepiece that the tokenizer needs, as C. Only data/tokenizer*.c use it.
 * Nothing here knows of errors with context: a call that fails returns false, and where there is a
 * reason to tell leaves it in `why`. */
#ifndef COTRAIN_DATA_TOKENS_SENTENCEPIECE_INT_H
#define COTRAIN_DATA_TOKENS_SENTENCEPIECE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pieces;
enum { SENTENCEPIECE_WHY = 200 };

/* From the bytes of a tokenizer.model. */
struct pieces *sentencepiece_new(const char *bytes, size_t n, char why[SENTENCEPIECE_WHY]);
void sentencepiece_free(struct pieces *sp);
int32_t sentencepiece_size(const struct pieces *sp);
/* The id of the piece spelt so, or -1. */
int32_t sentencepiece_find(const struct pieces *sp, const char *piece);
/* The piece's spelling; valid as long as sp. */
const char *sentencepiece_piece(const struct pieces *sp, int32_t id, size_t *out_n);
float sentencepiece_score(const struct pieces *sp, int32_t id);
enum sentencepiece_kind { PIECE_NORMAL, PIECE_UNKNOWN, PIECE_CONTROL, PIECE_UNUSED, PIECE_BYTE };
enum sentencepiece_kind sentencepiece_kind(const struct pieces *sp, int32_t id);
/* Hands the ids (then the decoded bytes) to `take`, whose false is passed on. */
bool sentencepiece_encode(const struct pieces *sp, const char *text, size_t n,
                          bool (*take)(void *ctx, const int32_t *ids, size_t n), void *ctx);
bool sentencepiece_decode(const struct pieces *sp, const int32_t *ids, size_t n,
                          bool (*take)(void *ctx, const char *text, size_t n), void *ctx);

#ifdef __cplusplus
}
#endif

#endif
