/* SPDX-License-Identifier: Apache-2.0
 * How a long answer is cut to its point. A short one stays as it is; out of a long one comes the
 * clause that names the setting, or the wish, as the rows of issues/read/phrases.def know them.
 * Read next: issues/read/condense.h, the contract. */
#include "issues/read/condense.h"

#include "issues/read/rules.h"

/* Above this weight a value is long: about two lines of a page. */
enum {
    ITEM_SHORT = 60,
    SCENARIO_SHORT = 80,
    SENTENCES_SHORT = 60,
    TOPIC_MAX = 26,
    GROUPS_MAX = 8,
    EATEN_MAX = 24
};

const struct phrase_row phrase_rows[] = {
#define PHRASE(class, pattern) {PHRASE_##class, pattern},
#include "issues/read/phrases.def"
#undef PHRASE
};
const int n_phrase_rows = (int)(sizeof phrase_rows / sizeof phrase_rows[0]);

bool phrase_find(enum phrase_class class, const struct text *t, struct range r, struct match *out) {
    for (int i = 0; i < n_phrase_rows; i++)
        if (phrase_rows[i].class == class && pattern_search(&t->rules->phrases[i], t->fold, r, out))
            return true;
    return false;
}

/* Behind the longest row of a class that matches at the beginning, or the beginning. */
static int64_t behind_phrase(enum phrase_class class, const struct text *t, struct range r) {
    int64_t best = r.begin;
    for (int i = 0; i < n_phrase_rows; i++) {
        struct match m;
        if (phrase_rows[i].class == class &&
            pattern_here(&t->rules->phrases[i], t->fold, r, r.begin, &m) && m.all.end > best)
            best = m.all.end;
    }
    return best;
}

int clauses_split(const struct text *t, struct range r, struct range out[CLAUSES_MAX]) {
    int n = 0;
    int64_t begin = r.begin;
    for (int64_t i = r.begin; i <= r.end && n < CLAUSES_MAX; i++) {
        bool colon = i < r.end && t->fold[i] == ':' && !point_latin(t->fold[i + 1]);
        bool cut = i == r.end || (point_clause(t->fold[i]) && n < CLAUSES_MAX - 1) || colon;
        if (!cut) continue;
        struct range clause = range_bare(t, (struct range){begin, i});
        if (clause.begin < clause.end) out[n++] = clause;
        begin = i + 1;
    }
    return n;
}

bool sentence_next(const struct text *t, struct range *r, struct range *out) {
    while (r->begin < r->end) {
        int64_t i = r->begin;
        while (i < r->end && !point_sentence(t->fold[i]) &&
               !(t->fold[i] == '.' && point_word(t->fold[i > 0 ? i - 1 : 0]) &&
                 (i + 1 == r->end || point_blank(t->fold[i + 1]))))
            i++;
        *out = range_bare(t, (struct range){r->begin, i});
        r->begin = i + 1;
        if (out->begin < out->end) return true;
    }
    return false;
}

int64_t range_weight(const struct text *t, struct range r) {
    int64_t n = 0;
    bool word = false;
    for (int64_t i = r.begin; i < r.end; i++) {
        bool letter = point_word(t->fold[i]) && !point_cjk(t->fold[i]);
        n += point_cjk(t->fold[i]) ? 1 : letter && !word ? 2 : 0;
        word = letter;
    }
    return n;
}

/* One TAIL at the end goes; true when there was one. */
static bool drop_tail(const struct text *t, struct range *r) {
    int64_t from = r->end - 24 > r->begin ? r->end - 24 : r->begin + 1;
    for (int64_t at = from; at < r->end; at++) {
        struct range rest = {at, r->end};
        if (behind_phrase(PHRASE_TAIL, t, rest) != r->end) continue;
        struct range left = range_bare(t, (struct range){r->begin, at});
        if (left.begin >= left.end) return false;
        *r = left;
        return true;
    }
    return false;
}

/* Behind the name of the repository, which is the model's as well. */
static int64_t behind_name(const struct text *t, struct range r) {
    const char32_t *name = t->rules->name;
    int64_t at = r.begin;
    while (*name && at < r.end && t->fold[at] == *name) {
        at++;
        name++;
    }
    return *name || at == r.begin || point_latin(t->fold[at]) ? r.begin : at;
}

struct range eat(const struct text *t, struct range r) {
    struct range rest = range_bare(t, r);
    for (int i = 0; i < EATEN_MAX && rest.begin < rest.end; i++) {
        if (behind_phrase(PHRASE_KEEP, t, rest) > rest.begin) break;
        int64_t behind = behind_phrase(PHRASE_LEAD, t, rest);
        if (behind == rest.begin) behind = behind_name(t, rest);
        if (behind == rest.begin) break;
        rest.begin = behind;
        rest = range_bare(t, rest);
    }
    if (rest.begin < rest.end && rest.begin > r.begin && t->fold[rest.begin] == U'的') rest.begin++;
    if (rest.begin >= rest.end) return range_bare(t, r);
    for (int i = 0; i < 3 && drop_tail(t, &rest); i++) continue;
    return rest;
}

bool setting_in(const struct text *t, struct range r, struct range *out) {
    struct match m;
    bool found = phrase_find(PHRASE_SETTING, t, r, &m);
    if (found)
        *out = range_bare(t, m.parts[0]);
    else if ((found = phrase_find(PHRASE_SETTING_TO_END, t, r, &m)))
        *out = range_bare(t, (struct range){m.parts[0].begin, m.all.end});
    return found && range_weight(t, *out) >= 2;
}

bool clause_forbids(const struct text *t, struct range r) {
    static const char32_t *const rows[] = {
        U"^(且|并且|并|但|但是|同时|也|请)?(不能|不得|不要|不可|不应|不允许|禁止|严禁|避免|切勿|勿|"
        U"防止|不许|"
        U"不准|杜绝|别|请勿|不编造|不降低|不损失|不影响)",
        U"^(and|but|also|it|please) (must not|must never|should not|should never|do "
        U"not|don't|never|"
        U"no|without|avoid|not) ",
        U"^(must not|must never|should not|should never|do not|don't|never|no|without|avoid|not) ",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (pattern_at(rows[i], t->fold, r, r.begin, NULL)) return true;
    return false;
}

/* Users or uses that are named one after the other: "（A、B、C）" behind the setting. */
static void add_groups(struct piece_draft *d, struct range around) {
    const struct text *t = d->text;
    struct range groups[GROUPS_MAX], sentence, clauses[CLAUSES_MAX];
    int n = 0;
    while (sentence_next(t, &around, &sentence)) {
        int n_clauses = clauses_split(t, sentence, clauses);
        for (int i = 0; i < n_clauses && n < GROUPS_MAX; i++) {
            struct match m;
            if (!phrase_find(PHRASE_GROUP, t, clauses[i], &m)) continue;
            if (phrase_find(PHRASE_BACKGROUND, t, clauses[i], NULL)) continue;
            groups[n] = range_bare(t, m.parts[0]);
            n += range_weight(t, groups[n]) >= 2;
        }
    }
    bool han = point_cjk(t->fold[d->n ? groups[0].begin : 0]);
    for (int i = 0; n >= 2 && i < n; i++) {
        piece_join(d, i > 0 ? (han ? "、" : ", ") : han ? "（" : " (");
        piece_add(d, groups[i]);
    }
    if (n >= 2) piece_join(d, han ? "）" : ")");
}

/* A line or two; of several sentences, one. */
static bool scenario_short(const struct text *t, struct range r) {
    struct range rest = r, sentence;
    int n = 0;
    while (sentence_next(t, &rest, &sentence)) n++;
    return range_weight(t, r) <= (n > 1 ? SENTENCES_SHORT : SCENARIO_SHORT);
}

void condense_scenario(struct piece_draft *d, struct range r, struct range around) {
    const struct text *t = d->text;
    struct range all = range_trim(t, r), rest = all, sentence, clauses[CLAUSES_MAX];
    if (scenario_short(t, all)) {
        piece_add(d, all);
        return;
    }
    while (sentence_next(t, &rest, &sentence)) {
        int n = clauses_split(t, sentence, clauses);
        for (int i = 0; i < n; i++) {
            struct range setting;
            if (!setting_in(t, clauses[i], &setting)) continue;
            piece_add(d, setting);
            add_groups(d, around);
            return;
        }
    }
    rest = all;
    if (sentence_next(t, &rest, &sentence)) all = sentence;
    if (range_weight(t, all) > SCENARIO_SHORT && clauses_split(t, all, clauses) > 0)
        all = clauses[0];
    piece_add(d, all);
}

/* "幻觉：" in front of an item: its end, or the item's beginning. */
static int64_t behind_topic(const struct text *t, struct range r) {
    for (int64_t i = r.begin; i < r.end && i - r.begin <= TOPIC_MAX; i++) {
        if (point_clause(t->fold[i])) break;
        if (t->fold[i] == ':' && i > r.begin && i + 1 < r.end && t->fold[i + 1] != '/')
            return i + 1;
    }
    return r.begin;
}

bool clause_wishes(const struct text *t, struct range r) {
    return pattern_at(U"(希望|需要|期望|想要|想让|要求|如何|建议|最好|能否|能不能)", t->fold, r,
                      r.begin, NULL) ||
           pattern_at(
               U"(i|we|the model|it|please) (want*|need*|'d like|would like|hope|should|must|to)",
               t->fold, r, r.begin, NULL);
}

/* From the clause that wishes, or the first that is no background, to the last that is neither
 * background nor something forbidden. */
static struct range shorten(const struct text *t, struct range r) {
    struct range clauses[CLAUSES_MAX];
    int n = clauses_split(t, r, clauses), first = 0, last = n - 1;
    if (n == 0) return r;
    for (int i = 1; i < n; i++)
        if (clause_wishes(t, clauses[i])) first = i;
    while (first < last && phrase_find(PHRASE_BACKGROUND, t, clauses[first], NULL)) first++;
    while (last > first && (phrase_find(PHRASE_BACKGROUND, t, clauses[last], NULL) ||
                            clause_forbids(t, clauses[last])))
        last--;
    return (struct range){clauses[first].begin, clauses[last].end};
}

/* The part of a long item that a POINT names, or its first clause that is no background. */
static struct range long_point(const struct text *t, struct range r) {
    struct range rest, sentence;
    for (int i = 0; i < n_phrase_rows; i++) {
        if (phrase_rows[i].class != PHRASE_POINT) continue;
        for (rest = r; sentence_next(t, &rest, &sentence);) {
            struct match m;
            if (pattern_search(&t->rules->phrases[i], t->fold, sentence, &m) &&
                range_weight(t, m.parts[0]) >= 4)
                return range_bare(t, m.parts[0]);
        }
    }
    for (rest = r; sentence_next(t, &rest, &sentence);) {
        struct range point = shorten(t, sentence);
        if (!phrase_find(PHRASE_BACKGROUND, t, point, NULL)) return point;
    }
    return shorten(t, r);
}

/* "How to X is still open" asks for X, however short the item is. */
static bool open_question(const struct text *t, struct range r, struct range *out) {
    struct range sentence;
    while (sentence_next(t, &r, &sentence)) {
        struct match m;
        if (!phrase_find(PHRASE_HOW, t, sentence, &m)) continue;
        *out = range_bare(t, m.parts[0]);
        if (range_weight(t, *out) >= 4) return true;
    }
    return false;
}

static struct range item_point(const struct text *t, struct range body) {
    struct range point;
    if (open_question(t, body, &point)) return point;
    point = range_weight(t, body) <= ITEM_SHORT ? shorten(t, body) : long_point(t, body);
    point = range_bare(t, point);
    bool wish =
        behind_phrase(PHRASE_LEAD, t, point) - point.begin >= 2 && point_cjk(t->fold[point.begin]);
    return wish || clause_wishes(t, point) ? eat(t, point) : point;
}

void condense_item(struct piece_draft *d, struct range r) {
    const struct text *t = d->text;
    static const char32_t generic[] =
        U"^(需求|问题|能力|功能|要求|目标|need|needs|problem|ability|task):";
    int64_t words = r.begin;
    range_list_mark(t, r, &words);
    struct range item = range_bare(t, (struct range){words, r.end});
    struct range topic = {item.begin, behind_topic(t, item)};
    struct range body = range_trim(t, (struct range){topic.end, item.end});
    struct range point = item_point(t, body);
    if (topic.end > topic.begin && !pattern_at(generic, t->fold, topic, topic.begin, NULL)) {
        struct range name = range_bare(t, topic);
        if (point.begin == body.begin) {
            piece_add(d, (struct range){name.begin, point.end});
            return;
        }
        piece_add(d, name);
        piece_join(d, point_cjk(t->fold[name.begin]) ? "：" : ": ");
    }
    piece_add(d, point);
}
