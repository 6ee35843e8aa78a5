/* SPDX-License-Identifier: Apache-2.0
 * What the response takes from the prompt must stand there. With a pattern, each of its groups,
 * at every match: a group whose name `source` has as well must be what `source` captured in the
 * prompt (after `map`), any other must be found somewhere in it. Without a pattern, every stretch
 * in quotation marks must be found.
 * Read next: data/text/regex.h, data/text/normal.h. */
#include "data/synth/checks/check.h"

#include "base/mem.h"
#include "data/text/normal.h"
#include "data/text/regex.h"
#include <string.h>

struct state {
    struct regex *pattern, *source; /* may be NULL */
    const struct opt_list *map;
    bool normal;
};

static void citation_close(void *given) {
    struct state *s = given;
    regex_free(s->pattern);
    regex_free(s->source);
    mem_free(s);
}

static bool has_name(const struct regex *r, const char *name) {
    for (int i = 1; r && name && i <= regex_n_groups(r); i++) {
        const char *own = regex_group_name(r, i);
        if (own && strcmp(own, name) == 0) return true;
    }
    return false;
}

static err citation_open(const struct check_spec *spec, void **out) {
    struct state *s = *out = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    s->map = &spec->map;
    s->normal = spec->compare && strcmp(spec->compare, "normal") == 0;
    if (spec->pattern) TRY(regex_new(&s->pattern, spec->pattern));
    if (spec->source && !spec->pattern)
        return fail(ERR_USAGE, "'source' has nothing to compare with: there is no 'pattern'");
    if (spec->map.n > 0 && !spec->source)
        return fail(ERR_USAGE, "'map' says what groups of 'source' are called, and there is none");
    if (!spec->source) return ERR_OK;
    TRY(regex_new(&s->source, spec->source));
    for (int i = 1; i <= regex_n_groups(s->pattern); i++)
        if (has_name(s->source, regex_group_name(s->pattern, i))) return ERR_OK;
    return fail(ERR_USAGE, "'pattern' and 'source' have no group name in common");
}

/* ---- texts ---- */

/* Whether `needle` stands in `hay` (`whole`: is it). */
static err text_found(const struct state *s, struct span needle, struct span hay, bool whole,
                      bool *out) {
    if (!s->normal) {
        *out = whole ? span_equal(needle, hay)
                     : memmem(hay.text, hay.n, needle.text, needle.n) != NULL;
        return ERR_OK;
    }
    struct normal a = {0}, b = {0};
    err e = normal_set(&a, needle.text, needle.n);
    if (e == ERR_OK) e = normal_set(&b, hay.text, hay.n);
    if (e == ERR_OK) *out = whole ? normal_equal(&a, &b) : normal_holds(&b, &a);
    normal_release(&a);
    normal_release(&b);
    return e;
}

/* What the response calls it. */
static struct span mapped(const struct state *s, struct span text) {
    for (int64_t i = 0; i < s->map->n; i++) {
        const char *item = s->map->items[i], *colon = strstr(item, ": ");
        if (colon && span_equal(text, (struct span){item, (size_t)(colon - item)}))
            return (struct span){colon + 2, strlen(colon + 2)};
    }
    return text;
}

/* ---- groups ---- */

struct testing {
    const struct state *s;
    struct span prompt, response;
    struct regex_match match, source;
    struct str *why;
};

static err test_found(const struct testing *t, struct span text) {
    bool found;
    TRY(text_found(t->s, text, t->prompt, false, &found));
    if (found) return ERR_OK;
    return str_printf(t->why, "'%.*s' does not stand in the prompt", (int)text.n, text.text);
}

static struct span part_of(struct span text, struct regex_range range) {
    return (struct span){text.text + range.begin, range.end - range.begin};
}

static err test_named(const struct testing *t, const char *name, struct span text) {
    struct regex_range range;
    bool same;
    if (!regex_named(t->s->source, &t->source, name, &range))
        return str_printf(t->why, "the prompt says nothing of '%s'", name);
    struct span wanted = mapped(t->s, part_of(t->prompt, range));
    TRY(text_found(t->s, text, wanted, true, &same));
    if (same) return ERR_OK;
    return str_printf(t->why, "%s is '%.*s' in the response, but the prompt says '%.*s'", name,
                      (int)text.n, text.text, (int)wanted.n, wanted.text);
}

static err test_groups(const struct testing *t) {
    const struct state *s = t->s;
    for (int i = 1; i < t->match.n_groups && t->why->len == 0; i++) {
        const char *name = regex_group_name(s->pattern, i);
        struct span text = part_of(t->response, t->match.groups[i]);
        if (text.n == 0) continue;
        TRY(has_name(s->source, name) ? test_named(t, name, text) : test_found(t, text));
    }
    return ERR_OK;
}

static err test_pattern(struct testing *t) {
    const struct state *s = t->s;
    const struct span prompt = t->prompt, response = t->response;
    if (s->source) {
        TRY(regex_find(s->source, prompt.text, prompt.n, 0, &t->source));
        if (t->source.n_groups == 0)
            return str_add(t->why, "the prompt has another form than the examples");
    }
    TRY(regex_find(s->pattern, response.text, response.n, 0, &t->match));
    if (t->match.n_groups == 0)
        return str_add(t->why, "the response has another form than the examples");
    while (t->match.n_groups > 0 && t->why->len == 0) {
        TRY(test_groups(t));
        size_t next = regex_next(&t->match, response.text, response.n);
        TRY(regex_find(s->pattern, response.text, response.n, next, &t->match));
    }
    return ERR_OK;
}

/* ---- quotation marks ---- */

static const struct marks {
    const char *open, *close;
} marks[] = {{"\xE2\x80\x9C", "\xE2\x80\x9D"}, /* curly double */
             {"\xE3\x80\x8C", "\xE3\x80\x8D"}, /* corner brackets */
             {"\xE3\x80\x8E", "\xE3\x80\x8F"}, /* white corner brackets */
             {"\"", "\""}};

static err test_quotations(const struct testing *t, const char *response) {
    int64_t n = 0;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        for (const char *at = response; (at = strstr(at, marks[i].open));) {
            const char *begin = at + strlen(marks[i].open), *end = strstr(begin, marks[i].close);
            if (!end) break;
            if (t->why->len == 0) TRY(test_found(t, (struct span){begin, (size_t)(end - begin)}));
            n++;
            at = end + strlen(marks[i].close);
        }
    }
    return n > 0 ? ERR_OK : str_add(t->why, "the response quotes nothing from the prompt");
}

static err citation_test(const void *given, const struct check_row *row, struct str *why) {
    struct testing t = {.s = given,
                        .prompt = {row->prompt, strlen(row->prompt)},
                        .response = {row->response, strlen(row->response)},
                        .why = why};
    if (!t.s->pattern) return test_quotations(&t, row->response);
    err e = test_pattern(&t);
    return e == ERR_LIMIT ? str_add(why, err_message()) : e;
}

const struct check check_citation = {
    .name = "citation",
    .summary = "what the response takes from the prompt stands there",
    .keys = "pattern,source,map,compare",
    .open = citation_open,
    .close = citation_close,
    .test = citation_test,
};
