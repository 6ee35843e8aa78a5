/* SPDX-License-Identifier: Apache-2.0
 * Rows on a dataset's page, token by token: a thin line behind each token, trained ones in colour
 * and underlined, special ones in a box. Bytes of one character that the tokenizer has no piece for
 * are put together again, so that a rare character and a line's end read as what they are. */
#include "base/chart.h"
#include "base/html.h"
#include "data/dataset/page_int.h"
#include <string.h>

/* Tokens of one kind of marking that are bytes, until they are a character. */
struct bytes {
    char text[8];
    size_t n;
};

static err end_token(struct str *out) {
    return str_add(out, "</i>");
}

/* Whole characters as text, what remains of a broken one as "<0xE4>". */
static err flush_bytes(struct bytes *b, struct str *out) {
    bool whole = b->n > 0 && utf8_invalid_at(b->text, b->n) < 0;
    if (b->n == 0) return ERR_OK;
    TRY(str_add(out, "<i>"));
    if (whole && b->n == 1 && b->text[0] == '\n') {
        TRY(str_add(out, "\xE2\x86\xB5\n"));
    } else if (whole) {
        TRY(html_text(out, b->text, b->n));
    } else {
        for (size_t i = 0; i < b->n; i++)
            TRY(str_printf(out, "&lt;0x%02X&gt;", (unsigned char)b->text[i]));
    }
    b->n = 0;
    return end_token(out);
}

static size_t character_bytes(unsigned char first) {
    return first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* "<0xE4>" */
static err add_byte(struct bytes *b, const struct token_info *info, struct str *out) {
    if (info->text_bytes != 6) return ERR_OK;
    char byte = (char)(hex_digit(info->text[3]) * 16 + hex_digit(info->text[4]));
    bool goes_on = ((unsigned char)byte & 0xC0) == 0x80;
    if (b->n > 0 && !goes_on) TRY(flush_bytes(b, out));
    b->text[b->n++] = byte;
    return b->n >= character_bytes((unsigned char)b->text[0]) ? flush_bytes(b, out) : ERR_OK;
}

static err add_token(const struct page *p, int32_t id, struct bytes *b) {
    struct token_info info = tokenizer_token(p->tokenizer, id);
    struct str *out = p->out;
    if (info.kind == TOKEN_BYTE) return add_byte(b, &info, out);
    struct str text = {0};
    TRY(flush_bytes(b, out));
    err e = tokenizer_add_piece(p->tokenizer, id, &text);
    if (e == ERR_OK) e = str_add(out, info.kind == TOKEN_SPECIAL ? "<i><b>" : "<i>");
    if (e == ERR_OK) e = html_text(out, str_text(&text), text.len);
    if (e == ERR_OK) e = str_add(out, info.kind == TOKEN_SPECIAL ? "</b></i>" : "</i>");
    str_release(&text);
    return e;
}

static err add_tokens(const struct page *p, const int32_t *ids, const uint8_t *trained, int64_t n) {
    struct bytes b = {.n = 0};
    bool marked = false;
    for (int64_t i = 0; i < n; i++) {
        bool mark = i > 0 && trained[i]; /* nothing predicts the first one */
        if (mark != marked) {
            TRY(flush_bytes(&b, p->out));
            TRY(str_add(p->out, mark ? "<mark>" : "</mark>"));
            marked = mark;
        }
        TRY(add_token(p, ids[i], &b));
    }
    TRY(flush_bytes(&b, p->out));
    return marked ? str_add(p->out, "</mark>") : ERR_OK;
}

static err add_row(const struct page *p, int64_t row) {
    const struct dataset_row *r = &dataset_rows(p->d, SPLIT_TRAIN)[row];
    const uint8_t *trained = dataset_answer(p->d, SPLIT_TRAIN, row);
    int64_t shown = r->n_tokens < p->options->tokens ? r->n_tokens : p->options->tokens;
    int64_t n_trained = 0;
    struct str from = {0};
    for (int32_t i = 1; i < r->n_tokens; i++) n_trained += trained[i];
    TRY(str_printf(p->out, "<article><header>Row %lld: ", (long long)row));
    err e = provenance_describe(p->provenance, SPLIT_TRAIN, row, &from);
    if (e == ERR_OK) e = html_text(p->out, str_text(&from), from.len);
    str_release(&from);
    TRY(e);
    TRY(str_printf(p->out, ". %d tokens, %lld trained.</header>\n<div class=\"tokens\">",
                   r->n_tokens, (long long)n_trained));
    TRY(add_tokens(p, dataset_tokens(p->d, SPLIT_TRAIN, row), trained, shown));
    if (shown < r->n_tokens)
        TRY(str_printf(p->out, " <span class=\"soft\">and %lld more tokens</span>",
                       (long long)(r->n_tokens - shown)));
    return str_add(p->out, "</div></article>\n");
}

err page_rows(struct page *p) {
    int64_t n_rows = dataset_n_rows(p->d, SPLIT_TRAIN);
    int64_t n = n_rows < p->options->rows ? n_rows : p->options->rows;
    TRY(html_section(p->out, "rows", "Rows"));
    TRY(str_printf(
        p->out,
        "<p>%lld of %lld rows, spread evenly over them. A line stands behind each token; "
        "tokens that are <mark>trained</mark> are coloured "
        "and underlined: the model learns to write them, and only reads the others.</p>\n",
        (long long)n, (long long)n_rows));
    for (int64_t i = 0; i < n; i++) TRY(add_row(p, i * n_rows / n));
    return ERR_OK;
}
