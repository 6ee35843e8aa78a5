/* SPDX-License-Identifier: Apache-2.0
 * PCRE2 behind data/text/regex.h: memory through base/mem.h, errors as this project's, and a bound
 * on how long a search may take. No just-in-time compiler: it would need memory that can be
 * executed.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "data/text/regex.h"

#include "base/mem.h"
#include <pcre2.h>
#include <string.h>

enum { MATCH_LIMIT = 20 * 1000 * 1000, HEAP_LIMIT_KIB = 64 * 1024 };

struct regex {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_code *code;
};

static void *take(PCRE2_SIZE n, void *unused) {
    (void)unused;
    return mem_alloc(n, 1);
}

static void give(void *p, void *unused) {
    (void)unused;
    mem_free(p);
}

static err compile(struct regex *r, const char *pattern) {
    const uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
    int why = 0;
    PCRE2_SIZE at = 0;
    r->memory = pcre2_general_context_create(take, give, NULL);
    if (r->memory == NULL) return ERR_MEMORY;
    r->limits = pcre2_match_context_create(r->memory);
    pcre2_compile_context *how = pcre2_compile_context_create(r->memory);
    if (r->limits == NULL || how == NULL) {
        pcre2_compile_context_free(how);
        return ERR_MEMORY;
    }
    pcre2_set_newline(how, PCRE2_NEWLINE_LF);
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
    r->code = pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), flags, &why, &at, how);
    pcre2_compile_context_free(how);
    if (r->code != NULL) return ERR_OK;
    if (why == PCRE2_ERROR_HEAP_FAILED) return ERR_MEMORY; /* recorded by take */
    PCRE2_UCHAR text[256];
    if (pcre2_get_error_message(why, text, sizeof text) < 0) text[0] = '\0';
    return fail(ERR_PARSE, "regular expression '%s': at byte %zu: %s", pattern, (size_t)at,
                (const char *)text);
}

err regex_new(struct regex **out, const char *pattern) {
    struct regex *r = mem_zalloc(1, sizeof *r);
    if (r == NULL) return ERR_MEMORY;
    err result = compile(r, pattern);
    if (result != ERR_OK) {
        regex_free(r);
        return result;
    }
    *out = r;
    return ERR_OK;
}

void regex_free(struct regex *r) {
    if (r == NULL) return;
    pcre2_code_free(r->code);
    pcre2_match_context_free(r->limits);
    pcre2_general_context_free(r->memory);
    mem_free(r);
}

static void copy_groups(const pcre2_match_data *found, int n, struct regex_match *out) {
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer((pcre2_match_data *)found);
    out->n_groups = n < REGEX_MAX_GROUPS ? n : REGEX_MAX_GROUPS;
    for (int i = 0; i < out->n_groups; i++)
        if (ends[2 * i] != PCRE2_UNSET)
            out->groups[i] = (struct regex_range){ends[2 * i], ends[2 * i + 1]};
}

err regex_find(const struct regex *r, const char *text, size_t n, size_t from,
               struct regex_match *out) {
    *out = (struct regex_match){0};
    if (from > n) return ERR_OK;
    pcre2_match_data *found = pcre2_match_data_create_from_pattern(r->code, r->memory);
    if (found == NULL) return ERR_MEMORY;
    int n_groups =
        pcre2_match(r->code, (PCRE2_SPTR)(text != NULL ? text : ""), n, from, 0, found, r->limits);
    if (n_groups > 0) copy_groups(found, n_groups, out);
    pcre2_match_data_free(found);
    if (n_groups > 0 || n_groups == PCRE2_ERROR_NOMATCH) return ERR_OK;
    if (n_groups == PCRE2_ERROR_NOMEMORY) return ERR_MEMORY; /* recorded by take */
    if (n_groups == PCRE2_ERROR_MATCHLIMIT || n_groups == PCRE2_ERROR_DEPTHLIMIT ||
        n_groups == PCRE2_ERROR_HEAPLIMIT)
        return fail(ERR_LIMIT, "a regular expression finds no end in a text of %zu bytes", n);
    return fail(ERR_PARSE, "a regular expression is given a text that is no UTF-8");
}

size_t regex_next(const struct regex_match *m, const char *text, size_t n) {
    size_t at = m->groups[0].end;
    uint32_t skipped = 0;
    if (m->groups[0].end > m->groups[0].begin) return at;
    return at >= n ? n + 1 : at + utf8_next_any(text + at, n - at, &skipped);
}

static err add_replacement(const struct regex_match *m, const char *text, const char *with,
                           struct str *out) {
    for (const char *at = with; *at != '\0'; at++) {
        int group = at[0] == '$' && at[1] >= '0' && at[1] <= '9' ? at[1] - '0' : -1;
        if (group >= 0 && group < m->n_groups) {
            const struct regex_range *g = &m->groups[group];
            TRY(str_append(out, text + g->begin, g->end - g->begin));
        } else if (group < 0) {
            TRY(str_append(out, at, 1));
        }
        at += group >= 0 || (at[0] == '$' && at[1] == '$');
    }
    return ERR_OK;
}

err regex_replace(const struct regex *r, const char *text, size_t n, const char *with,
                  struct str *out) {
    struct regex_match m;
    size_t kept = 0;
    TRY(regex_find(r, text, n, 0, &m));
    while (m.n_groups > 0) {
        TRY(str_append(out, text + kept, m.groups[0].begin - kept));
        TRY(add_replacement(&m, text, with, out));
        kept = m.groups[0].end;
        TRY(regex_find(r, text, n, regex_next(&m, text, n), &m));
    }
    return str_append(out, text + kept, n - kept);
}

int regex_n_groups(const struct regex *r) {
    uint32_t n = 0;
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &n);
    return (int)n;
}

/* Names stand in a table of entries of one size: the group in two bytes, then its name. */
const char *regex_group_name(const struct regex *r, int group) {
    uint32_t n = 0, size = 0;
    PCRE2_SPTR entry = NULL;
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &n);
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &entry);
    for (; n > 0; n--, entry += size)
        if ((entry[0] << 8 | entry[1]) == group) return (const char *)entry + 2;
    return NULL;
}

bool regex_named(const struct regex *r, const struct regex_match *m, const char *name,
                 struct regex_range *out) {
    for (int group = 1; group < m->n_groups; group++) {
        const char *own = regex_group_name(r, group);
        *out = m->groups[group];
        if (own != NULL && strcmp(own, name) == 0 && out->end > out->begin) return true;
    }
    return false;
}

#define TEXT_OF(value) #value
#define VERSION(major, minor) TEXT_OF(major) "." TEXT_OF(minor)

const char *regex_library(void) {
    return VERSION(PCRE2_MAJOR, PCRE2_MINOR);
}
