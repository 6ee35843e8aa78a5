/* SPDX-License-Identifier: Apache-2.0
 * Reads examples. JSON is looked for object by object, so that each has its place in the post and a
 * broken one does not lose the others; what the values say is never looked at.
 * Read next: issues/read/examples.h, the contract. */
#include "issues/read/examples.h"

#include "base/json.h"
#include "issues/read/values.h"
#include <string.h>

/* A larger object is no example that somebody typed. */
enum { OBJECT_MAX = 1 << 15, OBJECTS_MAX = 256 };

/* The end of the object that begins at a place, by its brackets, or 0. */
static int64_t object_end(const struct text *t, int64_t at, int64_t end) {
    int depth = 0;
    bool string = false;
    if (end - at > OBJECT_MAX) end = at + OBJECT_MAX;
    for (int64_t i = at; i < end; i++) {
        uint32_t c = t->point[i];
        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string && c == '{')
            depth++;
        else if (!string && c == '}' && --depth == 0)
            return i + 1;
    }
    return 0;
}

static const char *member(const json_t *object, const char *const *names) {
    for (; *names; names++) {
        const json_t *value = json_object_get(object, *names);
        const char *text = json_string_value(value);
        if (text && *text) return text;
    }
    return NULL;
}

/* The first turn of each side of a conversation. */
static const char *turn(const json_t *turns, const char *const *roles) {
    static const char *const role_names[] = {"role", "from", NULL};
    static const char *const text_names[] = {"content", "value", NULL};
    for (size_t i = 0; i < json_array_size(turns); i++) {
        const json_t *one = json_array_get(turns, i);
        const char *role = member(one, role_names);
        for (const char *const *r = roles; role && *r; r++)
            if (strcmp(role, *r) == 0) return member(one, text_names);
    }
    return NULL;
}

struct sides {
    const char *prompt, *more, *response; /* `more`: an input beside an instruction */
};

static bool object_sides(const json_t *object, struct sides *out) {
    static const char *const instructions[] = {"instruction", "指令", "system", NULL};
    static const char *const prompts[] = {"prompt", "question", "query", "input", "问题", "问",
                                          "输入",   "Q",        "q",     "user",  NULL};
    static const char *const responses[] = {"response", "answer",    "output", "completion", "回答",
                                            "答",       "答案",      "输出",   "A",          "a",
                                            "target",   "assistant", "chosen", NULL};
    static const char *const askers[] = {"user", "human", NULL};
    static const char *const answerers[] = {"assistant", "gpt", "bot", NULL};
    const json_t *turns = json_object_get(object, "messages");
    if (!turns) turns = json_object_get(object, "conversations");
    *out = (struct sides){member(object, instructions), member(object, prompts),
                          member(object, responses)};
    if (turns) *out = (struct sides){turn(turns, askers), NULL, turn(turns, answerers)};
    if (!out->prompt) {
        out->prompt = out->more;
        out->more = NULL;
    }
    return out->prompt && out->response;
}

static err value_piece(const struct piece *object, const char *text, struct arena *a,
                       struct piece *out) {
    *out = *object;
    out->text = arena_strdup(a, text);
    return out->text ? ERR_OK : ERR_MEMORY;
}

static err add_object(const struct piece *whole, const json_t *object, struct arena *a,
                      struct reading *out) {
    struct sides sides;
    struct piece prompt, response;
    if (!json_is_object(object) || !object_sides(object, &sides)) return ERR_OK;
    const char *text = sides.prompt;
    if (sides.more) text = arena_printf(a, "%s\n%s", sides.prompt, sides.more);
    if (!text) return ERR_MEMORY;
    TRY(value_piece(whole, text, a, &prompt));
    TRY(value_piece(whole, sides.response, a, &response));
    return pair_add(a, out, &prompt, &response);
}

/* One object of the text; what is not JSON is passed over. */
static err read_object(const struct text *t, struct range r, struct arena *a, struct reading *out) {
    struct piece whole;
    json_t *object = NULL;
    TRY(piece_of(t, r, a, &whole));
    err e = json_parse(whole.text, strlen(whole.text), "example", &object);
    if (e == ERR_PARSE) {
        err_clear();
        return ERR_OK;
    }
    if (e == ERR_OK) e = add_object(&whole, object, a, out);
    json_decref(object);
    return e;
}

err examples_json(const struct text *t, struct range r, struct arena *a, struct reading *out) {
    for (int64_t i = r.begin, n = 0; i < r.end && n < OBJECTS_MAX; i++) {
        if (t->point[i] != '{' || (t->mask[i] & MASK_QUOTE)) continue;
        n++;
        int64_t end = object_end(t, i, r.end);
        if (end == 0) continue;
        TRY(read_object(t, (struct range){i, end}, a, out));
        i = end - 1;
    }
    return ERR_OK;
}

int table_cells(const struct text *t, struct range row, struct range out[CELLS_MAX]) {
    int n = 0;
    row = range_trim(t, row);
    if (row.begin < row.end && t->fold[row.begin] == '|') row.begin++;
    if (row.begin < row.end && t->fold[row.end - 1] == '|') row.end--;
    int64_t begin = row.begin;
    for (int64_t i = row.begin; i <= row.end && n < CELLS_MAX; i++) {
        if (i < row.end && (t->fold[i] != '|' || t->fold[i - 1] == '\\')) continue;
        out[n++] = range_trim(t, (struct range){begin, i});
        begin = i + 1;
    }
    return n;
}

/* The columns of prompts and responses, by the words of the head; -1 where there is none. */
static void find_columns(const struct text *t, struct range head, int *prompt, int *response) {
    struct range cells[CELLS_MAX];
    int n = table_cells(t, head, cells);
    *prompt = *response = -1;
    for (int i = 0; i < n; i++) {
        enum label_field field;
        if (!label_of_words(t, cells[i], &field, NULL)) continue;
        bool asks = field == FIELD_input || field == FIELD_prompt || field == FIELD_input_example;
        bool answers =
            field == FIELD_output || field == FIELD_response || field == FIELD_output_example;
        if (field == FIELD_scenario || field == FIELD_capability) return;
        if (asks && *prompt < 0) *prompt = i;
        if (answers && *response < 0) *response = i;
    }
}

err examples_tables(const struct text *t, struct range r, struct arena *a, struct reading *out) {
    int prompt = -1, response = -1;
    for (int64_t l = 0; l < t->n_lines; l++) {
        const struct line *line = &t->lines[l];
        if (line->at.begin < r.begin || line->at.end > r.end) continue;
        if (line->kind == LINE_BORDER) {
            find_columns(t, t->lines[l - 1].at, &prompt, &response);
            continue;
        }
        bool head = l + 1 < t->n_lines && line[1].kind == LINE_BORDER;
        if (line->kind != LINE_TABLE || head || prompt < 0 || response < 0) continue;
        struct range cells[CELLS_MAX];
        struct piece left, right;
        int n = table_cells(t, line->at, cells);
        if (n <= prompt || n <= response) continue;
        TRY(piece_of(t, cells[prompt], a, &left));
        TRY(piece_of(t, cells[response], a, &right));
        if (left.text && right.text) TRY(pair_add(a, out, &left, &right));
    }
    return ERR_OK;
}

/* "prompt -> response" with any of the arrows people type. */
static bool arrow_in(const struct text *t, struct range line, struct range *left,
                     struct range *right) {
    for (int64_t i = line.begin + 1; i + 1 < line.end; i++) {
        uint32_t c = t->fold[i];
        int64_t n = 0;
        while (i + n < line.end && (t->fold[i + n] == '=' || t->fold[i + n] == '-')) n++;
        bool pointed = i + n < line.end && t->fold[i + n] == '>';
        n += pointed;
        if (c == U'→' || c == U'⇒' || c == U'➡') n = 1;
        if (c != U'→' && c != U'⇒' && c != U'➡' && !(pointed && n > 1) && !(c == '=' && n >= 3)) {
            i += n > 1 ? n - 1 : 0;
            continue;
        }
        *left = range_trim(t, (struct range){line.begin, i});
        *right = range_trim(t, (struct range){i + n, line.end});
        return left->begin < left->end && right->begin < right->end;
    }
    return false;
}

err examples_words(const struct text *t, struct range r, struct arena *a, struct reading *out) {
    struct piece prompt, response;
    int64_t before = out->n_examples;
    for (int64_t l = text_line_at(t, r.begin); l < t->n_lines && t->lines[l].at.begin < r.end;
         l++) {
        struct range line = t->lines[l].at, left, right;
        if (line.begin < r.begin) line.begin = r.begin;
        if (line.end > r.end) line.end = r.end;
        range_list_mark(t, line, &line.begin);
        if (t->lines[l].block > 0 || line.begin >= line.end || !arrow_in(t, line, &left, &right))
            continue;
        TRY(piece_of(t, left, a, &prompt));
        TRY(piece_of(t, right, a, &response));
        TRY(pair_add(a, out, &prompt, &response));
    }
    if (out->n_examples > before) return ERR_OK;
    response = (struct piece){0};
    TRY(piece_of(t, range_trim(t, r), a, &prompt));
    return pair_add(a, out, &prompt, &response);
}
