/* SPDX-License-Identifier: Apache-2.0
 * Checks before a decision, and its effect on a record.
 * Files of decisions are issues/decisions.c; this file only judges and applies.
 * Read next: issues/review.h, the contract. */
#include "issues/review.h"

#include "base/mem.h"
#include "data/text/near.h"
#include <string.h>

enum { FINDS_MAX = 1000 };
/* Of pairs that say the same in other words nine of ten are above it, and none of those that only
 * look alike (tests/unit/data/test_near.c). */
static const double SIMILAR_ENOUGH = 0.45;

/* ---- what must be seen ---- */

static err find_in(const char *field, const char *text, struct arena *a, struct review_finds *out) {
    struct sensitive_list found;
    if (!text) return ERR_OK;
    TRY(sensitive_find(text, strlen(text), a, &found));
    for (int64_t i = 0; i < found.n && out->n < FINDS_MAX; i++)
        out->items[out->n++] = (struct review_find){field, found.items[i]};
    return ERR_OK;
}

static err find_in_list(const char *name, const struct opt_list *list, struct arena *a,
                        struct review_finds *out) {
    for (int64_t i = 0; i < list->n; i++) {
        const char *field = arena_printf(a, "%s.%lld", name, (long long)i + 1);
        if (!field) return ERR_MEMORY;
        TRY(find_in(field, list->items[i], a, out));
    }
    return ERR_OK;
}

err review_find_sensitive(const struct record *r, struct arena *a, struct review_finds *out) {
    out->n = 0;
    out->items = arena_alloc(a, FINDS_MAX, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    TRY(find_in("scenario", r->scenario, a, out));
    TRY(find_in_list("capability", &r->capability, a, out));
    TRY(find_in("input", r->input, a, out));
    TRY(find_in("output", r->output, a, out));
    TRY(find_in_list("constraints", &r->constraints, a, out));
    TRY(find_in("remark", r->remark, a, out));
    for (int64_t i = 0; i < r->examples.n; i++) {
        const char *prompt = arena_printf(a, "examples.%lld.prompt", (long long)i + 1);
        const char *response = arena_printf(a, "examples.%lld.response", (long long)i + 1);
        if (!prompt || !response) return ERR_MEMORY;
        TRY(find_in(prompt, r->examples.items[i].prompt, a, out));
        TRY(find_in(response, r->examples.items[i].response, a, out));
    }
    return find_in("text", r->text, a, out);
}

/* What two requests are compared by. */
static err gist(const struct record *r, struct str *out) {
    if (r->scenario) TRY(str_add(out, r->scenario));
    for (int64_t i = 0; i < r->capability.n; i++)
        TRY(str_printf(out, "\n%s", r->capability.items[i]));
    for (int64_t i = 0; i < r->examples.n; i++)
        TRY(str_printf(out, "\n%s\n%s", r->examples.items[i].prompt,
                       r->examples.items[i].response));
    return ERR_OK;
}

err review_find_similar(const struct record *r, const struct record_list *all,
                        struct review_similar out[REVIEW_SIMILAR_MAX], int64_t *out_n) {
    struct str own = {0}, other = {0};
    *out_n = 0;
    err e = gist(r, &own);
    for (int64_t i = 0; i < all->n && e == ERR_OK && own.len > 0; i++) {
        const struct record *candidate = &all->items[i];
        double similarity = 0;
        if (strcmp(candidate->id, r->id) == 0) continue;
        str_clear(&other);
        e = gist(candidate, &other);
        if (e == ERR_OK && other.len > 0)
            e = near_similarity(str_text(&own), str_text(&other), &similarity);
        if (similarity < SIMILAR_ENOUGH) continue;
        int64_t at = *out_n < REVIEW_SIMILAR_MAX ? (*out_n)++ : REVIEW_SIMILAR_MAX - 1;
        if (at == REVIEW_SIMILAR_MAX - 1 && out[at].record && out[at].similarity >= similarity)
            continue;
        for (; at > 0 && out[at - 1].similarity < similarity; at--) out[at] = out[at - 1];
        out[at] = (struct review_similar){candidate, similarity};
    }
    str_release(&own);
    str_release(&other);
    return e;
}

const char *review_proposal(const struct record *r) {
    const char *missing[3];
    return record_missing(r, missing) > 0 ? "needs-info" : "accept";
}

/* ---- checks ---- */

static err check_finds(const struct record *r, const struct opt_list *allow, struct arena *a) {
    struct review_finds finds;
    TRY(review_find_sensitive(r, a, &finds));
    for (int64_t i = 0; i < finds.n; i++) {
        const struct review_find *f = &finds.items[i];
        if (opt_list_has(allow, f->find.row->name)) continue;
        err e = fail(ERR_GATE, "request '%s': %s in '%s': %s (%s)", r->id,
                     sensitive_class_name(f->find.row->what), f->field, f->find.shown,
                     f->find.row->help);
        return fail_hint(e,
                         "take it out of the field, or write 'allow: [%s]' if it may be published",
                         f->find.row->name);
    }
    return ERR_OK;
}

static err check_accepted(const struct record *r) {
    if (!r->scenario && r->capability.n == 0)
        return fail(ERR_GATE, "request '%s': neither scenario nor capability is said", r->id);
    if (r->examples.n == 0) {
        err e = fail(ERR_GATE, "request '%s': there is no example to train from", r->id);
        return fail_hint(e, "ask the requester (needs-info), or write 'examples' of your own");
    }
    return ERR_OK;
}

static err check_merged(const struct record *r, const char *into, const struct record_list *all,
                        struct record **out) {
    if (!into) return fail(ERR_USAGE, "request '%s': 'into' must name the other request", r->id);
    err e = record_find(all, into, out);
    if (e != ERR_OK) return fail_in(e, "request '%s': into", r->id);
    if (strcmp((*out)->id, r->id) == 0)
        return fail(ERR_RANGE, "request '%s' cannot be merged into itself", r->id);
    if (record_state(*out) == RECORD_MERGED)
        return fail(ERR_RANGE, "request '%s': '%s' is itself merged into '%s'", r->id, (*out)->id,
                    (*out)->review.items[(*out)->review.n - 1].into);
    return ERR_OK;
}

static err check_day(const char *id, const char *date) {
    err e = day_check(date);
    return e == ERR_OK ? e : fail_in(e, "request '%s': 'date'", id);
}

err review_check(const struct record *r, const struct record_list *all) {
    struct record *into;
    if (r->review.n == 0) return ERR_OK;
    const struct record_decision *d = &r->review.items[r->review.n - 1];
    TRY(check_day(r->id, d->date));
    switch (record_state(r)) {
    case RECORD_ACCEPTED: return check_accepted(r);
    case RECORD_MERGED: return check_merged(r, d->into, all, &into);
    case RECORD_REJECTED:
        return d->reason ? ERR_OK
                         : fail(ERR_MISSING, "request '%s': rejecting needs a reason", r->id);
    case RECORD_NEW:
    case RECORD_NEEDS_INFO:
    case RECORD_STATE_COUNT: break;
    }
    return ERR_OK;
}

/* ---- effect ---- */

static const struct {
    const char *decision;
    enum record_state state;
} effects[] = {
    {"accept", RECORD_ACCEPTED},
    {"reject", RECORD_REJECTED},
    {"needs-info", RECORD_NEEDS_INFO},
    {"merge", RECORD_MERGED},
};

static err copy(struct arena *a, const char *from, const char **to) {
    if (!from) return ERR_OK;
    *to = arena_strdup(a, from);
    return *to ? ERR_OK : ERR_MEMORY;
}

static err copy_list(struct arena *a, const struct opt_list *from, struct opt_list *to) {
    if (from->n == 0) return ERR_OK;
    to->items = arena_alloc(a, (size_t)from->n, sizeof *to->items);
    if (!to->items) return ERR_MEMORY;
    to->n = from->n;
    for (int64_t i = 0; i < from->n; i++) TRY(copy(a, from->items[i], &to->items[i]));
    return ERR_OK;
}

static err copy_examples(struct arena *a, const struct record_examples *from,
                         struct record_examples *to) {
    if (from->n == 0) return ERR_OK;
    to->items = arena_alloc(a, (size_t)from->n, sizeof *to->items);
    if (!to->items) return ERR_MEMORY;
    to->n = from->n;
    for (int64_t i = 0; i < from->n; i++) {
        TRY(copy(a, from->items[i].prompt, &to->items[i].prompt));
        TRY(copy(a, from->items[i].response, &to->items[i].response));
    }
    return ERR_OK;
}

static err change_fields(const struct decision *d, struct arena *a, struct record *r) {
    TRY(copy(a, d->scenario, &r->scenario));
    TRY(copy(a, d->input, &r->input));
    TRY(copy(a, d->output, &r->output));
    TRY(copy(a, d->remark, &r->remark));
    TRY(copy(a, d->cases, &r->cases));
    TRY(copy_list(a, &d->capability, &r->capability));
    TRY(copy_list(a, &d->constraints, &r->constraints));
    if (d->weight > 0) r->weight = d->weight;
    return copy_examples(a, &d->examples, &r->examples);
}

static bool same(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_decision(const struct record_decision *a, const struct record_decision *b) {
    return same(a->state, b->state) && same(a->by, b->by) && same(a->date, b->date) &&
           same(a->reason, b->reason) && same(a->into, b->into);
}

/* Adds a line to the review, unless the last one says the same. */
static err add_decision(const struct record_decision *line, struct arena *a, struct record *r) {
    if (r->review.n > 0 && same_decision(&r->review.items[r->review.n - 1], line)) return ERR_OK;
    struct record_decision *items = arena_alloc(a, (size_t)r->review.n + 1, sizeof *items);
    if (!items) return ERR_MEMORY;
    if (r->review.n > 0) memcpy(items, r->review.items, (size_t)r->review.n * sizeof *items);
    struct record_decision *last = &items[r->review.n];
    r->review.items = items;
    r->review.n++;
    TRY(copy(a, line->state, &last->state));
    TRY(copy(a, line->by, &last->by));
    TRY(copy(a, line->date, &last->date));
    TRY(copy(a, line->reason, &last->reason));
    return copy(a, line->into, &last->into);
}

static err decide(const struct decision *d, enum record_state state, const struct record_list *all,
                  struct arena *a, struct record *r) {
    struct record_decision line = {state_rows[state].word, d->by, d->date, d->reason, NULL};
    const char *missing[3];
    if (state == RECORD_ACCEPTED) {
        TRY(check_accepted(r));
        TRY(check_finds(r, &d->allow, a));
        r->proposed.n = 0; /* accepting confirms them */
    }
    if (state == RECORD_NEEDS_INFO && !d->reason && record_missing(r, missing) == 0)
        return fail_hint(fail(ERR_MISSING, "request '%s': nothing is missing", r->id),
                         "say as the reason what the requester is asked");
    if (state == RECORD_REJECTED && !d->reason)
        return fail(ERR_MISSING, "request '%s': rejecting needs a reason", r->id);
    if (state == RECORD_MERGED) {
        struct record *into;
        TRY(check_merged(r, d->into, all, &into));
        line.into = into->id;
    }
    return add_decision(&line, a, r);
}

err review_apply(const struct decision *d, const struct record_list *all, struct arena *a,
                 struct record *r, bool *out_changed) {
    struct str before = {0}, after = {0};
    struct record changed = *r;
    int state = -1;
    *out_changed = false;
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++)
        if (strcmp(effects[i].decision, d->decision) == 0) state = (int)effects[i].state;
    TRY(check_day(r->id, d->date));
    TRY(change_fields(d, a, &changed));
    if (state >= 0) TRY(decide(d, (enum record_state)state, all, a, &changed));
    err e = record_yaml(r, &before);
    if (e == ERR_OK) e = record_yaml(&changed, &after);
    if (e == ERR_OK) *out_changed = strcmp(str_text(&before), str_text(&after)) != 0;
    str_release(&before);
    str_release(&after);
    if (e == ERR_OK) *r = changed;
    return e;
}
