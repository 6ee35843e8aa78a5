/* SPDX-License-Identifier: Apache-2.0
 * What stands behind a label: a first paragraph, a list, more paragraphs, code; and readings being
 * put together from it. Where a short answer ends is decided here.
 * Read next: issues/read/read_labels.c, which turns values into fields. */
#ifndef COTRAIN_ISSUES_READ_VALUES_H
#define COTRAIN_ISSUES_READ_VALUES_H

#include "issues/read/label.h"

enum { VALUE_MAX_ITEMS = 64 };
struct value {
    struct range lead;                   /* the first paragraph, in front of a list */
    struct range items[VALUE_MAX_ITEMS]; /* of the first list, with their marks */
    int n_items;
    struct range body; /* lead, list and code, trimmed: all of a short answer */
    struct range rest; /* paragraphs behind that */
};

/* A value under a heading goes on over empty lines, another ends at one. What a form says for
 * nothing ("_No response_", "None", "无"), instructions of a template and parting words do not
 * count.
 */
void value_read(const struct text *t, struct range r, bool under_heading, struct value *out);
/* Nothing, or a form's word for it. */
bool value_empty(const struct text *t, struct range r);
/* "1", "test", "x": something that was typed to get past a form. */
bool value_filler(const struct text *t, struct range r);

/* Appends; memory is the arena's. */
MUST_CHECK err piece_list_add(struct arena *a, struct piece_list *list, const struct piece *piece);
MUST_CHECK err pair_add(struct arena *a, struct reading *r, const struct piece *prompt,
                        const struct piece *response);
/* Of a stretch that a piece of the list covers already. */
bool piece_list_has(const struct piece_list *list, const struct text *t, struct range r);

#endif
