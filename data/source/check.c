/* SPDX-License-Identifier: Apache-2.0
 * Checks of samples. A special token in a text that is encoded as plain text would be trained as
 * its characters while everybody sees the token, so it is refused instead. The contract is
 * data/source/check.h; what only one format asks for is its reader's. */
#include "data/source/check.h"
#include <string.h>

err check_bytes(struct span text) {
    int64_t bad = utf8_invalid_at(text.text, text.n);
    if (bad >= 0) return fail(ERR_PARSE, "not UTF-8 at byte %lld", (long long)bad + 1);
    const char *nul = text.n > 0 ? memchr(text.text, '\0', text.n) : NULL;
    if (nul) return fail(ERR_PARSE, "a NUL at byte %lld", (long long)(nul - text.text) + 1);
    return ERR_OK;
}

/* JSON's \u0000 comes out as one. */
static err check_nul(struct span text, const char *what) {
    bool has = text.n > 0 && memchr(text.text, '\0', text.n);
    return has ? fail(ERR_PARSE, "a NUL in the %s", what) : ERR_OK;
}

static err check_text(struct span text, const char *what) {
    enum special_token which;
    if (span_blank(text)) return fail(ERR_PARSE, "the %s is empty", what);
    TRY(check_nul(text, what));
    if (tokenizer_find_special(text.text, text.n, &which) >= 0)
        return fail(ERR_PARSE, "special token '%s' in the %s", tokenizer_special_text(which), what);
    return ERR_OK;
}

/* Segments that may hold special tokens. <eod> is found as the encoder finds it: from the left. */
static err check_segments(const struct sample *s) {
    bool blank = true, ended = false;
    for (int64_t i = 0; i < s->n; i++) {
        struct span text = s->segments[i].text;
        TRY(check_nul(text, "text"));
        blank = blank && span_blank(text);
        for (int64_t at = 0; text.n > 0;) {
            enum special_token which = SPECIAL_COUNT;
            if (ended) return fail(ERR_PARSE, "text behind '<eod>': a row is one document");
            at = tokenizer_find_special(text.text, text.n, &which);
            if (at < 0) break;
            ended = which == SPECIAL_EOD;
            size_t used = (size_t)at + strlen(tokenizer_special_text(which));
            text = (struct span){text.text + used, text.n - used};
        }
    }
    return blank ? fail(ERR_PARSE, "the text is empty") : ERR_OK;
}

static err check_ids(const struct tokenizer *t, const struct sample_ids *ids) {
    const int32_t eod = tokenizer_special(t, SPECIAL_EOD);
    for (int64_t i = 0; i < ids->n; i++) {
        if (ids->ids[i] < 0 || ids->ids[i] >= tokenizer_n_ids(t))
            return fail(ERR_RANGE, "token %lld is %d, and the tokenizer has %lld", (long long)i + 1,
                        ids->ids[i], (long long)tokenizer_n_ids(t));
        if (ids->ids[i] == eod && i + 1 < ids->n)
            return fail(ERR_PARSE, "token %lld is <eod>, inside the row: a row is one document",
                        (long long)i + 1);
    }
    return ERR_OK;
}

static err decode_ids(const struct tokenizer *t, struct draft *draft) {
    const struct sample_ids *ids = draft->sample.ids;
    struct str text = {0};
    err e = ERR_OK;
    for (int64_t i = 0, end; i < ids->n && e == ERR_OK; i = end) {
        for (end = i + 1; end < ids->n && ids->trained[end] == ids->trained[i];) end++;
        str_clear(&text);
        e = tokenizer_decode(t, ids->ids + i, end - i, false, &text);
        struct span span = {str_text(&text), text.len};
        if (e == ERR_OK) e = draft_segment(draft, span, ids->trained[i]);
    }
    str_release(&text);
    return e;
}

err check_sample(const struct tokenizer *t, const struct reader *reader, struct draft *draft) {
    const struct sample *s = &draft->sample;
    if (s->kind == SAMPLE_IDS) {
        if (!t) return fail(ERR_UNSUPPORTED, "rows of tokens cannot be used here");
        TRY(check_ids(t, s->ids));
        return decode_ids(t, draft);
    }
    if (s->kind == SAMPLE_SEGMENTS && reader->special_tokens) return check_segments(s);
    for (int64_t i = 0; i < s->n; i++) {
        if (s->kind == SAMPLE_TURNS) TRY(check_text(s->turns[i].prompt, "prompt"));
        if (s->kind == SAMPLE_TURNS) TRY(check_text(s->turns[i].answer, "answer"));
        if (s->kind == SAMPLE_SEGMENTS) TRY(check_text(s->segments[i].text, "text"));
    }
    return ERR_OK;
}
