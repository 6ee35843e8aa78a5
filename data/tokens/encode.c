/* SPDX-License-Identifier: Apache-2.0
 * Text to ids: splitting at special tokens, the white space beside them, and sentencepiece for
 * the stretches between. The two ways of writing a training row (prompt, answer) stand here as
 * well, so that training and generation cannot differ. The contract is data/tokens/tokenizer.h,
 * what counts as white space is data/text/span.h's. */
#include "base/str.h"
#include "data/text/span.h"
#include "data/tokens/tokenizer.h"
#include "data/tokens/tokenizer_int.h"
#include <string.h>

static bool take_ids(void *ctx, const int32_t *ids, size_t n) {
    return tokens_append(ctx, ids, (int64_t)n) == ERR_OK;
}

err tokenizer_encode_plain(const struct tokenizer *t, const char *text, size_t n,
                           struct tokens *out) {
    if (n == 0) return ERR_OK;
    int64_t before = out->n;
    err_clear();
    if (sentencepiece_encode(t->sp, text, n, take_ids, out)) return ERR_OK;
    out->n = before;
    if (err_message()[0]) return ERR_MEMORY;
    return fail(ERR_LIMIT, "sentencepiece cannot encode a text of %zu bytes", n);
}

/* The special token that begins exactly here (the longest), or SPECIAL_COUNT. */
static enum special_token special_at(const char *text, size_t n) {
    enum special_token best = SPECIAL_COUNT;
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        const struct special_row *row = &special_rows[i];
        if (row->len > n || memcmp(text, row->text, row->len) != 0) continue;
        if (best == SPECIAL_COUNT || row->len > special_rows[best].len)
            best = (enum special_token)i;
    }
    return best;
}

int64_t tokenizer_find_special(const char *text, size_t n, enum special_token *out_which) {
    for (size_t at = 0; at < n; at++) {
        const char *open = memchr(text + at, '<', n - at);
        if (!open) break;
        at = (size_t)(open - text);
        enum special_token which = special_at(open, n - at);
        if (which == SPECIAL_COUNT) continue;
        if (out_which) *out_which = which;
        return (int64_t)at;
    }
    return -1;
}

err tokenizer_encode(const struct tokenizer *t, const char *text, size_t n,
                     enum special_whitespace whitespace, struct tokens *out) {
    bool strips_next = false;
    for (;;) {
        enum special_token which = SPECIAL_COUNT;
        int64_t at = tokenizer_find_special(text, n, &which);
        struct span s = {text, at < 0 ? n : (size_t)at};
        bool strips =
            at >= 0 && whitespace == WHITESPACE_STRIP && special_rows[which].kind == SPECIAL_ADDED;
        if (strips_next) s = span_strip_start(s);
        if (strips) s = span_strip_end(s);
        TRY(tokenizer_encode_plain(t, s.text, s.n, out));
        if (at < 0) return ERR_OK;
        TRY(tokens_add(out, t->special[which]));
        size_t used = (size_t)at + special_rows[which].len;
        text += used;
        n -= used;
        strips_next = strips;
    }
}

err tokenizer_encode_prompt(const struct tokenizer *t, const char *prompt, size_t n,
                            enum special_whitespace whitespace, struct tokens *out) {
    struct span s = {prompt, n};
    if (whitespace == WHITESPACE_STRIP) s = span_strip_end(s);
    TRY(tokenizer_encode_plain(t, s.text, s.n, out));
    return tokens_add(out, t->special[SPECIAL_SEP]);
}

err tokenizer_encode_answer(const struct tokenizer *t, const char *answer, size_t n,
                            enum special_whitespace whitespace, struct tokens *out) {
    struct span s = {answer, n};
    if (whitespace == WHITESPACE_STRIP) s = span_strip_start(s);
    TRY(tokenizer_encode_plain(t, s.text, s.n, out));
    return tokens_add(out, t->special[SPECIAL_EOD]);
}
