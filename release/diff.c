/* SPDX-License-Identifier: Apache-2.0
 * Reads both releases, asks every part, and frames what they say (release/diff.h). A release comes
 * from strangers: its seal is looked at before anything in it.
 * Read next: release/diff/requests.c, one of the parts. */
#include "release/diff.h"
#include "base/file.h"
#include "eval/report.h"
#include "recipes/yaml.h"
#include "release/manifest.h"
#include "release/pack.h"
#include <string.h>

#define DIFF(part) extern const struct diff_part diff_##part;
#include "release/diffs.def"
#undef DIFF
const struct diff_row diff_rows[] = {
#define DIFF(part) {#part, &diff_##part},
#include "release/diffs.def"
#undef DIFF
};
const int n_diff_rows = sizeof diff_rows / sizeof diff_rows[0];

/* ---- for the parts ---- */

err diff_differs(json_t *out) {
    return json_put(out, "differs", json_true());
}

err diff_not_compared(json_t *out, const char *what, const char *why) {
    json_t *list = json_object_get(out, "not_compared");
    if (list == NULL) {
        list = json_array();
        TRY(json_put(out, "not_compared", list));
    }
    return json_push(list, json_pack("{s:s, s:s}", "what", what, "why", why));
}

err diff_count(json_t *out, json_t *list, const char *name, int64_t a, int64_t b) {
    if (a == b) return ERR_OK;
    TRY(diff_differs(out));
    return json_push(
        list, json_pack("{s:s, s:I, s:I}", "name", name, "a", (json_int_t)a, "b", (json_int_t)b));
}

static json_t *find_by(const json_t *list, const char *key, const char *text) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        if (strcmp(json_text_of(one, key), text) == 0) return one;
    }
    return NULL;
}

static err add_both(json_t *a, json_t *b, struct diff_lists *out) {
    TRY(json_push(out->both, json_pack("[O, O]", a, b)));
    if (strcmp(json_text_of(a, "sha256"), json_text_of(b, "sha256")) == 0) return ERR_OK;
    return json_push(out->changed, json_incref(b));
}

static err split_lists(const json_t *a, const json_t *b, const char *key, struct diff_lists *out) {
    json_t *one = NULL;
    size_t i = 0;
    json_array_foreach(a, i, one) {
        json_t *other = find_by(b, key, json_text_of(one, key));
        if (other == NULL)
            TRY(json_push(out->only_a, json_incref(one)));
        else
            TRY(add_both(one, other, out));
    }
    json_array_foreach(b, i, one) if (find_by(a, key, json_text_of(one, key)) == NULL)
        TRY(json_push(out->only_b, json_incref(one)));
    return ERR_OK;
}

err diff_lists(const json_t *a, const json_t *b, const char *key, struct diff_lists *out) {
    *out = (struct diff_lists){json_array(), json_array(), json_array(), json_array()};
    bool whole = out->only_a && out->only_b && out->both && out->changed;
    err result = whole ? split_lists(a, b, key, out) : fail(ERR_MEMORY, "out of memory for lists");
    if (result != ERR_OK) diff_lists_release(out);
    return result;
}

void diff_lists_release(struct diff_lists *l) {
    json_decref(l->only_a);
    json_decref(l->only_b);
    json_decref(l->both);
    json_decref(l->changed);
    *l = (struct diff_lists){0};
}

err diff_put(json_t *out, json_t *to, const char *key, const json_t *list,
             json_t *(*value)(const json_t *one)) {
    json_t *made = json_array(), *one = NULL;
    size_t i = 0;
    TRY(json_put(to, key, made));
    json_array_foreach(list, i, one) TRY(json_push(made, value(one)));
    return i > 0 ? diff_differs(out) : ERR_OK;
}

err diff_put_lists(json_t *out, json_t *to, const struct diff_lists *l,
                   json_t *(*value)(const json_t *one)) {
    TRY(diff_put(out, to, "added", l->only_b, value));
    TRY(diff_put(out, to, "removed", l->only_a, value));
    TRY(diff_put(out, to, "changed", l->changed, value));
    size_t same = json_array_size(l->both) - json_array_size(l->changed);
    return json_put(to, "same", json_integer((json_int_t)same));
}

/* ---- reading ---- */

static err read_recipe(const char *path, json_t **out) {
    return yaml_file_json(path, PACK_RECIPE, out);
}

static err read_if_there(const char *path, json_t **out) {
    return file_exists(path) ? json_parse_file(path, out) : ERR_OK;
}

static err read_side(struct diff_side *s, const char *dir) {
    TRY(seal_check(&s->seal, dir));
    TRY(manifest_read(dir, &s->manifest));
    TRY(golden_read(&s->golden, dir));
    TRY(release_read_json(dir, PACK_RECIPE, read_recipe, &s->recipe));
    TRY(release_read_json(dir, PACK_DATA, json_parse_file, &s->data));
    TRY(release_read_json(dir, PACK_AFTER, report_read, &s->after));
    return release_read_json(dir, PACK_GATES, read_if_there, &s->gates);
}

static void clear_side(struct diff_side *s) {
    seal_clear(&s->seal);
    golden_release(&s->golden);
    json_decref(s->manifest);
    json_decref(s->data);
    json_decref(s->after);
    json_decref(s->recipe);
    json_decref(s->gates);
}

/* ---- comparing ---- */

static err put_side(const struct diff_side *s, const char *key, json_t *out) {
    const json_t *about = json_object_get(s->manifest, "about");
    return json_put(out, key,
                    json_pack("{s:s, s:s, s:s}", "name", json_text_of(about, "name"), "month",
                              json_text_of(about, "month"), "hash", s->seal.release));
}

static err compare(const struct diff_side *a, const struct diff_side *b, json_t *out) {
    bool differs = false;
    TRY(put_side(a, "a", out));
    TRY(put_side(b, "b", out));
    TRY(json_put(out, "differs", json_false()));
    for (int i = 0; i < n_diff_rows; i++) {
        json_t *found = json_object();
        TRY(json_put(out, diff_rows[i].name, found));
        TRY(json_put(found, "differs", json_false()));
        err result = diff_rows[i].part->find(a, b, found);
        if (result != ERR_OK) return fail_in(result, "%s", diff_rows[i].name);
        differs = differs || json_is_true(json_object_get(found, "differs"));
    }
    return json_put(out, "differs", json_boolean(differs));
}

err release_diff(const char *dir_a, const char *dir_b, json_t **out) {
    struct diff_side a = {.data = NULL}, b = {.data = NULL};
    json_t *diff = json_object();
    err result = diff != NULL ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    if (result == ERR_OK) result = fail_in(read_side(&a, dir_a), "'%s'", dir_a);
    if (result == ERR_OK) result = fail_in(read_side(&b, dir_b), "'%s'", dir_b);
    if (result == ERR_OK) result = compare(&a, &b, diff);
    clear_side(&a);
    clear_side(&b);
    if (result == ERR_OK) {
        *out = diff;
        return ERR_OK;
    }
    json_decref(diff);
    return result;
}

/* ---- telling ---- */

static err tell_side(const json_t *diff, const char *key, struct str *out) {
    const json_t *side = json_object_get(diff, key);
    const char *month = json_text_of(side, "month");
    return str_printf(out, "%s  %s%s%s  %s\n", key, json_text_of(side, "name"),
                      month[0] != '\0' ? " " : "", month, json_text_of(side, "hash"));
}

static err tell_left_out(const json_t *found, struct str *out) {
    const json_t *one = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(found, "not_compared"), i, one) TRY(str_printf(
        out, "  not compared: %s: %s\n", json_text_of(one, "what"), json_text_of(one, "why")));
    return ERR_OK;
}

err release_diff_text(const json_t *diff, struct str *out) {
    TRY(tell_side(diff, "a", out));
    TRY(tell_side(diff, "b", out));
    for (int i = 0; i < n_diff_rows; i++) {
        const json_t *found = json_object_get(diff, diff_rows[i].name);
        bool differs = json_is_true(json_object_get(found, "differs"));
        TRY(str_printf(out, "%s%s\n", diff_rows[i].name, differs ? "" : ": the same"));
        TRY(diff_rows[i].part->tell(found, out));
        TRY(tell_left_out(found, out));
    }
    return ERR_OK;
}
