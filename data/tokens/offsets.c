/* SPDX-License-Identifier: Apache-2.0
 * Which bytes of a text its tokens stand for, found by walking both side by side. Pieces spell the
 * text with U+2581 for a space; one such mark more may stand before all of it (the dummy prefix).
 * Text may hold U+2581 itself, which sentencepiece takes for a space. The contract is
 * tokenizer_token_ends in data/tokens/tokenizer.h. */
#include "data/text/span.h"
#include "data/tokens/tokenizer.h"
#include "data/tokens/tokenizer_int.h"
#include <string.h>

static const char mark[] = "\xE2\x96\x81"; /* U+2581, sentencepiece's space */
enum { MARK = sizeof mark - 1 };

static bool is_mark(const char *text, size_t n) {
    return n >= MARK && memcmp(text, mark, MARK) == 0;
}

/* Goes on in the text by what the token spells; `prefix` tells that its first mark is the dummy
 * one. False where the text goes on differently. */
static bool walk_token(const struct tokenizer *t, int32_t id, bool prefix, struct span text,
                       size_t *at) {
    size_t n, i = 0;
    const char *piece = sentencepiece_piece(t->sp, id, &n);
    if (sentencepiece_kind(t->sp, id) == PIECE_BYTE) return (*at)++ < text.n;
    if (prefix) i = MARK;
    while (i < n) {
        const char *here = text.text + *at;
        size_t left = text.n - *at;
        if (left == 0) return false;
        bool space = is_mark(piece + i, n - i), spelt = is_mark(here, left);
        if (space ? !spelt && *here != ' ' : *here != piece[i]) return false;
        *at += space && spelt ? MARK : 1;
        i += space ? MARK : 1;
    }
    return true;
}

static bool walk(const struct tokenizer *t, bool dummy, struct span text, const int32_t *ids,
                 int64_t n_ids, size_t *ends) {
    size_t at = 0;
    for (int64_t i = 0; i < n_ids; i++) {
        if (!walk_token(t, ids[i], dummy && i == 0, text, &at)) return false;
        ends[i] = at;
    }
    return at == text.n;
}

err tokenizer_token_ends(const struct tokenizer *t, const char *text, size_t n, const int32_t *ids,
                         int64_t n_ids, size_t *ends) {
    struct span span = {text, n};
    size_t first_n = 0;
    const char *first = n_ids > 0 ? sentencepiece_piece(t->sp, ids[0], &first_n) : "";
    if (is_mark(first, first_n) && walk(t, true, span, ids, n_ids, ends)) return ERR_OK;
    if (walk(t, false, span, ids, n_ids, ends)) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "parts of this text cannot be told apart in its tokens");
}
