/* SPDX-License-Identifier: Apache-2.0
 * A suite's items through a model (eval/suite_run.h): a handful at a time, so that what is done is
 * kept (eval/generations.h) before the next ones begin.
 * Read next: eval/answers.h, eval/score.h. */
#include "eval/suite_run.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "eval/answers.h"
#include "eval/generations.h"
#include "eval/likelihood.h"
#include "eval/score.h"
#include <string.h>

enum { AT_ONCE = 16 };

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

err suite_need(const struct eval_context *c, int64_t *out_max_tokens) {
    struct suite_items items;
    *out_max_tokens = 0; /* decoders bring their own memory */
    if (c->task->suite->scorer->runs_programs && !c->unsafe) TRY(need_sandbox());
    TRY(suite_load(c->task->suite, &c->datasets, &items));
    if (c->task->suite->form == ANSWER_CHOICES)
        for (int64_t i = 0; i < n_asked(c, &items); i++) {
            int64_t most = likelihood_max_tokens(&items.items[i]);
            if (most > *out_max_tokens) *out_max_tokens = most;
        }
    suite_items_release(&items);
    return ERR_OK;
}

/* What answer number i is an answer to. */
static const struct suite_item *item_of(const struct asking *a, int64_t i) {
    return &a->items.items[a->n_samples > 0 ? i / a->n_samples : i];
}

static err new_head(const struct asking *a, int64_t i, json_t **out) {
    const struct suite_item *item = item_of(a, i);
    const struct generation_head head = {.task = a->c->task->name,
                                         .id = item->id,
                                         .prompt = item->prompt,
                                         .item = item->number,
                                         .sample = a->n_samples > 0 ? i % a->n_samples : -1,
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
    return suite_record(a->suite, item, answer->text, line);
}

/* What has to be asked yet of items [from, from + AT_ONCE). */
struct handful {
    json_t *lines[AT_ONCE]; /* of each item: kept from before, or begun; owned */
    struct answer answers[AT_ONCE];
    int64_t item[AT_ONCE]; /* of each answer */
    int64_t n_lines, n_answers;
};

static err begin(const struct asking *a, int64_t from, struct handful *h) {
    for (; h->n_lines < AT_ONCE && from + h->n_lines < a->n; h->n_lines++) {
        const json_t *kept = NULL;
        json_t *head = NULL;
        TRY(new_head(a, from + h->n_lines, &head));
        err result = generations_find(&a->kept, head, &kept);
        if (result != ERR_OK) {
            json_decref(head);
            return result;
        }
        if (kept != NULL) {
            json_decref(head);
            h->lines[h->n_lines] = json_incref((json_t *)kept);
            continue;
        }
        h->lines[h->n_lines] = head;
        h->answers[h->n_answers] = (struct answer){.prompt = item_of(a, from + h->n_lines)->prompt,
                                                   .number = (uint64_t)(from + h->n_lines)};
        h->item[h->n_answers++] = h->n_lines;
    }
    return ERR_OK;
}

static err ask(const struct asking *a, int64_t from, struct handful *h) {
    const struct answer_options how = {.max_new_tokens = answer_length(a->c),
                                       .whitespace = a->c->whitespace,
                                       .sampling = a->sampling,
                                       .whole = true,
                                       .alone = a->suite->form == ANSWER_TEXT};
    TRY(answers_decode(a->c->subject, h->answers, h->n_answers, &how));
    for (int64_t i = 0; i < h->n_answers; i++) {
        json_t *line = h->lines[h->item[i]];
        TRY(fill_line(a, item_of(a, from + h->item[i]), &h->answers[i], line));
        TRY(generations_add(&a->kept, line));
    }
    return ERR_OK;
}

static err weigh(const struct asking *a, int64_t from, struct handful *h) {
    for (int64_t i = 0; i < h->n_answers; i++) {
        json_t *line = h->lines[h->item[i]];
        const struct suite_item *item = item_of(a, from + h->item[i]);
        TRY(likelihood_weigh(a->c->subject, item, a->c->whitespace, line));
        TRY(generations_add(&a->kept, line));
    }
    return ERR_OK;
}

static err ask_handful(const struct asking *a, int64_t from) {
    struct handful h = {.n_lines = 0};
    err result = begin(a, from, &h);
    if (result == ERR_OK) result = (a->suite->form == ANSWER_CHOICES ? weigh : ask)(a, from, &h);
    for (int64_t i = 0; i < h.n_lines && result == ERR_OK; i++)
        result = json_push(a->lines, json_incref(h.lines[i]));
    for (int64_t i = 0; i < h.n_lines; i++) json_decref(h.lines[i]);
    answers_clear(h.answers, h.n_answers);
    return result;
}

static err ask_all(struct asking *a) {
    struct progress shown;
    err result = ERR_OK;
    progress_start(&shown, a->c->task->name, a->n);
    for (int64_t from = 0; from < a->n && result == ERR_OK; from += AT_ONCE) {
        result = ask_handful(a, from);
        if (result != ERR_OK)
            result = fail_in(result, "answers %lld and on", (long long)from + 1);
        else
            progress_step(&shown, from + AT_ONCE < a->n ? from + AT_ONCE : a->n, NULL);
    }
    progress_end(&shown);
    return result;
}

/* What the numbers depend on beside the model. */
static err fill_settings(const struct asking *a, json_t *part) {
    TRY(json_put(part, "max_new_tokens", json_integer(answer_length(a->c))));
    TRY(json_put(part, "published_files", json_boolean(!a->c->datasets.allow_changed)));
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
        result = ask_all(&a);
        generations_close(&a.kept);
    }
    if (result == ERR_OK) result = score_answers(c->task, &a.items, a.lines, c->unsafe, out);
    if (result == ERR_OK) result = put_settings(&a, *out);
    suite_items_release(&a.items);
    json_decref(a.lines);
    return result;
}
