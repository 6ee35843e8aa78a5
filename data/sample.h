/* SPDX-License-Identifier: Apache-2.0
 * A sample: one record of a source as text, a conversation of one turn or several. Readers make
 * them, data/rows.h turns them into rows of tokens. Their texts lie in an arena that outlives them.
 */
#ifndef COTRAIN_DATA_SAMPLE_H
#define COTRAIN_DATA_SAMPLE_H

#include "base/arena.h"
#include "base/err.h"
#include "data/span.h"
#include <stdbool.h>
#include <stdint.h>

struct turn {
    struct span prompt;
    struct span
        answer;   /* text NULL: plain text without question and answer, all of it in `prompt` */
    bool trained; /* false: an answer that is context only */
};

/* The turns of the record being read; zeroed (but for the arena) is empty. */
struct turns {
    struct arena *arena;
    struct turn *items;
    int64_t n, capacity;
};
/* Copies the texts into the arena. */
MUST_CHECK err turns_add(struct turns *t, struct span prompt, struct span answer);
MUST_CHECK err turns_add_plain(struct turns *t, struct span text);

struct sample {
    const struct turn *turns;
    int64_t n;
    int32_t source; /* number of its source in the build */
    int32_t line;   /* of the source's file, from 1 */
};
struct sample_list {
    struct sample *items;
    int64_t n, capacity;
};
/* Takes over the turns, which become empty. */
MUST_CHECK err sample_list_add(struct sample_list *list, struct turns *turns, int32_t source,
                               int32_t line);
void sample_list_release(struct sample_list *list);

/* The whole prompt of one turn: what was said before it and its own prompt, joined by newlines, as
 * Yuan 2.0 writes conversations. Replaces *out. */
struct str;
MUST_CHECK err sample_prompt(const struct sample *s, int64_t turn, struct str *out);

#endif
