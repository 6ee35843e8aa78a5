/* SPDX-License-Identifier: Apache-2.0
 * What the scorers share: their regular expressions,
 * and finding what an answer is about.
 * Read next: eval/scorer.h. */
#include "eval/scorer.h"

#include "base/mem.h"
#include "eval/suite.h"
#include <string.h>

err scoring_open(struct scoring *s, const struct scorer *scorer, const struct suite_items *items,
                 struct arena *arena) {
    *s = (struct scoring){.scorer = scorer, .items = items, .arena = arena};
    if (scorer->n_patterns == 0) return ERR_OK;
    s->rules = mem_zalloc((size_t)scorer->n_patterns, sizeof *s->rules);
    if (s->rules == NULL) return ERR_MEMORY;
    for (int i = 0; i < scorer->n_patterns; i++) {
        err result = regex_new(&s->rules[i], scorer->patterns[i]);
        if (result != ERR_OK) {
            scoring_close(s);
            return result;
        }
    }
    return ERR_OK;
}

void scoring_close(struct scoring *s) {
    for (int i = 0; s->rules != NULL && i < s->scorer->n_patterns; i++) regex_free(s->rules[i]);
    mem_free(s->rules);
    *s = (struct scoring){0};
}

int scorer_n_extras(const struct scorer *s) {
    int n = 0;
    while (n < SCORER_MAX_EXTRAS && s->extras[n].name != NULL) n++;
    return n;
}

const struct suite_item *scorer_find_question(const struct suite_items *items,
                                              struct span question) {
    for (int64_t i = 0; i < items->n; i++) {
        struct span known = text_span(items->items[i].question);
        if (text_has_span(known, question) || text_has_span(question, known))
            return &items->items[i];
    }
    return NULL;
}

err scorer_last_match(const struct regex *r, struct span text, struct regex_match *out,
                      int64_t *out_n) {
    struct regex_match next;
    int64_t n = 0;
    *out = (struct regex_match){0};
    TRY(regex_find(r, text.text, text.n, 0, &next));
    while (next.n_groups > 0) {
        *out = next;
        n++;
        TRY(regex_find(r, text.text, text.n, regex_next(&next, text.text, text.n), &next));
    }
    if (out_n != NULL) *out_n = n;
    return ERR_OK;
}

err scorer_keep(const struct scoring *s, struct span text, const char **out) {
    *out = arena_strndup(s->arena, text.text != NULL ? text.text : "", text.n);
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

err scorer_replace(const struct scoring *s, int rule, const char *with, struct str *text) {
    struct str changed = {0};
    err result = regex_replace(s->rules[rule], str_text(text), text->len, with, &changed);
    if (result != ERR_OK) {
        str_release(&changed);
        return result;
    }
    str_release(text);
    *text = changed;
    return ERR_OK;
}

err scorer_has(const struct scoring *s, int rule, struct span in, bool *out) {
    struct regex_match m;
    TRY(regex_find(s->rules[rule], in.text, in.n, 0, &m));
    *out = m.n_groups > 0;
    return ERR_OK;
}

struct span scorer_drop_line_ends(struct span s) {
    s = span_strip_end(s);
    while (text_ends(s, "<n>")) s = span_strip_end(text_cut(s, 0, s.n - strlen("<n>")));
    return s;
}
