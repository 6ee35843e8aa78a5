/* SPDX-License-Identifier: Apache-2.0
 * cotrain list: the rows of any table of the program, as columns or as JSON; without a name the
 * tables there are. Which tables there are is cli/lists.def.
 * Read next: cli/lists.h. */
#include "cli/command.h"
#include "cli/lists.h"

#include "base/str.h"
#include <string.h>

struct list_options {
    const char *table;
    bool json;
};

#define ROW(field, ...) OPT(struct list_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(table, .positional = true, .value = "TABLE", .help = "which table; none lists the tables"),
    ROW(json, .help = "as JSON"),
};

static err list_lists(json_t *out) {
    for (int i = 0; i < n_lists; i++) {
        json_t *row = json_object();
        TRY(json_push(out, row));
        TRY(json_put(row, "name", json_string(lists[i].name)));
        TRY(json_put(row, "summary", json_string(lists[i].summary)));
    }
    return ERR_OK;
}

static err find_list(const char *name, const struct list **out) {
    const char *best = NULL;
    for (int i = 0; i < n_lists; i++) {
        if (strcmp(lists[i].name, name) == 0) {
            *out = &lists[i];
            return ERR_OK;
        }
        const char *pair[2] = {best ? best : lists[i].name, lists[i].name};
        best = str_nearest(name, pair, 2);
    }
    err code = fail(ERR_USAGE, "no table '%s'", name);
    if (best) return fail_hint(code, "did you mean '%s'?", best);
    return fail_hint(code, "'cotrain list' shows the tables");
}

/* "name  summary (exit_code: 2)": what a row has beside the two stands in brackets behind it. */
static err row_text(const json_t *row, int width, struct str *out) {
    const char *name = json_string_value(json_object_get(row, "name")), *key;
    const char *summary = json_string_value(json_object_get(row, "summary"));
    TRY(str_printf(out, "%-*s  %s", width, name ? name : "", summary ? summary : ""));
    json_t *value;
    const char *before = " (";
    json_object_foreach((json_t *)row, key, value) {
        if (strcmp(key, "name") == 0 || strcmp(key, "summary") == 0) continue;
        TRY(str_printf(out, "%s%s: ", before, key));
        if (json_is_string(value))
            TRY(str_add(out, json_string_value(value)));
        else
            TRY(json_text(value, 0, out));
        before = ", ";
    }
    return str_add(out, before[0] == ',' ? ")\n" : "\n");
}

static err table_text(const json_t *table, struct str *out) {
    int width = 0;
    for (size_t i = 0; i < json_array_size(table); i++) {
        const json_t *name = json_object_get(json_array_get(table, i), "name");
        int n = (int)json_string_length(name);
        if (n > width) width = n;
    }
    for (size_t i = 0; i < json_array_size(table); i++)
        TRY(row_text(json_array_get(table, i), width, out));
    return ERR_OK;
}

static err print_table(const json_t *table, bool json) {
    if (json) return print_json(table);
    struct str text = {0};
    err code = table_text(table, &text);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct list_options *options = given;
    const struct list *list = NULL;
    if (options->table) TRY(find_list(options->table, &list));
    json_t *table = json_array();
    if (!table) return fail(ERR_MEMORY, "out of memory");
    err code = list ? list->rows(table) : list_lists(table);
    if (code == ERR_OK) code = print_table(table, options->json);
    json_decref(table);
    return code;
}

const struct command cmd_list = {
    .noun = "list",
    .verb = "",
    .summary = "the rows of any table: commands, errors, ...",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct list_options),
    .run = run,
};
