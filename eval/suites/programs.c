/* SPDX-License-Identifier: Apache-2.0
 * Reading HumanEval (eval/suites/readers.h): the problems, and prompts that another file has for
 * them under the same ids.
 * Read next: eval/tasks/humaneval_cn.c. */
#include "base/file.h"
#include "eval/suites/readers.h"
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 20 };

static err keep(struct suite_items *s, const json_t *from, const char *key, const char **out) {
    const char *text = NULL;
    TRY(json_need_string(from, key, &text));
    *out = arena_strdup(&s->arena, text);
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

static err take_problem(struct suite_items *s, const json_t *from) {
    struct suite_item *item = NULL;
    TRY(suite_items_add(s, &item));
    TRY(keep(s, from, "task_id", &item->id));
    TRY(keep(s, from, "prompt", &item->question));
    TRY(keep(s, from, "canonical_solution", &item->solution));
    TRY(keep(s, from, "test", &item->tests));
    return keep(s, from, "entry_point", &item->entry_point);
}

static err take_prompt(struct suite_items *s, const json_t *from) {
    const char *id = NULL;
    TRY(json_need_string(from, "task_id", &id));
    for (int64_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].id, id) == 0) return keep(s, from, "prompt", &s->items[i].prompt);
    return fail(ERR_MISMATCH, "a prompt for '%s', which is no problem of the other file", id);
}

static err read_lines(const char *path, err (*take)(struct suite_items *, const json_t *),
                      struct suite_items *out) {
    struct line_reader r = {0};
    bool more = true;
    TRY(line_reader_open(&r, path, MAX_LINE_BYTES));
    err result = ERR_OK;
    while (result == ERR_OK && more) {
        json_t *line = NULL;
        result = line_reader_next(&r, &more);
        if (result != ERR_OK || !more || r.len == 0) continue;
        result = json_parse(r.line, r.len, NULL, &line);
        if (result == ERR_OK) result = take(out, line);
        json_decref(line);
        if (result != ERR_OK)
            result = fail_in(result, "'%s' line %lld", path, (long long)r.line_number);
    }
    line_reader_close(&r);
    return result;
}

err read_programs(const char *path, struct suite_items *out) {
    return read_lines(path, take_problem, out);
}

err read_program_prompts(const char *path, struct suite_items *items) {
    TRY(read_lines(path, take_prompt, items));
    for (int64_t i = 0; i < items->n; i++)
        if (items->items[i].prompt == NULL)
            return fail(ERR_MISSING, "'%s' has no prompt for '%s'", path, items->items[i].id);
    return ERR_OK;
}
