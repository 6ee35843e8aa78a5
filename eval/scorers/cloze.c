/* SPDX-License-Identifier: Apache-2.0
 * AGIEval Gaokao Math Cloze. Yuan 2.0 published numbers for it, but no program that scores it (the
 * one for Math QA cannot read its file), so the rule here is ours and is named so: what the answer
 * gives for each blank must say the same as the file's (eval/scorers/symbolic.h).
 * The answer is the last \boxed{...}, else what stands behind the last phrase that announces one,
 * up to the end of that sentence, else the last line.
 * Read next: eval/tasks/agieval_math_cloze.c. */
#include "eval/scorers/symbolic.h"
#include "eval/suite.h"
#include <string.h>

/* The last \boxed{...} with balanced braces; text NULL: none. */
static struct span boxed(struct span s) {
    static const char mark[] = "\\boxed{";
    int64_t at = text_find_last(s, mark);
    if (at < 0) return (struct span){NULL, 0};
    size_t begin = (size_t)at + strlen(mark);
    int open = 1;
    for (size_t i = begin; i < s.n; i++) {
        if (s.text[i] == '{') open++;
        if (s.text[i] == '}' && --open == 0) return text_cut(s, begin, i);
    }
    return (struct span){NULL, 0};
}

static struct span announced(struct span s) {
    static const char *const phrases[] = {"答案是", "答案为", "答案：", "答案:", "故填", "应填"};
    size_t from = 0;
    bool found = false;
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        int64_t at = text_find_last(s, phrases[i]);
        if (at < 0 || (size_t)at + strlen(phrases[i]) < from) continue;
        from = (size_t)at + strlen(phrases[i]);
        found = true;
    }
    return found ? text_cut(s, from, s.n) : (struct span){NULL, 0};
}

static struct span without_marks(struct span s) {
    static const char *const before[] = {"：", ":"}, *const after[] = {"。", ".", "；", ";", "，"};
    s = span_strip(s);
    for (size_t i = 0; i < 2; i++)
        if (text_starts(s, before[i])) s = span_strip(text_cut(s, strlen(before[i]), s.n));
    for (size_t i = 0; i < 5; i++)
        if (text_ends(s, after[i])) s = span_strip(text_cut(s, 0, s.n - strlen(after[i])));
    return s;
}

static struct span find_answer(struct span s) {
    struct span found = boxed(s);
    if (found.text != NULL) return span_strip(found);
    found = announced(s);
    if (found.text != NULL) {
        int64_t stop = text_find(found, "。", 0);
        if (stop > 0) found = text_cut(found, 0, (size_t)stop);
        int64_t line = text_find(found, "<n>", 0);
        if (line > 0) found = text_cut(found, 0, (size_t)line);
    } else {
        for (int64_t back = -1; span_blank(found); back--) {
            found = text_piece(s, "<n>", back);
            if (found.text == NULL) return text_cut(s, 0, 0);
        }
    }
    return without_marks(found);
}

/* Blanks are told apart by what cuts the answer in as many pieces. */
static const char *separator_for(struct span answer, int64_t n_blanks) {
    static const char *const separators[] = {";", "；", "，", "、", "和", ","};
    for (size_t i = 0; i < sizeof separators / sizeof separators[0]; i++)
        if (text_n_pieces(answer, separators[i]) == n_blanks) return separators[i];
    return NULL;
}

static err compare(struct span gold, struct span answer, bool *out) {
    int64_t n = text_n_pieces(gold, ";");
    const char *separator = n > 1 ? separator_for(answer, n) : NULL;
    *out = false;
    if (n == 1) return symbolic_equal(gold, answer, out);
    if (separator == NULL) return ERR_OK;
    *out = true;
    for (int64_t i = 0; i < n && *out; i++)
        TRY(symbolic_equal(text_piece(gold, ";", i), text_piece(answer, separator, i), out));
    return ERR_OK;
}

static err score(const struct scoring *s, const struct scored_answer *a, struct verdict *out) {
    struct span record = span_strip(a->text);
    struct span answer = text_piece(record, "[SEP]", 1);
    const struct suite_item *item = a->item;
    if (item == NULL)
        item = scorer_find_question(s->items, span_strip(text_piece(record, "[SEP]", 0)));
    if (record.n == 0 || answer.text == NULL || item == NULL) {
        out->error = item == NULL ? "unknown question" : "no answer";
        return ERR_OK;
    }
    answer = find_answer(answer);
    out->gold = item->gold;
    TRY(scorer_keep(s, answer, &out->extracted));
    out->vote = out->extracted;
    return compare(text_span(item->gold), answer, &out->correct);
}

const struct scorer scorer_cloze = {
    .metric = "symbolic",
    .summary = "ours, as none was published: each blank's answer equals the file's, numbers by "
               "value",
    .score = score,
};
