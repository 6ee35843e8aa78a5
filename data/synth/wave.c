/* SPDX-License-Identifier: Apache-2.0
 * A wave of questions: their answers become candidates in the questions' order, and these go
 * through texts, seal, duplicates, machine checks (side by side), the checks that ask, and once
 * more the duplicates, now with what the wave itself has accepted.
 * Read next: data/synth/rows.c for what is accepted. */
#include "data/synth/expand_int.h"

#include "base/mem.h"
#include "base/par.h"
#include "data/synth/reply.h"
#include <string.h>

struct candidates {
    struct candidate *items;
    int64_t n, capacity;
};

static err candidates_add(struct candidates *list, const struct candidate *c) {
    TRY(mem_grow(&list->items, &list->capacity, list->n, sizeof *list->items));
    list->items[list->n++] = *c;
    return ERR_OK;
}

static void candidates_release(struct candidates *list) {
    for (int64_t i = 0; i < list->n; i++) mem_free(list->items[i].why);
    mem_free(list->items);
}

/* ---- answers to candidates ---- */

/* A text that is there and holds no NUL, copied; NULL else. */
static err text_of(struct expanding *x, const json_t *object, const char *key, const char **out) {
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    *out = NULL;
    if (!text || strlen(text) != json_string_length(value)) return ERR_OK;
    *out = arena_strdup(&x->wave, text);
    return *out ? ERR_OK : ERR_MEMORY;
}

static err candidate_read(struct expanding *x, struct question *q, const json_t *value,
                          struct candidate *out, bool *out_read) {
    *out = (struct candidate){.of = q};
    TRY(text_of(x, value, "prompt", &out->pair.prompt));
    TRY(text_of(x, value, "response", &out->pair.response));
    TRY(text_of(x, value, "tests", &out->tests));
    if (q->method->keeps_response) out->pair.response = q->seed->response;
    *out_read = out->pair.prompt && out->pair.response;
    return ERR_OK;
}

static err no_row(struct question *q, const char *word, const char *why) {
    q->why = why;
    return count_add(q->ask.of->rejected, word);
}

static err read_answer(struct expanding *x, struct question *q, struct candidates *out) {
    enum reply_form form;
    json_t *values, *value;
    size_t i;
    int64_t before = out->n;
    if (!q->ask.answer || !q->ask.answer->text[0]) return ERR_OK;
    TRY(reply_read(q->ask.answer->text, &values, &form));
    err e = count_add(q->ask.of->forms, reply_form_word(form));
    json_array_foreach(values, i, value) {
        struct candidate c;
        bool read = false;
        if (e == ERR_OK) e = candidate_read(x, q, value, &c, &read);
        if (e == ERR_OK && read) e = candidates_add(out, &c);
    }
    json_decref(values);
    TRY(e);
    q->ask.of->n_pairs += out->n - before;
    if (form == REPLY_NONE) return no_row(q, "no_json", "the answer holds no JSON");
    if (out->n == before)
        return no_row(q, "no_pair", "the JSON lacks the texts \"prompt\" and \"response\"");
    return ERR_OK;
}

/* ---- machine checks ---- */

static struct check_row row_of(const struct candidate *c) {
    const struct growing *g = c->of->ask.of;
    return (struct check_row){g->request, g->chinese, c->pair.prompt, c->pair.response, c->tests};
}

static void test_range(void *ctx, int64_t begin, int64_t end, int thread) {
    struct candidates *list = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        struct candidate *c = &list->items[i];
        const struct check_row row = row_of(c);
        const struct check *by = NULL;
        struct str why = {0};
        if (c->rejected) continue;
        c->failed = checks_test(&c->of->ask.of->checks, &row, &by, &why);
        if (c->failed != ERR_OK)
            c->why = mem_strdup(err_message());
        else if (by)
            c->failed = candidate_reject(c, by->name, str_text(&why));
        str_release(&why);
    }
}

static err test_all(struct candidates *list) {
    par_for(list->n, 1, test_range, list);
    for (int64_t i = 0; i < list->n; i++) {
        const struct candidate *c = &list->items[i];
        if (c->failed != ERR_OK)
            return fail(c->failed, "%s", c->why ? c->why : "out of memory for a check");
    }
    return ERR_OK;
}

/* ---- checks that ask ---- */

/* The questions of the k-th check of every candidate that is left. */
struct asked {
    struct ask *asks;
    int64_t n;
};

static const struct check_open *asking_check(const struct candidate *c, int64_t k) {
    const struct check_list *list = &c->of->ask.of->checks;
    if (c->rejected || k >= list->n || list->items[k].check->test) return NULL;
    return &list->items[k];
}

static err put_questions(struct expanding *x, const struct candidates *list, int64_t k,
                         struct asked *out) {
    int64_t most = 0;
    for (int64_t i = 0; i < list->n; i++) {
        const struct check_open *check = asking_check(&list->items[i], k);
        if (check) most += check->check->n_questions(check->state);
    }
    out->n = 0;
    out->asks = arena_alloc(&x->wave, (size_t)most + 1, sizeof *out->asks);
    if (!out->asks) return ERR_MEMORY;
    for (int64_t i = 0; i < list->n; i++) {
        const struct candidate *c = &list->items[i];
        const struct check_open *check = asking_check(c, k);
        const struct check_row row = row_of(c);
        struct str text = {0};
        if (!check) continue;
        err e = check->check->question(check->state, &row, &text);
        const char *prompt = e == ERR_OK ? arena_strdup(&x->wave, str_text(&text)) : NULL;
        str_release(&text);
        if (!prompt) return e == ERR_OK ? ERR_MEMORY : e;
        for (int64_t v = 0; v < check->check->n_questions(check->state); v++, out->n++)
            out->asks[out->n] = (struct ask){
                .of = c->of->ask.of,
                .prompt = prompt,
                /* A vote on the same prompt is the same vote, in whatever wave it is asked for. */
                .seed = c->of->ask.of->number << 8 | v};
    }
    return ERR_OK;
}

static err decide_all(struct expanding *x, struct candidates *list, int64_t k,
                      const struct asked *asked) {
    int64_t at = 0;
    for (int64_t i = 0; i < list->n; i++) {
        struct candidate *c = &list->items[i];
        const struct check_open *check = asking_check(c, k);
        const struct check_row row = row_of(c);
        struct str why = {0};
        if (!check) continue;
        int64_t n = check->check->n_questions(check->state), n_asked = 0;
        const char **answers = arena_alloc(&x->wave, (size_t)n + 1, sizeof *answers);
        if (!answers) return ERR_MEMORY;
        for (int64_t v = 0; v < n; v++, at++) {
            const struct teacher_answer *a = asked->asks[at].answer;
            answers[v] = a && a->text[0] ? a->text : NULL;
            n_asked += a != NULL;
        }
        err e = check->check->decide(check->state, &row, answers, &why);
        if (e == ERR_OK && n_asked < n)
            e = candidate_reject(c, "budget", "the budget ended before it was checked");
        else if (e == ERR_OK && why.len > 0)
            e = candidate_reject(c, check->check->name, str_text(&why));
        str_release(&why);
        TRY(e);
    }
    return ERR_OK;
}

static err ask_checks(struct expanding *x, struct candidates *list) {
    int64_t most = 0;
    for (int64_t i = 0; i < x->n; i++)
        if (x->requests[i].checks.n > most) most = x->requests[i].checks.n;
    for (int64_t k = 0; k < most; k++) {
        struct asked asked;
        TRY(put_questions(x, list, k, &asked));
        if (asked.n == 0) continue;
        TRY(expand_ask(x, asked.asks, asked.n));
        TRY(decide_all(x, list, k, &asked));
    }
    return ERR_OK;
}

/* ---- the wave ---- */

static err settle(struct expanding *x, struct candidate *c) {
    struct growing *g = c->of->ask.of;
    if (!c->rejected) TRY(candidate_compare(c));
    if (!c->rejected && g->n >= x->o->per_request) {
        g->n_surplus++;
        c->of->kept = true;
        return ERR_OK;
    }
    if (!c->rejected) {
        c->of->kept = true;
        return candidate_accept(x, c);
    }
    if (!c->of->why && c->why) {
        c->of->why = arena_strdup(&x->wave, c->why);
        if (!c->of->why) return ERR_MEMORY;
    }
    return count_add(g->rejected, c->rejected);
}

static err process(struct expanding *x, struct question_list *questions, struct candidates *list) {
    for (int64_t i = 0; i < questions->n; i++) TRY(read_answer(x, &questions->items[i], list));
    for (int64_t i = 0; i < list->n; i++) {
        TRY(candidate_look(x, &list->items[i]));
        if (!list->items[i].rejected) TRY(candidate_compare(&list->items[i]));
    }
    TRY(test_all(list));
    TRY(ask_checks(x, list));
    for (int64_t i = 0; i < list->n; i++) TRY(settle(x, &list->items[i]));
    return ERR_OK;
}

err expand_wave(struct expanding *x, struct question_list *questions) {
    struct candidates list = {0};
    struct ask *asks = arena_alloc(&x->wave, (size_t)questions->n + 1, sizeof *asks);
    if (!asks) return ERR_MEMORY;
    for (int64_t i = 0; i < questions->n; i++) asks[i] = questions->items[i].ask;
    TRY(expand_ask(x, asks, questions->n));
    for (int64_t i = 0; i < questions->n; i++) questions->items[i].ask = asks[i];
    err e = process(x, questions, &list);
    candidates_release(&list);
    return e;
}
