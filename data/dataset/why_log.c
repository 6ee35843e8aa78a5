/* SPDX-License-Identifier: Apache-2.0
 * From generated rows down to what was asked for them: the log of an expansion is JSON Lines, a
 * question a line, whose "key" is the hash that rows carry as origin.prompt_sha256. It is read
 * once, and a line is parsed only where one of the wanted keys stands in it.
 * Read next: data/dataset/why.h, the contract. */
#include "base/file.h"
#include "data/dataset/why.h"
#include <string.h>

enum { LINE_MAX_BYTES = 64 << 20 };

static const char *key_of(const json_t *item) {
    return json_text_of(json_object_get(item, "origin"), "prompt_sha256");
}

static err add_question(json_t *item, const json_t *line) {
    static const char *const copied[] = {"model", "prompt", "outcome", "text"};
    json_t *question = json_object();
    TRY(json_put(item, "question", question));
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        json_t *value = json_object_get(line, copied[i]);
        if (value) TRY(json_put(question, copied[i], json_incref(value)));
    }
    return ERR_OK;
}

static err take_line(json_t *found, const struct line_reader *lines) {
    json_t *item, *line = NULL;
    size_t i;
    err e = ERR_OK;
    json_array_foreach(found, i, item) {
        const char *key = key_of(item);
        if (e != ERR_OK || !key[0] || !memmem(lines->line, lines->len, key, strlen(key))) continue;
        if (!line) e = json_parse(lines->line, lines->len, "question", &line);
        if (e == ERR_OK && strcmp(json_text_of(line, "key"), key) == 0)
            e = add_question(item, line);
    }
    json_decref(line);
    return e;
}

static err check_found(const json_t *found, const char *path) {
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)found, i, item) {
        if (!key_of(item)[0] || json_object_get(item, "question")) continue;
        return fail(ERR_MISSING, "%s row %lld: no question of '%s' has the hash %s",
                    json_text_of(item, "split"),
                    (long long)json_integer_value(json_object_get(item, "row")), path,
                    key_of(item));
    }
    return ERR_OK;
}

err why_add_questions(json_t *found, const char *log_path) {
    struct line_reader lines;
    bool more = true;
    TRY(line_reader_open(&lines, log_path, LINE_MAX_BYTES));
    err e = ERR_OK;
    while (e == ERR_OK && more) {
        e = line_reader_next(&lines, &more);
        if (e == ERR_OK && more) e = take_line(found, &lines);
    }
    if (e != ERR_OK) e = fail_in(e, "'%s' line %lld", log_path, (long long)lines.line_number);
    line_reader_close(&lines);
    return e == ERR_OK ? check_found(found, log_path) : e;
}
