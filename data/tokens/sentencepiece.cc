/* SPDX-License-Identifier: Apache-2.0
 * The one C++ file of the host code: libsentencepiece has no C interface. See
 * data/tokens/sentencepiece_int.h. No exception leaves this file; the library's own memory is the
 * C++ heap's and is not counted by base/mem. */
#include "data/tokens/sentencepiece_int.h"
#include <exception>
#include <memory>
#include <sentencepiece_processor.h>
#include <stdio.h>
#include <string>
#include <vector>

struct pieces {
    sentencepiece::SentencePieceProcessor processor;
};

struct pieces *sentencepiece_new(const char *bytes, size_t n, char why[SENTENCEPIECE_WHY]) {
    why[0] = '\0';
    try {
        auto sp = std::make_unique<struct pieces>();
        auto status = sp->processor.LoadFromSerializedProto(std::string(bytes, n));
        if (status.ok()) return sp.release();
        snprintf(why, SENTENCEPIECE_WHY, "%s", status.error_message());
    } catch (const std::exception &e) {
        snprintf(why, SENTENCEPIECE_WHY, "%s", e.what());
    }
    return nullptr;
}

void sentencepiece_free(struct pieces *sp) {
    delete sp;
}

int32_t sentencepiece_size(const struct pieces *sp) {
    return sp->processor.GetPieceSize();
}

int32_t sentencepiece_find(const struct pieces *sp, const char *piece) {
    int id = sp->processor.PieceToId(piece); /* the unknown piece's id when there is none */
    return sp->processor.IdToPiece(id) == piece ? id : -1;
}

const char *sentencepiece_piece(const struct pieces *sp, int32_t id, size_t *out_n) {
    const std::string &piece = sp->processor.IdToPiece(id);
    *out_n = piece.size();
    return piece.c_str();
}

float sentencepiece_score(const struct pieces *sp, int32_t id) {
    return sp->processor.GetScore(id);
}

enum sentencepiece_kind sentencepiece_kind(const struct pieces *sp, int32_t id) {
    if (sp->processor.IsUnknown(id)) return PIECE_UNKNOWN;
    if (sp->processor.IsControl(id)) return PIECE_CONTROL;
    if (sp->processor.IsUnused(id)) return PIECE_UNUSED;
    return sp->processor.IsByte(id) ? PIECE_BYTE : PIECE_NORMAL;
}

bool sentencepiece_encode(const struct pieces *sp, const char *text, size_t n,
                          bool (*take)(void *ctx, const int32_t *ids, size_t n), void *ctx) {
    try {
        std::vector<int> ids;
        if (!sp->processor.Encode({text, n}, &ids).ok()) return false;
        return take(ctx, ids.data(), ids.size());
    } catch (const std::exception &) {
        return false;
    }
}

bool sentencepiece_decode(const struct pieces *sp, const int32_t *ids, size_t n,
                          bool (*take)(void *ctx, const char *text, size_t n), void *ctx) {
    try {
        std::string text;
        if (!sp->processor.Decode(std::vector<int>(ids, ids + n), &text).ok()) return false;
        return take(ctx, text.data(), text.size());
    } catch (const std::exception &) {
        return false;
    }
}
