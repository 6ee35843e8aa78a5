/* SPDX-License-Identifier: Apache-2.0
 * The Link header by RFC 8288: <target>; param=value; ..., separated by commas. Names and rel types
 * are compared without case; rel may hold several types; unknown parameters are passed over.
 * Read next: issues/github/github_int.h, the contract. */
#include "issues/github/github_int.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at) {
    return at + strspn(at, " \t");
}

/* One of the words is `next`. */
static bool has_next(const char *words, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t length = 0;
        while (i + length < n && words[i + length] != ' ' && words[i + length] != '\t') length++;
        if (length == 4 && strncasecmp(words + i, "next", 4) == 0) return true;
        i += length + 1;
    }
    return false;
}

/* A value behind '=': a quoted text or a word. NULL: the quote does not end. */
static const char *read_value(const char *at, const char **out, size_t *out_n) {
    *out = at;
    if (*at != '"') {
        *out_n = strcspn(at, "; \t,");
        return at + *out_n;
    }
    const char *end = *out = at + 1;
    while (*end && *end != '"') end += *end == '\\' && end[1] ? 2 : 1;
    *out_n = (size_t)(end - *out);
    return *end ? end + 1 : NULL;
}

/* The parameters behind a target; gives where they end, NULL when they are none. */
static const char *read_params(const char *at, bool *next) {
    bool seen = false; /* a second rel does not count */
    *next = false;
    for (at = skip_blanks(at); *at == ';'; at = skip_blanks(at)) {
        const char *name = skip_blanks(at + 1), *value = "";
        size_t n_name = strcspn(name, "=; \t,"), n_value = 0;
        at = skip_blanks(name + n_name);
        if (*at == '=') at = read_value(skip_blanks(at + 1), &value, &n_value);
        if (!at) return NULL;
        if (n_name != 3 || strncasecmp(name, "rel", 3) != 0 || seen) continue;
        seen = true;
        *next = has_next(value, n_value);
    }
    return *at == ',' || *at == '\0' ? at : NULL;
}

err github_link_next(const char *link, struct str *out, bool *out_found) {
    str_clear(out);
    *out_found = false;
    for (const char *at = link + strspn(link, " \t,"); *at; at += strspn(at, " \t,")) {
        const char *end = *at == '<' ? strchr(at, '>') : NULL, *target = at + 1;
        bool next = false;
        at = end ? read_params(end + 1, &next) : NULL;
        if (!at) return fail(ERR_PARSE, "the link header '%.200s' is not one", link);
        if (!next) continue;
        *out_found = true;
        return str_append(out, target, (size_t)(end - target));
    }
    return ERR_OK;
}

json_t *github_items(json_t *value) {
    if (json_is_array(value)) return value;
    json_t *items = json_object_get(value, "items");
    return json_is_array(items) ? items : NULL;
}

err github_name_of(const json_t *value, struct str *out) {
    static const char *const keys[] = {"full_name", "repository_url", "issue_url"};
    const char *name = NULL;
    if (json_is_array(value)) value = json_array_get(value, 0);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !name; i++)
        name = json_string_value(json_object_get(value, keys[i]));
    const char *below = name ? strstr(name, "/repos/") : NULL;
    if (below) name = below + strlen("/repos/");
    const char *slash = name ? strchr(name, '/') : NULL;
    if (!slash) return ERR_OK;
    str_clear(out);
    return str_append(out, name, (size_t)(slash - name) + 1 + strcspn(slash + 1, "/"));
}
