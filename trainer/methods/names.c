/* SPDX-License-Identifier: Apache-2.0
 * Matching parameter names. What a user writes becomes an expression of adapters/pattern.h that may
 * stand anywhere in a name, its bare periods escaped; an error shows it as it was written.
 * Read next: trainer/methods/names.h for what a pattern means. */
#include "trainer/methods/names.h"

#include "adapters/pattern.h"
#include "base/str.h"

#include <string.h>

enum { MAX_PART_BYTES = 200 };

/* Periods that stand for themselves are escaped, but not in [] and not where one is already. */
static err escape_periods(const char *pattern, struct str *out) {
    bool in_brackets = false;
    for (const char *at = pattern; *at; at++) {
        bool any = at[1] && strchr("*+?", at[1]);
        if (*at == '.' && !in_brackets && !any) TRY(str_add(out, "\\"));
        TRY(str_append(out, at, 1));
        if (*at == '\\' && at[1]) TRY(str_append(out, ++at, 1));
        if (*at == '[') in_brackets = true;
        if (*at == ']') in_brackets = false;
    }
    return ERR_OK;
}

/* The expression for adapters/pattern.h. */
static err compile(const char *pattern, struct str *out) {
    bool unused;
    if (strstr(pattern, "$["))
        return fail(ERR_UNSUPPORTED, "'%s' names rows of a parameter, only whole ones are handled",
                    pattern);
    TRY(pattern_matches(pattern, "", &unused));
    TRY(str_add(out, ".*("));
    TRY(escape_periods(pattern, out));
    return str_add(out, ").*");
}

/* As many parts of a name as the pattern has, from `name` on. */
static bool take_parts(const char *name, const char *pattern, char part[MAX_PART_BYTES]) {
    size_t n = 0;
    for (;; pattern++) {
        if (*pattern != '.' && *pattern) continue;
        n += strcspn(name + n, ".");
        if (!*pattern) break;
        if (!name[n++]) return false;
    }
    if (n >= MAX_PART_BYTES) return false;
    memcpy(part, name, n);
    part[n] = '\0';
    return true;
}

/* The nearest run of parts of any name into `best`; false when nothing is near. */
static bool find_nearest(const char *pattern, struct param *const *params, int64_t n,
                         char best[MAX_PART_BYTES]) {
    char part[MAX_PART_BYTES];
    bool found = false;
    for (int64_t i = 0; i < n; i++)
        for (const char *at = params[i]->name; at; at = strchr(at, '.')) {
            at += *at == '.';
            if (!take_parts(at, pattern, part)) break;
            const char *pair[2] = {best, part};
            if (str_nearest(pattern, found ? pair : pair + 1, found ? 2 : 1) != part) continue;
            memcpy(best, part, sizeof part);
            found = true;
        }
    return found;
}

static err fail_missing(const char *key, const char *pattern, struct param *const *params,
                        int64_t n) {
    char nearest[MAX_PART_BYTES];
    if (find_nearest(pattern, params, n, nearest))
        return fail(ERR_MISSING,
                    "train: '%s': no trainable parameter matches '%s' (did you mean '%s'?)", key,
                    pattern, nearest);
    err e = fail(ERR_MISSING, "train: '%s': no trainable parameter matches '%s'", key, pattern);
    return fail_hint(e, "'cotrain list parameters' shows the names of a model's");
}

static err match(const char *expression, struct param *const *params, int64_t n, bool *matches,
                 bool *any) {
    for (int64_t i = 0; i < n; i++) {
        bool found;
        TRY(pattern_matches(expression, params[i]->name, &found));
        matches[i] |= found;
        *any |= found;
    }
    return ERR_OK;
}

err names_match(const char *key, const char *pattern, struct param *const *params, int64_t n,
                bool *matches) {
    struct str expression = {0};
    bool any = false;
    err e = compile(pattern, &expression);
    if (e == ERR_OK) e = match(str_text(&expression), params, n, matches, &any);
    str_release(&expression);
    if (e != ERR_OK) return fail_in(e, "train: '%s'", key);
    return any ? ERR_OK : fail_missing(key, pattern, params, n);
}
