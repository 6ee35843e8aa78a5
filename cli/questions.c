/* SPDX-License-Identifier: Apache-2.0
 * Reading prompts. Everything is read before a model answers, so that a fault in the last line of a
 * file shows at once.
 * Read next: cli/questions.h, the contract. */
#include "cli/questions.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include <string.h>

enum { LINE_MAX_BYTES = 64 << 20 };

/* A new prompt at the list's end, to be filled. */
static err add(struct questions *p, struct tokens **out) {
    struct tokens *grown = mem_resize(p->list, (size_t)p->n + 1, sizeof *grown);
    if (!grown) return ERR_MEMORY;
    p->list = grown;
    *out = &p->list[p->n++];
    **out = (struct tokens){0};
    return ERR_OK;
}

err questions_add_text(struct questions *p, const struct question_options *o, const char *text) {
    const size_t n = strlen(text);
    struct tokens *ids;
    if (!o->tokenizer)
        return fail_hint(fail(ERR_MISSING, "a text needs a tokenizer, and the model has none"),
                         "--tokenizer names a folder with tokenizer.model");
    if (utf8_invalid_at(text, n) >= 0)
        return fail(ERR_PARSE, "ill-formed UTF-8 at byte %lld",
                    (long long)utf8_invalid_at(text, n));
    TRY(add(p, &ids));
    TRY(o->raw ? tokenizer_encode(o->tokenizer, text, n, o->whitespace, ids)
               : tokenizer_encode_prompt(o->tokenizer, text, n, o->whitespace, ids));
    return ids->n ? ERR_OK : fail(ERR_RANGE, "a prompt without tokens");
}

static err add_id(struct tokens *ids, int64_t id) {
    if (id < 0 || id > INT32_MAX) return fail(ERR_RANGE, "%lld is no token id", (long long)id);
    return tokens_add(ids, (int32_t)id);
}

err questions_add_ids(struct questions *p, const struct opt_list *list) {
    struct tokens *ids;
    TRY(add(p, &ids));
    for (int64_t i = 0; i < list->n; i++) {
        int64_t id;
        err e = str_to_int64(list->items[i], &id);
        if (!e) e = add_id(ids, id);
        if (e) return e == ERR_MEMORY ? e : fail_in(ERR_USAGE, "--prompt-ids");
    }
    return ERR_OK;
}

static err add_record(struct questions *p, const struct question_options *o, const json_t *record) {
    const char *text;
    json_t *list;
    struct tokens *ids;
    const bool has_text = json_object_get(record, "prompt") != NULL;
    if (has_text == (json_object_get(record, "ids") != NULL))
        return fail(ERR_PARSE, "one of 'prompt' and 'ids' is needed");
    if (has_text) {
        TRY(json_need_string(record, "prompt", &text));
        return questions_add_text(p, o, text);
    }
    TRY(json_need_array(record, "ids", &list));
    TRY(add(p, &ids));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *id = json_array_get(list, i);
        if (!json_is_integer(id)) return fail(ERR_PARSE, "'ids' holds more than whole numbers");
        TRY(add_id(ids, json_integer_value(id)));
    }
    return ids->n ? ERR_OK : fail(ERR_RANGE, "a prompt without tokens");
}

static err add_line(struct questions *p, const struct question_options *o,
                    const struct line_reader *lines) {
    json_t *record;
    TRY(json_parse(lines->line, lines->len, "record", &record));
    err e = json_is_object(record) ? add_record(p, o, record) : fail(ERR_PARSE, "not an object");
    json_decref(record);
    return e;
}

err questions_add_file(struct questions *p, const struct question_options *o, const char *path) {
    struct line_reader lines;
    bool more;
    const int64_t before = p->n;
    TRY(line_reader_open(&lines, path, LINE_MAX_BYTES));
    err e;
    while (!(e = line_reader_next(&lines, &more)) && more) {
        if (lines.len > 0) e = add_line(p, o, &lines);
        if (e) {
            e = fail_in(e, "'%s': line %lld", path, (long long)lines.line_number);
            break;
        }
    }
    line_reader_close(&lines);
    if (!e && p->n == before) e = fail(ERR_PARSE, "'%s' holds no prompts", path);
    return e;
}

void questions_release(struct questions *p) {
    for (int64_t i = 0; i < p->n; i++) tokens_release(&p->list[i]);
    mem_free(p->list);
    *p = (struct questions){0};
}
