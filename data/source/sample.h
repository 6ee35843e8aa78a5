/* SPDX-License-Identifier: Apache-2.0
 * A sample: one record of a source. Readers write it into a draft, data/tokens/rows.h turns it into
 * rows of tokens, filters look at its texts and may replace them. What it points to lies in an
 * arena that outlives it. A sample takes 80 bytes of its list; all else of it is the arena's. */
#ifndef COTRAIN_DATA_SOURCE_SAMPLE_H
#define COTRAIN_DATA_SOURCE_SAMPLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "data/text/span.h"
#include <stdbool.h>
#include <stdint.h>

enum sample_kind {
    SAMPLE_TURNS,    /* a conversation of one turn or several */
    SAMPLE_SEGMENTS, /* stretches of text, one after the other; plain text is a single one */
    SAMPLE_IDS       /* tokens that came as such; its segments are their text, for those who read */
};

struct text_range {
    size_t begin, end; /* bytes [begin, end) */
};
struct turn {
    struct span prompt, answer;
    bool trained; /* false: an answer that is context only */
    /* What of a trained answer is; none: all of it. In order and apart; the answer's text then
     * stays as it is. */
    const struct text_range *ranges;
    int32_t n_ranges;
};
struct segment {
    struct span text;
    bool trained;
};
struct sample_ids {
    const int32_t *ids;
    const uint8_t *trained; /* a byte a token: 1 where predicting it counts */
    int64_t n;
};
/* What happened to a sample on its way ("masked 2 e-mail addresses"), in order. */
struct note {
    const char *text;
    struct note *next;
};

struct sample {
    enum sample_kind kind;
    int32_t source; /* number of its source in the build */
    int32_t line;   /* of the source's file, from 1 */
    int64_t n;      /* turns, or segments; at least 1 */
    struct turn *turns;
    struct segment *segments;
    const struct sample_ids *ids;
    const char *license, *reviewer; /* the record's own; NULL: not said */
    const char *origin;             /* its `origin`, an object as JSON text; NULL: none */
    struct note *notes;
};

/* The record being read; zeroed (but for the arena) is empty. All three copy what they are given
 * into the arena. The first one called says which kind the sample is, and the others may not follow
 * it; only draft_ids is followed by draft_segment, for the text. */
struct draft {
    struct arena *arena;
    struct sample sample;
    int64_t capacity;
};
MUST_CHECK err draft_turn(struct draft *d, struct span prompt, struct span answer);
MUST_CHECK err draft_segment(struct draft *d, struct span text, bool trained);
MUST_CHECK err draft_ids(struct draft *d, const int32_t *ids, const uint8_t *trained, int64_t n);

struct sample_list {
    struct sample *items;
    int64_t n, capacity;
};
/* Takes over the draft, which becomes empty. */
MUST_CHECK err sample_list_add(struct sample_list *list, struct draft *draft, int32_t source,
                               int32_t line);
void sample_list_release(struct sample_list *list);
/* One stretch of text: it has no question and no answer. */
bool sample_is_plain(const struct sample *s);
/* Copies the text to the end of the sample's notes. */
MUST_CHECK err sample_add_note(struct sample *s, struct arena *arena, const char *text);

/* The whole prompt of one turn: what was said before it and its own prompt, joined by newlines, as
 * Yuan 2.0 writes conversations. Replaces *out. SAMPLE_TURNS only. */
MUST_CHECK err sample_prompt(const struct sample *s, int64_t turn, struct str *out);

/* The texts of any kind of sample, for whoever compares or searches them; each replaces *out. Turns
 * are joined by newlines, segments by nothing.
 * What is only read: prompts, answers or parts of them that are context, untrained segments. */
MUST_CHECK err sample_context_text(const struct sample *s, struct str *out);
/* What is trained: answers and trained segments. "" for plain text that is not marked so. */
MUST_CHECK err sample_trained_text(const struct sample *s, struct str *out);
/* All of it, in its order. */
MUST_CHECK err sample_text(const struct sample *s, struct str *out);
/* The text by which samples are the same question: the first turn's prompt, or of segments what is
 * only read where anything is trained besides, else all of it. Without white space at its ends;
 * valid as long as the sample, or copied into the arena. */
MUST_CHECK err sample_question(const struct sample *s, struct arena *arena, struct span *out);

#endif
