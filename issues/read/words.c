/* SPDX-License-Identifier: Apache-2.0
 * Prepares a post for the rules: reads title and body, cuts them into sentences, finds labels, and
 * looks whether the body is a form that somebody has left as it was.
 * Read next: issues/read/words.h. */
#include "issues/read/words.h"

#include "issues/read/values.h"

enum { HEADING_MAX = 40 };

/* A heading, or a line of nothing but bold, or of a label of its own. */
static bool is_heading(const struct text *t, const struct line *line) {
    if (line->kind == LINE_HEADING) return true;
    struct range r = line->at;
    while (r.begin < r.end && t->fold[r.begin] == ' ') r.begin++;
    while (r.begin < r.end && t->fold[r.end - 1] == ' ') r.end--;
    return line->kind == LINE_WORDS && range_size(r) > 4 && range_size(r) < 2 * HEADING_MAX &&
           t->fold[r.begin] == '*' && t->fold[r.begin + 1] == '*' && t->fold[r.end - 1] == '*' &&
           t->fold[r.end - 2] == '*';
}

/* A line that answers: not a comment, a box, an instruction, "_No response_", "- OS:" or "1". */
static bool answers(const struct text *t, const struct line *line, bool *out_filler) {
    struct range r = range_trim(t, line->at);
    *out_filler = false;
    if (line->kind == LINE_BOX || line->kind == LINE_HIDDEN || line->kind == LINE_BLANK ||
        line->kind == LINE_FENCE || line->kind == LINE_RULE)
        return false;
    if (r.begin >= r.end || value_empty(t, r)) return false;
    *out_filler = value_filler(t, r);
    if (*out_filler) return false;
    if (t->fold[r.end - 1] == ':' && range_size(r) < HEADING_MAX) return false;
    return line->kind == LINE_CODE || !(cues_in(t, line->at) & CUE_BIT(HINT));
}

void form_read(const struct text *t, struct form *out) {
    *out = (struct form){0};
    bool open = true; /* the heading above has no answer yet */
    for (int64_t l = 0; l < t->n_lines; l++) {
        const struct line *line = &t->lines[l];
        out->n_boxes += line->kind == LINE_BOX;
        if (is_heading(t, line)) {
            out->n_headings++;
            out->n_level3 += line->kind == LINE_HEADING && line->level == 3;
            open = true;
        } else if (open) {
            bool filler, answered = answers(t, line, &filler);
            out->n_answered += answered;
            out->n_filler += filler;
            open = !answered && !filler;
        }
    }
}

static void form_kind(const struct words *w, struct form *form) {
    for (int64_t l = 0; l < w->body.n_lines; l++) {
        const struct line *line = &w->body.lines[l];
        if (!is_heading(&w->body, line)) continue;
        uint64_t cues = cues_in(&w->body, line->at);
        form->asks_bug = form->asks_bug || (cues & CUE_BIT(ERROR_STRONG));
        form->asks_feature =
            form->asks_feature || pattern_find(U"(feature request|feature|功能建议|功能描述)",
                                               w->body.fold, line->at, NULL);
    }
}

/* "rt", "如题": the title is meant. */
static bool points_to_title(const struct words *w) {
    int64_t n = 0;
    for (int64_t i = 0; i < w->says.n; i++)
        if (!(w->says.items[i].cues & (CUE_BIT(GREETING) | CUE_BIT(HINT))))
            n += range_words(&w->body, w->says.items[i].at);
    return n == 0;
}

err words_read(const struct post *post, struct arena *a, struct words *out) {
    *out = (struct words){.post = post};
    const char *title = post->comment == 0 && post->title ? post->title : "";
    TRY(text_read(title, true, a, &out->title));
    TRY(text_read(post->comment && post->title ? post->title : "", true, a, &out->thread));
    TRY(text_read(post->body ? post->body : "", false, a, &out->body));
    TRY(rules_make(post->repository, a, &out->rules));
    out->title.rules = out->thread.rules = out->body.rules = &out->rules;
    TRY(sentences_find(&out->title, a, &out->title_says));
    TRY(sentences_find(&out->thread, a, &out->thread_says));
    TRY(sentences_find(&out->body, a, &out->says));
    TRY(labels_find(&out->body, a, &out->labels));
    form_read(&out->body, &out->form);
    form_kind(out, &out->form);
    out->n_words = range_words(&out->body, (struct range){0, out->body.n});
    out->title_alone = points_to_title(out);
    out->code_error = cues_code_has_error(&out->body);
    return ERR_OK;
}

static void count_letters(const struct text *t, int64_t *han, int64_t *latin) {
    bool word = false;
    for (int64_t i = 0; i < t->n; i++) {
        if (t->mask[i] & (MASK_QUOTE | MASK_HIDDEN)) continue;
        bool letter = t->fold[i] >= 'a' && t->fold[i] <= 'z';
        *han += point_cjk(t->fold[i]);
        *latin += letter && !word;
        word = letter;
    }
}

const char *words_language(const struct words *w) {
    int64_t han = 0, latin = 0;
    count_letters(&w->body, &han, &latin);
    if (han + latin < 4) count_letters(&w->title, &han, &latin);
    if (han + latin == 0) return "";
    return han >= latin ? "zh" : "en";
}
