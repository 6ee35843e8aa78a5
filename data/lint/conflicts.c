/* SPDX-License-Identifier: Apache-2.0
 * Rows that have another row's whole prompt and another answer, after normalisation: the model is
 * asked to give two answers to one question. All rows of such a prompt count, whichever comes
 * first. */
#include "base/mem.h"
#include "data/lint/lint.h"
#include "data/text/text_map.h"
#include <string.h>

struct conflicts {
    struct text_map prompts; /* key of a prompt -> the first row that has it */
    int64_t *other;          /* of each row: one with the same prompt and another answer, or -1 */
};

static bool same_answer(const struct lint_run *run, int64_t a, int64_t b) {
    return memcmp(run->keys[a] + LINT_KEY, run->keys[b] + LINT_KEY, LINT_KEY) == 0;
}

static err prepare(const struct lint_run *run, void **out) {
    struct conflicts *c = mem_zalloc(1, sizeof *c);
    *out = c;
    if (!c) return ERR_MEMORY;
    c->other = mem_alloc((size_t)run->n + 1, sizeof *c->other);
    if (!c->other) return ERR_MEMORY;
    for (int64_t i = 0; i < run->n; i++) {
        const struct lint_row *row = &run->rows[i];
        int64_t *first;
        c->other[i] = -1;
        if (!lint_asks(row)) continue;
        TRY(text_map_add(&c->prompts, (struct span){run->keys[i], LINT_KEY}, i, &first));
        if (*first == i || same_answer(run, *first, i)) continue;
        c->other[i] = *first;
        if (c->other[*first] < 0) c->other[*first] = i;
    }
    /* A row that says what the first one says is in conflict with whatever that one is. */
    for (int64_t i = 0; i < run->n; i++) {
        if (!lint_asks(&run->rows[i]) || c->other[i] >= 0) continue;
        int64_t first = text_map_get(&c->prompts, (struct span){run->keys[i], LINT_KEY}, i);
        c->other[i] = c->other[first];
    }
    return ERR_OK;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    const struct conflicts *c = state;
    int64_t other = c->other[row];
    if (other < 0) return ERR_OK;
    mark->badness = 1;
    if (!mark->note) return ERR_OK;
    TRY(str_add(mark->note, "another answer to the prompt of "));
    return lint_place(run, other, mark->note);
}

static void release(void *state) {
    struct conflicts *c = state;
    text_map_release(&c->prompts);
    mem_free(c->other);
    mem_free(c);
}

const struct lint lint_conflicts = {
    .name = "conflicts",
    .summary = "the same prompt as another row, and another answer",
    .prepare = prepare,
    .look = look,
    .release = release,
};
