/* SPDX-License-Identifier: Apache-2.0
 * Requests in plain sentences: which sentence asks for training, where the model would be used and
 * what it should do. Reasons, thanks and offers to work together are left out.
 * Read next: issues/read/cues.def and issues/read/phrases.def. */
#ifndef COTRAIN_ISSUES_READ_READ_PROSE_H
#define COTRAIN_ISSUES_READ_READ_PROSE_H

#include "issues/read/words.h"

/* Whether a sentence asks that the model be trained for something. `collecting`: it stands where
 * the programme collects, so a use that is only named counts as well. */
bool sentence_asks(const struct sentence *s, bool collecting);
/* The first one that does, or NULL; the body before the title. */
const struct sentence *words_asking(const struct words *w, bool collecting, bool *out_of_title);
/* Fills the fields of a request. */
MUST_CHECK err read_prose(const struct words *w, bool collecting, struct arena *a,
                          struct reading *out);

#endif
