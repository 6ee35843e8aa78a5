/* SPDX-License-Identifier: Apache-2.0
 * Prepares the tables' patterns: see issues/read/pattern.h for what is prepared.
 * A few hundred rows take as long as a page of text.
 * Read next: issues/read/rules.h. */
#include "issues/read/rules.h"

#include "issues/read/condense.h"
#include "issues/read/cues.h"

err rules_make(struct arena *a, struct rules *out) {
    out->cues = arena_alloc(a, (size_t)n_cue_rows, sizeof *out->cues);
    out->phrases = arena_alloc(a, (size_t)n_phrase_rows, sizeof *out->phrases);
    if (!out->cues || !out->phrases) return ERR_MEMORY;
    for (int i = 0; i < n_cue_rows; i++) pattern_compile(cue_rows[i].pattern, &out->cues[i]);
    for (int i = 0; i < n_phrase_rows; i++)
        pattern_compile(phrase_rows[i].pattern, &out->phrases[i]);
    return ERR_OK;
}
