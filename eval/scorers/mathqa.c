/* SPDX-License-Identifier: Apache-2.0
 * AGIEval Gaokao Math QA, by the rules of Yuan 2.0's score_mathqa.py: which letters an answer names
 * is found by a cascade of phrases (eval/scorers/mathqa.def), then by which options it calls right
 * (or wrong, where the question asks for that), then by its last lines, then by a lone letter. The
 * letters, sorted and each once, are compared with the gold ones. A question that is in no file is
 * left out by the official program, but counts in the accuracy's denominator.
 * Read next: golden verdicts in tests/golden/test_scorers.c. */
#include "eval/suite.h"
#include <string.h>

#define OPENING "[:：(（]*?"
#define LETTERS "[A-F]+"
#define LED_BY(phrases) "(?:" phrases ")" OPENING LETTERS
#define ABOUT "[本此题的答案选项故是为择符合题目的入选符合题意正确错误应综上叙述说法]+"
#define VERDICT_ON(word) "(?:故|选项|)" OPENING LETTERS "[)）]?[是为选项]?" word
#define ALL_OF(end) "选项([A-F]\\.[^。？?!！：]*?)+?" end

enum {
#define REWRITE(pattern, with) +1
#define FIND(pattern)
#define LED(phrases)
    N_REWRITES = 0
#include "eval/scorers/mathqa.def"
    ,
#undef REWRITE
#undef FIND
#undef LED
#define REWRITE(pattern, with)
#define FIND(pattern) +1
#define LED(phrases) +1
    N_FINDS = 0
#include "eval/scorers/mathqa.def"
    ,
#undef REWRITE
#undef FIND
#undef LED
};

static const char *const rewrites[] = {
#define REWRITE(pattern, with) with,
#define FIND(pattern)
#define LED(phrases)
#include "eval/scorers/mathqa.def"
#undef REWRITE
#undef FIND
#undef LED
};

/* Patterns: the rewrites, the finds, then these. */
enum rule {
    SPACE_AFTER_SEP = N_REWRITES + N_FINDS,
    NEGATION,
    ONE_RUN,
    ANY_LETTERS,
    ALL_RIGHT,
    ALL_WRONG,
    NONE_FITS,
    RIGHT_IS,
    CALLED_RIGHT,
    CALLED_WRONG,
    WRONG_IS,
    NOT_RIGHT_IS,
    WRONG_IS_SHORT,
    MISREAD,
    LETTER_DOT,
    LAST_LINE,
    OPTION_LETTER,
    PAREN_LETTER,
    LONE_LETTER,
    N_RULES
};
static const char *const patterns[] = {
#define REWRITE(pattern, with) pattern,
#define FIND(pattern)
#define LED(phrases)
#include "eval/scorers/mathqa.def"
#undef REWRITE
#undef FIND
#undef LED
#define REWRITE(pattern, with)
#define FIND(pattern) pattern,
#define LED(phrases) LED_BY(phrases),
#include "eval/scorers/mathqa.def"
#undef REWRITE
#undef FIND
#undef LED
    [SPACE_AFTER_SEP] = "(?<=\\[SEP\\])\\s+",
    [NEGATION] = "错误|不合理|不正确|不[是会]|不发生|False|无法推断",
    [ONE_RUN] = "\\A[A-D]+\\z",
    [ANY_LETTERS] = LETTERS,
    [ALL_RIGHT] = ALL_OF("[都均]正确"),
    [ALL_WRONG] = ALL_OF("(?:[都均]不正确|没有正确|[都均]错误)"),
    [NONE_FITS] = "选项A[中.][^B。？?！!]*?B[中.][^C。？?！!]*?C[中.][^D。？?！!]*?"
                  "D[中.][^。？?！!]*?都不符合条件",
    [RIGHT_IS] = "正确的[\\x{4e00}-\\x{9fa5}]*?[是为]" OPENING LETTERS,
    [CALLED_RIGHT] = VERDICT_ON("正确"),
    [CALLED_WRONG] = VERDICT_ON("错误"),
    [WRONG_IS] = LED_BY("(?:错误的(?:叙述|说法|表述|做法)|(?:说法|叙述)错误的)[为是]"),
    [NOT_RIGHT_IS] = LED_BY("不正确的[是为]"),
    [WRONG_IS_SHORT] = LED_BY("错误的[是为]"),
    [MISREAD] = "[A-F]选项理解有误",
    [LETTER_DOT] = "[A-F]\\.",
    [LAST_LINE] = ABOUT "[\\x{4e00}-\\x{9fa5}]*?[:：（(]?[A-E]+[^F-Za-z\\d]+|"
                        "[A-E]+[.)][^F-Za-z\\d]*?[^。？！]*?[正确错误符合选项得体]{2,}.*?$",
    [OPTION_LETTER] = "选项[A-D]",
    [PAREN_LETTER] = "（[A-D]）",
    [LONE_LETTER] = "[^A-D][A-D]\\.",
};
_Static_assert(sizeof patterns / sizeof patterns[0] == N_RULES, "a pattern for every rule");

/* An answer on its way to letters. */
struct work {
    const struct scoring *s;
    struct str record, question, answer;
    struct span all_right, all_wrong; /* the last option that is called so; text NULL: none */
    struct span found;                /* what the letters are taken from; text NULL: nothing yet */
    struct str letters;               /* what `found` points to where it was put together */
    bool given_up;                    /* the answer says that no option fits */
};

static err last_match(const struct work *w, int rule, struct span in, struct span *out) {
    struct regex_match m;
    TRY(scorer_last_match(w->s->rules[rule], in, &m, NULL));
    *out = (struct span){NULL, 0};
    if (m.n_groups > 0) *out = text_cut(in, m.groups[0].begin, m.groups[0].end);
    return ERR_OK;
}

/* Looks for a rule where nothing has been found yet. */
static err try_rule(struct work *w, int rule) {
    return w->found.text != NULL ? ERR_OK : last_match(w, rule, text_of(&w->answer), &w->found);
}

/* Letters of a text, sorted, each once, appended. */
static err sort_letters(struct span from, struct str *out) {
    for (char letter = 'A'; letter <= 'F'; letter++)
        if (memchr(from.text, letter, from.n) != NULL) TRY(str_append(out, &letter, 1));
    return ERR_OK;
}

/* Question and answer; *out_error as in struct verdict. */
static err take_apart(struct work *w, struct span record, const char **out_error) {
    static const char *const wide[][2] = {{" ", ""},   {"$", ""},   {"Ｃ", "C"},
                                          {"Ａ", "A"}, {"Ｂ", "B"}, {"Ｄ", "D"}};
    TRY(text_set(&w->record, scorer_drop_line_ends(span_strip(record))));
    TRY(scorer_replace(w->s, SPACE_AFTER_SEP, "", &w->record));
    struct span whole = text_of(&w->record);
    if (whole.n == 0) {
        *out_error = "skipped"; /* an empty line is no answer to the official program */
        return ERR_OK;
    }
    struct span answer = text_piece(span_strip(whole), "[SEP]", 1);
    if (answer.text == NULL) {
        *out_error = "IndexError";
        return ERR_OK;
    }
    TRY(text_set(&w->question, text_piece(whole, "[SEP]", 0)));
    TRY(text_set(&w->answer, answer));
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        TRY(text_replace(&w->answer, wide[i][0], wide[i][1]));
    return ERR_OK;
}

static err find_phrases(struct work *w) {
    bool bare = false;
    TRY(scorer_has(w->s, ONE_RUN, text_of(&w->answer), &bare));
    if (bare) {
        TRY(str_append(&w->letters, w->answer.data, w->answer.len));
        w->found = text_of(&w->letters);
    }
    for (int i = 0; i < N_REWRITES; i++) TRY(scorer_replace(w->s, i, rewrites[i], &w->answer));
    for (int i = 0; i < N_FINDS; i++) TRY(try_rule(w, N_REWRITES + i));
    return ERR_OK;
}

/* The first match's group, which holds the last of the options that are called so. */
static err first_group(const struct work *w, int rule, struct span *out) {
    struct regex_match m;
    struct span answer = text_of(&w->answer);
    TRY(regex_find(w->s->rules[rule], answer.text, answer.n, 0, &m));
    if (m.n_groups > 1) *out = text_cut(answer, m.groups[1].begin, m.groups[1].end);
    return ERR_OK;
}

/* All options that are called right (or wrong) one by one, else the letters of `summed_up`. */
static err collect(struct work *w, int rule, struct span summed_up) {
    struct span answer = text_of(&w->answer);
    struct str letters = {0};
    for (int pass = 0; pass < 2; pass++) {
        struct span in = pass == 0 ? answer : summed_up;
        struct regex_match m = {0}, run;
        const struct regex *r = w->s->rules[pass == 0 ? rule : LETTER_DOT];
        err result = in.text != NULL ? regex_find(r, in.text, in.n, 0, &m) : ERR_OK;
        while (result == ERR_OK && m.n_groups > 0) {
            struct span one = text_cut(in, m.groups[0].begin, m.groups[0].end);
            result = regex_find(w->s->rules[ANY_LETTERS], one.text, one.n, 0, &run);
            if (result == ERR_OK)
                result = str_append(&letters, one.text + run.groups[0].begin,
                                    run.groups[0].end - run.groups[0].begin);
            if (result == ERR_OK)
                result = regex_find(r, in.text, in.n, regex_next(&m, in.text, in.n), &m);
        }
        if (result == ERR_OK && letters.len > 0 && w->found.text == NULL) {
            result = sort_letters(text_of(&letters), &w->letters);
            w->found = text_of(&w->letters);
        }
        bool done = letters.len > 0;
        if (done || pass == 1 || result != ERR_OK) str_release(&letters);
        TRY(result);
        if (done) break;
    }
    return ERR_OK;
}

static err find_judgements(struct work *w) {
    static const int wrong[] = {WRONG_IS, NOT_RIGHT_IS, WRONG_IS_SHORT, MISREAD};
    bool negated = false, none_fits = false;
    TRY(first_group(w, ALL_RIGHT, &w->all_right));
    TRY(first_group(w, ALL_WRONG, &w->all_wrong));
    TRY(scorer_has(w->s, NONE_FITS, text_of(&w->answer), &none_fits));
    w->given_up = none_fits;
    if (none_fits || w->found.text != NULL) return ERR_OK;
    TRY(scorer_has(w->s, NEGATION, text_of(&w->question), &negated));
    if (!negated) {
        TRY(try_rule(w, RIGHT_IS));
        return w->found.text != NULL ? ERR_OK : collect(w, CALLED_RIGHT, w->all_right);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) TRY(try_rule(w, wrong[i]));
    return w->found.text != NULL ? ERR_OK : collect(w, CALLED_WRONG, w->all_wrong);
}

/* In a line: the last match that speaks of an answer or option, else the last one. */
static err search_line(struct work *w, struct span line) {
    struct regex_match m;
    struct span telling = {NULL, 0};
    const struct regex *r = w->s->rules[LAST_LINE];
    if (line.text == NULL || w->found.text != NULL) return ERR_OK;
    TRY(regex_find(r, line.text, line.n, 0, &m));
    while (m.n_groups > 0) {
        w->found = text_cut(line, m.groups[0].begin, m.groups[0].end);
        if (text_has(w->found, "答案") || text_has(w->found, "选项")) telling = w->found;
        TRY(regex_find(r, line.text, line.n, regex_next(&m, line.text, line.n), &m));
    }
    if (telling.text != NULL) w->found = telling;
    return ERR_OK;
}

/* A letter that stands alone; of several, all where the question has several right ones. */
static err search_lone(struct work *w) {
    static const int rules[] = {OPTION_LETTER, PAREN_LETTER, LONE_LETTER};
    struct regex_match m = {0};
    struct span in = {NULL, 0};
    int64_t n = 0;
    bool several = text_has(text_of(&w->question), "多选题");
    TRY(str_add(&w->letters, "<n>"));
    TRY(str_append(&w->letters, w->answer.data, w->answer.len));
    size_t i = 0;
    for (; i < sizeof rules / sizeof rules[0] && n == 0; i++) {
        in = rules[i] == PAREN_LETTER ? text_of(&w->answer) : text_of(&w->letters);
        TRY(scorer_last_match(w->s->rules[rules[i]], in, &m, &n));
    }
    if (n == 0 || (n > 1 && !several)) return ERR_OK;
    w->found = text_cut(in, m.groups[0].begin, m.groups[0].end);
    if (!several) return ERR_OK;
    /* Every match has one letter beside its mark: all of them together. */
    struct str all = {0};
    err result = regex_find(w->s->rules[rules[i - 1]], in.text, in.n, 0, &m);
    while (result == ERR_OK && m.n_groups > 0) {
        struct span one = text_cut(in, m.groups[0].begin, m.groups[0].end);
        result = sort_letters(one, &all);
        if (result == ERR_OK)
            result = regex_find(w->s->rules[rules[i - 1]], in.text, in.n,
                                regex_next(&m, in.text, in.n), &m);
    }
    if (result == ERR_OK) result = text_set(&w->letters, text_of(&all));
    w->found = text_of(&w->letters);
    str_release(&all);
    return result;
}

static err find_letters(struct work *w, struct str *out) {
    struct span run = {NULL, 0};
    TRY(find_phrases(w));
    TRY(find_judgements(w));
    if (w->given_up) return ERR_OK;
    if (w->all_right.text == NULL && w->all_wrong.text == NULL) {
        struct span answer = text_of(&w->answer);
        TRY(search_line(w, text_piece(answer, "<n>", -1)));
        TRY(search_line(w, text_piece(answer, "<n>", -2)));
        if (w->found.text == NULL) TRY(search_lone(w));
    }
    if (w->found.text == NULL) return ERR_OK;
    TRY(last_match(w, ANY_LETTERS, w->found, &run));
    return run.text != NULL ? sort_letters(run, out) : ERR_OK;
}

static err judge(struct work *w, struct verdict *out) {
    struct str letters = {0};
    struct span question = span_strip(text_of(&w->question));
    const struct suite_item *item = scorer_find_question(w->s->items, question);
    if (item == NULL) {
        out->error = "skipped"; /* "There is no original correct answer found for the question" */
        return ERR_OK;
    }
    out->gold = item->gold;
    /* From here on the question is only asked for words; the spaces between them do not count. */
    TRY(text_replace(&w->question, " ", ""));
    TRY(text_replace(&w->question, "．", "."));
    err result = find_letters(w, &letters);
    if (result == ERR_OK && letters.len > 0) {
        out->correct = span_equal(text_of(&letters), text_span(item->gold));
        result = scorer_keep(w->s, text_of(&letters), &out->extracted);
        out->vote = out->extracted;
    }
    str_release(&letters);
    return result;
}

static err score(const struct scoring *s, const struct scored_answer *a, struct verdict *out) {
    struct work w = {.s = s};
    err result = take_apart(&w, a->text, &out->error);
    if (result == ERR_OK && out->error == NULL) result = judge(&w, out);
    str_release(&w.record);
    str_release(&w.question);
    str_release(&w.answer);
    str_release(&w.letters);
    return result;
}

const struct scorer scorer_mathqa = {
    .metric = "accuracy",
    .summary = "Yuan 2.0's score_mathqa.py: the letters that the answer names",
    .patterns = patterns,
    .n_patterns = N_RULES,
    .score = score,
};
