/* SPDX-License-Identifier: Apache-2.0
 * The mix of languages, and rows that are answered in another one than they are asked in: Chinese
 * in English or the other way round. Both sides must be clear (three quarters of what counts,
 * data/text/script.h) and have ten characters that count, so that names, formulas and code in an
 * answer are not told of. Translation is what such rows are when they are right. */
#include "base/mem.h"
#include "base/par.h"
#include "data/lint/lint.h"
#include "data/text/script.h"

#define CLEAR 0.75
enum { LEAST_CHARACTERS = 10 };

static bool clear(const struct script_counts *c, enum script script) {
    return c->n[script] >= LEAST_CHARACTERS && script_share(c, script) >= CLEAR;
}

static err look_answer(void *ctx, struct span prompt, struct span answer) {
    struct lint_mark *mark = ctx;
    struct script_counts asked = {{0}}, answered = {{0}};
    script_count(prompt.text, prompt.n, &asked);
    script_count(answer.text, answer.n, &answered);
    for (int i = SCRIPT_CHINESE; i <= SCRIPT_ENGLISH; i++) {
        enum script other = i == SCRIPT_CHINESE ? SCRIPT_ENGLISH : SCRIPT_CHINESE;
        if (!clear(&asked, (enum script)i) || !clear(&answered, other)) continue;
        mark->badness += 1;
        if (mark->badness > 1) continue;
        TRY(lint_note(mark, "asked in %s, answered in %s", script_names[i], script_names[other]));
    }
    return ERR_OK;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    (void)state;
    return lint_each_answer(&run->rows[row], look_answer, mark);
}

struct counting {
    const struct lint_run *run;
    struct script_counts *rows;
};

static err count_text(void *ctx, struct span text, bool trained) {
    (void)trained;
    script_count(text.text, text.n, ctx);
    return ERR_OK;
}

static void count_some(void *ctx, int64_t begin, int64_t end, int thread) {
    struct counting *c = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) /* counting cannot fail */
        if (lint_each_text(&c->run->rows[i], count_text, &c->rows[i]) != ERR_OK) return;
}

static err put_counts(json_t *out, const char *key, const struct script_counts *c) {
    json_t *item = json_object();
    TRY(json_put(out, key, item));
    for (int i = 0; i < SCRIPT_COUNT; i++)
        TRY(json_put(item, script_names[i], json_integer(c->n[i])));
    return ERR_OK;
}

/* "main": rows by what most of each is written in; "characters": of all of them. */
static err facts(const struct lint_run *run, const void *state, json_t *out, double *share) {
    struct counting c = {run, mem_zalloc((size_t)run->n + 1, sizeof *c.rows)};
    struct script_counts rows = {{0}}, characters = {{0}};
    (void)state;
    (void)share;
    if (!c.rows) return ERR_MEMORY;
    par_for(run->n, 64, count_some, &c);
    for (int64_t i = 0; i < run->n; i++) {
        rows.n[script_main(&c.rows[i])]++;
        for (int k = 0; k < SCRIPT_COUNT; k++) characters.n[k] += c.rows[i].n[k];
    }
    mem_free(c.rows);
    TRY(put_counts(out, "main", &rows));
    return put_counts(out, "characters", &characters);
}

const struct lint lint_language = {
    .name = "language",
    .summary = "asked in Chinese and answered in English, or the other way round",
    .look = look,
    .facts = facts,
};
