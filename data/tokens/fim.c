/* SPDX-License-Identifier: Apache-2.0
 * Permuting documents, and the draws that choose them and their cuts. A row's draws are its own:
 * they depend on the seed, its source's number and its line, so that a filter which drops other
 * rows changes nothing here. The contract is data/tokens/fim.h. */
#include "data/tokens/fim.h"
#include "base/philox.h"

enum draw { DRAW_ROW, DRAW_FIRST, DRAW_SECOND, DRAW_SPM };

err fim_permute(const struct tokenizer *t, struct span text, const struct fim_cut *cut,
                enum special_whitespace whitespace, struct tokens *out) {
    const size_t first = utf8_offset(text.text, text.n, cut->first),
                 second = utf8_offset(text.text, text.n, cut->second);
    const int32_t suffix = tokenizer_special(t, SPECIAL_FIM_SUFFIX);
    const int32_t middle = tokenizer_special(t, SPECIAL_FIM_MIDDLE);
    TRY(tokens_add(out, tokenizer_special(t, SPECIAL_FIM_PREFIX)));
    if (!cut->spm) TRY(tokenizer_encode(t, text.text, first, whitespace, out));
    TRY(tokens_add(out, suffix));
    TRY(tokenizer_encode(t, text.text + second, text.n - second, whitespace, out));
    TRY(tokens_add(out, middle));
    if (cut->spm) TRY(tokenizer_encode(t, text.text, first, whitespace, out));
    return tokenizer_encode(t, text.text + first, second - first, whitespace, out);
}

static struct rng rng_of(const struct fim *f, const struct row_text *row) {
    uint64_t place = (uint64_t)row->sample->source << 32 | (uint32_t)row->sample->line;
    return (struct rng){f->seed, RNG_FIM, place};
}

bool fim_chooses(const struct fim *f, const struct row_text *row) {
    if (!(f->options.rate > 0) || !sample_is_plain(row->sample)) return false;
    struct rng rng = rng_of(f, row);
    return rng_uniform(&rng, DRAW_ROW) < f->options.rate;
}

err fim_row(struct fim *f, const struct row_text *row, const struct row_tokens *tokens,
            struct row_tokens *out) {
    struct rng rng = rng_of(f, row);
    const int64_t n = tokens->ids.n - 1; /* without <eod> */
    const char flag = tokens->answer.data[n];
    tokens_clear(&out->ids);
    str_clear(&out->answer);
    str_clear(&f->text);
    TRY(tokenizer_decode(f->tokenizer, tokens->ids.ids, n, false, &f->text));
    const struct span text = {str_text(&f->text), f->text.len};
    const uint64_t places = (uint64_t)utf8_count(text.text, text.n) + 1;
    int64_t one = (int64_t)rng_below(&rng, DRAW_FIRST, places);
    int64_t other = (int64_t)rng_below(&rng, DRAW_SECOND, places);
    const struct fim_cut cut = {.first = one < other ? one : other,
                                .second = one < other ? other : one,
                                .spm = rng_uniform(&rng, DRAW_SPM) < f->options.spm_rate};
    TRY(fim_permute(f->tokenizer, text, &cut, f->whitespace, &out->ids));
    TRY(tokens_add(&out->ids, tokens->ids.ids[n]));
    for (int64_t i = 0; i < out->ids.n; i++) TRY(str_append(&out->answer, &flag, 1));
    return ERR_OK;
}

void fim_release(struct fim *f) {
    str_release(&f->text);
}
