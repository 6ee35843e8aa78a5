/* SPDX-License-Identifier: Apache-2.0
 * Cuts the text behind a label into paragraph, list and rest, line by line.
 * Which of the three a line goes on with is a matter of empty lines, bullets and indentation.
 * Read next: issues/read/values.h, the contract. */
#include "issues/read/values.h"

#include "issues/read/condense.h"
#include "issues/read/cues.h"
#include <string.h>

enum { PIECES_MAX = 256, FILLER_MAX = 12 };

bool value_empty(const struct text *t, struct range r) {
    static const char32_t *const words[] = {
        U"^no response$", U"^none$", U"^n/a$", U"^na$",   U"^无$",  U"^暂无$",
        U"^没有$",        U"^略$",   U"^-+$",  U"^null$", U"^nil$", U"^/$",
    };
    struct range bare = range_bare(t, r);
    if (range_words(t, bare) == 0 && !(t->mask[bare.begin] & MASK_CODE)) return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (pattern_at(words[i], t->fold, bare, bare.begin, NULL)) return true;
    return false;
}

bool value_filler(const struct text *t, struct range r) {
    struct range bare = range_bare(t, r);
    int64_t words = 0, first = -1;
    bool same = true;
    for (int64_t i = bare.begin; i < bare.end; i++) {
        if (!point_word(t->fold[i])) continue;
        if (first < 0) first = i;
        same = same && t->fold[i] == t->fold[first];
        words++;
    }
    if (words == 0) return true;
    if (words > FILLER_MAX) return false;
    return (same && (words > 1 || point_latin(t->fold[first]))) ||
           pattern_find(U"^(test|asdf|qwerty|xxx|123|1234|12345|abc|测试|哈哈)$", t->fold, bare,
                        NULL);
}

/* A sentence that only takes leave, or offers to work together; behind a short answer also one in
 * which the author goes on about himself. */
static bool parting(const struct text *t, struct range sentence, bool answer) {
    uint64_t cues = cues_in(t, sentence);
    int64_t words = range_words(t, sentence);
    if (cues & CUE_BIT(OFFER)) return true;
    if (!answer) return (cues & CUE_BIT(THANKS)) && words <= 16;
    if (pattern_at(U"(we|i|we're|i'm|our|we've) ", t->fold, sentence, sentence.begin, NULL) ||
        pattern_at(U"(我们是|我是|我们在|我在|我们做)", t->fold, sentence, sentence.begin, NULL))
        return true;
    return (cues & CUE_BIT(THANKS)) && words <= 16;
}

/* Takes sentences off the end that are no answer. */
static struct range without_parting(const struct text *t, struct range r, bool answer) {
    struct range rest = r, sentence;
    int64_t end = r.begin, behind = r.begin;
    bool last = false;
    while (sentence_next(t, &rest, &sentence)) {
        last = parting(t, sentence, answer);
        behind = rest.begin < r.end ? rest.begin : r.end;
        if (!last) end = behind;
    }
    return last && end > r.begin ? range_trim(t, (struct range){r.begin, end}) : r;
}

/* A line of a template that tells what to write. */
static bool instruction(const struct text *t, struct range r) {
    return (cues_in(t, r) & CUE_BIT(HINT)) != 0;
}

struct cutter {
    const struct text *t;
    struct value *out;
    struct range all;
    bool under_heading, gap;
};

static void extend(struct range *r, struct range by) {
    if (r->begin == r->end) r->begin = by.begin;
    r->end = by.end;
}

static void take_item(struct cutter *q, struct range seg) {
    struct value *v = q->out;
    if (v->n_items < VALUE_MAX_ITEMS) v->items[v->n_items++] = seg;
    if (v->rest.begin == v->rest.end) extend(&v->body, seg);
}

static void take_words(struct cutter *q, struct range seg) {
    struct value *v = q->out;
    bool indented = q->t->fold[seg.begin] == ' ' && q->t->fold[seg.begin + 1] == ' ';
    bool started = v->body.end > v->body.begin;
    if (v->rest.end > v->rest.begin) return;
    bool wish = started && !q->under_heading && clause_wishes(q->t, range_trim(q->t, seg));
    if (v->n_items > 0 && !q->gap && indented) {
        v->items[v->n_items - 1].end = seg.end;
        v->body.end = seg.end;
    } else if (v->n_items > 0 || wish || (q->gap && started && !q->under_heading)) {
        v->rest = (struct range){seg.begin, q->all.end};
    } else {
        if (!q->gap || !started) extend(&v->lead, seg);
        extend(&v->body, seg);
    }
}

static void take_line(struct cutter *q, const struct line *line, struct range seg) {
    struct range words = range_trim(q->t, seg);
    bool first = line->at.begin < q->all.begin;
    if (line->kind == LINE_QUOTE || line->kind == LINE_HIDDEN || line->kind == LINE_BOX) return;
    if (words.begin >= words.end || line->kind == LINE_RULE) {
        q->gap = q->gap || q->out->body.end > q->out->body.begin;
        return;
    }
    bool cell = line->at.begin < q->all.begin && line->at.end > q->all.end;
    if ((line->kind == LINE_TABLE || line->kind == LINE_BORDER) && !cell) {
        q->gap = true; /* rows are read by issues/read/examples.c and issues/read/label.c */
        return;
    }
    if (line->block > 0) {
        if (q->out->rest.begin == q->out->rest.end) extend(&q->out->body, seg);
        q->gap = false;
        return;
    }
    if (q->under_heading && instruction(q->t, words)) return;
    if (!first && range_list_mark(q->t, seg, NULL))
        take_item(q, seg);
    else
        take_words(q, seg);
    q->gap = false;
}

void value_read(const struct text *t, struct range r, bool under_heading, struct value *out) {
    struct cutter q = {.t = t, .out = out, .all = r, .under_heading = under_heading};
    *out = (struct value){.lead = {r.begin, r.begin}, .body = {r.begin, r.begin}};
    for (int64_t l = text_line_at(t, r.begin); l < t->n_lines && t->lines[l].at.begin < r.end;
         l++) {
        struct range seg = t->lines[l].at;
        if (seg.begin < r.begin) seg.begin = r.begin;
        if (seg.end > r.end) seg.end = r.end;
        if (seg.begin <= seg.end) take_line(&q, &t->lines[l], seg);
    }
    out->lead = without_parting(t, range_trim(t, out->lead), false);
    out->body = range_trim(t, out->body);
    if (out->body.end > out->body.begin && !(t->mask[out->body.end - 1] & MASK_CODE))
        out->body = without_parting(t, out->body, true);
    if (value_empty(t, out->lead)) out->lead.end = out->lead.begin;
    if (value_empty(t, out->body)) out->body.end = out->body.begin;
}

/* Room for one more; grows by doubling. */
static void *grown(struct arena *a, void *items, int64_t n, size_t size) {
    if ((n & (n - 1)) != 0) return items; /* full at 0, 1, 2, 4, ... */
    void *more = arena_alloc(a, n ? 2 * (size_t)n : 1, size);
    if (more && n > 0) memcpy(more, items, (size_t)n * size);
    return more;
}

err piece_list_add(struct arena *a, struct piece_list *list, const struct piece *piece) {
    if (!piece->text || list->n >= PIECES_MAX) return ERR_OK;
    struct piece *items = grown(a, list->items, list->n, sizeof *items);
    if (!items) return ERR_MEMORY;
    list->items = items;
    items[list->n++] = *piece;
    return ERR_OK;
}

err pair_add(struct arena *a, struct reading *r, const struct piece *prompt,
             const struct piece *response) {
    if ((!prompt->text && !response->text) || r->n_examples >= PIECES_MAX) return ERR_OK;
    struct piece_pair *items = grown(a, r->examples, r->n_examples, sizeof *items);
    if (!items) return ERR_MEMORY;
    r->examples = items;
    items[r->n_examples++] = (struct piece_pair){*prompt, *response};
    return ERR_OK;
}

bool piece_list_has(const struct piece_list *list, const struct text *t, struct range r) {
    if (r.begin >= r.end) return true;
    int64_t begin = t->at[r.begin], end = t->at[r.end - 1] + 1;
    for (int64_t i = 0; i < list->n; i++)
        if (list->items[i].begin <= begin && end <= list->items[i].end) return true;
    return false;
}
