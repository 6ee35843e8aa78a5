/* SPDX-License-Identifier: Apache-2.0
 * A suite's items through a model (eval/suite_run.h): those that are not kept from before are asked
 * all in one go, and each is kept (eval/generations.h) as it ends, so a run that was killed goes on
 * at the item.
 * Read next: eval/answers.h, eval/score.h. */
#include "eval/suite_run.h"

#include "base/mem.h"
#include "base/progress.h"
#include "base/sandbox.h"
#include "eval/answers.h"
#include "eval/generations.h"
#include "eval/likelihood.h"
#include "eval/score.h"
#include <string.h>

/* A run over one suite. */
struct asking {
    const struct eval_context *c;
    const struct suite *suite;
    struct suite_items items;
    struct generations kept;
    json_t *lines;     /* an array of all answers, in the order of the items */
    int64_t n;         /* answers, those to one item next to each other */
    int64_t n_samples; /* of an item; 0: one, greedy */
    struct sampling sampling;
    bool tests; /* what is asked for are unit tests, to judge the answers by */
};

static int64_t n_asked(const struct eval_context *c, const struct suite_items *items) {
    int64_t limit = c->options->limit;
    return limit > 0 && limit < items->n ? limit : items->n;
}

static int64_t answer_length(const struct eval_context *c) {
    int64_t official = c->task->suite->max_new_tokens, own = c->options->suite_max_new_tokens;
    return own > 0 && own < official ? own : official;
}

/* Before a model is asked for an hour, rather than after. */
static err need_sandbox(void) {
    struct str how = {0};
    err result = sandbox_describe(&how);
    str_release(&how);
    return result;
}

static int64_t length_of(const char *text) {
    return text != NULL ? (int64_t)strlen(text) : 0;
}

/* What the file says of an item: prompt and question are much the same. */
static int64_t item_bytes(const struct suite_item *item) {
    return length_of(item->prompt) + length_of(item->gold) + length_of(item->tests) +
           length_of(item->test_prompt);
}

/* Every text of an item that will be decoded, and its answers. */
static err need_item(const struct eval_context *c, const struct suite_item *item,
                     struct eval_need *need) {
    const int64_t n_samples = c->options->samples;
    const int64_t bytes = item_bytes(item);
    if (c->task->suite->form != ANSWER_CHOICES) {
        for (int64_t i = 0; i < (n_samples > 1 ? n_samples : 1); i++)
            eval_need_answer(need, bytes, answer_length(c));
        return eval_need_text(c, item->prompt, true, answer_length(c), need);
    }
    for (int64_t i = 0; item->choices[i] != NULL; i++) { /* a space may stand before each */
        const int64_t n = 1 + length_of(item->choices[i]);
        eval_need_option(need, length_of(item->prompt) + n);
        TRY(eval_need_text(c, item->prompt, true, n, need));
    }
    eval_need_answer(need, bytes, 0);
    return ERR_OK;
}

/* Of several programs to an item, unit tests that the model writes choose one. */
static bool asks_tests(const struct eval_context *c, const struct suite_items *items) {
    return c->options->samples > 0 && items->n > 0 && items->items[0].test_prompt != NULL;
}

/* The tests are asked for by themselves, before the answers. */
static err need_tests(const struct eval_context *c, const struct suite_items *items,
                      struct eval_need *need) {
    struct eval_need tests = {.n_texts = 0};
    if (!asks_tests(c, items)) return ERR_OK;
    for (int64_t i = 0; i < n_asked(c, items); i++) {
        const char *prompt = items->items[i].test_prompt;
        eval_need_answer(&tests, length_of(prompt), answer_length(c));
        TRY(eval_need_text(c, prompt, true, answer_length(c), &tests));
    }
    need->held_bytes += tests.held_bytes; /* they are kept until the answers are scored */
    need->task_tokens += tests.task_tokens;
    eval_need_add(need, &tests);
    return ERR_OK;
}

err suite_need(const struct eval_context *c, struct eval_need *need) {
    struct suite_items items;
    if (c->task->suite->scorer->runs_programs && !c->unsafe) TRY(need_sandbox());
    TRY(suite_load(c->task->suite, &c->datasets, &items));
    err result = ERR_OK;
    for (int64_t i = 0; i < n_asked(c, &items) && result == ERR_OK; i++)
        result = need_item(c, &items.items[i], need);
    if (c->options->samples > 1) need->n_texts *= c->options->samples;
    if (result == ERR_OK) result = need_tests(c, &items, need);
    suite_items_release(&items);
    return result;
}

/* What answer number i is an answer to. */
static const struct suite_item *item_of(const struct asking *a, int64_t i) {
    return &a->items.items[a->n_samples > 0 ? i / a->n_samples : i];
}

static const char *prompt_of(const struct asking *a, const struct suite_item *item) {
    return a->tests ? item->test_prompt : item->prompt;
}

static err new_head(const struct asking *a, int64_t i, json_t **out) {
    const struct suite_item *item = item_of(a, i);
    const struct generation_head head = {.task = a->c->task->name,
                                         .id = item->id,
                                         .prompt = prompt_of(a, item),
                                         .item = item->number,
                                         .sample = a->n_samples > 0 ? i % a->n_samples : -1,
                                         .tests = a->tests,
                                         .sampling = &a->sampling,
                                         .max_new_tokens = answer_length(a->c)};
    return generations_head(&a->kept, &head, out);
}

static err fill_line(const struct asking *a, const struct suite_item *item,
                     const struct answer *answer, json_t *line) {
    json_t *ids = json_array();
    TRY(json_put(line, "tokens", ids));
    for (int64_t i = 0; i < answer->tokens.n; i++)
        TRY(json_push(ids, json_integer(answer->tokens.ids[i])));
    TRY(json_put(line, "n_prompt_tokens", json_integer(answer->n_prompt_tokens)));
    TRY(json_put(line, "ended", json_boolean(answer->ended)));
    if (a->tests) return json_put(line, "answer", json_string(answer->text));
    return suite_record(a->suite, item, answer->text, line);
}

/* What has to be asked yet. */
struct pending {
    struct asking *a;
    json_t **lines; /* (a->n) of each answer: kept from before, or begun; owned */
    int64_t n, n_done;
    struct answer *answers; /* (n), and with them the item and the line of each */
    const struct suite_item **items;
    json_t **heads;
    struct progress *shown;
};

/* Leaves what scoring reads of a line: how it was asked is for who reads the file, and token ids
 * are large as JSON, and no more than their number is needed. */
static err shorten(json_t *line) {
    static const char *const how[] = {"model", "adapter",        "version",     "decoding",
                                      "seed",  "max_new_tokens", "temperature", "prompt"};
    const json_t *ids = json_object_get(line, "tokens");
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) json_object_del(line, how[i]);
    if (!json_is_array(ids)) return ERR_OK;
    return json_put(line, "tokens", json_integer((json_int_t)json_array_size(ids)));
}

/* The text of a line from before takes what a new one would. */
static err hold(const struct asking *a, const struct suite_item *item, const json_t *line) {
    const bool asked = a->suite->form == ANSWER_LINE || a->suite->form == ANSWER_RESPONSE;
    struct span text = text_span(json_text_of(line, "answer"));
    if (!a->tests) TRY(suite_answer_text(a->suite, line, &text));
    return eval_subject_hold(a->c->subject, text, asked && !a->tests ? length_of(item->prompt) : 0);
}

/* The line of answer number i: from before, or a new one that is yet to be asked for. */
static err begin_line(struct pending *p, int64_t i) {
    json_t *kept = NULL;
    TRY(new_head(p->a, i, &p->lines[i]));
    TRY(generations_find(&p->a->kept, p->lines[i], &kept));
    if (kept != NULL) {
        json_decref(p->lines[i]);
        p->lines[i] = kept;
        TRY(hold(p->a, item_of(p->a, i), kept));
        return shorten(kept);
    }
    const struct suite_item *item = item_of(p->a, i);
    p->answers[p->n] = (struct answer){.prompt = prompt_of(p->a, item), .number = (uint64_t)i};
    p->items[p->n] = item;
    p->heads[p->n++] = p->lines[i];
    return ERR_OK;
}

static err on_line(void *ctx, int64_t k) {
    struct pending *p = ctx;
    TRY(generations_add(&p->a->kept, p->heads[k]));
    TRY(shorten(p->heads[k]));
    progress_step(p->shown, p->a->n - p->n + ++p->n_done);
    return ERR_OK;
}

static err on_answer(void *ctx, int64_t k) {
    struct pending *p = ctx;
    TRY(fill_line(p->a, p->items[k], &p->answers[k], p->heads[k]));
    answers_clear(&p->answers[k], 1);
    return on_line(ctx, k);
}

static err ask(struct pending *p) {
    const struct eval_context *c = p->a->c;
    const struct answer_options how = {.max_new_tokens = answer_length(c),
                                       .whitespace = c->whitespace,
                                       .sampling = p->a->sampling,
                                       .whole = true,
                                       .alone = p->a->tests || p->a->suite->form == ANSWER_TEXT,
                                       .on_answer = on_answer,
                                       .ctx = p};
    return answers_decode(c->subject, p->answers, p->n, &how);
}

static err weigh(struct pending *p) {
    const struct likelihood_items items = {.items = p->items,
                                           .lines = p->heads,
                                           .n = p->n,
                                           .whitespace = p->a->c->whitespace,
                                           .on_line = on_line,
                                           .ctx = p};
    return likelihood_weigh(p->a->c->subject, &items);
}

static err ask_pending(struct pending *p) {
    struct asking *a = p->a;
    if (p->lines == NULL || p->answers == NULL || p->items == NULL || p->heads == NULL)
        return ERR_MEMORY;
    for (int64_t i = 0; i < a->n; i++) TRY(begin_line(p, i));
    if (!a->tests) generations_forget(&a->kept); /* the answers, which come next, look into it */
    progress_step(p->shown, a->n - p->n);
    TRY((a->suite->form == ANSWER_CHOICES ? weigh : ask)(p));
    for (int64_t i = 0; i < a->n; i++) TRY(json_push(a->lines, json_incref(p->lines[i])));
    return ERR_OK;
}

static err ask_all(struct asking *a) {
    struct progress shown;
    const size_t n = (size_t)a->n + 1;
    struct pending p = {.a = a,
                        .lines = mem_zalloc(n, sizeof *p.lines),
                        .answers = mem_zalloc(n, sizeof *p.answers),
                        .items = mem_alloc(n, sizeof *p.items),
                        .heads = mem_alloc(n, sizeof *p.heads),
                        .shown = &shown};
    progress_start(&shown, a->c->task->name, a->n);
    err result = ask_pending(&p);
    progress_end(&shown);
    for (int64_t i = 0; p.lines != NULL && i < a->n; i++) json_decref(p.lines[i]);
    if (p.answers != NULL) answers_clear(p.answers, p.n);
    mem_free(p.lines);
    mem_free(p.answers);
    mem_free(p.items);
    mem_free(p.heads);
    return result;
}

/* Answers that the model did not end by itself. */
static err put_unended(const struct asking *a, json_t *part) {
    int64_t n = 0;
    size_t i;
    json_t *line = NULL;
    if (a->suite->form == ANSWER_CHOICES) return ERR_OK;
    json_array_foreach(a->lines, i, line) n += json_is_false(json_object_get(line, "ended"));
    return json_put(part, "n_unended", json_integer(n));
}

/* What the numbers depend on beside the model. */
static err fill_settings(const struct asking *a, json_t *part) {
    TRY(json_put(part, "max_new_tokens", json_integer(answer_length(a->c))));
    TRY(put_unended(a, part));
    TRY(json_put(part, "published_files", json_boolean(!a->items.changed)));
    TRY(json_put(part, "decoding", json_string(a->n_samples > 0 ? "sampled" : "greedy")));
    if (a->n_samples == 0) return ERR_OK;
    TRY(json_put(part, "samples", json_integer(a->n_samples)));
    TRY(json_put(part, "temperature", json_real(a->sampling.temperature)));
    return json_put(part, "seed", json_integer((json_int_t)a->sampling.seed));
}

static err put_settings(const struct asking *a, json_t *part) {
    err result = fill_settings(a, part);
    if (result != ERR_OK) json_decref(part);
    return result;
}

static void start_sampling(const struct eval_options *o, struct asking *a) {
    if (o->samples == 0) return;
    a->n_samples = o->samples;
    a->sampling.temperature = o->temperature > 0.0 ? o->temperature : 0.8;
    a->sampling.seed = (uint64_t)o->seed;
}

static err ask_tests(const struct asking *a) {
    struct asking tests = *a;
    if (!asks_tests(a->c, &a->items)) return ERR_OK;
    tests.tests = true;
    tests.n = n_asked(a->c, &a->items);
    tests.n_samples = 0;
    tests.sampling = (struct sampling){.temperature = 0.0};
    return ask_all(&tests);
}

err suite_run(const struct eval_context *c, json_t **out) {
    struct asking a = {.c = c, .suite = c->task->suite, .lines = json_array()};
    if (a.lines == NULL) return fail(ERR_MEMORY, "out of memory for answers");
    err result = suite_load(a.suite, &c->datasets, &a.items);
    if (result == ERR_OK) {
        if (a.suite->form != ANSWER_CHOICES)
            start_sampling(c->options, &a); /* else none is drawn */
        a.n = n_asked(c, &a.items) * (a.n_samples > 0 ? a.n_samples : 1);
        result = generations_open(&a.kept, c->generations, c->subject);
    }
    if (result == ERR_OK) {
        result = ask_tests(&a);
        if (result == ERR_OK) result = ask_all(&a);
        if (result == ERR_OK) result = generations_settle(&a.kept, c->task->name, a.lines);
        generations_close(&a.kept);
    }
    if (result == ERR_OK) result = score_answers(c->task, &a.items, a.lines, c->unsafe, out);
    if (result == ERR_OK) result = put_settings(&a, *out);
    suite_items_release(&a.items);
    json_decref(a.lines);
    mem_trim(); /* the next task starts with no more than the report */
    return result;
}
