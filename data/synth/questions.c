/* SPDX-License-Identifier: Apache-2.0
 * What is asked next: topics once, then round by round questions by the methods in turn, as many as
 * the rows that are wanting need by the share that was accepted so far; and again, with the reason,
 * what was rejected.
 * Read next: data/synth/expand_int.h. */
#include "data/synth/expand_int.h"

#include "base/mem.h"
#include "data/synth/prompt.h"
#include "data/synth/reply.h"
#include <string.h>

enum { ROUND_LEAST = 16, SHOWN_MAX = 3, N_TOPICS = 20, ANSWER_SHOWN_BYTES = 2000 };
enum { ROUNDS_WITHOUT_MAX = 3 }; /* rounds without a row after which a request is given up */

err question_add(struct question_list *list, const struct question *q) {
    TRY(mem_grow(&list->items, &list->capacity, list->n, sizeof *list->items));
    list->items[list->n++] = *q;
    return ERR_OK;
}

static err keep_text(struct arena *a, const struct str *text, const char **out) {
    *out = arena_strdup(a, str_text(text));
    return *out ? ERR_OK : ERR_MEMORY;
}

/* ---- topics ---- */

static bool wants_topics(const struct expand_options *o) {
    for (int64_t i = 0; i < o->methods.n; i++)
        if (synth_method_find(o->methods.items[i])->from_topic) return true;
    return false;
}

static err topics_question(struct expanding *x, struct growing *g, struct ask *out) {
    struct str text = {0};
    err e = prompt_add_task(&text, g->request, g->chinese);
    if (e == ERR_OK) e = prompt_add_examples(&text, g->request, g->chinese);
    if (e == ERR_OK)
        e = str_printf(&text,
                       g->chinese ? "请列出%d个互不相同的主题，供编写这类样例时使用。"
                                    "只输出一个JSON数组：[\"...\", \"...\"]\n"
                                  : "List %d different topics that such examples could be about. "
                                    "Write one JSON array and nothing else: [\"...\", \"...\"]\n",
                       N_TOPICS);
    *out = (struct ask){.of = g, .seed = expand_seed(x, g, SEED_TOPICS, 0)};
    if (e == ERR_OK) e = keep_text(&x->wave, &text, &out->prompt);
    str_release(&text);
    return e;
}

static err topics_take(struct expanding *x, struct growing *g, const char *text) {
    enum reply_form form;
    json_t *values, *value;
    size_t i;
    TRY(reply_read(text, &values, &form));
    err e = count_add(g->forms, reply_form_word(form));
    g->topics = arena_alloc(&x->arena, json_array_size(values) + 1, sizeof *g->topics);
    if (e == ERR_OK && !g->topics) e = ERR_MEMORY;
    json_array_foreach(values, i, value) {
        const char *topic = json_string_value(value);
        if (e != ERR_OK || !topic || !topic[0] || strlen(topic) != json_string_length(value))
            continue;
        g->topics[g->n_topics] = arena_strdup(&x->arena, topic);
        if (!g->topics[g->n_topics++]) e = ERR_MEMORY;
    }
    json_decref(values);
    return e;
}

err questions_topics(struct expanding *x) {
    if (!wants_topics(x->o)) return ERR_OK;
    struct ask *asks = arena_alloc(&x->wave, (size_t)x->n + 1, sizeof *asks);
    if (!asks) return ERR_MEMORY;
    for (int64_t i = 0; i < x->n; i++) {
        struct growing *g = &x->requests[i];
        g->topics = x->o->topics.items;
        g->n_topics = x->o->topics.n;
        TRY(topics_question(x, g, &asks[i]));
    }
    if (x->o->topics.n > 0) return ERR_OK;
    TRY(expand_ask(x, asks, x->n));
    for (int64_t i = 0; i < x->n; i++)
        if (asks[i].answer && asks[i].answer->text[0])
            TRY(topics_take(x, asks[i].of, asks[i].answer->text));
    return ERR_OK;
}

/* ---- a round ---- */

static const struct example *row_of(const struct growing *g, int64_t i) {
    int64_t n = g->request->n_examples;
    return i < n ? &g->request->examples[i] : &g->rows[i - n]->pair;
}

static uint64_t draw(const struct expanding *x, const struct growing *g, int64_t i, uint64_t of) {
    return of == 0 ? 0 : (uint64_t)expand_seed(x, g, SEED_DRAW, i) % of;
}

/* The method whose turn it is; one that has nothing to begin with gives way to self_instruct. */
static const struct synth_method *method_of(const struct expanding *x, const struct growing *g,
                                            int64_t i) {
    const struct opt_list *names = &x->o->methods;
    const struct synth_method *m = synth_method_find(names->items[(g->n_asked + i) % names->n]);
    bool nothing =
        (m->from_topic && g->n_topics == 0) || (m->from_row && g->request->n_examples + g->n == 0);
    return nothing ? &method_self_instruct : m;
}

static err question_make(struct expanding *x, struct growing *g, int64_t i, struct question *out) {
    enum { DRAWS = 8 }; /* of a question: its row, its topic, what is shown, the method's own */
    const struct synth_method *m = method_of(x, g, i);
    const struct example *shown[SHOWN_MAX];
    int64_t n_rows = g->request->n_examples + g->n;
    struct method_input in = {.request = g->request,
                              .chinese = g->chinese,
                              .shown = shown,
                              .draw = (uint64_t)expand_seed(x, g, SEED_DRAW, DRAWS * i),
                              .tests = checks_need_tests(&g->checks)};
    if (m->from_row) in.seed = row_of(g, (int64_t)draw(x, g, DRAWS * i + 1, (uint64_t)n_rows));
    if (m->from_topic) in.topic = g->topics[draw(x, g, DRAWS * i + 2, (uint64_t)g->n_topics)];
    for (int64_t k = 0; k < SHOWN_MAX && k < g->n; k++)
        shown[in.n_shown++] = &g->rows[draw(x, g, DRAWS * i + 3 + k, (uint64_t)g->n)]->pair;
    struct str text = {0};
    err e = m->question(&in, &text);
    *out = (struct question){
        .ask = {.of = g, .seed = expand_seed(x, g, SEED_ROW, i)}, .method = m, .seed = in.seed};
    if (e == ERR_OK) e = keep_text(&x->wave, &text, &out->base);
    out->ask.prompt = out->base;
    str_release(&text);
    return e;
}

/* How many questions this round; as many again as were rejected so far are expected to be. */
static int64_t round_size(const struct expanding *x, const struct growing *g) {
    int64_t wanted = x->o->per_request - g->n, most = (x->o->per_request + 3) / 4;
    double rate = g->n_asked > 0 ? (double)(g->n + 1) / (double)(g->n_asked + 1) : 1;
    if (most < ROUND_LEAST) most = ROUND_LEAST;
    if (rate > 1) rate = 1;
    double n = (double)wanted / rate;
    return n < (double)most ? (int64_t)(n + 0.999) : most;
}

err questions_round(struct expanding *x, struct question_list *out) {
    for (int64_t i = 0; i < x->n; i++) {
        struct growing *g = &x->requests[i];
        if (g->n >= x->o->per_request || g->n_rounds_without >= ROUNDS_WITHOUT_MAX) continue;
        int64_t n = round_size(x, g);
        for (int64_t k = 0; k < n; k++) {
            struct question q;
            TRY(question_make(x, g, k, &q));
            TRY(question_add(out, &q));
        }
        g->n_asked += n;
    }
    return ERR_OK;
}

/* ---- again ---- */

static err complain(const struct question *q, struct str *out) {
    const struct growing *g = q->ask.of;
    const char *answer = q->ask.answer->text;
    TRY(str_add(out, q->base));
    TRY(prompt_add(out, g->chinese, "\n上次的回答：\n", "\nThe last answer was:\n"));
    TRY(str_append(out, answer, utf8_cut(answer, strlen(answer), ANSWER_SHOWN_BYTES)));
    TRY(prompt_add(out, g->chinese, "\n它没有通过检查，原因：", "\nIt was rejected: "));
    TRY(str_add(out, q->why));
    return prompt_add(out, g->chinese, "\n请改正，并按上面的要求重新输出。\n",
                      "\nMend that, and answer anew as asked for above.\n");
}

static bool worth_again(const struct expanding *x, const struct question *q) {
    return !q->kept && q->why && q->ask.answer && q->attempt < x->o->regenerate &&
           q->ask.of->n < x->o->per_request;
}

err questions_again(struct expanding *x, const struct question_list *asked,
                    struct question_list *out) {
    for (int64_t i = 0; i < asked->n; i++) {
        struct question q = asked->items[i];
        struct str text = {0};
        if (!worth_again(x, &q)) continue;
        err e = complain(&q, &text);
        q.attempt++;
        q.kept = false;
        q.why = NULL;
        q.ask.answer = NULL;
        q.ask.seed = expand_seed(x, q.ask.of, SEED_AGAIN, i << 8 | q.attempt);
        if (e == ERR_OK) e = keep_text(&x->wave, &text, &q.ask.prompt);
        str_release(&text);
        TRY(e);
        q.ask.of->n_regenerated++;
        TRY(question_add(out, &q));
    }
    return ERR_OK;
}
