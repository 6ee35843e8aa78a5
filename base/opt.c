/* SPDX-License-Identifier: Apache-2.0
 * Option tables: typed assignment with ranges and choices, and lookup with nearest names. The
 * command line over a table is in base/opt_args.c.
 * Read next: base/opt.h, the contract. */
#include "base/opt.h"

#include "base/str.h"
#include <inttypes.h>
#include <string.h>

static void *field(const struct opt *row, void *target) {
    return (char *)target + row->offset;
}

/* Calls visit for each word of "a,b,c" until it returns true. */
static bool any_word(const char *words, bool (*visit)(void *ctx, const char *word, size_t len),
                     void *ctx) {
    for (; words != NULL && *words != '\0';) {
        size_t len = strcspn(words, ",");
        if (visit(ctx, words, len)) return true;
        words += len + (words[len] == ',');
    }
    return false;
}

static bool same_name(const char *name, const char *word, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char a = name[i] == '-' ? '_' : name[i], b = word[i] == '-' ? '_' : word[i];
        if (a != b) return false; /* also where name ends early */
    }
    return name[len] == '\0';
}

static bool is_name(void *name, const char *word, size_t len) {
    return same_name(name, word, len);
}

const struct opt *opt_find(struct opt_table table, const char *name, bool *out_alias) {
    if (out_alias != NULL) *out_alias = false;
    for (size_t i = 0; i < table.n; i++)
        if (same_name(name, table.rows[i].name, strlen(table.rows[i].name))) return &table.rows[i];
    for (size_t i = 0; i < table.n; i++)
        if (any_word(table.rows[i].aliases, is_name, (void *)name)) {
            if (out_alias != NULL) *out_alias = true;
            return &table.rows[i];
        }
    return NULL;
}

const char *opt_nearest(struct opt_table table, const char *name) {
    const char *best = NULL;
    for (size_t i = 0; i < table.n; i++) {
        const char *pair[2] = {best, table.rows[i].name};
        const char *nearer =
            best != NULL ? str_nearest(name, pair, 2) : str_nearest(name, pair + 1, 1);
        if (nearer != NULL) best = nearer;
    }
    return best;
}

static err set_bool(const char *text, bool *out) {
    static const char *const words[2][6] = {{"false", "no", "off", "0", "False", "FALSE"},
                                            {"true", "yes", "on", "1", "True", "TRUE"}};
    for (int value = 0; value < 2; value++)
        for (int i = 0; i < 6; i++)
            if (strcmp(text, words[value][i]) == 0) {
                *out = value == 1;
                return ERR_OK;
            }
    return fail(ERR_PARSE, "'%s' is not true or false", text);
}

static err check_range(const struct opt *row, double value) {
    if ((row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max)) return ERR_OK;
    return fail(ERR_RANGE, "%.10g is not from %.10g to %.10g", value, row->min, row->max);
}

static err check_choice(const struct opt *row, const char *text) {
    if (row->choices == NULL || any_word(row->choices, is_name, (void *)text)) return ERR_OK;
    return fail(ERR_RANGE, "'%s' is none of %s", text, row->choices);
}

err opt_list_add(struct opt_list *list, struct arena *a, const char *text) {
    if ((list->n & (list->n - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        const char **items = arena_alloc(a, list->n ? 2 * (size_t)list->n : 1, sizeof *items);
        if (!items) return ERR_MEMORY;
        if (list->n > 0) memcpy(items, list->items, (size_t)list->n * sizeof *items);
        list->items = items;
    }
    list->items[list->n++] = text;
    return ERR_OK;
}

bool opt_list_has(const struct opt_list *list, const char *text) {
    for (int64_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], text) == 0) return true;
    return false;
}

err opt_set_list(const struct opt *row, void *target, const char *const *items, int64_t n,
                 struct arena *a) {
    struct opt_list list = {arena_alloc(a, (size_t)n + 1, sizeof(char *)), n};
    if (list.items == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        err e = check_choice(row, items[i]);
        if (e != ERR_OK) return fail_in(e, "'%s'", row->name);
        list.items[i] = arena_strdup(a, items[i]);
        if (list.items[i] == NULL) return ERR_MEMORY;
    }
    memcpy(field(row, target), &list, sizeof list);
    return ERR_OK;
}

static err set_words(const struct opt *row, void *target, const char *text, struct arena *a) {
    int64_t n = 0;
    const char **items = arena_alloc(a, strlen(text) + 1, sizeof *items);
    if (items == NULL) return ERR_MEMORY;
    for (const char *word = text; *word != '\0'; n++) {
        size_t len = strcspn(word, ",");
        items[n] = arena_strndup(a, word, len);
        if (items[n] == NULL) return ERR_MEMORY;
        word += len + (word[len] == ',');
    }
    return opt_set_list(row, target, items, n, a);
}

static err set_value(const struct opt *row, void *target, const char *text, struct arena *a) {
    void *at = field(row, target);
    switch (row->type) {
    case OPT_BOOL: return set_bool(text, at);
    case OPT_INT: {
        int64_t value;
        TRY(row->size ? str_to_bytes(text, &value) : str_to_int64(text, &value));
        TRY(check_range(row, (double)value));
        memcpy(at, &value, sizeof value);
        return ERR_OK;
    }
    case OPT_FLOAT: {
        double value;
        TRY(str_to_double(text, &value));
        TRY(check_range(row, value));
        memcpy(at, &value, sizeof value);
        return ERR_OK;
    }
    case OPT_STRING: {
        TRY(check_choice(row, text));
        const char *copy = arena_strdup(a, text);
        if (copy == NULL) return ERR_MEMORY;
        memcpy(at, &copy, sizeof copy);
        return ERR_OK;
    }
    case OPT_LIST: break; /* by opt_set */
    }
    return ERR_OK;
}

err opt_set(const struct opt *row, void *target, const char *text, struct arena *a) {
    if (row->type == OPT_LIST) return set_words(row, target, text, a);
    err e = set_value(row, target, text, a);
    return e == ERR_OK || e == ERR_MEMORY ? e : fail_in(e, "'%s'", row->name);
}

err opt_presets(struct opt_table table, void *target, struct arena *a) {
    for (size_t i = 0; i < table.n; i++)
        if (table.rows[i].preset != NULL)
            TRY(opt_set(&table.rows[i], target, table.rows[i].preset, a));
    return ERR_OK;
}

bool opt_left_out(const struct opt *row, const void *target) {
    const void *at = field(row, (void *)target);
    if (row->preset != NULL) return false;
    switch (row->type) {
    case OPT_BOOL: return !*(const bool *)at;
    case OPT_INT: return *(const int64_t *)at == 0;
    case OPT_FLOAT: return *(const double *)at == 0;
    case OPT_STRING: return *(const char *const *)at == NULL;
    case OPT_LIST: return ((const struct opt_list *)at)->n == 0;
    }
    return false;
}

err opt_text(const struct opt *row, const void *target, struct arena *a, const char **out) {
    const void *at = field(row, (void *)target);
    switch (row->type) {
    case OPT_BOOL: *out = *(const bool *)at ? "true" : "false"; break;
    case OPT_INT: *out = arena_printf(a, "%" PRId64, *(const int64_t *)at); break;
    case OPT_FLOAT: *out = arena_printf(a, "%.17g", *(const double *)at); break;
    case OPT_STRING: *out = *(const char *const *)at != NULL ? *(const char *const *)at : ""; break;
    case OPT_LIST: {
        const struct opt_list *list = at;
        *out = "";
        for (int64_t i = 0; *out != NULL && i < list->n; i++)
            *out = arena_printf(a, "%s%s%s", *out, i > 0 ? "," : "", list->items[i]);
        break;
    }
    }
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}
