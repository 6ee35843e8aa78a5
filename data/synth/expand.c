/* SPDX-License-Identifier: Apache-2.0
 * The rounds of synthesis, from an empty folder or one with a log to the rows and the report. All
 * requests are asked side by side, so that the teacher is kept busy; a budget that ends, ends all.
 * Read next: data/synth/expand_int.h for the other files. */
#include "data/synth/expand_int.h"

#include "base/log.h"
#include "base/mem.h"
#include <string.h>

static void question_list_release(struct question_list *list) {
    mem_free(list->items);
    *list = (struct question_list){0};
}

static int64_t n_rows(const struct expanding *x) {
    int64_t n = 0;
    for (int64_t i = 0; i < x->n; i++) n += x->requests[i].n;
    return n;
}

/* Asks a round's questions, then again what was rejected, as often as the recipe says. */
static err run_questions(struct expanding *x, struct question_list *questions) {
    struct question_list again = {0};
    err e = ERR_OK;
    while (questions->n > 0 && e == ERR_OK) {
        e = expand_wave(x, questions);
        progress_step(&x->progress, n_rows(x));
        if (e == ERR_OK && !x->exhausted) e = questions_again(x, questions, &again);
        question_list_release(questions);
        *questions = again;
        again = (struct question_list){0};
    }
    question_list_release(questions);
    return e;
}

static err run_round(struct expanding *x, bool *out_more) {
    struct question_list questions = {0};
    int64_t n_before = n_rows(x);
    err e = questions_round(x, &questions);
    *out_more = e == ERR_OK && questions.n > 0;
    int64_t *before = arena_alloc(&x->wave, (size_t)x->n + 1, sizeof *before);
    if (!before && e == ERR_OK) e = ERR_MEMORY;
    for (int64_t i = 0; i < x->n && e == ERR_OK; i++) before[i] = x->requests[i].n;
    if (e == ERR_OK && questions.n > 0)
        LOG(DATA, INFO, "round %lld: %lld questions", (long long)x->round + 1,
            (long long)questions.n);
    if (e == ERR_OK) e = run_questions(x, &questions);
    question_list_release(&questions);
    for (int64_t i = 0; i < x->n && e == ERR_OK; i++) {
        struct growing *g = &x->requests[i];
        g->n_rounds_without = g->n > before[i] ? 0 : g->n_rounds_without + 1;
    }
    if (e == ERR_OK && *out_more)
        LOG(DATA, INFO, "round %lld: %lld rows accepted, %lld in all", (long long)x->round + 1,
            (long long)(n_rows(x) - n_before), (long long)n_rows(x));
    return e;
}

static err run_rounds(struct expanding *x) {
    bool more = true;
    err e = ERR_OK;
    TRY(questions_topics(x));
    progress_start(&x->progress, "rows", x->o->per_request * x->n);
    for (; x->round < x->o->rounds && more && !x->exhausted && e == ERR_OK; x->round++) {
        e = run_round(x, &more);
        arena_release(&x->wave);
    }
    progress_end(&x->progress);
    return e;
}

static err write_all(struct expanding *x, json_t *report) {
    TRY(expand_report(x, report));
    for (int64_t i = 0; i < x->n; i++) TRY(rows_write(x, &x->requests[i]));
    char *path = path_join(x->dir, EXPAND_REPORT_NAME);
    if (!path) return ERR_MEMORY;
    err e = json_write_file(path, report); /* last: what it tells of lies there */
    mem_free(path);
    return e;
}

/* ERR_GATE where a request has too few rows, naming the first. */
static err judge_numbers(const struct expanding *x) {
    int64_t n_short = 0;
    const struct growing *first = NULL;
    for (int64_t i = 0; i < x->n; i++) {
        if (x->requests[i].n >= x->o->at_least) continue;
        if (n_short++ == 0) first = &x->requests[i];
    }
    if (n_short == 0) return ERR_OK;
    err e = fail(ERR_GATE, "%lld of %lld requests have too few rows; '%s' has %lld of %lld",
                 (long long)n_short, (long long)x->n, first->request->id, (long long)first->n,
                 (long long)x->o->at_least);
    if (x->exhausted)
        return fail_hint(e, "a budget ended it: raise data.expand.max_requests or max_tokens; what "
                            "was answered is kept");
    return fail_hint(e, "the report says what was rejected and why; data.expand.at_least says how "
                        "few will do");
}

/* Only what synthesis itself has filled, or nothing at all. */
static err check_folder(const char *dir) {
    struct name_list names = {0};
    if (!dir_exists(dir)) return dir_make(dir);
    TRY(dir_list(dir, &names));
    bool good = names.n == 0 || name_list_has(&names, SYNTH_LOG_NAME);
    name_list_release(&names);
    return good ? ERR_OK
                : fail(ERR_EXISTS, "'%s' is there and holds no '%s'; it is left alone", dir,
                       SYNTH_LOG_NAME);
}

static err run(struct expanding *x, json_t *report) {
    x->requests = mem_zalloc((size_t)x->n + 1, sizeof *x->requests);
    if (!x->requests) return ERR_MEMORY;
    for (int64_t i = 0; i < x->n; i++) TRY(growing_init(x, &x->requests[i], i));
    TRY(check_folder(x->dir));
    TRY(synth_log_open(&x->log, x->dir));
    TRY(run_rounds(x));
    TRY(write_all(x, report));
    return judge_numbers(x);
}

err expand(const struct expand *e, const char *dir, struct expand_result *out) {
    struct expanding x = {.e = e, .o = e->options, .dir = dir, .n = e->requests->n};
    *out = (struct expand_result){.report = json_object()};
    if (!out->report) return fail(ERR_MEMORY, "out of memory for a report");
    if (x.n == 0) return fail(ERR_MISSING, "the recipe has no request to make rows for");
    err result = run(&x, out->report);
    out->n_asked = x.n_asked;
    out->n_from_log = x.n_from_log;
    out->n_requests = x.n_requests;
    for (int64_t i = 0; x.requests && i < x.n; i++) growing_release(&x.requests[i]);
    mem_free(x.requests);
    synth_log_release(&x.log);
    arena_release(&x.wave);
    arena_release(&x.arena);
    return result;
}
