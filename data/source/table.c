/* SPDX-License-Identifier: Apache-2.0
 * Cells of a row, and objects of cells. A row comes whole and without its newline, so what is left
 * here is quotes and separators. The contract is data/source/table.h, cutting is
 * data/source/records.c. Names and cells are texts: nothing here knows of numbers or of empty
 * against absent. */
#include "data/source/table.h"
#include <string.h>

/* The cell at the row's start into `cell`, without its quotes; *row goes on behind its separator,
 * *out_last tells that there was none. */
static err next_cell(const struct table *t, struct span *row, struct str *cell, bool *out_last) {
    size_t at = 0;
    str_clear(cell);
    if (row->n > 0 && row->text[0] == '"') {
        for (at = 1;; at += 2) { /* from one quote to the next */
            const char *quote = memchr(row->text + at, '"', row->n - at);
            if (!quote) return fail(ERR_PARSE, "a quoted cell does not end");
            TRY(str_append(cell, row->text + at, (size_t)(quote - row->text) - at));
            at = (size_t)(quote - row->text);
            if (at + 1 == row->n || row->text[at + 1] != '"') break;
            TRY(str_add(cell, "\""));
        }
        at++;
        if (at < row->n && row->text[at] != t->separator)
            return fail(ERR_PARSE, "text behind the quote that ends a cell");
    } else {
        const char *end = memchr(row->text, t->separator, row->n);
        at = end ? (size_t)(end - row->text) : row->n;
        TRY(str_append(cell, row->text, at));
    }
    *out_last = at == row->n;
    at += !*out_last;
    *row = (struct span){row->text + at, row->n - at};
    return ERR_OK;
}

static err add_column(struct table *t, const struct str *cell) {
    struct span name = span_strip((struct span){str_text(cell), cell->len});
    size_t number = json_array_size(t->columns);
    if (name.n == 0) return fail(ERR_PARSE, "column %zu of the header has no name", number + 1);
    for (size_t i = 0; i < number; i++) {
        const json_t *other = json_array_get(t->columns, i);
        struct span known = {json_string_value(other), json_string_length(other)};
        if (span_equal(known, name))
            return fail(ERR_PARSE, "the header has column '%.*s' twice", (int)name.n, name.text);
    }
    return json_push(t->columns, json_stringn(name.text, name.n));
}

err table_header(struct table *t, struct span row) {
    struct str cell = {0};
    t->columns = json_array();
    err e = t->columns ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    for (bool last = false; e == ERR_OK && !last;) {
        e = next_cell(t, &row, &cell, &last);
        if (e == ERR_OK) e = add_column(t, &cell);
    }
    str_release(&cell);
    return e;
}

static err fill_object(const struct table *t, struct span row, struct str *cell, json_t *object) {
    size_t n = 0, wanted = json_array_size(t->columns);
    for (bool last = false; !last; n++) {
        TRY(next_cell(t, &row, cell, &last));
        if (n >= wanted || cell->len == 0) continue;
        const char *name = json_string_value(json_array_get(t->columns, n));
        TRY(json_put(object, name, json_stringn(cell->data, cell->len)));
    }
    if (n == wanted) return ERR_OK;
    return fail(ERR_PARSE, "%zu cells, and the header has %zu", n, wanted);
}

err table_row(const struct table *t, struct span row, json_t **out) {
    struct str cell = {0};
    *out = json_object();
    err e = *out ? fill_object(t, row, &cell, *out) : fail(ERR_MEMORY, "out of memory");
    str_release(&cell);
    if (e == ERR_OK) return ERR_OK;
    json_decref(*out);
    *out = NULL;
    return e;
}

void table_release(struct table *t) {
    json_decref(t->columns);
    t->columns = NULL;
}
