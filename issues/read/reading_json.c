/* SPDX-License-Identifier: Apache-2.0
 * A reading as JSON: for every field its text, and below "spans" the stretches it came from.
 * Keys stand in the order in which a person wants to read them.
 * Read next: issues/read/reading.h. */
#include "issues/read/reading.h"

#include <string.h>

/* [[begin, end], ...]; a piece of the title says so. */
static err spans_json(const struct piece *piece, json_t *spans) {
    for (int64_t i = 0; i < piece->n_stretches; i++) {
        json_t *span = json_array();
        TRY(json_push(spans, span));
        TRY(json_push(span, json_integer(piece->stretches[i].begin)));
        TRY(json_push(span, json_integer(piece->stretches[i].end)));
    }
    return ERR_OK;
}

static err piece_json(const struct piece *piece, const char *key, json_t *out, json_t *spans) {
    TRY(json_put(out, key, json_text_or_null(piece->text)));
    if (!piece->text) return ERR_OK;
    json_t *list = json_array();
    TRY(json_put(spans, key, list));
    return spans_json(piece, list);
}

static err list_json(const struct piece_list *pieces, const char *key, json_t *out, json_t *spans) {
    json_t *texts = json_array(), *places = json_array();
    err e = json_put(out, key, texts);
    err placed = json_put(spans, key, places);
    TRY(e);
    TRY(placed);
    for (int64_t i = 0; i < pieces->n; i++) {
        json_t *list = json_array();
        TRY(json_push(texts, json_string(pieces->items[i].text)));
        TRY(json_push(places, list));
        TRY(spans_json(&pieces->items[i], list));
    }
    return ERR_OK;
}

static err examples_json_list(const struct reading *r, json_t *out, json_t *spans) {
    json_t *texts = json_array(), *places = json_array();
    err e = json_put(out, "examples", texts);
    err placed = json_put(spans, "examples", places);
    TRY(e);
    TRY(placed);
    for (int64_t i = 0; i < r->n_examples; i++) {
        json_t *pair = json_object(), *place = json_object();
        e = json_push(texts, pair);
        placed = json_push(places, place);
        TRY(e);
        TRY(placed);
        TRY(piece_json(&r->examples[i].prompt, "prompt", pair, place));
        TRY(piece_json(&r->examples[i].response, "response", pair, place));
    }
    return ERR_OK;
}

static bool any_of_title(const struct reading *r) {
    bool any = r->scenario.of_title;
    for (int64_t i = 0; i < r->capability.n; i++) any = any || r->capability.items[i].of_title;
    return any;
}

/* Fields whose stretches count in the title. */
static err of_title_json(const struct reading *r, json_t *spans) {
    json_t *list = json_array();
    TRY(json_put(spans, "of_title", list));
    if (r->scenario.of_title) TRY(json_push(list, json_string("scenario")));
    for (int64_t i = 0; i < r->capability.n; i++)
        if (r->capability.items[i].of_title) return json_push(list, json_string("capability"));
    return ERR_OK;
}

static err fields_json(const struct reading *r, json_t *out) {
    json_t *spans = json_object(), *missing = json_array();
    err e = json_put(out, "missing", missing);
    err placed = json_put(out, "spans", spans);
    TRY(e);
    TRY(placed);
    TRY(piece_json(&r->scenario, "scenario", out, spans));
    TRY(list_json(&r->capability, "capability", out, spans));
    TRY(piece_json(&r->input, "input", out, spans));
    TRY(piece_json(&r->output, "output", out, spans));
    TRY(examples_json_list(r, out, spans));
    TRY(list_json(&r->constraints, "constraints", out, spans));
    TRY(piece_json(&r->remark, "remark", out, spans));
    if (any_of_title(r)) TRY(of_title_json(r, spans));
    for (int64_t i = 0; i < r->n_missing; i++) TRY(json_push(missing, json_string(r->missing[i])));
    return ERR_OK;
}

static err plan_json(const struct post *post, const struct zone *zone, json_t *out) {
    char month[MONTH_TEXT_SIZE], day[DAY_TEXT_SIZE];
    int64_t plan = plan_month(post->created_s, zone);
    TRY(month_text(plan, month));
    TRY(day_text(plan_collect_day(plan), day));
    TRY(json_put(out, "plan_month", json_string(month)));
    return json_put(out, "collect_on", json_string(day));
}

static err fill_json(const struct post *post, const struct reading *r, const struct zone *zone,
                     json_t *out) {
    TRY(json_put(out, "id", json_string(r->id)));
    TRY(json_put(out, "url", json_text_or_null(post->url)));
    TRY(json_put(out, "login", json_text_or_null(post->login)));
    TRY(json_put(out, "created_at", json_string(post->created_at)));
    TRY(plan_json(post, zone, out));
    TRY(json_put(out, "is_request", json_boolean(r->is_request)));
    TRY(json_put(out, "kind", json_string(kind_rows[r->kind].name)));
    TRY(json_put(out, "language", json_string(r->language)));
    TRY(json_put(out, "form", json_string(r->form)));
    TRY(json_put(out, "reason", json_string(r->reason)));
    return fields_json(r, out);
}

err reading_json(const struct post *post, const struct reading *reading, const struct zone *zone,
                 json_t **out) {
    *out = json_object();
    err e = *out ? fill_json(post, reading, zone, *out) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) return ERR_OK;
    json_decref(*out);
    *out = NULL;
    return e;
}
