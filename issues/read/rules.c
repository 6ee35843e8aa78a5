/* SPDX-License-Identifier: Apache-2.0
 * Prepares the tables' patterns: see issues/read/pattern.h for what is prepared.
 * A few hundred rows take as long as a page of text.
 * Read next: issues/read/rules.h. */
#include "issues/read/rules.h"

#include "issues/read/condense.h"
#include "issues/read/cues.h"
#include <ctype.h>
#include <string.h>

/* "IEIT-Yuan/Yuan-2.0" has the model's name "yuan". */
static void take_name(const char *repository, char32_t out[RULES_NAME_SIZE]) {
    const char *slash = repository ? strrchr(repository, '/') : NULL;
    int n = 0;
    for (const char *c = slash ? slash + 1 : "";
         isalpha((unsigned char)*c) && n < RULES_NAME_SIZE - 1; c++)
        out[n++] = (char32_t)tolower((unsigned char)*c);
    out[n] = 0;
}

err rules_make(const char *repository, struct arena *a, struct rules *out) {
    take_name(repository, out->name);
    out->cues = arena_alloc(a, (size_t)n_cue_rows, sizeof *out->cues);
    out->phrases = arena_alloc(a, (size_t)n_phrase_rows, sizeof *out->phrases);
    if (!out->cues || !out->phrases) return ERR_MEMORY;
    for (int i = 0; i < n_cue_rows; i++) pattern_compile(cue_rows[i].pattern, &out->cues[i]);
    for (int i = 0; i < n_phrase_rows; i++)
        pattern_compile(phrase_rows[i].pattern, &out->phrases[i]);
    return ERR_OK;
}
