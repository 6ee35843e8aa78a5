/* SPDX-License-Identifier: Apache-2.0
 * Rows of a sample and their tokens, with the flag of each token that belongs to a trained
 * answer. Encoding goes through the same two functions that generation uses for a prompt
 * (data/tokens/tokenizer.h). The contract, with the form of every kind of row, is
 * data/tokens/rows.h. */
#include "data/tokens/rows.h"
#include "base/mem.h"

static err add(struct row_list *list, struct row_text row) {
    TRY(mem_grow(&list->items, &list->capacity, list->n, sizeof *list->items));
    list->items[list->n++] = row;
    return ERR_OK;
}

err rows_of_sample(const struct sample *sample, bool all_turns, struct row_list *out) {
    if (all_turns || sample->n == 1 || sample->kind != SAMPLE_TURNS)
        return add(out, (struct row_text){sample, 0});
    for (int64_t i = 0; i < sample->n; i++)
        if (sample->turns[i].trained) TRY(add(out, (struct row_text){sample, (int32_t)i + 1}));
    return ERR_OK;
}

void row_list_release(struct row_list *list) {
    mem_free(list->items);
    *list = (struct row_list){0};
}

/* Marks the tokens that have come since the last call. */
static err mark(struct row_tokens *out, bool is_answer) {
    const char flag = is_answer ? 1 : 0;
    while (out->answer.len < (size_t)out->ids.n) TRY(str_append(&out->answer, &flag, 1));
    return ERR_OK;
}

/* Whether bytes [begin, end) of the answer lie in one trained range. */
static bool in_range(const struct turn *turn, size_t begin, size_t end) {
    for (int32_t i = 0; i < turn->n_ranges; i++)
        if (turn->ranges[i].begin <= begin && end <= turn->ranges[i].end) return true;
    return false;
}

/* The tokens from `first` on are those of `answer`, which ends the turn's, and <eod>. A token is
 * trained when all its bytes are in a trained range, the space before the text as the byte behind
 * it, <eod> as the last one. */
static err mark_ranges(const struct tokenizer *t, const struct turn *turn, struct span answer,
                       int64_t first, struct row_tokens *out) {
    const int64_t n = out->ids.n - first - 1;
    const size_t cut = turn->answer.n - answer.n;
    size_t *ends = mem_alloc((size_t)n + 1, sizeof *ends), begin = 0;
    if (!ends) return ERR_MEMORY;
    err e = tokenizer_token_ends(t, answer.text, answer.n, out->ids.ids + first, n, ends);
    for (int64_t i = 0; i < n && e == ERR_OK; i++) {
        size_t end = ends[i] > begin ? ends[i] : begin + 1;
        out->answer.data[first + i] = in_range(turn, cut + begin, cut + end);
        begin = ends[i];
    }
    mem_free(ends);
    if (e == ERR_OK)
        out->answer.data[first + n] = in_range(turn, turn->answer.n - 1, turn->answer.n);
    return e;
}

static err add_turn(const struct tokenizer *t, struct span prompt, const struct turn *turn,
                    enum special_whitespace whitespace, struct row_tokens *out) {
    TRY(tokenizer_encode_prompt(t, prompt.text, prompt.n, whitespace, &out->ids));
    TRY(mark(out, false));
    int64_t first = out->ids.n;
    TRY(tokenizer_encode_answer(t, turn->answer.text, turn->answer.n, whitespace, &out->ids));
    TRY(mark(out, turn->trained));
    if (!turn->trained || turn->n_ranges == 0) return ERR_OK;
    struct span answer =
        whitespace == WHITESPACE_STRIP ? span_strip_start(turn->answer) : turn->answer;
    return mark_ranges(t, turn, answer, first, out);
}

/* <eod> behind the last token, where it is not there yet, trained where that one is. */
static err end_row(const struct tokenizer *t, struct row_tokens *out) {
    const struct tokens *ids = &out->ids;
    const int32_t eod = tokenizer_special(t, SPECIAL_EOD);
    if (ids->n > 0 && ids->ids[ids->n - 1] == eod) return ERR_OK;
    bool trained = ids->n > 0 && out->answer.data[ids->n - 1];
    TRY(tokens_add(&out->ids, eod));
    return mark(out, trained);
}

static err add_segments(const struct tokenizer *t, const struct sample *s,
                        enum special_whitespace whitespace, struct row_tokens *out) {
    for (int64_t i = 0; i < s->n; i++) {
        const struct segment *segment = &s->segments[i];
        TRY(tokenizer_encode(t, segment->text.text, segment->text.n, whitespace, &out->ids));
        TRY(mark(out, segment->trained));
    }
    return end_row(t, out);
}

static err add_ids(const struct tokenizer *t, const struct sample_ids *from,
                   struct row_tokens *out) {
    TRY(tokens_append(&out->ids, from->ids, from->n));
    TRY(str_append(&out->answer, from->trained, (size_t)from->n));
    return end_row(t, out);
}

err row_encode(const struct tokenizer *t, const struct row_text *row,
               enum special_whitespace whitespace, struct row_tokens *out) {
    const struct sample *s = row->sample;
    tokens_clear(&out->ids);
    str_clear(&out->answer);
    if (s->kind == SAMPLE_SEGMENTS) return add_segments(t, s, whitespace, out);
    if (s->kind == SAMPLE_IDS) return add_ids(t, s->ids, out);
    if (row->part > 0) {
        struct str prompt = {0};
        err e = sample_prompt(s, row->part - 1, &prompt);
        struct span span = {str_text(&prompt), prompt.len};
        if (e == ERR_OK) e = add_turn(t, span, &s->turns[row->part - 1], whitespace, out);
        str_release(&prompt);
        return e;
    }
    for (int64_t i = 0; i < s->n; i++)
        TRY(add_turn(t, s->turns[i].prompt, &s->turns[i], whitespace, out));
    return ERR_OK;
}

void row_tokens_release(struct row_tokens *r) {
    tokens_release(&r->ids);
    str_release(&r->answer);
}
