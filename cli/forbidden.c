/* SPDX-License-Identifier: Apache-2.0
 * The items of the suites that a recipe evaluates, and files of texts that must not be trained on,
 * read with the readers of rows (data/source/read.h) or line by line where they are no rows: each
 * record's question and answer are handed on and forgotten.
 * The contract is cli/forbidden.h. */
#include "cli/forbidden.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/source/read.h"
#include "eval/suite.h"
#include "eval/text.h"
#include "eval/user_task.h"
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 24 };

static err hand_on(const char *path, struct span prompt, struct span answer, forbidden_take *take,
                   void *taker) {
    if (span_blank(prompt)) return ERR_OK;
    return take(taker, &(struct forbidden_text){
                           .set = path_base(path), .prompt = prompt, .answer = answer});
}

static err hand_sample(const char *path, const struct sample *s, forbidden_take *take,
                       void *taker) {
    struct str context = {0}, trained = {0};
    err e = sample_context_text(s, &context);
    if (e == ERR_OK) e = sample_trained_text(s, &trained);
    struct span prompt = {str_text(&context), context.len};
    struct span answer = {str_text(&trained), trained.len};
    if (prompt.n == 0) {
        prompt = answer;
        answer.n = 0;
    }
    if (e == ERR_OK) e = hand_on(path, prompt, answer, take, taker);
    str_release(&context);
    str_release(&trained);
    return e;
}

/* Every text of a record of whatever keys, as one: benchmarks name them as they like. */
static err add_texts(const json_t *value, struct str *out) {
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_string(value)) {
        if (out->len > 0) TRY(str_add(out, "\n"));
        return str_append(out, json_string_value(value), json_string_length(value));
    }
    if (json_is_array(value)) {
        json_array_foreach(value, i, item) TRY(add_texts(item, out));
    } else if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, item) TRY(add_texts(item, out));
    }
    return ERR_OK;
}

static err hand_line(const char *path, struct span line, forbidden_take *take, void *taker) {
    struct str texts = {0};
    json_t *record = NULL;
    const struct span none = {"", 0};
    err e = ERR_PARSE; /* no JSON */
    if (line.n > 0 && line.text[0] == '{') e = json_parse(line.text, line.n, "line", &record);
    if (e == ERR_PARSE) return hand_on(path, line, none, take, taker);
    if (e == ERR_OK) e = add_texts(record, &texts);
    if (e == ERR_OK)
        e = hand_on(path, (struct span){str_text(&texts), texts.len}, none, take, taker);
    json_decref(record);
    str_release(&texts);
    return e;
}

static err hand_lines(const char *path, forbidden_take *take, void *taker) {
    struct line_reader lines;
    bool more = true;
    TRY(line_reader_open(&lines, path, MAX_LINE_BYTES));
    err e = ERR_OK;
    while (e == ERR_OK && more) {
        e = line_reader_next(&lines, &more);
        if (e == ERR_OK && more)
            e = hand_line(path, span_strip((struct span){lines.line, lines.len}), take, taker);
    }
    if (e != ERR_OK) e = fail_in(e, "'%s' line %lld", path, (long long)lines.line_number);
    line_reader_close(&lines);
    return e;
}

/* As rows; a file of something else is taken line by line. */
static err hand_file(const char *path, forbidden_take *take, void *taker) {
    struct arena arena = {0};
    struct sample_list samples = {0};
    struct faults faults = {0};
    struct reading reading = {.arena = &arena, .samples = &samples, .faults = &faults};
    struct read_file file = {.path = path, .format = "auto"};
    err e = read_file(&reading, &file);
    bool rows = e == ERR_OK && faults.n == 0;
    if (e != ERR_MEMORY && e != ERR_IO) e = ERR_OK;
    for (int64_t i = 0; i < samples.n && rows && e == ERR_OK; i++)
        e = hand_sample(path, &samples.items[i], take, taker);
    if (!rows && e == ERR_OK) e = hand_lines(path, take, taker);
    faults_release(&faults);
    sample_list_release(&samples);
    arena_release(&arena);
    return e;
}

/* Suites write line ends as <n>; rows have them as they are. */
static err hand_item(const char *set, const struct suite_item *item, forbidden_take *take,
                     void *taker) {
    struct str question = {0}, answer = {0};
    const char *gold = item->solution ? item->solution : item->gold;
    err e = str_add(&question, item->question ? item->question : item->prompt);
    if (e == ERR_OK) e = text_replace(&question, "<n>", "\n");
    if (e == ERR_OK && gold) e = str_add(&answer, gold);
    if (e == ERR_OK && gold) e = text_replace(&answer, "<n>", "\n");
    if (e == ERR_OK)
        e = hand_on(set, (struct span){str_text(&question), question.len},
                    (struct span){str_text(&answer), answer.len}, take, taker);
    str_release(&question);
    str_release(&answer);
    return e;
}

static err hand_suite(const struct chain *c, const struct eval_task *task, forbidden_take *take,
                      void *taker) {
    const struct datasets where = {.folder = c->eval.datasets, .allow_changed = true};
    struct suite_items items = {0};
    err e = suite_load(task->suite, &where, &items);
    for (int64_t i = 0; i < items.n && e == ERR_OK; i++)
        e = hand_item(task->name, &items.items[i], take, taker);
    suite_items_release(&items);
    return e == ERR_OK ? ERR_OK : fail_in(e, "task '%s'", task->name);
}

/* Those that are named, and every one of the user's own. */
static err hand_tasks(const struct chain *c, const struct user_tasks *own, forbidden_take *take,
                      void *taker) {
    for (int64_t i = 0; i < c->eval.tasks.n; i++) {
        const struct eval_task *task;
        TRY(user_tasks_find(own, c->eval.tasks.items[i], &task));
        if (task->suite && !user_tasks_has(own, task)) TRY(hand_suite(c, task, take, taker));
    }
    for (int64_t i = 0; i < own->n; i++)
        if (own->items[i]->suite) TRY(hand_suite(c, own->items[i], take, taker));
    return ERR_OK;
}

static err each(void *ctx, forbidden_take *take, void *taker) {
    const struct chain *c = ctx;
    struct user_tasks own;
    TRY(user_tasks_open(&own, &c->eval.task_files));
    err e = hand_tasks(c, &own, take, taker);
    user_tasks_close(&own);
    TRY(e);
    if (c->eval.retention) TRY(hand_file(c->eval.retention, take, taker));
    for (int64_t i = 0; i < c->data.filter.forbidden.n; i++)
        TRY(hand_file(c->data.filter.forbidden.items[i], take, taker));
    return ERR_OK;
}

struct forbidden_source forbidden_of(const struct chain *c) {
    return (struct forbidden_source){each, (void *)c};
}
