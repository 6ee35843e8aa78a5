/* SPDX-License-Identifier: Apache-2.0
 * The table of lints, made from data/lint/lints.def, and what lints share: the texts of a row, its
 * place, notes. Which texts those are depends on the kind of its sample, and is decided here alone.
 * The contract is data/lint/lint.h. */
#include "data/lint/lint.h"
#include <stdarg.h>
#include <stdio.h>

const struct lint *const lints[] = {
#define LINT(name) &lint_##name,
#include "data/lint/lints.def"
#undef LINT
};
const int n_lints = (int)(sizeof lints / sizeof lints[0]);

static void new_turns(const struct lint_row *row, int64_t *first, int64_t *end) {
    *first = 0;
    *end = row->sample->n;
    if (row->part == 0) return;
    *end = row->part;
    *first = row->part - 1;
    while (*first > 0 && !row->sample->turns[*first - 1].trained) (*first)--;
}

err lint_each_text(const struct lint_row *row,
                   err (*look)(void *ctx, struct span text, bool trained), void *ctx) {
    const struct sample *s = row->sample;
    int64_t first, end;
    new_turns(row, &first, &end);
    for (int64_t i = first; i < end; i++) {
        if (s->kind != SAMPLE_TURNS) {
            TRY(look(ctx, s->segments[i].text, s->segments[i].trained));
            continue;
        }
        TRY(look(ctx, s->turns[i].prompt, false));
        TRY(look(ctx, s->turns[i].answer, s->turns[i].trained));
    }
    return ERR_OK;
}

static err whole_answer(const struct sample *s,
                        err (*look)(void *ctx, struct span prompt, struct span answer), void *ctx) {
    struct str context = {0}, trained = {0};
    err e = sample_context_text(s, &context);
    if (e == ERR_OK) e = sample_trained_text(s, &trained);
    if (e == ERR_OK)
        e = look(ctx, (struct span){str_text(&context), context.len},
                 (struct span){str_text(&trained), trained.len});
    str_release(&context);
    str_release(&trained);
    return e;
}

err lint_each_answer(const struct lint_row *row,
                     err (*look)(void *ctx, struct span prompt, struct span answer), void *ctx) {
    const struct sample *s = row->sample;
    int64_t first, end;
    if (!lint_asks(row)) return ERR_OK;
    if (s->kind != SAMPLE_TURNS) return whole_answer(s, look, ctx);
    new_turns(row, &first, &end);
    for (int64_t i = first; i < end; i++)
        if (s->turns[i].trained) TRY(look(ctx, s->turns[i].prompt, s->turns[i].answer));
    return ERR_OK;
}

bool lint_asks(const struct lint_row *row) {
    const struct sample *s = row->sample;
    bool read = false, trained = false;
    if (s->kind == SAMPLE_TURNS) return true;
    for (int64_t i = 0; i < s->n; i++) {
        read = read || (!s->segments[i].trained && s->segments[i].text.n > 0);
        trained = trained || (s->segments[i].trained && s->segments[i].text.n > 0);
    }
    return read && trained;
}

err lint_note(const struct lint_mark *mark, const char *format, ...) {
    char text[512];
    va_list args;
    if (!mark->note) return ERR_OK;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return str_add(mark->note, text);
}

err lint_place(const struct lint_run *run, int64_t row, struct str *out) {
    const struct lint_row *r = &run->rows[row];
    TRY(str_printf(out, "%s line %d", run->corpus->sources[r->sample->source].name,
                   r->sample->line));
    return r->part > 0 ? str_printf(out, " turn %d", r->part) : ERR_OK;
}

bool lint_ends_sample(const struct lint_run *run, int64_t row) {
    return row + 1 == run->n || run->rows[row + 1].sample != run->rows[row].sample;
}
