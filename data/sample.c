/* SPDX-License-Identifier: Apache-2.0
 * Samples and their turns: growing lists, copies into the arena of the corpus, and the whole
 * prompt of a turn with all that was said before it. The contract is data/sample.h; who makes
 * samples is data/readers/. */
#include "data/sample.h"
#include "base/mem.h"
#include "base/str.h"

static err copy(struct arena *a, struct span from, struct span *out) {
    out->text = arena_strndup(a, from.n > 0 ? from.text : "", from.n);
    out->n = from.n;
    return out->text ? ERR_OK : ERR_MEMORY;
}

static err add(struct turns *t, struct turn **out) {
    if (t->n == t->capacity) { /* outgrown arrays stay in the arena: conversations are short */
        int64_t capacity = t->capacity ? 2 * t->capacity : 1;
        struct turn *grown = arena_alloc(t->arena, (size_t)capacity, sizeof *grown);
        if (!grown) return ERR_MEMORY;
        for (int64_t i = 0; i < t->n; i++) grown[i] = t->items[i];
        t->items = grown;
        t->capacity = capacity;
    }
    *out = &t->items[t->n];
    **out = (struct turn){.trained = true};
    t->n++;
    return ERR_OK;
}

err turns_add(struct turns *t, struct span prompt, struct span answer) {
    struct turn *turn;
    TRY(add(t, &turn));
    TRY(copy(t->arena, prompt, &turn->prompt));
    return copy(t->arena, answer, &turn->answer);
}

err turns_add_plain(struct turns *t, struct span text) {
    struct turn *turn;
    TRY(add(t, &turn));
    return copy(t->arena, text, &turn->prompt);
}

err sample_list_add(struct sample_list *list, struct turns *turns, int32_t source, int32_t line) {
    if (list->n == list->capacity) {
        int64_t capacity = list->capacity ? 2 * list->capacity : 256;
        struct sample *grown = mem_resize(list->items, (size_t)capacity, sizeof *grown);
        if (!grown) return ERR_MEMORY;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->n++] = (struct sample){turns->items, turns->n, source, line};
    *turns = (struct turns){.arena = turns->arena};
    return ERR_OK;
}

void sample_list_release(struct sample_list *list) {
    mem_free(list->items);
    *list = (struct sample_list){0};
}

err sample_prompt(const struct sample *s, int64_t turn, struct str *out) {
    str_clear(out);
    for (int64_t i = 0; i < turn; i++) {
        TRY(str_append(out, s->turns[i].prompt.text, s->turns[i].prompt.n));
        TRY(str_add(out, "\n"));
        TRY(str_append(out, s->turns[i].answer.text, s->turns[i].answer.n));
        TRY(str_add(out, "\n"));
    }
    return str_append(out, s->turns[turn].prompt.text, s->turns[turn].prompt.n);
}
