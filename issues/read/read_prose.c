/* SPDX-License-Identifier: Apache-2.0
 * Reads prose. A sentence that wishes is cut into clauses: those before the wish may name the
 * setting, those behind it say what to do, or name a field, or a purpose.
 * Read next: issues/read/read_prose.h, the contract. */
#include "issues/read/read_prose.h"

#include "issues/read/condense.h"
#include "issues/read/read_labels.h"
#include "issues/read/values.h"

#define ASKS                                                                                       \
    (CUE_BIT(TRAIN_ASK) | CUE_BIT(MODEL_WISH) | CUE_BIT(ABILITY_WISH) | CUE_BIT(DOMAIN_MODEL))

/* Where requests are collected, a wish or a task of a language model will do, unless the sentence
 * is about the programme, sends somebody elsewhere, or only asks back. */
static bool asks_there(uint64_t cues, bool question) {
    bool task = (cues & CUE_BIT(TASK)) != 0;
    bool wish = (cues & (CUE_BIT(LIKE) | CUE_BIT(USE))) != 0;
    if (cues & (CUE_BIT(REFER) | CUE_BIT(WHEN) | CUE_BIT(THANKS) | CUE_BIT(ERROR_STRONG)))
        return false;
    if (!task && (cues & (CUE_BIT(PROGRAMME) | CUE_BIT(TOOL)))) return false;
    return wish || (task && !question && !(cues & CUE_BIT(TALK)));
}

bool sentence_asks(const struct sentence *s, bool collecting) {
    const uint64_t never =
        CUE_BIT(SELF) | CUE_BIT(PLAN) | CUE_BIT(HINT) | CUE_BIT(OFFER) | CUE_BIT(SOFTWARE);
    bool question = s->end_mark == '?' || (s->cues & CUE_BIT(QUERY));
    if (s->cues & never) return false;
    if ((s->cues & CUE_BIT(POSSIBLE)) && question && !collecting) return false;
    if ((s->cues & CUE_BIT(SOMEWHERE)) && (s->cues & CUE_BIT(QUESTION))) return false;
    if (s->cues & ASKS) return true;
    return collecting && asks_there(s->cues, question);
}

const struct sentence *words_asking(const struct words *w, bool collecting, bool *out_of_title) {
    const struct sentence_list *lists[] = {&w->says, &w->title_says};
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < lists[k]->n; i++)
            if (sentence_asks(&lists[k]->items[i], collecting)) {
                *out_of_title = k == 1;
                return &lists[k]->items[i];
            }
    return NULL;
}

/* What is being put together out of title and body. */
struct prose {
    const struct words *w;
    bool collecting, asked; /* a sentence has asked already */
    struct arena *a;
    struct reading *out;
    struct piece setting, domain, title;
};

static err keep_first(struct prose *p, const struct text *t, struct range r, struct piece *slot) {
    return slot->text ? ERR_OK : piece_of(t, r, p->a, slot);
}

static err keep_setting(struct prose *p, const struct text *t, struct range r) {
    return keep_first(p, t, eat(t, r), &p->setting);
}

/* The last label that begins at a place or before it, or NULL. */
static const struct label *label_before(const struct label_list *labels, int64_t at) {
    int64_t low = 0, high = labels->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (labels->items[middle].at.begin <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &labels->items[low - 1] : NULL;
}

/* A label's input, output or example covers it: it is no sentence of the wish. */
static bool labelled(const struct words *w, struct range r) {
    const struct label *label = label_before(&w->labels, r.begin);
    struct value v;
    if (!label || r.begin >= label->value.end || label->field == FIELD_feature ||
        label->field == FIELD_other || label->field == FIELD_remark ||
        label->field == FIELD_constraint)
        return false;
    value_read(&w->body, label->value, label->heading, &v);
    return r.begin < label->at.end || r.begin < v.body.end;
}

static bool says_nothing(const struct text *t, struct range r) {
    static const char32_t *const rows[] = {
        U"^(针对|对)?(这个|该|此|这一|这类|上述|以上|这些)(场景|需求|方面|领域|问题|能力)(进行)?("
        U"训练|优化|增强|"
        U"加强|微调)?(一下)?$",
        U"^(加强|增强|提升|支持|改进|完善)?(一下)?(以下|下面|如下|下列)(几个|几点|一些)?(方面|能力|"
        U"功能|内容|几点)?$",
        U"^(重点|着重|多|再|有)?(针对性的|专门的|相应的|相关的)?(训练|优化|加强|增强|改进)(一下|下)"
        U"?$",
        U"^(加强|增强|支持|改进|改善|优化|提高|提升|强化|更好|更强|考虑|考虑一下|实现|更新)(一下|"
        U"些)?$",
        U"^(以下|下面|如下|几个|一些|这些|相关)?(几点|几个|一些)?(能力|功能|方面|需求|内容|场景)?("
        U"如下)?$",
        U"^(我的|我们的|这个|一个)?(需求|建议|想法|请求|场景)(很简单|如下|是|为|就是)?$",
        U"^(很)?(简单|如下)$",
        U"^(my |our |a |one |the "
        U")?(request|requests|suggestion|suggestions|idea|ideas|wish|need|use case|thing i "
        U"miss|thing we miss|feature request)$",
        U"^(please|thanks|hi|hello|dear all)$",
        U"^(my |our |the )?(use case|request|need|idea) is (simple|easy|as follows|this|clear)$",
        U"^(improve|better|this|it|support|the following|following|something like this)$",
    };
    if (range_weight(t, r) < 2) return true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (pattern_at(rows[i], t->fold, r, r.begin, NULL)) return true;
    return false;
}

/* A clause that is nothing but the setting: "用在保险理赔初审上". */
static bool only_setting(const struct text *t, struct range clause, struct range *out) {
    return setting_in(t, clause, out) && range_weight(t, clause) - range_weight(t, *out) <= 8 &&
           !phrase_find(PHRASE_POINT, t, clause, NULL);
}

/* What a clause wishes for: without what leads to it, or from where it says so on. */
static struct range wished(const struct text *t, struct range clause) {
    struct range content = eat(t, clause);
    struct match m;
    bool led = content.begin > clause.begin;
    if (!led && phrase_find(PHRASE_POINT, t, clause, &m) && range_weight(t, m.parts[0]) >= 4)
        return eat(t, m.parts[0]);
    return content;
}

/* One clause behind the wish: domain, purpose, or a stretch of the ability. */
static err take_clause(struct prose *p, struct piece_draft *d, struct range clause) {
    const struct text *t = d->text;
    struct range content = wished(t, clause), setting;
    struct match m;
    if (cues_in(t, clause) & (CUE_BIT(OFFER) | CUE_BIT(THANKS) | CUE_BIT(GREETING))) return ERR_OK;
    if (clause_forbids(t, clause) || says_nothing(t, content)) return ERR_OK;
    if (phrase_find(PHRASE_INPUT, t, clause, NULL) || phrase_find(PHRASE_OUTPUT, t, clause, NULL))
        return ERR_OK;
    if (phrase_find(PHRASE_ABILITY, t, content, &m))
        TRY(keep_first(p, t, range_bare(t, m.parts[0]), &p->domain));
    else if (phrase_find(PHRASE_DOMAIN, t, content, &m)) {
        bool english = t->fold[content.begin] < 0x80;
        return keep_first(p, t, english ? range_bare(t, m.parts[0]) : content, &p->domain);
    }
    bool has_setting = setting_in(t, clause, &setting);
    if (phrase_find(PHRASE_BACKGROUND, t, clause, NULL))
        return has_setting ? keep_setting(p, t, setting) : ERR_OK;
    if (has_setting) TRY(keep_setting(p, t, setting));
    if (only_setting(t, clause, &setting)) return ERR_OK;
    if (d->n > 0) piece_join(d, point_cjk(t->fold[content.begin]) ? "，" : ", ");
    piece_add(d, content);
    return ERR_OK;
}

static bool starts_wish(const struct text *t, struct range clause) {
    return (cues_in(t, clause) & (ASKS | CUE_BIT(LIKE) | CUE_BIT(WISH) | CUE_BIT(USE))) != 0 ||
           phrase_find(PHRASE_FOLLOW, t, clause, NULL) ||
           pattern_find(U"(需要|希望|想要)", t->fold, clause, NULL);
}

static err take_wish(struct prose *p, const struct text *t, struct range sentence) {
    struct range clauses[CLAUSES_MAX], setting;
    struct piece_draft draft = {.text = t, .arena = p->a};
    struct piece piece;
    range_list_mark(t, sentence, &sentence.begin);
    int n = clauses_split(t, sentence, clauses), first = 0;
    while (first < n && !starts_wish(t, clauses[first])) first++;
    if (first == n) first = 0;
    err e = ERR_OK;
    for (int i = 0; i < first && e == ERR_OK; i++)
        if (setting_in(t, clauses[i], &setting)) e = keep_setting(p, t, setting);
    for (int i = first; i < n && e == ERR_OK; i++) e = take_clause(p, &draft, clauses[i]);
    for (int i = 0; i < first && e == ERR_OK && draft.n == 0 && !p->domain.text; i++)
        e = take_clause(p, &draft, clauses[i]); /* "X is weak, please train it" */
    err ended = piece_end(&draft, &piece);
    if (e == ERR_OK) e = ended;
    p->asked = true;
    return e == ERR_OK ? piece_list_add(p->a, &p->out->capability, &piece) : e;
}

/* A sentence that does not ask itself: the setting, or what goes on with the wish. */
static err take_other(struct prose *p, const struct text *t, const struct sentence *s) {
    struct range setting;
    if (s->cues & (CUE_BIT(OFFER) | CUE_BIT(GREETING) | CUE_BIT(HINT) | CUE_BIT(SELF)))
        return ERR_OK;
    bool follows = p->asked &&
                   !(s->cues & (CUE_BIT(THANKS) | CUE_BIT(SOFTWARE) | CUE_BIT(COMPLAINT))) &&
                   phrase_find(PHRASE_FOLLOW, t, s->at, NULL) && !(s->cues & CUE_BIT(QUESTION));
    if (follows) return take_wish(p, t, s->at);
    if (setting_in(t, s->at, &setting)) return keep_setting(p, t, setting);
    return ERR_OK;
}

/* Items of the list that follows a wish are what it wishes for. */
static bool in_list(const struct text *t, struct range r) {
    const struct line *line = &t->lines[text_line_at(t, r.begin)];
    return range_list_mark(t, line->at, NULL);
}

static err take_item(struct prose *p, const struct text *t, struct range r) {
    struct piece_draft draft = {.text = t, .arena = p->a};
    struct piece piece;
    condense_item(&draft, t->lines[text_line_at(t, r.begin)].at);
    TRY(piece_end(&draft, &piece));
    return piece_list_has(&p->out->capability, t, r)
               ? ERR_OK
               : piece_list_add(p->a, &p->out->capability, &piece);
}

/* "Let it take X and give Y": input and output, which are read apart. */
static bool only_sides(const struct text *t, struct range r) {
    struct range said = eat(t, r);
    return phrase_find(PHRASE_INPUT, t, said, NULL) && phrase_find(PHRASE_OUTPUT, t, said, NULL) &&
           pattern_at(U"(输入|给|the input|input)", t->fold, said, said.begin, NULL);
}

static err take_sentences(struct prose *p, const struct text *t, const struct sentence_list *list) {
    int64_t line_done = -1;
    for (int64_t i = 0; i < list->n; i++) {
        const struct sentence *s = &list->items[i];
        if (!t->of_title && labelled(p->w, s->at)) continue;
        int64_t line = text_line_at(t, s->at.begin);
        if (p->asked && in_list(t, s->at)) {
            if (line != line_done && !(s->cues & (CUE_BIT(OFFER) | CUE_BIT(THANKS))))
                TRY(take_item(p, t, s->at));
            line_done = line;
            continue;
        }
        if (sentence_asks(s, p->collecting) && !only_sides(t, s->at))
            TRY(take_wish(p, t, s->at));
        else
            TRY(take_other(p, t, s));
    }
    return ERR_OK;
}

static err find_side(struct prose *p, enum phrase_class class, struct piece *slot) {
    const struct text *t = &p->w->body;
    for (int64_t i = 0; i < p->w->says.n && !slot->text; i++) {
        struct match m;
        struct range sentence = p->w->says.items[i].at;
        if (labelled(p->w, sentence) || !phrase_find(class, t, sentence, &m)) continue;
        struct range r = m.parts[0];
        for (int64_t k = r.begin; k < r.end; k++) /* "...: text(input)": from the last colon on */
            if (t->fold[k] == ':' || t->fold[k] == ',') r.begin = k + 1;
        while (r.begin < r.end && (t->fold[r.begin] == '=' || t->fold[r.begin] == '>')) r.begin++;
        TRY(piece_of(t, range_bare(t, r), p->a, slot));
    }
    return ERR_OK;
}

/* A title that names a thing, for an issue whose sentences name no setting. */
static err take_title(struct prose *p) {
    const struct text *t = &p->w->title;
    if (p->title.text) return ERR_OK;
    struct range r = {0, t->n};
    if (t->n > 0 && t->fold[0] == '[')
        while (r.begin < t->n && t->fold[r.begin] != ']') r.begin++;
    if (r.begin > 0 && r.begin < t->n) r.begin++;
    r = range_bare(t, r);
    uint64_t not_a_name = ASKS | CUE_BIT(QUESTION) | CUE_BIT(ERROR) | CUE_BIT(WISH) |
                          CUE_BIT(SOFTWARE) | CUE_BIT(COMPLAINT);
    if (range_weight(t, r) < 3 || phrase_find(PHRASE_GENERIC, t, r, NULL) ||
        (cues_in(t, r) & not_a_name))
        return ERR_OK;
    return piece_of(t, eat(t, r), p->a, &p->title);
}

/* The first clause of what the model should do stands for a setting that nobody names. */
static err first_clause(struct prose *p, struct piece *out) {
    const struct piece *first = p->out->capability.n > 0 ? p->out->capability.items : NULL;
    if (!first || !first->text) return ERR_OK;
    const struct text *t = first->of_title ? &p->w->title : &p->w->body;
    struct range r = {0, t->n}, clauses[CLAUSES_MAX];
    while (r.begin < t->n && t->at[r.begin] < first->stretches[0].begin) r.begin++;
    while (r.end > r.begin && t->at[r.end - 1] >= first->stretches[0].end) r.end--;
    return clauses_split(t, r, clauses) > 0 ? piece_of(t, clauses[0], p->a, out) : ERR_OK;
}

/* A title that asks for what the body explains names the scenario. */
static err title_domain(struct prose *p) {
    const struct text *t = &p->w->title;
    for (int64_t i = 0; i < p->w->title_says.n; i++) {
        const struct sentence *s = &p->w->title_says.items[i];
        struct range content = wished(t, s->at);
        struct match m;
        if (!sentence_asks(s, p->collecting) || says_nothing(t, content)) continue;
        if (phrase_find(PHRASE_DOMAIN, t, content, &m) && t->fold[content.begin] < 0x80)
            content = range_bare(t, m.parts[0]);
        return piece_of(t, content, p->a, &p->title);
    }
    return ERR_OK;
}

/* A wish of which nothing is left to say but itself. */
static err whole_sentence(struct prose *p) {
    bool of_title = false;
    struct piece piece;
    const struct sentence *s = words_asking(p->w, p->collecting, &of_title);
    const struct text *t = of_title ? &p->w->title : &p->w->body;
    TRY(piece_of(t, s ? s->at : range_bare(t, (struct range){0, t->n}), p->a, &piece));
    return piece_list_add(p->a, &p->out->capability, &piece);
}

static err finish_scenario(struct prose *p) {
    struct reading *out = p->out;
    const struct piece *from[] = {&p->setting, &p->domain, &p->title};
    for (int i = 0; i < 3 && !out->scenario.text; i++)
        if (from[i]->text) out->scenario = *from[i];
    if (!out->scenario.text) TRY(first_clause(p, &out->scenario));
    if (out->capability.n == 0) TRY(derive_capability(&p->w->body, NULL, p->a, out));
    if (out->capability.n == 0) TRY(piece_list_add(p->a, &out->capability, &p->domain));
    if (!out->scenario.text && out->capability.n > 0) out->scenario = out->capability.items[0];
    if (out->capability.n == 0) TRY(piece_list_add(p->a, &out->capability, &out->scenario));
    return out->capability.n ? ERR_OK : whole_sentence(p);
}

/* Where the sentence that asks only points back ("for this scenario"): the first that says more. */
static err take_any(struct prose *p, bool wishing) {
    const uint64_t not_it = CUE_BIT(OFFER) | CUE_BIT(THANKS) | CUE_BIT(GREETING) | CUE_BIT(HINT) |
                            CUE_BIT(SELF) | CUE_BIT(COMPLAINT);
    const struct sentence_list *says = &p->w->says;
    for (int64_t i = 0; i < says->n && p->out->capability.n == 0; i++) {
        const struct sentence *s = &says->items[i];
        const struct text *t = &p->w->body;
        if ((s->cues & not_it) || labelled(p->w, s->at) || range_weight(t, s->at) < 4) continue;
        if (wishing && (!pattern_find(U"(需要|想要|希望|need|want)", t->fold, s->at, NULL) ||
                        only_sides(t, s->at)))
            continue;
        TRY(take_wish(p, &p->w->body, s->at));
    }
    return ERR_OK;
}

err read_prose(const struct words *w, bool collecting, struct arena *a, struct reading *out) {
    struct prose p = {.w = w, .collecting = collecting, .a = a, .out = out};
    struct part all = {w->labels.items, w->labels.n, {0, w->body.n}};
    bool of_title = false;
    bool title_alone = words_asking(w, collecting, &of_title) && of_title;
    TRY(read_pairs(&w->body, &all, a, out));
    TRY(title_alone ? take_sentences(&p, &w->title, &w->title_says) : title_domain(&p));
    TRY(take_sentences(&p, &w->body, &w->says));
    if (!out->input.text) TRY(find_side(&p, PHRASE_INPUT, &out->input));
    if (!out->output.text) TRY(find_side(&p, PHRASE_OUTPUT, &out->output));
    TRY(take_title(&p));
    if (out->capability.n == 0 && !p.domain.text) TRY(take_any(&p, true));
    bool composes = out->input.text && out->output.text;
    if (out->capability.n == 0 && !p.domain.text && !composes) TRY(take_any(&p, false));
    TRY(finish_scenario(&p));
    TRY(read_extras(&w->body, &all, a, out));
    for (int64_t i = 0; i < w->says.n; i++)
        TRY(read_constraints(&w->body, w->says.items[i].at, a, out));
    return ERR_OK;
}
