/* SPDX-License-Identifier: Apache-2.0
 * Reads labelled posts: splits them into requests and hands each label's value to its field.
 * Read next: issues/read/read_labels.h, the contract; issues/read/pairs.c for inputs, outputs and
 * examples.  */
#include "issues/read/read_labels.h"

#include "issues/read/condense.h"
#include "issues/read/cues.h"
#include "issues/read/examples.h"
#include "issues/read/values.h"

static bool same_label(const struct text *t, const struct label *a, const struct label *b) {
    if (a->field != b->field || a->word != b->word || a->heading != b->heading) return false;
    int64_t n = 0; /* a suffix makes another label of it: 场景, 场景说明 */
    for (int64_t i = a->at.begin; i < a->at.end; i++) n += point_cjk(t->fold[i]);
    for (int64_t i = b->at.begin; i < b->at.end; i++) n -= point_cjk(t->fold[i]);
    return n >= -1 && n <= 1 && (a->number > 0) == (b->number > 0);
}

static bool answered(const struct text *t, const struct label *label) {
    struct value v;
    value_read(t, label->value, label->heading, &v);
    bool words = range_weight(t, v.lead) > 0;
    for (int i = 0; i < v.n_items && !words; i++) {
        int64_t begin = v.items[i].begin;
        range_list_mark(t, v.items[i], &begin);
        words = range_weight(t, (struct range){begin, v.items[i].end}) > 0;
    }
    return words && !value_filler(t, v.body);
}

static bool has_pair_between(const struct label *from, const struct label *to) {
    for (; from < to; from++)
        if (from->field == FIELD_input || from->field == FIELD_output) return true;
    return false;
}

/* The labels at which a request begins, by the rule of read_labels.h. */
static int64_t find_starts(const struct text *t, const struct label_list *labels, int64_t *out) {
    enum label_field field = FIELD_need;
    for (int64_t i = 0; i < labels->n; i++)
        if (labels->items[i].field == FIELD_scenario) field = FIELD_scenario;
    int64_t n = 0;
    for (int64_t i = 0; i < labels->n; i++) {
        const struct label *label = &labels->items[i];
        if (label->field != field || n == PARTS_MAX) continue;
        if (n > 0 && !same_label(t, &labels->items[out[0]], label)) continue;
        if (!answered(t, label)) continue;
        if (n > 0 && field == FIELD_need && !has_pair_between(&labels->items[out[n - 1]], label))
            return 1;
        out[n++] = i;
    }
    return n;
}

/* Where every request begins with another label than the scenario's, the parts begin there. */
static int64_t lead_of(const struct label_list *labels, const int64_t *starts, int64_t n) {
    int64_t lead = starts[0];
    for (int64_t i = 1; i < n; i++)
        for (int64_t k = 1; k <= lead; k++)
            if (starts[i] - k <= starts[i - 1] ||
                labels->items[starts[i] - k].word != labels->items[starts[0] - k].word)
                return 0;
    return lead;
}

int64_t parts_split(const struct text *t, const struct label_list *labels,
                    struct part out[PARTS_MAX]) {
    int64_t starts[PARTS_MAX + 1], n = find_starts(t, labels, starts);
    if (labels->n == 0) return 0;
    if (n <= 1) {
        out[0] = (struct part){labels->items, labels->n, {0, t->n}};
        return 1;
    }
    int64_t lead = lead_of(labels, starts, n);
    for (int64_t i = 0; i < n; i++) {
        int64_t first = i == 0 ? 0 : starts[i] - lead;
        int64_t next = i + 1 < n ? starts[i + 1] - lead : labels->n;
        int64_t end = next < labels->n ? labels->items[next].at.begin : t->n;
        out[i] = (struct part){
            labels->items + first, next - first, {i == 0 ? 0 : labels->items[first].at.begin, end}};
    }
    return n;
}

bool part_asks(const struct text *t, const struct part *part) {
    for (int64_t i = 0; i < part->n; i++) {
        const struct label *label = &part->labels[i];
        if ((label->field == FIELD_scenario || label->field == FIELD_need ||
             label->field == FIELD_capability) &&
            answered(t, label))
            return true;
    }
    return false;
}

static bool part_has(const struct text *t, const struct part *part, enum label_field field) {
    for (int64_t i = 0; i < part->n; i++)
        if (part->labels[i].field == field && answered(t, &part->labels[i])) return true;
    return false;
}

/* What is being put together. */
struct filling {
    const struct text *t;
    const struct part *part;
    struct arena *a;
    struct reading *out;
    struct piece_draft scenario, remark;
    bool need_is_scenario, has_capability;
    struct piece_list below; /* items of the list under the scenario */
};

static err add_item(struct filling *f, struct range r, struct piece_list *list) {
    struct piece_draft draft = {.text = f->t, .arena = f->a};
    struct piece piece;
    condense_item(&draft, r);
    TRY(piece_end(&draft, &piece));
    return piece_list_add(f->a, list, &piece);
}

/* Each sentence that says something to do is an ability. */
static err add_sentences(struct filling *f, struct range r) {
    struct range sentence;
    bool any = false;
    for (struct range rest = r; sentence_next(f->t, &rest, &sentence);) {
        if (phrase_find(PHRASE_BACKGROUND, f->t, sentence, NULL) && any) continue;
        if (clause_forbids(f->t, sentence)) continue;
        TRY(add_item(f, sentence, &f->out->capability));
        any = true;
    }
    return any ? ERR_OK : add_item(f, r, &f->out->capability);
}

static err take_capability(struct filling *f, const struct value *v) {
    bool intro = v->lead.end > v->lead.begin && f->t->fold[v->lead.end - 1] == ':';
    if (v->n_items == 0) {
        struct range all = v->body;
        if (range_weight(f->t, all) == 0) return ERR_OK;
        return add_sentences(f, all);
    }
    if (v->lead.end > v->lead.begin && !intro) TRY(add_sentences(f, v->lead));
    for (int i = 0; i < v->n_items; i++) TRY(add_item(f, v->items[i], &f->out->capability));
    return ERR_OK;
}

static err take_need(struct filling *f, const struct value *v) {
    struct range all = v->n_items > 0 ? v->lead : v->body;
    if (range_weight(f->t, all) > 0) TRY(add_item(f, all, &f->out->capability));
    for (int i = 0; i < v->n_items; i++) TRY(add_item(f, v->items[i], &f->out->capability));
    return ERR_OK;
}

/* Behind the first sentence, from one that wishes on: it says what to do, not where. */
static struct range wishes_in(const struct text *t, struct range r) {
    struct range sentence, none = {r.end, r.end};
    bool first = true;
    for (struct range rest = r; sentence_next(t, &rest, &sentence); first = false)
        if (!first && clause_wishes(t, sentence)) return (struct range){sentence.begin, r.end};
    return none;
}

static err add_wishes(struct filling *f, struct range r) {
    struct range sentence;
    for (struct range rest = r; sentence_next(f->t, &rest, &sentence);) {
        bool item = range_list_mark(f->t, sentence, NULL);
        if (item || !clause_wishes(f->t, sentence) || clause_forbids(f->t, sentence) ||
            (cues_in(f->t, sentence) & (CUE_BIT(OFFER) | CUE_BIT(THANKS))))
            continue;
        TRY(add_item(f, sentence, &f->below));
    }
    return ERR_OK;
}

/* The first paragraph is the scenario; where there is none, the list is. */
static err take_scenario(struct filling *f, const struct value *v) {
    struct piece_draft *d = &f->scenario;
    bool lead = v->lead.end > v->lead.begin;
    if (d->n > 0 && (lead || v->n_items > 0))
        piece_join(d, point_cjk(f->t->fold[v->body.begin]) ? "，" : ", ");
    struct range where = v->lead, wishes = wishes_in(f->t, v->lead);
    where.end = wishes.begin;
    if (lead) {
        condense_scenario(d, where, f->part->at);
    } else {
        for (int i = 0; i < v->n_items; i++) {
            int64_t words = v->items[i].begin;
            range_list_mark(f->t, v->items[i], &words);
            if (i > 0) piece_join(d, "；");
            piece_add(d, range_bare(f->t, (struct range){words, v->items[i].end}));
        }
        if (v->n_items <= 1) return ERR_OK;
    }
    TRY(add_wishes(f, wishes));
    for (int i = 0; i < v->n_items; i++) TRY(add_item(f, v->items[i], &f->below));
    return add_wishes(f, v->rest);
}

static err take_constraint(struct filling *f, const struct value *v) {
    struct range sentence;
    for (struct range rest = v->body; sentence_next(f->t, &rest, &sentence);) {
        struct piece piece;
        int64_t words = sentence.begin;
        range_list_mark(f->t, sentence, &words);
        TRY(piece_of(f->t, range_bare(f->t, (struct range){words, sentence.end}), f->a, &piece));
        TRY(piece_list_add(f->a, &f->out->constraints, &piece));
    }
    return ERR_OK;
}

/* Where only the need has a label, the background may name the setting. */
static void take_background(struct filling *f, const struct value *v) {
    struct range sentence, setting;
    if (!f->need_is_scenario || f->scenario.n > 0) return;
    for (struct range rest = v->body; sentence_next(f->t, &rest, &sentence);)
        if (setting_in(f->t, sentence, &setting)) {
            piece_add(&f->scenario, eat(f->t, setting));
            return;
        }
}

static err take_label(struct filling *f, const struct label *label) {
    struct value v;
    value_read(f->t, label->value, label->heading, &v);
    if (value_filler(f->t, v.body) && v.n_items == 0) return ERR_OK;
    switch (label->field) {
    case FIELD_scenario: return take_scenario(f, &v);
    case FIELD_need:
        if (f->need_is_scenario && f->scenario.n == 0) return take_scenario(f, &v);
        return take_need(f, &v);
    case FIELD_capability: return take_capability(f, &v);
    case FIELD_constraint: return take_constraint(f, &v);
    case FIELD_remark:
        take_background(f, &v);
        if (cues_in(f->t, v.body) & CUE_BIT(OFFER)) return ERR_OK;
        if (v.body.end > v.body.begin && f->remark.n > 0) piece_join(&f->remark, "；");
        piece_add(&f->remark, range_bare(f->t, v.body));
        return ERR_OK;
    case FIELD_output: /* "...\nIt should also ..." behind a short answer */
    case FIELD_response:
    case FIELD_output_example: return add_wishes(f, v.rest);
    default: return ERR_OK;
    }
}

/* The list below a scenario, then what the scenario's paragraphs wish for. */
static err finish_capability(struct filling *f) {
    struct piece_list after = f->out->capability;
    if (f->has_capability || f->below.n == 0) return ERR_OK;
    f->out->capability = f->below;
    for (int64_t i = 0; i < after.n; i++)
        TRY(piece_list_add(f->a, &f->out->capability, &after.items[i]));
    return ERR_OK;
}

static err scan_constraints(struct filling *f) {
    for (int64_t i = 0; i < f->part->n; i++) {
        const struct label *label = &f->part->labels[i];
        if (label->field == FIELD_scenario || label->field == FIELD_need ||
            label->field == FIELD_capability)
            TRY(read_constraints(f->t, label->value, f->a, f->out));
    }
    return ERR_OK;
}

/* The first clause of what the model should do stands for a scenario that has no label. */
static err finish_scenario(struct filling *f) {
    struct range clauses[CLAUSES_MAX];
    struct value v;
    for (int64_t i = 0; i < f->part->n && !f->out->scenario.text; i++) {
        const struct label *label = &f->part->labels[i];
        if (label->field != FIELD_capability) continue;
        value_read(f->t, label->value, label->heading, &v);
        struct range from = v.lead.end > v.lead.begin || v.n_items == 0 ? v.body : v.items[0];
        int64_t words = from.begin;
        range_list_mark(f->t, from, &words);
        if (clauses_split(f->t, (struct range){words, from.end}, clauses) > 0)
            TRY(piece_of(f->t, clauses[0], f->a, &f->out->scenario));
    }
    return ERR_OK;
}

static err take_labels(struct filling *f, bool extras_alone) {
    err e = ERR_OK;
    for (int64_t i = 0; i < f->part->n && e == ERR_OK; i++) {
        enum label_field field = f->part->labels[i].field;
        if (!extras_alone || field == FIELD_constraint || field == FIELD_remark)
            e = take_label(f, &f->part->labels[i]);
    }
    err scenario = piece_end(&f->scenario, extras_alone ? &(struct piece){0} : &f->out->scenario);
    err remark = piece_end(&f->remark, &f->out->remark);
    if (e == ERR_OK) e = scenario;
    return e == ERR_OK ? remark : e;
}

static struct filling filling_of(const struct text *t, const struct part *part, struct arena *a,
                                 struct reading *out) {
    struct filling f = {.t = t, .part = part, .a = a, .out = out};
    f.scenario = (struct piece_draft){.text = t, .arena = a};
    f.remark = (struct piece_draft){.text = t, .arena = a};
    f.need_is_scenario = !part_has(t, part, FIELD_scenario);
    f.has_capability = part_has(t, part, FIELD_capability);
    return f;
}

err read_extras(const struct text *t, const struct part *part, struct arena *a,
                struct reading *out) {
    struct filling f = filling_of(t, part, a, out);
    return take_labels(&f, true);
}

err read_part(const struct text *t, const struct part *part, struct arena *a, struct reading *out) {
    struct filling f = filling_of(t, part, a, out);
    TRY(take_labels(&f, false));
    TRY(finish_scenario(&f));
    TRY(finish_capability(&f));
    TRY(read_pairs(t, part, a, out));
    TRY(scan_constraints(&f));
    return out->capability.n == 0 ? derive_capability(t, part, a, out) : ERR_OK;
}

err read_constraints(const struct text *t, struct range r, struct arena *a, struct reading *out) {
    struct range sentence, clauses[CLAUSES_MAX];
    for (struct range rest = r; sentence_next(t, &rest, &sentence);) {
        struct match m;
        struct piece piece;
        if (cues_in(t, sentence) & CUE_BIT(OFFER)) continue;
        if (cue_find(CUE_RETAIN, t, sentence, &m)) {
            struct range kept = {m.all.begin, sentence.end};
            TRY(piece_of(t, range_bare(t, kept), a, &piece));
            if (!piece_list_has(&out->constraints, t, kept))
                TRY(piece_list_add(a, &out->constraints, &piece));
            continue;
        }
        int n = clauses_split(t, sentence, clauses);
        for (int i = 0; i < n; i++) {
            if (value_empty(t, clauses[i]) || !clause_forbids(t, clauses[i]) ||
                piece_list_has(&out->constraints, t, clauses[i]))
                continue;
            TRY(piece_of(t, clauses[i], a, &piece));
            TRY(piece_list_add(a, &out->constraints, &piece));
        }
    }
    return ERR_OK;
}
