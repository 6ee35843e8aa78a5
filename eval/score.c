/* SPDX-License-Identifier: Apache-2.0
 * Scoring a list of answers (eval/score.h): a verdict on each, and from all of them the scores of
 * the task with their interval. Generated unit tests stand among the answers and judge programs.
 * Read next: eval/scorer.h for one verdict, eval/metrics.h for the interval. */
#include "eval/score.h"

#include "base/file.h"
#include "base/mem.h"
#include "eval/confidence.h"
#include "eval/judge.h"
#include "eval/samples.h"
#include "eval/suite.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LINE_BYTES = 64 << 20 };

struct tally {
    struct sample_verdict *verdicts; /* of each answer; owned */
    json_t *tests;                   /* generated ones, by item; owned */
    bool sampled;                    /* several to an item on purpose, each with its number */
    int64_t n, n_correct, n_errors, n_unjudged;
    double *values; /* of a measured metric, of each answer; owned */
    double sum_extra[SCORER_MAX_EXTRAS];
};

static err put_text(json_t *to, const char *key, const char *text) {
    return text != NULL ? json_put(to, key, json_string(text)) : ERR_OK;
}

/* How long question and answer are, without the <eod> that ended it, where the line was kept with
 * its tokens. */
static err put_counts(json_t *to, const json_t *answer) {
    const json_t *prompt = json_object_get(answer, "n_prompt_tokens");
    const json_t *ids = json_object_get(answer, "tokens"); /* or how many they are, while it runs */
    int64_t all = json_is_integer(ids) ? json_integer_value(ids) : (int64_t)json_array_size(ids);
    int64_t n = json_int_of(answer, "n_prompt_tokens");
    if (json_is_true(json_object_get(answer, "ended"))) all--;
    if (!json_is_integer(prompt) || n > all) return ERR_OK;
    TRY(json_put(to, "n_prompt_tokens", json_integer(n)));
    return json_put(to, "n_tokens", json_integer(all - n));
}

static err put_item(json_t *items, const struct scorer *scorer, const struct suite_item *item,
                    const json_t *answer, const struct verdict *v) {
    json_t *row = json_object(), *told = json_object_get(answer, "item");
    TRY(json_push(items, row));
    if (item != NULL)
        TRY(json_put(row, "item", json_integer(item->number)));
    else
        TRY(json_put(row, "item", told != NULL ? json_incref(told) : json_null()));
    if (item != NULL) TRY(put_text(row, "task_id", item->id));
    const json_t *sample = json_object_get(answer, "sample");
    if (sample != NULL) TRY(json_put(row, "sample", json_incref((json_t *)sample)));
    if (scorer->measured)
        TRY(json_put(row, scorer->metric, json_real(v->value)));
    else
        TRY(json_put(row, "correct", v->unjudged ? json_null() : json_boolean(v->correct)));
    TRY(put_text(row, "error", v->error));
    TRY(put_text(row, "extracted", v->extracted));
    TRY(put_text(row, "gold", v->gold));
    TRY(put_text(row, "completion", v->completion));
    TRY(put_counts(row, answer));
    for (int k = 0; k < scorer_n_extras(scorer); k++)
        TRY(json_put(row, scorer->extras[k].name,
                     scorer->extras[k].measured ? json_real(v->extra[k])
                                                : json_boolean(v->extra[k] != 0.0)));
    return ERR_OK;
}

/* ---- generated unit tests, which stand among the answers ---- */

static bool is_tests(const json_t *line) {
    return json_object_get(line, "judge") != NULL;
}

static err item_key(const struct suite_item *item, char out[32]) {
    return snprintf(out, 32, "%lld", (long long)item->number) < 32 ? ERR_OK : ERR_LIMIT;
}

static err collect_tests(const struct scoring *s, const json_t *answers, json_t *out) {
    size_t i = 0;
    json_t *line = NULL, *tests = NULL;
    json_array_foreach(answers, i, line) {
        const struct suite_item *item = suite_find_item(s->items, line);
        const json_t *text = json_object_get(line, "answer");
        char key[32];
        if (!is_tests(line) || item == NULL || item->entry_point == NULL) continue;
        const struct span said = {json_string_value(text), json_string_length(text)};
        if (said.text == NULL) return fail(ERR_PARSE, "line %zu: no text 'answer'", i + 1);
        TRY(item_key(item, key));
        TRY(judge_tests(said, item->entry_point, &tests));
        TRY(json_put(out, key, tests));
    }
    return ERR_OK;
}

/* Of one of several programs for an item that there are tests for. */
static err judge(const struct scoring *s, const struct scored_answer *a, const struct verdict *v,
                 const json_t *tests_by_item, struct sample_verdict *out) {
    char key[32];
    if (a->item == NULL || v->completion == NULL || v->unjudged) return ERR_OK;
    if (json_object_get(a->json, "sample") == NULL) return ERR_OK;
    TRY(item_key(a->item, key));
    const json_t *tests = json_object_get(tests_by_item, key);
    if (tests == NULL) return ERR_OK;
    out->is_judged = true;
    return judge_run(s, v->completion, tests, &out->judged);
}

static err score_one(const struct scoring *s, const struct suite *suite, const json_t *answer,
                     json_t *items, struct tally *t) {
    struct scored_answer a = {.item = suite_find_item(s->items, answer), .json = answer};
    struct verdict v = {0};
    TRY(suite_answer_text(suite, answer, &a.text));
    t->sampled |= json_object_get(answer, "sample") != NULL;
    err result = s->scorer->score(s, &a, &v);
    if (result == ERR_LIMIT) { /* a rule of the official program that would not come to an end */
        v = (struct verdict){.error = "no end"};
        result = ERR_OK;
    }
    TRY(result);
    struct sample_verdict *kept = &t->verdicts[t->n];
    kept->item = a.item != NULL ? a.item->number : -t->n - 1;
    kept->vote = v.vote;
    kept->correct = v.correct;
    t->values[t->n] = v.value;
    TRY(judge(s, &a, &v, t->tests, kept));
    t->n++;
    t->n_correct += v.correct;
    t->n_errors += v.error != NULL;
    t->n_unjudged += v.unjudged;
    for (int k = 0; k < SCORER_MAX_EXTRAS; k++) t->sum_extra[k] += v.extra[k];
    TRY(put_item(items, s->scorer, a.item, answer, &v));
    json_t *row = json_array_get(items, json_array_size(items) - 1);
    return kept->is_judged ? json_put(row, "tests_passed", json_integer(kept->judged.passed))
                           : ERR_OK;
}

/* Where items have several answers the interval is as if each had one, right as often as its
 * answers are on average. */
static err put_share(json_t *part, json_t *scores, const struct scorer *scorer,
                     const struct tally *t) {
    double share = (double)t->n_correct / (double)t->n;
    int64_t n_items = t->n;
    TRY(json_put(part, "correct", json_integer(t->n_correct)));
    TRY(json_put(scores, scorer->metric, json_real(share)));
    if (t->sampled) TRY(samples_put(t->verdicts, t->n, scores, &n_items));
    int64_t right = (int64_t)llround(share * (double)n_items);
    struct interval i = wilson_interval(right, n_items);
    return json_put(part, "interval", json_pack("[f,f]", i.low, i.high));
}

/* Of a measured metric: each item's value becomes the mean of its answers', which follow each
 * other; answers to the same item tell less than as many items would. */
static int64_t mean_by_item(const struct tally *t) {
    int64_t n = 0;
    for (int64_t at = 0; at < t->n;) {
        const int64_t first = at, item = t->verdicts[at].item;
        double sum = 0.0;
        do sum += t->values[at++];
        while (t->sampled && at < t->n && t->verdicts[at].item == item);
        t->values[n++] = sum / (double)(at - first);
    }
    return n;
}

static err put_mean(json_t *part, json_t *scores, const struct scorer *scorer,
                    const struct tally *t) {
    struct interval i;
    double sum = 0.0;
    for (int64_t k = 0; k < t->n; k++) sum += t->values[k];
    TRY(bootstrap_interval(t->values, mean_by_item(t), 0.95, &i));
    TRY(json_put(scores, scorer->metric, json_real(sum / (double)t->n)));
    return json_put(part, "interval", json_pack("[f,f]", i.low, i.high));
}

static err put_summary(json_t *part, const struct scorer *scorer, const struct tally *t) {
    json_t *scores = json_object_get(part, "scores");
    double n = (double)t->n;
    TRY(json_put(part, "n", json_integer(t->n)));
    TRY(json_put(part, "n_errors", json_integer(t->n_errors)));
    if (t->n_unjudged > 0) return json_put(part, "n_unjudged", json_integer(t->n_unjudged));
    if (scorer->measured)
        TRY(put_mean(part, scores, scorer, t));
    else
        TRY(put_share(part, scores, scorer, t));
    for (int k = 0; k < scorer_n_extras(scorer); k++)
        TRY(json_put(scores, scorer->extras[k].name, json_real(t->sum_extra[k] / n)));
    return ERR_OK;
}

static err score_each(const struct scoring *s, const struct eval_task *task, const json_t *answers,
                      struct tally *t, json_t *part) {
    json_t *items = json_array();
    TRY(json_put(part, "items", items));
    TRY(collect_tests(s, answers, t->tests));
    for (size_t i = 0; i < json_array_size(answers); i++) {
        if (is_tests(json_array_get(answers, i))) continue;
        err result = score_one(s, task->suite, json_array_get(answers, i), items, t);
        if (result != ERR_OK) return fail_in(result, "answer %zu", i + 1);
    }
    return t->n > 0 ? put_summary(part, s->scorer, t) : fail(ERR_MISSING, "no answers");
}

static err score_all(const struct scoring *s, const struct eval_task *task, const json_t *answers,
                     json_t *part) {
    struct tally t = {0};
    TRY(json_put(part, "task", json_string(task->name)));
    TRY(json_put(part, "metric", json_string(eval_task_metric(task))));
    TRY(json_put(part, "prompt_by", json_string(task->suite->prompt_by)));
    TRY(json_put(part, "scores", json_object()));
    t.tests = json_object();
    t.verdicts = mem_zalloc(json_array_size(answers) + 1, sizeof *t.verdicts);
    t.values = mem_zalloc(json_array_size(answers) + 1, sizeof *t.values);
    err result = t.tests != NULL && t.verdicts != NULL && t.values != NULL
                     ? score_each(s, task, answers, &t, part)
                     : ERR_MEMORY;
    json_decref(t.tests);
    mem_free(t.values);
    mem_free(t.verdicts);
    return result;
}

err score_answers(const struct eval_task *task, const struct suite_items *items,
                  const json_t *answers, bool unsafe, json_t **out) {
    struct arena arena = {0};
    struct scoring s = {0};
    json_t *part = json_object();
    err result = scoring_open(&s, task->suite->scorer, items, &arena);
    if (result == ERR_OK) {
        s.unsafe = unsafe;
        result = score_all(&s, task, answers, part);
        scoring_close(&s);
    }
    arena_release(&arena);
    if (result != ERR_OK) {
        json_decref(part);
        return result;
    }
    *out = part;
    return ERR_OK;
}

/* A line into the array of answers to `task`, or for NULL into that of its own task. */
static err take_line(const struct line_reader *r, const char *task, json_t *into) {
    json_t *line = NULL;
    TRY(json_parse(r->line, r->len, NULL, &line));
    const char *of = json_text_of(line, "task");
    err result = ERR_OK;
    if (!json_is_object(line)) {
        result = fail(ERR_PARSE, "no JSON object");
    } else if (task == NULL) {
        json_t *lines = json_object_get(into, of);
        if (of[0] == '\0') result = fail(ERR_PARSE, "no text 'task'");
        if (result == ERR_OK && lines == NULL) {
            lines = json_array();
            result = json_put(into, of, lines);
        }
        if (result == ERR_OK) result = json_push(lines, json_incref(line));
    } else if (of[0] == '\0' || strcmp(of, task) == 0) {
        result = json_push(into, json_incref(line));
    }
    json_decref(line);
    return result;
}

static err read_lines(const char *path, const char *task, json_t *into) {
    struct line_reader r = {0};
    bool more = true;
    TRY(line_reader_open(&r, path, MAX_LINE_BYTES));
    err result = ERR_OK;
    while (result == ERR_OK && more) {
        result = line_reader_next(&r, &more);
        if (result != ERR_OK || !more || r.len == 0) continue;
        result = take_line(&r, task, into);
        if (result != ERR_OK)
            result = fail_in(result, "'%s' line %lld", path, (long long)r.line_number);
    }
    line_reader_close(&r);
    return result;
}

err score_read(const char *path, const char *task, json_t **out) {
    json_t *answers = json_array();
    err result = answers != NULL ? read_lines(path, task, answers)
                                 : fail(ERR_MEMORY, "out of memory for answers");
    if (result == ERR_OK && json_array_size(answers) == 0)
        result = fail(ERR_MISSING, "'%s' has no answer to '%s'", path, task);
    if (result != ERR_OK) {
        json_decref(answers);
        return result;
    }
    *out = answers;
    return ERR_OK;
}

err score_read_all(const char *path, json_t **out) {
    json_t *tasks = json_object();
    err result = tasks != NULL ? read_lines(path, NULL, tasks)
                               : fail(ERR_MEMORY, "out of memory for answers");
    if (result == ERR_OK && json_object_size(tasks) == 0)
        result = fail(ERR_MISSING, "'%s' has no answers", path);
    if (result != ERR_OK) {
        json_decref(tasks);
        return result;
    }
    *out = tasks;
    return ERR_OK;
}
