/* SPDX-License-Identifier: Apache-2.0
 * What a teacher says, read as the JSON it was asked for: one value, a list of them, or several one
 * after the other; bare, in a code fence, or somewhere in prose. Each form is told apart, so that a
 * report can say how the teacher kept to it.
 * Read next: data/synth/expand.h. */
#ifndef COTRAIN_DATA_SYNTH_REPLY_H
#define COTRAIN_DATA_SYNTH_REPLY_H

#include "base/json.h"
#include "data/text/span.h"

enum reply_form { REPLY_BARE, REPLY_FENCED, REPLY_PROSE, REPLY_NONE };
const char *reply_form_word(enum reply_form form); /* "bare", "fenced", "prose", "none" */

/* The values, lists taken apart, in a new list; REPLY_NONE: an empty one. The caller
 * json_decref()s. */
MUST_CHECK err reply_read(const char *text, json_t **out, enum reply_form *out_form);
/* The inside of the first code fence, and whether it stands alone; false: there is none. */
bool reply_fence(const char *text, struct span *out, bool *out_alone);

#endif
