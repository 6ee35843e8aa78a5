/* SPDX-License-Identifier: Apache-2.0
 * Reading TruthfulQA (eval/suites/readers.h). The Chinese file is, whatever its name says, no JSON:
 * each line is what Python prints of a dict of texts, quoted by ' or ", with backslashes.
 * Read next: eval/tasks/truthfulqa_cn.c. */
#include "base/file.h"
#include "eval/suites/readers.h"
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 20 };

struct cursor {
    const char *at, *end;
};

static bool take(struct cursor *c, char mark) {
    while (c->at < c->end && *c->at == ' ') c->at++;
    if (c->at == c->end || *c->at != mark) return false;
    c->at++;
    return true;
}

/* A quoted text with Python's escapes, as far as such a file has them. */
static err take_text(struct cursor *c, struct str *out) {
    char quote = take(c, '\'') ? '\'' : '"';
    str_clear(out);
    if (quote == '"' && !take(c, '"')) return fail(ERR_PARSE, "a quoted text is missing");
    while (c->at < c->end && *c->at != quote) {
        if (*c->at != '\\') {
            TRY(str_append(out, c->at++, 1));
            continue;
        }
        static const char escapes[] = "\\\\''\"\"n\nt\tr\r";
        char named = c->at + 1 < c->end ? c->at[1] : '\0';
        size_t i = 0;
        while (i + 1 < sizeof escapes - 1 && escapes[i] != named) i += 2;
        if (i + 1 >= sizeof escapes) return fail(ERR_PARSE, "an unknown escape '\\%c'", named);
        TRY(str_append(out, &escapes[i + 1], 1));
        c->at += 2;
    }
    return take(c, quote) ? ERR_OK : fail(ERR_PARSE, "a text without its closing quote");
}

static err add_choice(struct suite_items *s, struct suite_item *item, int n, const char *text) {
    if (n >= MAX_CHOICES) return fail(ERR_LIMIT, "more than %d options", MAX_CHOICES);
    if (item->choices == NULL) {
        item->choices = arena_alloc(&s->arena, MAX_CHOICES + 1, sizeof *item->choices);
        if (item->choices == NULL) return ERR_MEMORY;
    }
    item->choices[n] = arena_strdup(&s->arena, text);
    return item->choices[n] != NULL ? ERR_OK : ERR_MEMORY;
}

static err read_pairs(struct suite_items *s, struct suite_item *item, struct cursor *c,
                      struct str *key, struct str *value) {
    int n = 0;
    if (!take(c, '{')) return fail(ERR_PARSE, "no '{' begins the line");
    do {
        TRY(take_text(c, key));
        if (!take(c, ':')) return fail(ERR_PARSE, "no ':' behind '%s'", str_text(key));
        TRY(take_text(c, value));
        if (strcmp(str_text(key), "query") == 0) {
            item->question = arena_strdup(&s->arena, str_text(value));
            if (item->question == NULL) return ERR_MEMORY;
        } else {
            TRY(add_choice(s, item, n++, str_text(value)));
        }
    } while (take(c, ','));
    if (!take(c, '}') || c->at != c->end) return fail(ERR_PARSE, "no '}' ends the line");
    if (item->question == NULL || n < 2)
        return fail(ERR_PARSE, "no query, or fewer than two options");
    return ERR_OK;
}

static err read_dict(struct suite_items *s, const char *line, size_t n) {
    struct suite_item *item = NULL;
    struct cursor c = {line, line + n};
    struct str key = {0}, value = {0};
    TRY(suite_items_add(s, &item));
    err result = read_pairs(s, item, &c, &key, &value);
    str_release(&key);
    str_release(&value);
    item->gold = "A";
    return result;
}

err read_chinese_choices(const char *path, struct suite_items *out) {
    struct line_reader r = {0};
    bool more = true;
    TRY(line_reader_open(&r, path, MAX_LINE_BYTES));
    err result = ERR_OK;
    while (result == ERR_OK && more) {
        result = line_reader_next(&r, &more);
        if (result == ERR_OK && more && r.len > 0) {
            result = read_dict(out, r.line, r.len);
            if (result != ERR_OK)
                result = fail_in(result, "'%s' line %lld", path, (long long)r.line_number);
        }
    }
    line_reader_close(&r);
    return result;
}

static err read_question(struct suite_items *s, const json_t *from) {
    struct suite_item *item = NULL;
    const char *question = NULL, *choice = NULL;
    json_t *choices = NULL, *is_right = NULL;
    int n = 0;
    TRY(json_need_string(from, "question", &question));
    TRY(json_need_object(from, "mc1_targets", &choices));
    TRY(suite_items_add(s, &item));
    item->gold = "A";
    item->question = arena_strdup(&s->arena, question);
    if (item->question == NULL) return ERR_MEMORY;
    json_object_foreach(choices, choice, is_right) {
        if ((json_integer_value(is_right) == 1) != (n == 0))
            return fail(ERR_PARSE, "the right option of '%s' is not the first, or not the only one",
                        question);
        TRY(add_choice(s, item, n++, choice));
    }
    return n >= 2 ? ERR_OK : fail(ERR_PARSE, "fewer than two options for '%s'", question);
}

err read_english_choices(const char *path, struct suite_items *out) {
    json_t *all = NULL;
    TRY(json_parse_file(path, &all));
    err result = json_is_array(all) ? ERR_OK : fail(ERR_PARSE, "'%s' is no JSON array", path);
    for (size_t i = 0; result == ERR_OK && i < json_array_size(all); i++) {
        result = read_question(out, json_array_get(all, i));
        if (result != ERR_OK) result = fail_in(result, "'%s' item %zu", path, i + 1);
    }
    json_decref(all);
    return result;
}
