/* SPDX-License-Identifier: Apache-2.0
 * Samples that are nearly an earlier one: at least 0.8 of their shingles are common (data/near.h).
 * Samples are made ready and looked up in blocks side by side, in what came before the block; what
 * a block holds is compared among itself one after the other, so that the answer does not depend on
 * the number of threads. What was found is not added: of many alike only the first is compared
 * with, and exact duplicates, which are told of as such, take no part. */
#include "base/mem.h"
#include "base/par.h"
#include "data/lint/lint.h"
#include "data/near.h"

#define SIMILAR 0.8
enum { BLOCK = 2048 };

struct near_lint {
    struct near_match *match; /* of each row: the earlier one most like it; similarity 0: none */
    struct near_index *index;
    /* Of the present block: */
    const struct lint_run *run;
    int64_t first, n;
    struct near_text *texts;
    err *results;
};

static err add_text(void *ctx, struct span text, bool trained) {
    (void)trained;
    TRY(str_append(ctx, text.text, text.n));
    return str_add(ctx, "\n");
}

/* The whole sample, once: its last row stands for it. */
static err make_ready(struct near_lint *s, int64_t i) {
    const struct lint_run *run = s->run;
    int64_t row = s->first + i;
    struct str text = {0};
    s->texts[i] = (struct near_text){0};
    if (!lint_ends_sample(run, row) || run->first_same[row] != row) return ERR_OK;
    struct lint_row whole = run->rows[row];
    whole.part = 0;
    err e = lint_each_text(&whole, add_text, &text);
    if (e == ERR_OK) e = near_text_init(&s->texts[i], str_text(&text), text.len);
    str_release(&text);
    int64_t n;
    if (e == ERR_OK) e = near_index_find(s->index, &s->texts[i], &s->match[row], 1, &n);
    return e;
}

static void make_some_ready(void *ctx, int64_t begin, int64_t end, int thread) {
    struct near_lint *s = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) s->results[i] = make_ready(s, i);
}

static err compare_block(struct near_lint *s, struct near_index *block) {
    for (int64_t i = 0; i < s->n; i++) {
        struct near_match *match = &s->match[s->first + i];
        struct near_match found;
        int64_t n;
        TRY(s->results[i]);
        if (!s->texts[i].shingles) continue;
        TRY(near_index_find(block, &s->texts[i], &found, 1, &n));
        if (n > 0 && found.similarity > match->similarity) *match = found;
        if (match->similarity > 0) continue;
        TRY(near_index_add(block, &s->texts[i], s->first + i));
        TRY(near_index_add(s->index, &s->texts[i], s->first + i));
    }
    return ERR_OK;
}

static err look_at_block(struct near_lint *s) {
    struct near_index *block;
    TRY(near_index_new(SIMILAR, &block));
    par_for(s->n, 16, make_some_ready, s);
    err e = compare_block(s, block);
    near_index_free(block);
    for (int64_t i = 0; i < s->n; i++) near_text_release(&s->texts[i]);
    return e;
}

static err prepare(const struct lint_run *run, void **out) {
    struct near_lint *s = mem_zalloc(1, sizeof *s);
    *out = s;
    if (!s) return ERR_MEMORY;
    s->run = run;
    s->match = mem_zalloc((size_t)run->n + 1, sizeof *s->match);
    s->texts = mem_zalloc(BLOCK, sizeof *s->texts);
    s->results = mem_zalloc(BLOCK, sizeof *s->results);
    if (!s->match || !s->texts || !s->results) return ERR_MEMORY;
    TRY(near_index_new(SIMILAR, &s->index));
    for (; s->first < run->n; s->first += s->n) {
        s->n = run->n - s->first < BLOCK ? run->n - s->first : BLOCK;
        TRY(look_at_block(s));
    }
    return ERR_OK;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    const struct near_lint *s = state;
    mark->badness = s->match[row].similarity;
    if (mark->badness <= 0 || !mark->note) return ERR_OK;
    TRY(lint_note(mark, "%.2f like ", mark->badness));
    return lint_place(run, s->match[row].number, mark->note);
}

static void release(void *state) {
    struct near_lint *s = state;
    near_index_free(s->index);
    mem_free(s->match);
    mem_free(s->texts);
    mem_free(s->results);
    mem_free(s);
}

const struct lint lint_near_duplicates = {
    .name = "near_duplicates",
    .summary = "much like an earlier sample: 0.8 or more of their shingles are common",
    .prepare = prepare,
    .look = look,
    .release = release,
};
