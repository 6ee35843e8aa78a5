/* SPDX-License-Identifier: Apache-2.0
 * One request on a terminal, or as JSON.
 * Every text in it is a stranger's and passes cli/terminal.h.
 * Read next: cli/request_view.h, the contract. */
#include "cli/request_view.h"

#include "cli/terminal.h"
#include "issues/plan.h"
#include "issues/pull.h"
#include <string.h>

enum { LABEL_WIDTH = 13, EXAMPLE_MAX_BYTES = 600, NAME_MAX_BYTES = 120 };

static err line(struct str *out, const char *label, const char *text, size_t max_bytes) {
    struct terminal_text t = {text, LABEL_WIDTH + 2, max_bytes};
    TRY(str_printf(out, "  %-*s", LABEL_WIDTH, label));
    TRY(terminal_add(&t, out));
    return str_add(out, "\n");
}

static err maybe(struct str *out, const char *label, const char *text) {
    return text && *text ? line(out, label, text, 0) : ERR_OK;
}

static err lines(struct str *out, const char *label, const struct opt_list *list) {
    for (int64_t i = 0; i < list->n; i++) TRY(line(out, i ? "" : label, list->items[i], 0));
    return ERR_OK;
}

static err head_lines(const struct record *r, struct arena *a, struct str *out) {
    const char *stem;
    TRY(record_stem(r->id, a, &stem));
    TRY(str_printf(out, "%s  %s", stem, state_rows[record_state(r)].word));
    if (record_state(r) == RECORD_NEW) TRY(str_printf(out, " (proposed: %s)", review_proposal(r)));
    TRY(str_printf(out, "  plan month %s\n", r->month));
    const char *from =
        arena_printf(a, "%s, %.10s, %lld problem reports, %lld votes",
                     r->requester ? r->requester : "a deleted account", r->source.created_at,
                     (long long)r->problem_reports, (long long)r->votes);
    if (!from) return ERR_MEMORY;
    TRY(line(out, "from", from, 0));
    return maybe(out, "page", r->source.url);
}

static err field_lines(const struct record *r, struct str *out) {
    TRY(maybe(out, "scenario", r->scenario));
    TRY(lines(out, "capability", &r->capability));
    TRY(maybe(out, "input", r->input));
    TRY(maybe(out, "output", r->output));
    TRY(lines(out, "constraints", &r->constraints));
    TRY(maybe(out, "remark", r->remark));
    for (int64_t i = 0; i < r->examples.n; i++) {
        TRY(line(out, i ? "" : "examples", r->examples.items[i].prompt, EXAMPLE_MAX_BYTES));
        TRY(line(out, "       gives", r->examples.items[i].response, EXAMPLE_MAX_BYTES));
    }
    TRY(maybe(out, "cases", r->cases));
    return lines(out, "proposed", &r->proposed);
}

static err missing_line(const struct record *r, struct str *out) {
    const char *missing[3];
    struct str text = {0};
    int n = record_missing(r, missing);
    err e = ERR_OK;
    for (int i = 0; i < n && e == ERR_OK; i++)
        e = str_printf(&text, "%s%s", i ? ", " : "", missing[i]);
    if (e == ERR_OK) e = maybe(out, "missing", str_text(&text));
    str_release(&text);
    return e;
}

static err find_lines(const struct record *r, struct arena *a, struct str *out) {
    struct review_finds finds;
    TRY(review_find_sensitive(r, a, &finds));
    for (int64_t i = 0; i < finds.n; i++) {
        const struct review_find *f = &finds.items[i];
        const char *text =
            arena_printf(a, "%s in %s: %s (%s: %s)", sensitive_class_name(f->find.row->what),
                         f->field, f->find.shown, f->find.row->name, f->find.row->help);
        if (!text) return ERR_MEMORY;
        TRY(line(out, i ? "" : "LOOK AT", text, 0));
    }
    return ERR_OK;
}

static err similar_lines(const struct request_view *v, const struct record *r, struct str *out) {
    struct review_similar similar[REVIEW_SIMILAR_MAX];
    int64_t n;
    TRY(review_find_similar(r, v->all, similar, &n));
    for (int64_t i = 0; i < n; i++) {
        const struct record *other = similar[i].record;
        const char *stem;
        TRY(record_stem(other->id, v->arena, &stem));
        const char *text =
            arena_printf(v->arena, "%.2f  %s (%s, %s) %s", similar[i].similarity, stem,
                         other->month, state_rows[record_state(other)].word, record_name(other));
        if (!text) return ERR_MEMORY;
        TRY(line(out, i ? "" : "similar", text, NAME_MAX_BYTES));
    }
    return ERR_OK;
}

static err review_lines(const struct record *r, struct arena *a, struct str *out) {
    for (int64_t i = 0; i < r->review.n; i++) {
        const struct record_decision *d = &r->review.items[i];
        const char *text = arena_printf(a, "%s by %s on %s%s%s%s%s", d->state, d->by, d->date,
                                        d->into ? " into " : "", d->into ? d->into : "",
                                        d->reason ? ": " : "", d->reason ? d->reason : "");
        if (!text) return ERR_MEMORY;
        TRY(line(out, i ? "" : "review", text, 0));
    }
    return ERR_OK;
}

/* The month that plans it, and its post where that was edited; texts live in the arena. */
static err find_fate(const struct request_view *v, const struct record *r, const char **planned,
                     const char **edited) {
    struct plan_index index;
    struct pull_edits edits = {.program = v->program};
    const struct post *now;
    *edited = NULL;
    TRY(plan_index_read(v->program, v->arena, &index));
    *planned = plan_index_find(&index, r->id);
    err e = pull_edits_find(&edits, r, &now);
    if (e == ERR_OK && now) {
        *edited = arena_strdup(v->arena, now->body);
        if (!*edited) e = ERR_MEMORY;
    }
    pull_edits_release(&edits);
    return e;
}

err request_view_text(const struct request_view *v, const struct record *r, struct str *out) {
    const char *edited, *planned;
    TRY(head_lines(r, v->arena, out));
    TRY(field_lines(r, out));
    TRY(missing_line(r, out));
    TRY(find_lines(r, v->arena, out));
    TRY(similar_lines(v, r, out));
    TRY(review_lines(r, v->arena, out));
    TRY(find_fate(v, r, &planned, &edited));
    TRY(maybe(out, "planned in", planned));
    if (edited) TRY(line(out, "EDITED since", edited, 0));
    return v->whole ? maybe(out, "posted", r->text) : ERR_OK;
}

/* ---- as JSON ---- */

static err put_missing(const struct record *r, json_t *out) {
    const char *missing[3];
    int n = record_missing(r, missing);
    json_t *list = json_array();
    TRY(json_put(out, "missing", list));
    for (int i = 0; i < n; i++) TRY(json_push(list, json_string(missing[i])));
    return ERR_OK;
}

static err put_finds(const struct record *r, struct arena *a, json_t *out) {
    struct review_finds finds;
    json_t *list = json_array();
    TRY(json_put(out, "finds", list));
    TRY(review_find_sensitive(r, a, &finds));
    for (int64_t i = 0; i < finds.n; i++) {
        const struct review_find *f = &finds.items[i];
        TRY(json_push(list, json_pack("{s:s, s:s, s:s, s:s}", "name", f->find.row->name, "class",
                                      sensitive_class_name(f->find.row->what), "field", f->field,
                                      "shown", f->find.shown)));
    }
    return ERR_OK;
}

static err put_similar(const struct request_view *v, const struct record *r, json_t *out) {
    struct review_similar similar[REVIEW_SIMILAR_MAX];
    int64_t n;
    json_t *list = json_array();
    TRY(json_put(out, "similar", list));
    TRY(review_find_similar(r, v->all, similar, &n));
    for (int64_t i = 0; i < n; i++)
        TRY(json_push(list, json_pack("{s:s, s:f}", "id", similar[i].record->id, "similarity",
                                      similar[i].similarity)));
    return ERR_OK;
}

err request_view_json(const struct request_view *v, const struct record *r, json_t **out) {
    const char *edited, *planned;
    TRY(record_json(r, out));
    err e = json_put(*out, "state", json_string(state_rows[record_state(r)].word));
    if (e == ERR_OK) e = json_put(*out, "file", json_string(r->path));
    if (e == ERR_OK) e = put_missing(r, *out);
    if (e == ERR_OK) e = put_finds(r, v->arena, *out);
    if (e == ERR_OK) e = put_similar(v, r, *out);
    if (e == ERR_OK) e = find_fate(v, r, &planned, &edited);
    if (e == ERR_OK) e = json_put(*out, "planned_in", planned ? json_string(planned) : json_null());
    if (e == ERR_OK) e = json_put(*out, "edited", edited ? json_string(edited) : json_null());
    if (e != ERR_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return e;
}
