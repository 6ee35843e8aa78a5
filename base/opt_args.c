/* SPDX-License-Identifier: Apache-2.0
 * The command line over an option table, and its help.
 * Words without a dash fill the positional rows in order (which may be given by name as well);
 * unknown names get the nearest one.
 * Read next: base/opt.h, the contract. */
#include "base/opt.h"

#include "base/str.h"
#include <string.h>

struct words {
    struct opt_table table;
    void *target;
    struct arena *arena;
    bool *seen; /* per row */
};

static err append_to_list(const struct opt *row, struct words *w, const char *text) {
    struct opt_list *list = (struct opt_list *)((char *)w->target + row->offset), before = *list;
    if (!w->seen[row - w->table.rows]) before.n = 0; /* the preset does not count */
    const char **items = arena_alloc(w->arena, (size_t)before.n + 1, sizeof *items);
    if (items == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < before.n; i++) items[i] = before.items[i];
    items[before.n] = text;
    return opt_set_list(row, w->target, items, before.n + 1, w->arena);
}

static err set(const struct opt *row, struct words *w, const char *text) {
    bool *seen = &w->seen[row - w->table.rows];
    err e;
    if (row->repeated)
        e = append_to_list(row, w, text);
    else if (*seen)
        e = fail(ERR_USAGE, "'%s' is given twice", row->name);
    else
        e = opt_set(row, w->target, text, w->arena);
    *seen = true;
    return e == ERR_OK || e == ERR_MEMORY ? e : ERR_USAGE;
}

/* `--name value`, `--name=value`, `--flag`, `--no-flag`. Takes one word more when it needs a value.
 */
static err take_option(struct words *w, int argc, char **argv, int *i) {
    const char *word = argv[*i] + 2, *equals = strchr(word, '=');
    char *name = equals != NULL ? arena_strndup(w->arena, word, (size_t)(equals - word))
                                : arena_strdup(w->arena, word);
    if (name == NULL) return ERR_MEMORY;
    const struct opt *row = opt_find(w->table, name, NULL);
    if (row == NULL && equals == NULL && str_starts(name, "no-")) {
        row = opt_find(w->table, name + 3, NULL);
        if (row != NULL && row->type == OPT_BOOL) return set(row, w, "false");
        row = NULL;
    }
    if (row == NULL) {
        err e = fail(ERR_USAGE, "unknown option '--%s'", name);
        const char *near = opt_nearest(w->table, name);
        return near != NULL ? fail_hint(e, "did you mean '--%s'?", near) : e;
    }
    if (equals != NULL) return set(row, w, equals + 1);
    if (row->type == OPT_BOOL) return set(row, w, "true");
    if (*i + 1 >= argc) return fail(ERR_USAGE, "option '--%s' needs a value", name);
    return set(row, w, argv[++*i]);
}

static err take_positional(struct words *w, const char *word) {
    for (size_t r = 0; r < w->table.n; r++) {
        const struct opt *row = &w->table.rows[r];
        if (row->positional && (row->repeated || !w->seen[r])) return set(row, w, word);
    }
    return fail(ERR_USAGE, "'%s' is one word too many", word);
}

err opt_parse_args(struct opt_table table, void *target, int argc, char **argv, struct arena *a) {
    struct words w = {.table = table, .target = target, .arena = a};
    w.seen = arena_alloc(a, table.n + 1, sizeof *w.seen);
    if (w.seen == NULL) return ERR_MEMORY;
    TRY(opt_presets(table, target, a));
    bool options_over = false;
    for (int i = 0; i < argc; i++) {
        if (!options_over && strcmp(argv[i], "--") == 0)
            options_over = true;
        else if (!options_over && str_starts(argv[i], "--"))
            TRY(take_option(&w, argc, argv, &i));
        else
            TRY(take_positional(&w, argv[i]));
    }
    for (size_t r = 0; r < table.n; r++)
        if (table.rows[r].required && !w.seen[r])
            return fail(ERR_USAGE, "%s'%s' is missing", table.rows[r].positional ? "" : "option --",
                        table.rows[r].name);
    return ERR_OK;
}

static const char *value_name(const struct opt *row) {
    static const char *const by_type[] = {[OPT_BOOL] = "",
                                          [OPT_INT] = "N",
                                          [OPT_FLOAT] = "X",
                                          [OPT_STRING] = "TEXT",
                                          [OPT_LIST] = "A,B"};
    if (row->value != NULL) return row->value;
    return row->size ? "SIZE" : by_type[row->type];
}

err opt_help(struct opt_table table, struct str *out) {
    enum { HELP_COLUMN = 30 };
    for (size_t i = 0; i < table.n; i++) {
        const struct opt *row = &table.rows[i];
        struct str left = {0};
        err e;
        if (row->positional)
            e = str_printf(&left, "  %s", row->value != NULL ? row->value : row->name);
        else
            e = str_printf(&left, "  --%s %s", row->name, value_name(row));
        for (char *c = left.data; e == ERR_OK && !row->positional && *c != '\0'; c++)
            if (*c == '_') *c = '-';
        if (e == ERR_OK)
            e = str_printf(out, "%-*s %s", HELP_COLUMN, str_text(&left),
                           row->help != NULL ? row->help : "");
        if (e == ERR_OK && row->choices != NULL) e = str_printf(out, " [%s]", row->choices);
        if (e == ERR_OK && row->preset != NULL && row->type != OPT_BOOL)
            e = str_printf(out, " (default: %s)", row->preset);
        if (e == ERR_OK) e = str_add(out, "\n");
        str_release(&left);
        if (e != ERR_OK) return e;
    }
    return ERR_OK;
}
