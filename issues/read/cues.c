/* SPDX-License-Identifier: Apache-2.0
 * Finds the rows of issues/read/cues.def in sentences. A sentence ends at its punctuation, at a
 * line's end (but for a line that goes on in lower case) and where something begins that is not the
 * author's.
 * Read next: issues/read/cues.h, the contract. */
#include "issues/read/cues.h"

#include "issues/read/rules.h"

const struct cue_row cue_rows[] = {
#define CUE(class, pattern) {CUE_##class, pattern},
#include "issues/read/cues.def"
#undef CUE
};
const int n_cue_rows = (int)(sizeof cue_rows / sizeof cue_rows[0]);

uint64_t cues_in(const struct text *t, struct range r) {
    uint64_t found = 0;
    for (int i = 0; i < n_cue_rows; i++) {
        uint64_t bit = UINT64_C(1) << cue_rows[i].class;
        if (!(found & bit) && pattern_search(&t->rules->cues[i], t->said, r, NULL)) found |= bit;
    }
    return found;
}

bool cue_find(enum cue_class class, const struct text *t, struct range r, struct match *out) {
    for (int i = 0; i < n_cue_rows; i++)
        if (cue_rows[i].class == class && pattern_search(&t->rules->cues[i], t->said, r, out))
            return true;
    return false;
}

bool cues_code_has_error(const struct text *t) {
    for (int64_t l = 0; l < t->n_lines; l++) {
        if (t->lines[l].kind != LINE_CODE) continue;
        for (int i = 0; i < n_cue_rows; i++)
            if (cue_rows[i].class == CUE_ERROR_STRONG &&
                pattern_search(&t->rules->cues[i], t->fold, t->lines[l].at, NULL))
                return true;
    }
    return false;
}

/* Whether a line break only wraps a sentence: "... in one\npage". */
static bool wraps(const struct text *t, int64_t at) {
    uint32_t before = at > 0 ? t->fold[at - 1] : 0, after = t->point[at + 1];
    return (point_latin(before) || before == ',') && after >= 'a' && after <= 'z' &&
           point_latin(t->fold[at + 2]);
}

/* "1." at a line's beginning, bullets and marks before it or not. */
static bool list_number(const struct text *t, int64_t at) {
    int64_t i = at;
    while (i > 0 && t->said[i - 1] >= '0' && t->said[i - 1] <= '9') i--;
    if (i == at || at - i > 3) return false;
    while (i > 0 && t->said[i - 1] != '\n' && !point_word(t->said[i - 1]) && at - i < 12) i--;
    return i == 0 || t->said[i - 1] == '\n';
}

/* A full stop of ASCII: a letter or bracket before it, a blank or the end behind, no "e.g.". */
static bool full_stop(const struct text *t, int64_t at) {
    if (t->said[at] != '.' || at == 0) return false;
    uint32_t before = t->said[at - 1], after = t->said[at + 1];
    if (!point_word(before) && before != ')' && before != '"') return false;
    if (after != 0 && !point_blank(after) && after != TEXT_STOP && !point_cjk(after)) return false;
    bool one_letter = at < 2 || t->said[at - 2] == '.' || t->said[at - 2] == ' ';
    return !list_number(t, at) && !(one_letter && before >= 'a' && before <= 'z');
}

static bool ends_here(const struct text *t, int64_t at) {
    if (t->said[at] == '\n') return !wraps(t, at);
    return point_sentence(t->said[at]) || full_stop(t, at);
}

err sentences_find(const struct text *t, struct arena *a, struct sentence_list *out) {
    int64_t n = 0, begin = 0;
    for (int64_t i = 0; i <= t->n; i++) n += i == t->n || ends_here(t, i);
    *out = (struct sentence_list){0};
    out->items = arena_alloc(a, (size_t)n, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    for (int64_t i = 0; i <= t->n; i++) {
        if (i < t->n && !ends_here(t, i)) continue;
        struct sentence s = {.at = range_bare(t, (struct range){begin, i}),
                             .end_mark = i < t->n ? t->said[i] : 0};
        begin = i + 1;
        if (s.at.begin >= s.at.end) continue;
        s.cues = cues_in(t, s.at);
        if (s.end_mark == '?' || (s.cues & CUE_BIT(QUERY))) s.cues |= CUE_BIT(QUESTION);
        out->cues |= s.cues;
        out->items[out->n++] = s;
    }
    return ERR_OK;
}
