/* SPDX-License-Identifier: Apache-2.0
 * A flat batch: the tokens of all rows back to back, with borders told per token instead of by
 * padding or a mask matrix. Every kind of isolation is a choice of position, first and link.
 * Read next: model/model.h, which takes one. */
#ifndef COTRAIN_MODEL_BATCH_H
#define COTRAIN_MODEL_BATCH_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { TARGET_IGNORE = -100 };

/* Where attention, positions and the localized filter stop (DESIGN section 4). */
enum isolate {
    ISOLATE_ALL,       /* all three at a document's border */
    ISOLATE_ATTENTION, /* attention only; positions and filter at a row's border (HF eager mode) */
    ISOLATE_NONE,      /* everything at a row's border only (HF with flash attention) */
};
MUST_CHECK err isolate_parse(const char *name, enum isolate *out);

/* Padding at a row's start that an attention mask hides: tokens [begin, end) of the row [begin,
 * row_end) see no key, and then the released code's softmax over nothing weighs all keys of the row
 * alike. */
struct blind {
    int64_t begin, end, row_end;
};

struct batch {
    int64_t n, capacity;
    int64_t row_base;  /* tokens of the training step before this batch; the caller sets it */
    int32_t *ids;      /* (N) */
    int32_t *targets;  /* (N) the token to predict after this one, or TARGET_IGNORE */
    int32_t *position; /* (N) rotary position */
    int32_t *first;    /* (N) index of the first token that this one attends to */
    uint8_t *link;   /* (N) 1: the token before belongs to the same text for the localized filter */
    int32_t *row;    /* (N) the token's number within the training step (keys dropout) */
    int32_t *length; /* (N) tokens of its document, whatever `isolate` is */
    struct blind *blind; /* (n_blind) from batch_hide */
    int64_t n_blind;
};

MUST_CHECK err batch_init(struct batch *b, int64_t capacity);
void batch_clear(struct batch *b); /* no tokens, row_base 0 */
void batch_release(struct batch *b);
/* Appends one row of n tokens. doc_start[i] is 1 where a document begins (i = 0 always does);
 * NULL: after each token equal to eod. targets NULL: all ignored. Over capacity is ERR_LIMIT. */
MUST_CHECK err batch_add_row(struct batch *b, int64_t n, const int32_t *ids, const int32_t *targets,
                             const uint8_t *doc_start, int64_t eod, enum isolate isolate);

/* Applies an attention mask (n) to the row of n tokens added last: hidden tokens are no keys for
 * the others, while the filter still sees them (released code). Padding at either end only: a hole
 * is ERR_UNSUPPORTED naming the token. */
MUST_CHECK err batch_hide(struct batch *b, int64_t n, const uint8_t *seen);

/* One row taken token by token, as a decoder does. A zeroed struct is the start of a row. */
struct row_place {
    int64_t n;        /* tokens so far */
    int64_t document; /* where in the row the present document began */
};
/* Position, first (counted within the row) and link of the row's next token. */
void row_place_next(struct row_place *p, bool doc_start, enum isolate isolate, int32_t *position,
                    int32_t *first, uint8_t *link);

#endif
