/* SPDX-License-Identifier: Apache-2.0
 * Suites: reading their files, and
 * what is recorded of an answer.
 * Read next: eval/suite.h, eval/suites/ for the readers, eval/suite_run.c for asking a model. */
#include "eval/suite.h"

#include "base/file.h"
#include "base/mem.h"
#include <string.h>

err suite_items_add(struct suite_items *s, struct suite_item **out) {
    TRY(mem_grow(&s->items, &s->capacity, s->n, sizeof *s->items));
    s->items[s->n] = (struct suite_item){.number = s->n};
    *out = &s->items[s->n++];
    return ERR_OK;
}

void suite_items_release(struct suite_items *s) {
    mem_free(s->items);
    arena_release(&s->arena);
    *s = (struct suite_items){0};
}

enum { MAX_FILES = 2 };

static err load(const struct suite *s, const struct datasets *where, struct suite_items *out) {
    char *paths[MAX_FILES] = {NULL};
    err result = ERR_OK;
    for (int i = 0; s->files[i] != NULL && result == ERR_OK; i++) {
        bool changed = false;
        result = datasets_file(where, s->files[i], &paths[i], &changed);
        out->changed |= changed;
    }
    if (result == ERR_OK) result = s->load(s, (const char *const *)paths, out);
    if (result == ERR_OK && out->n == 0) result = fail(ERR_MISSING, "'%s' is empty", paths[0]);
    for (int i = 0; i < MAX_FILES; i++) mem_free(paths[i]);
    return result;
}

err suite_load(const struct suite *s, const struct datasets *where, struct suite_items *out) {
    *out = (struct suite_items){0};
    err result = load(s, where, out);
    if (result == ERR_OK && s->n_items > 0 && out->n != s->n_items && !where->allow_changed)
        result = fail(ERR_MISMATCH, "%lld items were read, not %lld", (long long)out->n,
                      (long long)s->n_items);
    if (result != ERR_OK) suite_items_release(out);
    return result;
}

const struct suite_item *suite_find_item(const struct suite_items *s, const json_t *answer) {
    const json_t *number = json_object_get(answer, "item");
    const char *id = json_text_of(answer, "task_id");
    if (json_is_integer(number)) {
        int64_t i = json_integer_value(number);
        return i >= 0 && i < s->n ? &s->items[i] : NULL;
    }
    for (int64_t i = 0; i < s->n && id[0] != '\0'; i++)
        if (s->items[i].id != NULL && strcmp(s->items[i].id, id) == 0) return &s->items[i];
    return NULL;
}

/* The line that the official generators write: without the space that decoding puts in front and,
 * always, without the last five characters, which are <eod> where the model ended by itself. */
static err record_line(const char *decoded, struct str *out) {
    static const char *const marks[][2] = {
        {"<pad>", ""}, {"<eod>", ""}, {"<sep>", "[SEP]"}, {"\n", "<n>"}};
    struct span s = text_span(decoded);
    if (text_starts(s, " ")) s = text_cut(s, 1, s.n);
    for (int i = 0; i < 5 && s.n > 0; i++) {
        do s.n--;
        while (s.n > 0 && ((unsigned char)s.text[s.n] & 0xC0) == 0x80);
    }
    TRY(text_set(out, span_strip(s)));
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        TRY(text_replace(out, marks[i][0], marks[i][1]));
    for (int i = 0; i < 3; i++) TRY(text_replace(out, "<n><n>", "<n>"));
    return text_set(out, span_strip(text_of(out)));
}

static err put_record(const struct suite_item *item, const char *decoded, json_t *answer) {
    json_t *record = json_object();
    TRY(json_put(answer, "record", record));
    TRY(json_put(record, "query", json_string(item->prompt)));
    TRY(json_put(record, "ans", json_string(item->choices[item->gold[0] - 'A'])));
    return json_put(record, "gen_ans", json_string(decoded));
}

err suite_record(const struct suite *s, const struct suite_item *item, const char *decoded,
                 json_t *answer) {
    struct str line = {0};
    switch (s->form) {
    case ANSWER_RESPONSE:
        TRY(json_put(answer, "task_id", json_string(item->id)));
        return json_put(answer, "response", json_string(decoded));
    case ANSWER_RECORD: return put_record(item, decoded, answer);
    case ANSWER_TEXT: return json_put(answer, "answer", json_string(decoded));
    case ANSWER_LINE: break;
    case ANSWER_CHOICES: BUG_IF(true); /* nothing is decoded */
    }
    err result = record_line(decoded, &line);
    if (result == ERR_OK)
        result = json_put(answer, "line", json_stringn(str_text(&line), line.len));
    str_release(&line);
    return result;
}

err suite_answer_text(const struct suite *s, const json_t *answer, struct span *out) {
    static const char *const keys[] = {[ANSWER_LINE] = "line",
                                       [ANSWER_RESPONSE] = "response",
                                       [ANSWER_RECORD] = "gen_ans",
                                       [ANSWER_TEXT] = "answer"};
    *out = text_span("");
    if (s->form == ANSWER_CHOICES) return ERR_OK;
    const json_t *in = s->form == ANSWER_RECORD ? json_object_get(answer, "record") : answer;
    const json_t *text = json_object_get(in, keys[s->form]);
    if (!json_is_string(text))
        return fail(ERR_PARSE, "no text '%s%s'", s->form == ANSWER_RECORD ? "record." : "",
                    keys[s->form]);
    *out = (struct span){json_string_value(text), json_string_length(text)};
    return ERR_OK;
}
