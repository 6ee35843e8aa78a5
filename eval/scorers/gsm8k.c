/* SPDX-License-Identifier: Apache-2.0
 * GSM8K, by the rules of Yuan 2.0's score_gsm8k.py. Of the answer one line is looked at (`line`),
 * behind its last "="; it is right when
 *   (1) the gold number stands in it, not as a part of a number or term, or
 *   (2) it has no number, and the gold one so stands behind the last "=" of the line before, or
 *   (3) one of its last three numbers equals the gold one.
 * For (3) the official program looks the question up by its exact text, and ends on a KeyError
 * where the record still begins with the instruction that its own generator put there; hence
 * `instruction_removed`.
 * Read next: eval/scorers/number.h; golden verdicts in tests/golden/test_scorers.c. */
#include "eval/scorers/number.h"
#include "eval/suite.h"
#include <string.h>

/* What makes a number before it a part of something: letters of unknowns, digits, operators. */
#define TERM "xyzXYZ\\d+\\-*/=()√₀\\\\²³‰¼½¾_×¬^,!:±÷∶∧∨∑∏∪∷≡≠><≤≥"
#define WHOLE "[-+]?\\d+"

enum rule { BOXED, DIGIT, NUMBER, BRACES, FRACTION, PLAIN_NUMBER };
static const char *const patterns[] = {
    [BOXED] = "\\\\boxed\\{\\s*([\\d.,/]+)\\s*\\}\\.?",
    [DIGIT] = "\\d",
    [NUMBER] = "(?:" WHOLE "\\.?\\d+/\\d+\\.?\\d+|" WHOLE "/\\d+|" WHOLE
               "\\.\\d+|\\d{1,5}(?:,\\d{3})+(?:\\.\\d+)*?|" WHOLE ")(?![" TERM "])",
    [BRACES] = "(?:\\s*\\}){3}",
    [FRACTION] = "\\\\d?frac\\{([\\d,.]+)\\}\\{([\\d,.]+)\\}",
    [PLAIN_NUMBER] = "[-+]?\\d[\\d,]*(?:\\.\\d+)?(?:/[1-9]\\d*)?",
};
enum extra { FINAL_NUMBER, INSTRUCTION_REMOVED };

/* One record on its way to a verdict. */
struct work {
    const struct scoring *s;
    struct str record, answer, line, before; /* `before`: the second of rule (2), "" is none */
    struct span question;
    const char *gold;  /* of the item that the question was found to be */
    const char *error; /* how the official program ends */
};

static struct span last_equal(struct span s) {
    return text_after_last(s, "=");
}

/* Question and answer of the record. */
static err take_apart(struct work *w, struct span record) {
    static const char *const gone[] = {"\\!", "\\;", "\\,", "$", " "};
    TRY(text_set(&w->record, scorer_drop_line_ends(span_strip(record))));
    TRY(scorer_replace(w->s, BOXED, "$1", &w->record));
    if (w->record.len == 0) {
        w->error = "skipped"; /* an empty line is no answer to the official program */
        return ERR_OK;
    }
    w->question = span_strip(text_piece(text_of(&w->record), "[SEP]", 0));
    struct span answer = text_piece(text_of(&w->record), "[SEP]", 1);
    if (answer.text == NULL) {
        w->error = "IndexError";
        return ERR_OK;
    }
    TRY(text_set(&w->answer, answer));
    TRY(text_replace(&w->answer, "<br>", "<n>"));
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        TRY(text_replace(&w->answer, gone[i], ""));
    return text_replace(&w->answer, "≈", "=");
}

/* \frac{a}{b} of plain numbers becomes a/b; not beside fractions in fractions. */
static err flatten_fractions(const struct work *w, struct str *text) {
    bool nested = false;
    if (!text_has(text_of(text), "frac")) return ERR_OK;
    TRY(scorer_has(w->s, BRACES, text_of(text), &nested));
    return nested ? ERR_OK : scorer_replace(w->s, FRACTION, "$1/$2", text);
}

/* The last line with a digit, of the last three. */
static err choose_line(struct work *w) {
    struct span all = text_of(&w->answer), line = text_piece(all, "<n>", -1);
    bool digit = false;
    if (text_n_pieces(all, "<n>") > 1) {
        if (!text_has(line, "=")) {
            TRY(str_add(&w->before, "<n>"));
            struct span part = last_equal(text_piece(all, "<n>", -2));
            TRY(str_append(&w->before, part.text, part.n));
        }
        for (int64_t back = -2; back >= -3 && line.n > 0; back--) {
            TRY(scorer_has(w->s, DIGIT, line, &digit));
            struct span earlier = text_piece(all, "<n>", back);
            if (!digit && earlier.text != NULL) line = earlier;
        }
    }
    line = last_equal(line);
    TRY(str_add(&w->line, "<n>"));
    TRY(str_append(&w->line, line.text, line.n));
    TRY(text_replace(&w->line, "\\\\%", "%"));
    TRY(text_replace(&w->line, "\\%", "%"));
    TRY(flatten_fractions(w, &w->line));
    return flatten_fractions(w, &w->before);
}

/* Whether the gold number stands in the text by itself. */
static err gold_stands_in(const struct work *w, struct span text, bool *out) {
    struct str pattern = {0};
    struct regex *r = NULL;
    struct regex_match m = {0};
    err result = str_printf(&pattern, "(?<=[^0-9+\\-*/])\\Q%s\\E(?![." TERM "])", w->gold);
    if (result == ERR_OK) result = regex_new(&r, str_text(&pattern));
    if (result == ERR_OK) result = regex_find(r, text.text, text.n, 0, &m);
    *out = m.n_groups > 0;
    regex_free(r);
    str_release(&pattern);
    return result;
}

static bool is_known(const struct suite_items *items, struct span question) {
    for (int64_t i = 0; i < items->n; i++)
        if (span_equal(text_span(items->items[i].question), question)) return true;
    return false;
}

/* Rule (3), from the last number on. */
static err compare_numbers(struct work *w, const struct regex_range *last, int64_t n, bool *out) {
    double gold = 0.0, value = 0.0;
    const char *why = "";
    if (!is_known(w->s->items, w->question)) {
        w->error = "KeyError";
        return ERR_OK;
    }
    TRY(number_read(text_span(w->gold), &gold, &why));
    for (int64_t k = n - 1; k >= 0 && k >= n - 3 && !*out; k--) {
        const struct regex_range *at = &last[k % 3];
        const char *wrong = why;
        TRY(number_read(text_cut(text_of(&w->line), at->begin, at->end), &value, &wrong));
        if (wrong[0] == '\0') wrong = why;
        if (wrong[0] != '\0') {
            w->error = wrong;
            return ERR_OK;
        }
        *out = value == gold;
    }
    return ERR_OK;
}

static err judge(struct work *w, bool *out) {
    struct regex_range last[3] = {{0, 0}};
    struct regex_match m;
    struct span line = text_of(&w->line);
    int64_t n = 0;
    TRY(gold_stands_in(w, line, out));
    if (*out) return ERR_OK;
    TRY(regex_find(w->s->rules[NUMBER], line.text, line.n, 0, &m));
    while (m.n_groups > 0) {
        last[n++ % 3] = m.groups[0];
        size_t from = regex_next(&m, line.text, line.n);
        TRY(regex_find(w->s->rules[NUMBER], line.text, line.n, from, &m));
    }
    if (n > 0) return compare_numbers(w, last, n, out);
    return w->before.len > 0 ? gold_stands_in(w, text_of(&w->before), out) : ERR_OK;
}

static void release(struct work *w) {
    str_release(&w->record);
    str_release(&w->answer);
    str_release(&w->line);
    str_release(&w->before);
}

/* The official verdict on a record; `v` NULL: only whether it is right. */
static err official(const struct scoring *s, struct span record, struct verdict *v, bool *out) {
    struct work w = {.s = s};
    *out = false;
    err result = take_apart(&w, record);
    if (result == ERR_OK && w.error == NULL) {
        const struct suite_item *item = scorer_find_question(s->items, w.question);
        if (item != NULL)
            w.gold = item->gold;
        else
            w.error = "UnboundLocalError";
    }
    if (result == ERR_OK && w.error == NULL) result = choose_line(&w);
    if (result == ERR_OK && w.error == NULL) result = judge(&w, out);
    if (v != NULL) {
        v->error = w.error;
        v->gold = w.gold;
        struct span line = text_of(&w.line);
        if (result == ERR_OK && line.n > 0)
            result = scorer_keep(s, text_cut(line, strlen("<n>"), line.n), &v->extracted);
    }
    release(&w);
    return result;
}

/* Ours: the last number of the whole answer equals the gold one; it is also what is voted by. */
static err final_number(const struct scoring *s, struct span record, struct verdict *v) {
    const char *gold = v->gold;
    struct span answer = text_piece(record, "[SEP]", 1);
    struct regex_match m;
    double value = 0.0, wanted = 0.0;
    const char *wrong = "", *why = "";
    if (gold == NULL || answer.text == NULL) return ERR_OK;
    TRY(scorer_last_match(s->rules[PLAIN_NUMBER], answer, &m, NULL));
    if (m.n_groups == 0) return ERR_OK;
    TRY(number_read(text_cut(answer, m.groups[0].begin, m.groups[0].end), &value, &wrong));
    TRY(number_read(text_span(gold), &wanted, &why));
    v->extra[FINAL_NUMBER] = wrong[0] == '\0' && why[0] == '\0' && value == wanted;
    if (wrong[0] != '\0') return ERR_OK;
    v->vote = arena_printf(s->arena, "%.17g", value);
    return v->vote != NULL ? ERR_OK : ERR_MEMORY;
}

static err score(const struct scoring *s, const struct scored_answer *a, struct verdict *out) {
    static const char instruction[] = "详细分析并求解以下数学问题。<n>";
    struct span record = span_strip(a->text);
    TRY(official(s, record, out, &out->correct));
    TRY(final_number(s, record, out));
    if (text_starts(record, instruction)) record = text_cut(record, strlen(instruction), record.n);
    bool right = false;
    TRY(official(s, record, NULL, &right));
    out->extra[INSTRUCTION_REMOVED] = right;
    return ERR_OK;
}

const struct scorer scorer_gsm8k = {
    .metric = "accuracy",
    .summary =
        "Yuan 2.0's score_gsm8k.py: the gold number in the last line, behind its last \"=\", "
        "or equal to one of its last three numbers",
    .patterns = patterns,
    .n_patterns = sizeof patterns / sizeof patterns[0],
    .extras = {{"final_number", "the last number of the answer equals the gold one"},
               {"instruction_removed",
                "the official rule on the record without the instruction before the question, on "
                "which the official program itself ends with an error"}},
    .score = score,
};
