/* SPDX-License-Identifier: Apache-2.0
 * Finds labels. At a line's start: bullets, numbers, marks and signs, then a word of the table,
 * then what may stand behind it, then a colon; a heading, a line of bold or words in 【】 need
 * none. Inside a line a label wants a colon, and something before it that ends a phrase.
 * Read next: issues/read/label.h, the contract. */
#include "issues/read/label.h"

#include "issues/read/examples.h"

enum { ASIDE_MAX = 80, LABELS_MAX = 4096 };

static const struct {
    enum label_field field;
    const char32_t *word;
} rows[] = {
#define LABEL(field, word) {FIELD_##field, word},
#define SUFFIX(word)
#include "issues/read/labels.def"
#undef LABEL
#undef SUFFIX
};
static const char32_t *const suffixes[] = {
#define LABEL(field, word)
#define SUFFIX(word) word,
#include "issues/read/labels.def"
#undef LABEL
#undef SUFFIX
};
enum { N_ROWS = sizeof rows / sizeof rows[0], N_SUFFIXES = sizeof suffixes / sizeof suffixes[0] };

/* Behind the word at a place, or -1. Chinese may be spaced out: "输 入". */
static int64_t behind_word(const struct text *t, int64_t at, int64_t end, const char32_t *word) {
    for (const char32_t *w = word; *w; w++) {
        int64_t from = at;
        while (at < end && (t->fold[at] == ' ' || (*w == ' ' && t->fold[at] == '-')) && w > word)
            at++;
        if (*w == ' ') {
            if (at == from) return -1;
            continue;
        }
        if (at > from && *w < 0x80 && w[-1] != ' ') return -1;
        if (at >= end || t->fold[at] != *w) return -1;
        at++;
    }
    return point_latin(t->fold[at - 1]) && point_latin(t->fold[at]) ? -1 : at;
}

static int64_t longest_word(const struct text *t, struct range r, int *out_row) {
    int64_t best = -1;
    for (int i = 0; i < N_ROWS; i++) {
        if (rows[i].word[0] != t->fold[r.begin]) continue;
        int64_t behind = behind_word(t, r.begin, r.end, rows[i].word);
        if (behind <= best) continue;
        best = behind;
        *out_row = i;
    }
    return best;
}

static int64_t behind_blanks(const struct text *t, struct range r) {
    while (r.begin < r.end && t->fold[r.begin] == ' ') r.begin++;
    return r.begin;
}

static int64_t behind_suffix(const struct text *t, struct range r) {
    int64_t at = behind_blanks(t, r);
    for (int i = 0; i < N_SUFFIXES; i++) {
        int64_t behind = behind_word(t, at, r.end, suffixes[i]);
        if (behind > 0 && (suffixes[i][0] >= 0x80 || at > r.begin)) return behind;
    }
    return r.begin;
}

/* "1", "一", "①", "A" behind a label; 0 where there is none. */
static int number_at(const struct text *t, struct range r, int64_t *behind) {
    static const char32_t han[] = U"一二三四五六七八九十";
    int64_t at = behind_blanks(t, r);
    if (t->fold[at] == '#') at++;
    int value = 0, digits = 0;
    for (; at < r.end && t->fold[at] >= '0' && t->fold[at] <= '9' && digits < 3; at++, digits++)
        value = 10 * value + (int)(t->fold[at] - '0');
    uint32_t c = at < r.end ? t->fold[at] : 0;
    for (int i = 0; digits == 0 && i < 10; i++)
        if (c == han[i]) value = i + 1;
    if (digits == 0 && c >= 0x2460 && c <= 0x2473) value = (int)(c - 0x2460) + 1;
    if (digits == 0 && c >= 'a' && c <= 'h' && !point_latin(t->fold[at + 1]))
        value = (int)(c - 'a') + 1;
    if (value > 0) *behind = digits ? at : at + 1;
    return value;
}

/* What is known while a label is being read. */
struct reader {
    const struct text *t;
    struct range rest; /* what is left of the line */
    bool bold, bracket, closed;
    uint32_t closer;
};

static uint32_t closer_of(uint32_t c) {
    static const char32_t open[] = U"【[「『《(<", close[] = U"】]」』》)>";
    for (int i = 0; open[i]; i++)
        if (c == open[i]) return close[i];
    return 0;
}

/* A sign in front of a label: an emoji, an arrow, a star. */
static bool sign(uint32_t c) {
    return (c >= 0x2190 && c < 0x3000) || c >= 0x1F000 || c == '#' || c == U'※';
}

static void skip_front(struct reader *q) {
    const struct text *t = q->t;
    for (int round = 0; round < 6; round++) {
        int64_t words;
        int64_t from = behind_blanks(t, q->rest);
        if (range_list_mark(t, q->rest, &words)) {
            q->bold = q->bold || (t->fold[from] == '*' && t->fold[from + 1] == '*');
            q->rest.begin = words;
            continue;
        }
        q->rest.begin = behind_blanks(t, q->rest);
        uint32_t c = q->rest.begin < q->rest.end ? t->fold[q->rest.begin] : 0;
        if (c == '*' || c == '_') {
            q->bold = true;
        } else if (closer_of(c)) {
            q->bracket = true;
            q->closer = closer_of(c);
        } else if (!sign(c)) {
            return;
        }
        q->rest.begin++;
    }
}

static void skip_closers(struct reader *q) {
    const struct text *t = q->t;
    for (; q->rest.begin < q->rest.end; q->rest.begin++) {
        uint32_t c = t->fold[q->rest.begin];
        bool mark = (c == '*' || c == '_') && (q->bold || t->fold[q->rest.begin + 1] == c);
        if (mark || (q->bracket && c == q->closer))
            q->closed = true;
        else if (c != ' ')
            return;
    }
}

/* "(optional)" or "/ Input" behind a label's word. */
static void skip_aside(struct reader *q, bool heading) {
    const struct text *t = q->t;
    int64_t at = behind_blanks(t, q->rest), end = q->rest.end;
    uint32_t c = at < end ? t->fold[at] : 0;
    int64_t to = at + 1;
    if (c == '(') {
        while (to < end && to - at < ASIDE_MAX && t->fold[to] != ')') to++;
        if (to < end && t->fold[to] == ')') q->rest.begin = to + 1;
    } else if (c == '/' || c == '|' || c == U'、') {
        while (to < end && to - at < ASIDE_MAX && t->fold[to] != ':' && t->fold[to] != '*') to++;
        if ((to == end && heading) || (to < end && to - at < ASIDE_MAX)) q->rest.begin = to;
    }
}

/* "输入为空" and "输出是什么" tell and ask, they label nothing. */
static bool weak_value(const struct text *t, struct range r) {
    static const char32_t *const no[] = {U"什么", U"啥",   U"怎", U"如何", U"哪",  U"否",
                                         U"不是", U"what", U"空", U"不",   U"否则"};
    int64_t at = behind_blanks(t, r);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (behind_word(t, at, r.end, no[i]) > 0) return false;
    return range_size(r) >= 2;
}

static bool ends_in_is(const struct text *t, int64_t at) {
    return at > 0 && (t->fold[at - 1] == U'为' || t->fold[at - 1] == U'是' ||
                      (at > 2 && t->fold[at - 1] == 's' && t->fold[at - 2] == 'i'));
}

/* Whether what stands behind a label's word makes it a label; moves `q` to the value. */
static bool label_ends(struct reader *q, struct label *label, bool inside) {
    const struct text *t = q->t;
    int64_t behind = q->rest.begin;
    for (int i = 0; i < 2; i++) q->rest.begin = behind_suffix(t, q->rest);
    struct range weak = q->rest;
    label->number = number_at(t, q->rest, &behind);
    if (label->number > 0) q->rest.begin = behind;
    skip_closers(q);
    skip_aside(q, label->heading);
    skip_closers(q);
    uint32_t c = q->rest.begin < q->rest.end ? t->fold[q->rest.begin] : 0;
    if (c == ':') {
        q->rest.begin++;
        skip_closers(q);
        return true;
    }
    bool pair = label->field == FIELD_input || label->field == FIELD_output;
    if (pair && c == '=' && t->fold[q->rest.begin + 1] == ' ') {
        q->rest.begin++;
        return true;
    }
    if (q->bracket && q->closed && q->closer == U'】') return true;
    if (!inside && c == '-' && t->fold[q->rest.begin + 1] == ' ') {
        q->rest.begin += 2;
        return true;
    }
    if (!inside && c == 0)
        return label->heading || q->bold || label->field <= FIELD_output_example ||
               label->field == FIELD_constraint;
    if (!inside && q->bold && q->closed) return true;
    if (!pair || !ends_in_is(t, weak.begin) || !weak_value(t, weak)) return false;
    q->rest = weak;
    label->number = 0;
    label->weak = true;
    return true;
}

static bool label_at(const struct text *t, struct range rest, bool inside, struct label *out) {
    struct reader q = {.t = t, .rest = rest};
    *out = (struct label){.at = rest, .starts_line = !inside};
    if (!inside) {
        const struct line *line = &t->lines[text_line_at(t, rest.begin)];
        out->heading = line->kind == LINE_HEADING;
        q.rest.begin = behind_blanks(t, q.rest);
        if (out->heading) q.rest.begin += line->level;
    }
    skip_front(&q);
    if (q.rest.begin >= q.rest.end || t->mask[q.rest.begin]) return false;
    int row = 0;
    int64_t behind = longest_word(t, q.rest, &row);
    if (behind < 0) return false;
    q.rest.begin = behind;
    out->field = rows[row].field;
    out->word = row;
    if (!label_ends(&q, out, inside)) return false;
    out->at.end = q.rest.begin;
    if (q.bold && behind_blanks(t, q.rest) == q.rest.end) out->heading = true;
    return true;
}

/* Whether a label may begin inside a line at `at`: a phrase has ended before it. */
static bool phrase_ended(const struct text *t, int64_t at) {
    uint32_t c = t->fold[at - 1], here = t->fold[at];
    if (t->mask[at - 1]) return false;
    if (here == U'【') return true;
    if (c != ' ')
        return c == ',' || c == ';' || c == U'。' || c == U'、' || c == '|' || c == '!' ||
               c == '?' || c == U'】' || c == '(' || c == ':' || c == '>' || c == U'→' ||
               c == '/' || (c == '.' && here >= 0x80);
    uint32_t before = at > 1 ? t->fold[at - 2] : ' ';
    return here >= 0x80 || !point_word(before) || (t->point[at] >= 'A' && t->point[at] <= 'Z');
}

static void add(struct label_list *list, const struct label *label) {
    if (list->n < list->max) list->items[list->n++] = *label;
}

static void labels_of_line(const struct text *t, const struct line *line, struct label_list *list) {
    struct label label;
    int64_t at = line->at.begin;
    if (label_at(t, line->at, false, &label)) {
        add(list, &label);
        at = label.at.end;
    }
    for (at = at > line->at.begin ? at : line->at.begin + 1; at < line->at.end; at++) {
        if (t->mask[at] || point_blank(t->fold[at]) || !phrase_ended(t, at)) continue;
        if (!label_at(t, (struct range){at, line->at.end}, true, &label)) continue;
        if (label.field == FIELD_other || label.field == FIELD_feature) continue;
        add(list, &label);
        at = label.at.end - 1;
    }
}

static void add_cell(const struct text *t, struct range name, struct range value,
                     struct label_list *list) {
    struct label label = {.starts_line = true, .in_table = true};
    if (!label_of_words(t, name, &label.field, &label.word)) return;
    if (value.begin >= value.end) return;
    label.at = (struct range){value.begin, value.begin};
    label.value = value;
    add(list, &label);
}

/* The words at the head of a table, or at its left, may be labels: "| 场景 | 输入 | 输出 |", or
 * "| 场景 | ... |" line by line. A table of examples is read by issues/read/examples.c. */
static void labels_of_row(const struct text *t, int64_t l, int64_t head, struct label_list *list) {
    struct range names[CELLS_MAX], cells[CELLS_MAX];
    int n_names = table_cells(t, t->lines[head].at, names);
    int n = table_cells(t, t->lines[l].at, cells);
    enum label_field field;
    bool across = false;
    for (int i = 0; i < n_names; i++)
        if (label_of_words(t, names[i], &field, NULL))
            across = across || field == FIELD_scenario || field == FIELD_capability;
    bool second = n_names > 1 && label_of_words(t, names[1], &field, NULL);
    if (n == 2 && !second) {
        add_cell(t, cells[0], cells[1], list);
        return;
    }
    for (int i = 0; across && i < n && i < n_names; i++) add_cell(t, names[i], cells[i], list);
}

/* A table begins with its head; a vertical one may have its first field there. */
static int64_t labels_of_table(const struct text *t, int64_t head, struct label_list *list) {
    int64_t l = head + 2;
    struct range names[CELLS_MAX];
    enum label_field field;
    int n = table_cells(t, t->lines[head].at, names);
    if (n == 2 && !label_of_words(t, names[1], &field, NULL)) add_cell(t, names[0], names[1], list);
    for (; l < t->n_lines && t->lines[l].kind == LINE_TABLE; l++) labels_of_row(t, l, head, list);
    return l - 1;
}

/* "..., for example: x, y" inside a line only illustrates, unless a pair follows. */
static void drop_asides(struct label_list *list) {
    int64_t kept = 0;
    for (int64_t i = 0; i < list->n; i++) {
        const struct label *label = &list->items[i], *next = i + 1 < list->n ? label + 1 : NULL;
        bool pair = next && (next->field == FIELD_input || next->field == FIELD_prompt ||
                             next->field == FIELD_input_example);
        if (label->field != FIELD_example || label->starts_line || pair)
            list->items[kept++] = *label;
    }
    list->n = kept;
}

err labels_find(const struct text *t, struct arena *a, struct label_list *out) {
    int64_t most = t->n / 2 + 1 < LABELS_MAX ? t->n / 2 + 1 : LABELS_MAX;
    *out = (struct label_list){.max = most};
    out->items = arena_alloc(a, (size_t)most, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    for (int64_t i = 0; i < t->n_lines; i++) {
        const struct line *line = &t->lines[i];
        bool table = i + 1 < t->n_lines && line[1].kind == LINE_BORDER;
        if (table)
            i = labels_of_table(t, i, out);
        else if (line->kind == LINE_WORDS || line->kind == LINE_HEADING)
            labels_of_line(t, line, out);
    }
    drop_asides(out);
    for (int64_t i = 0; i < out->n; i++) {
        struct label *label = &out->items[i];
        if (label->in_table) continue;
        label->value = (struct range){label->at.end, i + 1 < out->n ? label[1].at.begin : t->n};
    }
    return ERR_OK;
}

bool label_of_words(const struct text *t, struct range r, enum label_field *out, int *out_word) {
    struct reader q = {.t = t, .rest = r};
    skip_front(&q);
    int row = 0;
    int64_t behind = q.rest.begin < q.rest.end ? longest_word(t, q.rest, &row) : -1;
    if (behind < 0) return false;
    q.rest.begin = behind;
    for (int i = 0; i < 2; i++) q.rest.begin = behind_suffix(t, q.rest);
    skip_closers(&q);
    skip_aside(&q, true);
    skip_closers(&q);
    if (q.rest.begin < q.rest.end && t->fold[q.rest.begin] != ':') return false;
    *out = rows[row].field;
    if (out_word) *out_word = row;
    return true;
}
