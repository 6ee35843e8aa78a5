/* SPDX-License-Identifier: Apache-2.0
 * Samples and the drafts they begin as: growing lists, copies into the arena of the corpus, and
 * the texts of a sample as one. The contract is data/source/sample.h; who makes samples is
 * data/readers/. */
#include "data/source/sample.h"
#include "base/mem.h"
#include <string.h>

static err copy(struct arena *a, struct span from, struct span *out) {
    out->text = arena_strndup(a, from.n > 0 ? from.text : "", from.n);
    out->n = from.n;
    return out->text ? ERR_OK : ERR_MEMORY;
}

/* Room for one item more in the array `items` of the draft; outgrown ones stay in the arena, since
 * most records have few. */
static err grow(struct draft *d, void **items, size_t size) {
    if (d->sample.n < d->capacity) return ERR_OK;
    int64_t capacity = d->capacity ? 2 * d->capacity : 1;
    void *grown = arena_alloc(d->arena, (size_t)capacity, size);
    if (!grown) return ERR_MEMORY;
    if (d->sample.n > 0) memcpy(grown, *items, (size_t)d->sample.n * size);
    *items = grown;
    d->capacity = capacity;
    return ERR_OK;
}

err draft_turn(struct draft *d, struct span prompt, struct span answer) {
    struct sample *s = &d->sample;
    struct turn turn = {.trained = true};
    void *items = s->turns;
    BUG_IF(s->n > 0 && s->kind != SAMPLE_TURNS);
    TRY(grow(d, &items, sizeof turn));
    s->turns = items;
    TRY(copy(d->arena, prompt, &turn.prompt));
    TRY(copy(d->arena, answer, &turn.answer));
    s->turns[s->n++] = turn;
    return ERR_OK;
}

err draft_segment(struct draft *d, struct span text, bool trained) {
    struct sample *s = &d->sample;
    struct segment segment = {.trained = trained};
    void *items = s->segments;
    BUG_IF(s->n > 0 && s->kind == SAMPLE_TURNS);
    if (s->kind == SAMPLE_TURNS) s->kind = SAMPLE_SEGMENTS;
    TRY(grow(d, &items, sizeof segment));
    s->segments = items;
    TRY(copy(d->arena, text, &segment.text));
    s->segments[s->n++] = segment;
    return ERR_OK;
}

err draft_ids(struct draft *d, const int32_t *ids, const uint8_t *trained, int64_t n) {
    BUG_IF(d->sample.n > 0 || d->sample.ids);
    struct sample_ids *own = arena_alloc(d->arena, 1, sizeof *own);
    int32_t *own_ids = arena_alloc(d->arena, (size_t)n, sizeof *own_ids);
    uint8_t *own_trained = arena_alloc(d->arena, (size_t)n, 1);
    if (!own || !own_ids || !own_trained) return ERR_MEMORY;
    if (n > 0) memcpy(own_ids, ids, (size_t)n * sizeof *ids);
    if (n > 0) memcpy(own_trained, trained, (size_t)n);
    *own = (struct sample_ids){own_ids, own_trained, n};
    d->sample.ids = own;
    d->sample.kind = SAMPLE_IDS;
    return ERR_OK;
}

err sample_list_add(struct sample_list *list, struct draft *draft, int32_t source, int32_t line) {
    TRY(mem_grow(&list->items, &list->capacity, list->n, sizeof *list->items));
    struct sample *s = &list->items[list->n++];
    *s = draft->sample;
    s->source = source;
    s->line = line;
    *draft = (struct draft){.arena = draft->arena};
    return ERR_OK;
}

void sample_list_release(struct sample_list *list) {
    mem_free(list->items);
    *list = (struct sample_list){0};
}

bool sample_is_plain(const struct sample *s) {
    return s->kind == SAMPLE_SEGMENTS && s->n == 1;
}

err sample_add_note(struct sample *s, struct arena *arena, const char *text) {
    struct note **end = &s->notes;
    while (*end) end = &(*end)->next;
    struct note *note = arena_alloc(arena, 1, sizeof *note);
    if (!note) return ERR_MEMORY;
    note->text = arena_strdup(arena, text);
    if (!note->text) return ERR_MEMORY;
    *end = note;
    return ERR_OK;
}

static err add_span(struct str *out, struct span s) {
    return str_append(out, s.text, s.n);
}

err sample_prompt(const struct sample *s, int64_t turn, struct str *out) {
    BUG_IF(s->kind != SAMPLE_TURNS);
    str_clear(out);
    for (int64_t i = 0; i < turn; i++) {
        TRY(add_span(out, s->turns[i].prompt));
        TRY(str_add(out, "\n"));
        TRY(add_span(out, s->turns[i].answer));
        TRY(str_add(out, "\n"));
    }
    return add_span(out, s->turns[turn].prompt);
}

static err add_line(struct str *out, struct span s, bool *first) {
    if (!*first) TRY(str_add(out, "\n"));
    *first = false;
    return add_span(out, s);
}

/* An answer's trained ranges, or what is between them, as one line. */
static err add_ranges(const struct turn *turn, bool trained, bool *first, struct str *out) {
    size_t at = 0;
    TRY(add_line(out, (struct span){"", 0}, first));
    for (int32_t i = 0; i <= turn->n_ranges; i++) {
        bool is_last = i == turn->n_ranges;
        size_t begin = is_last ? turn->answer.n : turn->ranges[i].begin;
        size_t end = is_last ? begin : turn->ranges[i].end;
        if (!trained) TRY(str_append(out, turn->answer.text + at, begin - at));
        if (trained) TRY(str_append(out, turn->answer.text + begin, end - begin));
        at = end;
    }
    return ERR_OK;
}

/* The stretches that are trained, that are not, or both. */
static err add_texts(const struct sample *s, bool context, bool trained, struct str *out) {
    bool first = true;
    str_clear(out);
    for (int64_t i = 0; i < s->n && s->kind == SAMPLE_TURNS; i++) {
        const struct turn *turn = &s->turns[i];
        if (context) TRY(add_line(out, turn->prompt, &first));
        if (turn->n_ranges > 0 && turn->trained && context != trained)
            TRY(add_ranges(turn, trained, &first, out));
        else if (turn->trained ? trained : context)
            TRY(add_line(out, turn->answer, &first));
    }
    for (int64_t i = 0; i < s->n && s->kind != SAMPLE_TURNS; i++)
        if (s->segments[i].trained ? trained : context) TRY(add_span(out, s->segments[i].text));
    return ERR_OK;
}

err sample_context_text(const struct sample *s, struct str *out) {
    return add_texts(s, true, false, out);
}

err sample_trained_text(const struct sample *s, struct str *out) {
    return add_texts(s, false, true, out);
}

err sample_text(const struct sample *s, struct str *out) {
    return add_texts(s, true, true, out);
}

err sample_question(const struct sample *s, struct arena *arena, struct span *out) {
    if (s->kind == SAMPLE_TURNS || s->n == 1) {
        *out = span_strip(s->kind == SAMPLE_TURNS ? s->turns[0].prompt : s->segments[0].text);
        return ERR_OK;
    }
    bool both = false;
    for (int64_t i = 1; i < s->n; i++)
        both = both || s->segments[i].trained != s->segments[0].trained;
    struct str text = {0};
    err e = add_texts(s, true, !both, &text);
    *out = span_strip((struct span){str_text(&text), text.len});
    if (e == ERR_OK) e = copy(arena, *out, out);
    str_release(&text);
    return e;
}
