/* SPDX-License-Identifier: Apache-2.0
 * The page of a comparison (release/diff_page.h). It knows no part: a list is a row for each of its
 * items, a member with "a" and "b" a row with both and their change, whatever it is called; so a
 * further part of release/diffs.def is on the page without a line here.
 * Read next: release/diff.c, which says the same in lines. */
#include "release/diff_page.h"
#include "base/chart.h"
#include "base/html.h"
#include "eval/compare.h"
#include "release/diff.h"
#include <string.h>

enum { TEXT_BYTES = 2048, NAMES = 8, CHARTED = 40 }; /* of a text; of lost items; scores drawn */

static const char *const columns[] = {"", "what", "a", "b", "change"};
static const struct html_table table = {.columns = columns, .numbers = "ttttt", .n_columns = 5};

/* One row as it is put together. */
struct cells {
    struct str what, a, b, change;
};

static void cells_clear(struct cells *c) {
    str_release(&c->what);
    str_release(&c->a);
    str_release(&c->b);
    str_release(&c->change);
}

/* Whole characters of it, so many that a page stays one. */
static err add_text(struct str *out, const char *text) {
    const size_t n = strlen(text), kept = utf8_cut(text, n, TEXT_BYTES);
    TRY(str_append(out, text, kept));
    return kept < n ? str_printf(out, " ... (%zu bytes more)", n - kept) : ERR_OK;
}

static err add_value(struct str *out, const json_t *value) {
    char number[32];
    if (json_is_string(value))
        return json_string_length(value) > 0 ? add_text(out, json_string_value(value))
                                             : str_add(out, "(empty)");
    if (json_is_real(value)) return str_printf(out, "%.4f", json_real_value(value));
    if (!json_is_integer(value)) return str_add(out, "\xE2\x80\x93");
    chart_number((double)json_integer_value(value), number);
    return str_add(out, number);
}

/* "+0.1250", "-3", and of items in pairs how many were won and lost. */
static err add_change(const json_t *one, struct str *out) {
    const json_t *a = json_object_get(one, "a"), *b = json_object_get(one, "b");
    const json_t *p = json_object_get(one, "p_value"), *lost = json_object_get(one, "lost");
    if (json_is_integer(a) && json_is_integer(b))
        TRY(str_printf(out, "%+lld", (long long)(json_integer_value(b) - json_integer_value(a))));
    else if (json_is_number(a) && json_is_number(b))
        TRY(str_printf(out, "%+.4f", json_number_value(b) - json_number_value(a)));
    if (json_is_number(p))
        TRY(str_printf(out, "; %lld won, %lld lost of %lld, p = %.3g",
                       (long long)json_int_of(one, "wins"), (long long)json_int_of(one, "losses"),
                       (long long)json_int_of(one, "n"), json_number_value(p)));
    if (json_array_size(lost) == 0) return ERR_OK;
    TRY(str_add(out, "; lost: "));
    return compare_add_names(lost, NAMES, out);
}

/* What a difference is of: its own texts, but the two sides. */
static err add_what(const json_t *one, struct str *out) {
    const char *key = NULL;
    json_t *value = NULL;
    if (json_is_string(one)) return add_text(out, json_string_value(one));
    json_object_foreach((json_t *)one, key, value) {
        if (!json_is_string(value) || strcmp(key, "a") == 0 || strcmp(key, "b") == 0) continue;
        if (out->len > 0) TRY(str_add(out, " "));
        TRY(add_text(out, json_string_value(value)));
    }
    return ERR_OK;
}

static err add_row(const char *kind, const char *what, const json_t *one, struct str *out) {
    const json_t *a = json_object_get(one, "a"), *b = json_object_get(one, "b");
    struct cells c = {{0}, {0}, {0}, {0}};
    err result = what ? str_add(&c.what, what) : add_what(one, &c.what);
    if (result == ERR_OK && (a || b)) result = add_value(&c.a, a);
    if (result == ERR_OK && (a || b)) result = add_value(&c.b, b);
    if (result == ERR_OK) result = add_change(one, &c.change);
    const char *const cells[] = {kind, str_text(&c.what), str_text(&c.a), str_text(&c.b),
                                 str_text(&c.change)};
    if (result == ERR_OK) result = html_table_row(out, &table, cells);
    cells_clear(&c);
    return result;
}

static err add_members(const char *kind, const json_t *found, struct str *out);

/* Of "a" and "b" that are objects themselves: a row for each member that is another. */
static err add_sides(const char *kind, const json_t *a, const json_t *b, struct str *out) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)b, key, value) {
        json_t *was = json_object_get(a, key);
        if (json_is_object(value)) {
            TRY(add_sides(key, was, value, out));
            continue;
        }
        if (json_equal(was, value)) continue;
        json_t *one = json_pack("{s:O?, s:O}", "a", was, "b", value);
        if (one == NULL) return fail(ERR_MEMORY, "out of memory for a row");
        err result = add_row(kind, key, one, out);
        json_decref(one);
        TRY(result);
    }
    return ERR_OK;
}

static err add_member(const char *key, const json_t *value, struct str *out) {
    const json_t *one = NULL;
    size_t i = 0;
    if (json_is_number(json_object_get(value, "a"))) return add_row(key, "", value, out);
    if (json_is_object(value)) return add_members(key, value, out);
    json_array_foreach(value, i, one) TRY(add_row(key, NULL, one, out));
    return ERR_OK;
}

/* `kind`: what the members are part of; "" at the top. */
static err add_members(const char *kind, const json_t *found, struct str *out) {
    const json_t *a = json_object_get(found, "a"), *b = json_object_get(found, "b");
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)found, key, value) {
        struct str name = {0};
        if (value == a || value == b || strcmp(key, "not_compared") == 0) continue;
        err result = str_printf(&name, "%s%s%s", kind, kind[0] != '\0' ? " " : "", key);
        if (result == ERR_OK) result = add_member(str_text(&name), value, out);
        str_release(&name);
        TRY(result);
    }
    return json_is_object(a) && json_is_object(b) ? add_sides("", a, b, out) : ERR_OK;
}

static err add_sentences(const json_t *found, struct str *out) {
    const json_t *one = NULL;
    size_t i = 0;
    if (json_int_of(found, "same") > 0)
        TRY(str_printf(out, "<p class=\"soft\">The same: %lld.</p>\n",
                       (long long)json_int_of(found, "same")));
    json_array_foreach(json_object_get(found, "not_compared"), i, one) {
        TRY(str_add(out, "<p class=\"soft\">Not compared: "));
        TRY(html_add(out, json_text_of(one, "what")));
        TRY(str_add(out, ": "));
        TRY(html_add(out, json_text_of(one, "why")));
        TRY(str_add(out, "</p>\n"));
    }
    return ERR_OK;
}

/* Scores that are shares of the same items, those of a above those of b. */
static err add_chart(const json_t *tasks, struct str *out) {
    struct chart_bar bars[2 * CHARTED];
    const json_t *one = NULL;
    size_t i = 0;
    int64_t n = 0;
    json_array_foreach(tasks, i, one) {
        const double a = json_number_value(json_object_get(one, "a"));
        const double b = json_number_value(json_object_get(one, "b"));
        const bool shares = a >= 0.0 && a <= 1.0 && b >= 0.0 && b <= 1.0;
        if (!shares || n == 2 * CHARTED || !json_is_number(json_object_get(one, "p_value")))
            continue;
        bars[n++] = (struct chart_bar){json_text_of(one, "task"), 100.0 * a, 1};
        bars[n++] = (struct chart_bar){json_text_of(one, "task"), 100.0 * b, 0};
    }
    if (n == 0) return ERR_OK;
    TRY(str_add(out, "<div class=\"charts\">\n"));
    TRY(chart_bars(out, &(struct chart_bars){.title = "Scores of the same items",
                                             .summary = "of each task a above, b below",
                                             .unit = "%",
                                             .bars = bars,
                                             .n = n}));
    return str_add(out, "</div>\n");
}

static err add_part(const char *name, const json_t *found, struct str *out) {
    const bool differs = json_is_true(json_object_get(found, "differs"));
    TRY(html_section(out, name, name));
    if (!differs) TRY(str_add(out, "<p class=\"soft\">The same.</p>\n"));
    TRY(add_chart(json_object_get(found, "tasks"), out));
    struct str rows = {0};
    err result = add_members("", found, &rows);
    if (result == ERR_OK && rows.len > 0) result = html_table_begin(out, &table);
    if (result == ERR_OK && rows.len > 0) result = str_append(out, rows.data, rows.len);
    if (result == ERR_OK && rows.len > 0) result = html_table_end(out);
    str_release(&rows);
    return result == ERR_OK ? add_sentences(found, out) : result;
}

static err add_side(const json_t *diff, const char *key, struct str *out) {
    const json_t *side = json_object_get(diff, key);
    TRY(str_printf(out, "<p><b>%s</b>: ", key));
    TRY(html_add(out, json_text_of(side, "name")));
    TRY(str_add(out, " "));
    TRY(html_add(out, json_text_of(side, "month")));
    TRY(str_add(out, " <span class=\"hash\">"));
    TRY(html_add(out, json_text_of(side, "hash")));
    return str_add(out, "</span></p>\n");
}

err release_diff_page(const json_t *diff, struct str *out) {
    TRY(html_begin(out, "Two releases compared", "en"));
    TRY(str_add(out, "<h1>Two releases compared</h1>\n"));
    TRY(add_side(diff, "a", out));
    TRY(add_side(diff, "b", out));
    TRY(str_add(out, "<nav aria-label=\"Sections\">"));
    for (int i = 0; i < n_diff_rows; i++)
        TRY(str_printf(out, "<a href=\"#%s\">%s</a>", diff_rows[i].name, diff_rows[i].name));
    TRY(str_add(out, "</nav>\n"));
    for (int i = 0; i < n_diff_rows; i++)
        TRY(add_part(diff_rows[i].name, json_object_get(diff, diff_rows[i].name), out));
    return html_end(out);
}
