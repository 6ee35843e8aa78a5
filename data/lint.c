/* SPDX-License-Identifier: Apache-2.0
 * Runs every lint over the rows of a build: first what several of them ask (keys of prompts and
 * answers, personal data and secrets), then each in turn, row by row side by side. Only a number is
 * kept for each row; the worst ones are looked at again, to be told. The contract is data/lint.h;
 * reports are read back in data/lint_rows.c. */
#include "data/lint/lint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/par.h"
#include "data/dataset/shards_int.h"
#include "data/lint_int.h"
#include "data/sensitive.h"
#include "data/text/normal.h"
#include "data/text/text_map.h"
#include <string.h>

struct lint_row lint_row_of(const struct row_text *text, const struct row_tokens *tokens,
                            int32_t sep, int32_t eod) {
    const struct tokens *ids = &tokens->ids;
    struct lint_row row = {.sample = text->sample, .part = text->part};
    row.n_tokens = (int32_t)ids->n;
    for (int64_t i = 0; i < ids->n; i++) {
        row.n_sep += ids->ids[i] == sep;
        row.n_eod += ids->ids[i] == eod;
        row.n_trained += i > 0 && tokens->answer.data[i]; /* nothing predicts the first one */
    }
    row.ends = ids->n > 0 && ids->ids[ids->n - 1] == eod;
    return row;
}

/* One lint's pass over the rows, or the making of what all of them ask. */
struct pass {
    const struct lint_run *run;
    const struct lint *lint;
    const void *state;
    err (*each)(struct pass *p, int64_t row);
    double *badness;
    char (*keys)[2 * LINT_KEY];
    uint8_t (*sensitive)[3];
    err *results; /* of each thread */
};

static void run_some(void *ctx, int64_t begin, int64_t end, int thread) {
    struct pass *p = ctx;
    for (int64_t i = begin; i < end && p->results[thread] == ERR_OK; i++)
        p->results[thread] = p->each(p, i);
}

/* Memory is all that can run out here; anything else would have been refused as a row. */
static err run_pass(struct pass *p) {
    p->results = mem_zalloc((size_t)par_threads(), sizeof *p->results);
    if (!p->results) return ERR_MEMORY;
    par_for(p->run->n, 64, run_some, p);
    err e = ERR_OK;
    for (int i = 0; i < par_threads() && e == ERR_OK; i++) e = p->results[i];
    mem_free(p->results);
    return e == ERR_OK ? ERR_OK : e == ERR_MEMORY ? fail(e, "out of memory") : e;
}

static err key_of(struct normal *normal, const struct str *text, char out[LINT_KEY]) {
    char hex[SHA256_HEX_SIZE];
    TRY(normal_set(normal, str_text(text), text->len));
    TRY(sha256_bytes(normal->points, (size_t)normal->n * sizeof *normal->points, hex));
    memcpy(out, hex, LINT_KEY);
    return ERR_OK;
}

/* Of a row that trains several answers: all before the last answer is its prompt. */
static err make_keys(struct pass *p, int64_t i) {
    const struct sample *s = p->run->rows[i].sample;
    int32_t part = p->run->rows[i].part;
    struct normal normal = {0};
    struct str prompt = {0}, answer = {0};
    err e;
    if (s->kind == SAMPLE_TURNS) {
        int64_t turn = part > 0 ? part - 1 : s->n - 1;
        e = sample_prompt(s, turn, &prompt);
        if (e == ERR_OK)
            e = str_append(&answer, s->turns[turn].answer.text, s->turns[turn].answer.n);
    } else {
        e = sample_context_text(s, &prompt);
        if (e == ERR_OK) e = sample_trained_text(s, &answer);
    }
    if (e == ERR_OK) e = key_of(&normal, &prompt, p->keys[i]);
    if (e == ERR_OK) e = key_of(&normal, &answer, p->keys[i] + LINT_KEY);
    str_release(&prompt);
    str_release(&answer);
    normal_release(&normal);
    return e;
}

static err count_sensitive(void *ctx, struct span text, bool trained) {
    uint8_t *counts = ctx;
    struct arena arena = {0};
    struct sensitive_list list;
    (void)trained;
    err e = sensitive_find(text.text, text.n, &arena, &list);
    for (int64_t i = 0; e == ERR_OK && i < list.n; i++) {
        uint8_t *count = &counts[list.items[i].row->what];
        *count = (uint8_t)(*count < UINT8_MAX ? *count + 1 : UINT8_MAX);
    }
    arena_release(&arena);
    return e;
}

static err find_sensitive(struct pass *p, int64_t i) {
    return lint_each_text(&p->run->rows[i], count_sensitive, p->sensitive[i]);
}

static err look_at(struct pass *p, int64_t i) {
    struct lint_mark mark = {.text = {NULL, 0}};
    err e = p->lint->look(p->run, p->state, i, &mark);
    p->badness[i] = mark.badness;
    return e;
}

static struct span shown_text(const struct lint_row *row, const struct lint_mark *mark) {
    if (mark->text.text) return mark->text;
    const struct sample *s = row->sample;
    if (s->kind != SAMPLE_TURNS) return s->segments[0].text;
    return s->turns[row->part > 0 ? row->part - 1 : 0].prompt;
}

static err tell_row(const struct pass *p, int64_t i, struct str *note, json_t *out) {
    const struct lint_row *row = &p->run->rows[i];
    struct lint_mark mark = {.note = note};
    struct str excerpt = {0};
    TRY(p->lint->look(p->run, p->state, i, &mark));
    TRY(json_put(out, "split", json_string(split_names[row->split])));
    TRY(json_put(out, "row", json_integer(row->row)));
    TRY(json_put(out, "file", json_string(p->run->corpus->sources[row->sample->source].name)));
    TRY(json_put(out, "line", json_integer(row->sample->line)));
    if (row->part > 0) TRY(json_put(out, "part", json_integer(row->part)));
    TRY(json_put(out, "badness", json_real(mark.badness)));
    TRY(json_put(out, "note", json_string(str_text(note))));
    err e = lint_excerpt(shown_text(row, &mark), mark.at, &excerpt);
    if (e == ERR_OK) e = json_put(out, "excerpt", json_string(str_text(&excerpt)));
    str_release(&excerpt);
    return e;
}

static err tell_worst(const struct pass *p, json_t *out) {
    struct lint_worst worst = {.n = 0};
    for (int64_t i = 0; i < p->run->n; i++)
        if (p->badness[i] > 0) lint_worst_offer(&worst, i, p->badness[i]);
    json_t *list = json_array();
    TRY(json_put(out, "worst", list));
    for (int64_t i = 0; i < worst.n; i++) {
        struct str note = {0};
        json_t *item = json_object();
        TRY(json_push(list, item));
        err e = tell_row(p, worst.rows[i], &note, item);
        str_release(&note);
        TRY(e);
    }
    return ERR_OK;
}

static err run_lint(struct pass *p, json_t *out) {
    int64_t n = 0;
    p->each = look_at;
    TRY(run_pass(p));
    for (int64_t i = 0; i < p->run->n; i++) n += p->badness[i] > 0;
    double share = p->run->n > 0 ? (double)n / (double)p->run->n : 0;
    TRY(json_put(out, "name", json_string(p->lint->name)));
    TRY(json_put(out, "summary", json_string(p->lint->summary)));
    TRY(json_put(out, "rows", json_integer(n)));
    TRY(json_put(out, "share", json_real(share)));
    if (p->lint->facts) {
        TRY(p->lint->facts(p->run, p->state, out, &share));
        TRY(json_put(out, "share", json_real(share)));
    }
    return tell_worst(p, out);
}

static err run_all(struct pass *p, json_t *report) {
    TRY(json_put(report, "format", json_string("cotrain-lint")));
    TRY(json_put(report, "version", json_integer(LINT_VERSION)));
    TRY(json_put(report, "rows", json_integer(p->run->n)));
    json_t *list = json_array();
    TRY(json_put(report, "lints", list));
    for (int i = 0; i < n_lints; i++) {
        void *state = NULL;
        json_t *out = json_object();
        TRY(json_push(list, out));
        p->lint = lints[i];
        err e = p->lint->prepare ? p->lint->prepare(p->run, &state) : ERR_OK;
        p->state = state;
        if (e == ERR_OK) e = run_lint(p, out);
        if (state) p->lint->release(state);
        TRY(e);
        LOG(DATA, DEBUG, "lint '%s' is through", lints[i]->name);
    }
    return ERR_OK;
}

static err find_first_same(const struct lint_run *run, int64_t *out) {
    struct text_map seen = {0};
    err e = ERR_OK;
    for (int64_t i = 0; i < run->n && e == ERR_OK; i++) {
        int64_t *first;
        e = text_map_add(&seen, (struct span){run->keys[i], sizeof run->keys[i]}, i, &first);
        if (e == ERR_OK) out[i] = *first;
    }
    text_map_release(&seen);
    return e;
}

err lint_run(const struct lint_input *input, json_t **out) {
    size_t n = (size_t)input->n + 1;
    struct pass p = {.badness = mem_zalloc(n, sizeof *p.badness),
                     .keys = mem_alloc(n, sizeof *p.keys),
                     .sensitive = mem_zalloc(n, sizeof *p.sensitive)};
    int64_t *first_same = mem_alloc(n, sizeof *first_same);
    struct lint_run run = {.corpus = input->corpus,
                           .rows = input->rows,
                           .n = input->n,
                           .words = input->words,
                           .keys = (const char(*)[2 * LINT_KEY]) p.keys,
                           .first_same = first_same,
                           .sensitive = (const uint8_t(*)[3])p.sensitive};
    json_t *report = json_object();
    err e = p.badness && p.keys && p.sensitive && first_same && report
                ? ERR_OK
                : fail(ERR_MEMORY, "out of memory");
    p.run = &run;
    p.each = make_keys;
    if (e == ERR_OK) e = run_pass(&p);
    p.each = find_sensitive;
    if (e == ERR_OK) e = run_pass(&p);
    if (e == ERR_OK) e = find_first_same(&run, first_same);
    if (e == ERR_OK) e = run_all(&p, report);
    mem_free(p.badness);
    mem_free(p.keys);
    mem_free(p.sensitive);
    mem_free(first_same);
    if (e != ERR_OK) json_decref(report);
    *out = e == ERR_OK ? report : NULL;
    return e;
}
