/* SPDX-License-Identifier: Apache-2.0
 * Inputs, outputs and examples among the labels of one request, and the ability that follows from
 * input and output where none is named. A pair below "例" is an example; so are numbered pairs,
 * every pair behind the first, questions with their answers, and what is JSON or a table.
 * Read next: issues/read/read_labels.h, the contract. */
#include "issues/read/read_labels.h"

#include "issues/read/condense.h"
#include "issues/read/examples.h"
#include "issues/read/values.h"
#include <string.h>

enum { INPUT_LONG = 60 };

struct pairing {
    const struct text *t;
    const struct part *part;
    struct arena *a;
    struct reading *out;
    bool in_example, numbered;
    struct piece prompt; /* of a pair that waits for its response */
    enum label_field prompt_field;
};

/* A prompt without a response is an example only where the label says so. */
static err flush(struct pairing *q, const struct piece *response) {
    struct piece none = {0};
    bool alone = !response && q->prompt_field != FIELD_input_example && !q->in_example;
    err e = ERR_OK;
    if (q->prompt.text && !alone)
        e = pair_add(q->a, q->out, &q->prompt, response ? response : &none);
    q->prompt = none;
    return e;
}

static err value_piece(struct pairing *q, const struct label *label, bool last, struct piece *out) {
    struct value v;
    value_read(q->t, label->value, label->heading, &v);
    struct range r = v.body;
    bool field = label->field == FIELD_input || label->field == FIELD_output;
    if (field && label->number == 0 && !q->in_example && value_filler(q->t, r)) r.end = r.begin;
    /* An open bracket belongs to the sentence around: "(输入：x，输出：y)". */
    if (last && r.begin < r.end && q->t->fold[r.end - 1] == ')') {
        int64_t depth = 0;
        for (int64_t i = r.begin; i < r.end; i++)
            depth += q->t->fold[i] == '(' ? 1 : q->t->fold[i] == ')' ? -1 : 0;
        if (depth < 0) r.end--;
    }
    bool code = r.begin < r.end && (q->t->mask[r.end - 1] & MASK_CODE);
    return piece_of(q->t, code ? range_trim(q->t, r) : range_bare(q->t, r), q->a, out);
}

static bool asks(enum label_field field) {
    return field == FIELD_input || field == FIELD_input_example || field == FIELD_prompt;
}

static bool answers(enum label_field field) {
    return field == FIELD_output || field == FIELD_output_example || field == FIELD_response;
}

/* Inside of a block of code that is all there is; else the range itself. */
static struct range inside_block(const struct text *t, struct range r) {
    int64_t first = text_line_at(t, r.begin), last = text_line_at(t, r.end);
    if (t->lines[first].kind != LINE_FENCE) return r;
    r.begin = t->lines[first].at.end;
    if (last > first && t->lines[last].kind == LINE_FENCE) r.end = t->lines[last].at.begin;
    return range_trim(t, r);
}

/* "例：" itself: what stands behind it before the next label, unless that is JSON or a table. */
static err take_example(struct pairing *q, const struct label *label, const struct label *next) {
    struct value v;
    TRY(flush(q, NULL));
    q->in_example = true;
    value_read(q->t, label->value, label->heading, &v);
    struct range body = inside_block(q->t, v.body);
    if (body.begin >= body.end || value_filler(q->t, body)) return ERR_OK;
    int64_t before = q->out->n_examples;
    TRY(examples_json(q->t, body, q->a, q->out));
    if (q->out->n_examples > before) return ERR_OK;
    bool pair_follows = next && (asks(next->field) || answers(next->field));
    if (pair_follows && range_weight(q->t, body) < INPUT_LONG) return ERR_OK;
    return examples_words(q->t, body, q->a, q->out);
}

static err take_side(struct pairing *q, const struct label *label) {
    struct piece piece;
    bool field = label->field == FIELD_input || label->field == FIELD_output;
    TRY(value_piece(q, label, true, &piece));
    if (!piece.text) return ERR_OK;
    q->numbered = q->numbered || (field && label->number > 0);
    struct piece *slot = label->field == FIELD_input ? &q->out->input : &q->out->output;
    if (field && !q->in_example && !slot->text && !q->prompt.text) {
        *slot = piece;
        return ERR_OK;
    }
    if (answers(label->field)) return q->prompt.text ? flush(q, &piece) : ERR_OK;
    TRY(flush(q, NULL));
    q->prompt = piece;
    q->prompt_field = label->field;
    return ERR_OK;
}

/* Numbered pairs are examples, the first one, too. */
static err number_first(struct pairing *q) {
    struct reading *out = q->out;
    struct piece_pair *rest = out->examples;
    int64_t n = out->n_examples;
    if (!q->numbered || n == 0 || !out->input.text || !out->output.text) return ERR_OK;
    out->examples = NULL;
    out->n_examples = 0;
    TRY(pair_add(q->a, out, &out->input, &out->output));
    for (int64_t i = 0; i < n; i++) TRY(pair_add(q->a, out, &rest[i].prompt, &rest[i].response));
    out->input = out->output = (struct piece){0};
    return ERR_OK;
}

static err code_examples(struct pairing *q) {
    for (int64_t l = 0; l < q->t->n_lines; l++) {
        const struct line *line = &q->t->lines[l];
        if (line->kind != LINE_FENCE || line->at.begin < q->part->at.begin) continue;
        int64_t last = l + 1;
        while (last < q->t->n_lines && q->t->lines[last].kind == LINE_CODE) last++;
        struct range block = {line->at.end,
                              last < q->t->n_lines ? q->t->lines[last].at.begin : q->t->n};
        bool seen = false;
        for (int64_t i = 0; i < q->out->n_examples; i++)
            seen = seen || (q->out->examples[i].prompt.begin >= q->t->at[block.begin] &&
                            q->out->examples[i].prompt.end <= q->t->at[block.end]);
        if (block.end <= q->part->at.end && !seen) TRY(examples_json(q->t, block, q->a, q->out));
        l = last;
    }
    return ERR_OK;
}

err read_pairs(const struct text *t, const struct part *part, struct arena *a,
               struct reading *out) {
    struct pairing q = {.t = t, .part = part, .a = a, .out = out};
    for (int64_t i = 0; i < part->n; i++) {
        const struct label *label = &part->labels[i];
        const struct label *next = i + 1 < part->n ? label + 1 : NULL;
        if (label->field == FIELD_example) {
            TRY(take_example(&q, label, next));
        } else if (asks(label->field) || answers(label->field)) {
            TRY(take_side(&q, label));
        } else {
            TRY(flush(&q, NULL));
            q.in_example = false;
        }
    }
    TRY(flush(&q, NULL));
    TRY(number_first(&q));
    TRY(code_examples(&q));
    return examples_tables(t, part->at, a, out);
}

/* The clause of the scenario that says what is done there, to its end. */
static bool ability_in(const struct text *t, struct range r, struct range *out) {
    struct range clauses[CLAUSES_MAX];
    int n = clauses_split(t, r, clauses), last = n - 1;
    while (last > 0 && phrase_find(PHRASE_BACKGROUND, t, clauses[last], NULL)) last--;
    for (int i = 0; i <= last; i++) {
        if (!pattern_at(
                U"(我|我们)?(希望|需要|想让|想要|能够|能根据|能自动|可以|根据|基于|按照|把|将|自动|"
                U"辅助|帮助|实现|如何|让|使)",
                t->fold, clauses[i], clauses[i].begin, NULL) &&
            !pattern_at(U"(we|i|the model|it|to) ", t->fold, clauses[i], clauses[i].begin, NULL))
            continue;
        *out = eat(t, (struct range){clauses[i].begin, clauses[last].end});
        return true;
    }
    return false;
}

static bool composable(const struct piece *piece) {
    return piece->text && !strstr(piece->text, "```") && !strchr(piece->text, '\n') &&
           strlen(piece->text) <= 3 * (size_t)INPUT_LONG;
}

/* Of the scenario label's answer, or NULL. */
static const struct label *asking_label(const struct part *part) {
    for (int64_t i = 0; i < part->n; i++)
        if (part->labels[i].field == FIELD_scenario || part->labels[i].field == FIELD_need)
            return &part->labels[i];
    return NULL;
}

/* Where the stretch of a piece stands in the text; pieces of labels have one. */
static struct range range_of(const struct text *t, const struct piece *piece) {
    struct range r = {0, t->n};
    while (r.begin < t->n && t->at[r.begin] < piece->begin) r.begin++;
    while (r.end > r.begin && t->at[r.end - 1] >= piece->end) r.end--;
    return r;
}

static bool range_has_cjk(const struct text *t, struct range r) {
    for (int64_t i = r.begin; i < r.end; i++)
        if (point_cjk(t->fold[i])) return true;
    return false;
}

err derive_capability(const struct text *t, const struct part *part, struct arena *a,
                      struct reading *out) {
    struct piece_draft draft = {.text = t, .arena = a};
    const struct label *label = part ? asking_label(part) : NULL;
    struct range ability = {0, 0};
    struct piece piece;
    struct value v = {0};
    if (label) value_read(t, label->value, label->heading, &v);
    if (label && range_weight(t, v.lead) > 0 && ability_in(t, v.lead, &ability)) {
        piece_add(&draft, ability);
    } else if (composable(&out->input) && composable(&out->output)) {
        struct range from = range_of(t, &out->input), to = range_of(t, &out->output);
        bool han = range_has_cjk(t, to) || range_has_cjk(t, from);
        piece_join(&draft, han ? "根据" : "from ");
        piece_add(&draft, from);
        piece_join(&draft, han ? "生成" : " to ");
        piece_add(&draft, to);
    } else if (composable(&out->output)) {
        struct range to = range_of(t, &out->output);
        piece_join(&draft, range_has_cjk(t, to) ? "生成" : "to ");
        piece_add(&draft, to);
    } else if (label && range_weight(t, v.lead) > 0) {
        condense_item(&draft, v.lead);
    }
    TRY(piece_end(&draft, &piece));
    return piece_list_add(a, &out->capability, &piece);
}
