/* SPDX-License-Identifier: Apache-2.0
 * Streaming: the whole answer is decoded again for each token, since what a token stands for may
 * depend on those before it (bytes of one character, spaces between pieces).
 * Read next: cli/stream.h, the contract. */
#include "cli/stream.h"
#include "cli/command.h"
#include <string.h>

err answer_text(const struct tokenizer *t, const int32_t *ids, int64_t n, struct str *out) {
    struct tokens known = {0};
    const int64_t n_ids = tokenizer_n_ids(t);
    err e = ERR_OK;
    for (int64_t i = 0; i < n && !e; i++)
        if (ids[i] < n_ids) e = tokens_add(&known, ids[i]);
    if (!e) e = tokenizer_decode(t, known.ids, known.n, true, out);
    tokens_release(&known);
    return e;
}

/* Bytes of a text that can be printed: a last character that is still incomplete, or that decoding
 * has replaced by U+FFFD because the rest of its bytes is to come, waits. */
static size_t printable(const struct str *text) {
    size_t n = text->len;
    int64_t bad = n ? utf8_invalid_at(text->data, n) : -1;
    if (bad >= 0) n = (size_t)bad;
    while (n >= 3 && memcmp(text->data + n - 3, "\xef\xbf\xbd", 3) == 0) n -= 3;
    return n;
}

static err show_rest(struct stream *s, size_t end) {
    if (end <= s->shown) return ERR_OK;
    struct str part = {.data = s->text.data + s->shown, .len = end - s->shown};
    s->shown = end;
    return print_text(&part);
}

void stream_take(struct stream *s, int32_t id) {
    if (s->code) return;
    s->code = tokens_add(&s->ids, id);
    str_clear(&s->text);
    if (!s->code) s->code = answer_text(s->tokenizer, s->ids.ids, s->ids.n, &s->text);
    if (!s->code) s->code = show_rest(s, printable(&s->text));
}

err stream_end(struct stream *s) {
    if (!s->code) s->code = show_rest(s, s->text.len);
    if (!s->code) s->code = print_text(&(struct str){.data = (char[]){"\n"}, .len = 1});
    return s->code;
}

void stream_release(struct stream *s) {
    tokens_release(&s->ids);
    str_release(&s->text);
}
