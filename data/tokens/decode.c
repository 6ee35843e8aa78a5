/* SPDX-License-Identifier: Apache-2.0
 * Ids to text, as the slow LlamaTokenizer of transformers 4.31 does it: tokens that were added
 * after the file's pieces stand alone, joined to the runs between them by one space; within a run,
 * <s>, <eod> and <unk> cut it into parts that sentencepiece decodes. The space for such a token
 * lands before the pending text, not before the token: "a<eod>" decodes to " a<eod>". */
#include "base/mem.h"
#include "data/tokens/tokenizer.h"
#include "data/tokens/tokenizer_int.h"
#include <string.h>

static bool take_text(void *ctx, const char *text, size_t n) {
    return str_append(ctx, text, n) == ERR_OK;
}

static err decode_part(const struct tokenizer *t, const int32_t *ids, int64_t n, struct str *out) {
    if (n == 0) return ERR_OK;
    err_clear();
    if (sentencepiece_decode(t->sp, ids, (size_t)n, take_text, out)) return ERR_OK;
    if (err_message()[0]) return ERR_MEMORY;
    return fail(ERR_LIMIT, "sentencepiece cannot decode %lld tokens", (long long)n);
}

static bool is_core(enum special_token which) {
    return which != SPECIAL_COUNT && special_rows[which].kind == SPECIAL_CORE;
}

/* A run without added tokens. */
static err decode_run(const struct tokenizer *t, const int32_t *ids, int64_t n, struct str *out) {
    int64_t pending = 0;
    bool after_core = false;
    for (int64_t i = 0; i < n; i++) {
        enum special_token which = special_of_id(t, ids[i]);
        if (!is_core(which)) {
            after_core = false;
            continue;
        }
        if (!after_core && i > 0) TRY(str_add(out, " "));
        TRY(decode_part(t, ids + pending, i - pending, out));
        TRY(str_add(out, special_rows[which].text));
        after_core = true;
        pending = i + 1;
    }
    return decode_part(t, ids + pending, n - pending, out);
}

/* Runs and added tokens in turn, one space between any two of them. */
static err decode_all(const struct tokenizer *t, const int32_t *ids, int64_t n, struct str *out) {
    bool first = true;
    for (int64_t i = 0; i < n;) {
        if (!first) TRY(str_add(out, " "));
        first = false;
        if (ids[i] >= t->n_pieces) {
            TRY(str_add(out, special_rows[special_of_id(t, ids[i])].text));
            i++;
            continue;
        }
        int64_t end = i;
        while (end < n && ids[end] < t->n_pieces) end++;
        TRY(decode_run(t, ids + i, end - i, out));
        i = end;
    }
    return ERR_OK;
}

static err check_id(const struct tokenizer *t, int32_t id) {
    bool known = id >= 0 && (id < t->n_pieces || special_of_id(t, id) != SPECIAL_COUNT);
    if (known) return ERR_OK;
    return fail(ERR_RANGE, "token %lld is not in the tokenizer, which has %lld", (long long)id,
                (long long)t->n_ids);
}

err tokenizer_decode(const struct tokenizer *t, const int32_t *ids, int64_t n, bool skip_special,
                     struct str *out) {
    struct tokens kept = {0};
    err e = ERR_OK;
    for (int64_t i = 0; i < n && e == ERR_OK; i++) {
        e = check_id(t, ids[i]);
        if (e == ERR_OK && !(skip_special && is_core(special_of_id(t, ids[i]))))
            e = tokens_add(&kept, ids[i]);
    }
    if (e == ERR_OK) e = decode_all(t, kept.ids, kept.n, out);
    tokens_release(&kept);
    return e;
}

err tokenizer_add_piece(const struct tokenizer *t, int32_t id, struct str *out) {
    static const char mark[] = "\xE2\x96\x81"; /* U+2581, sentencepiece's space */
    TRY(check_id(t, id));
    if (id >= t->n_pieces) return str_add(out, special_rows[special_of_id(t, id)].text);
    size_t n;
    const char *piece = sentencepiece_piece(t->sp, id, &n);
    for (size_t at = 0; at < n;) {
        bool is_mark = n - at >= 3 && memcmp(piece + at, mark, 3) == 0;
        TRY(is_mark ? str_add(out, " ") : str_append(out, piece + at, 1));
        at += is_mark ? 3 : 1;
    }
    return ERR_OK;
}
