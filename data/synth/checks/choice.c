/* SPDX-License-Identifier: Apache-2.0
 * The response is one of a list of answers; with a pattern, each of its groups must have captured
 * one of them. White space at the ends does not count.
 * Read next: data/synth/checks/regex.c. */
#include "data/synth/checks/check.h"

#include "base/mem.h"
#include "data/text/regex.h"
#include <string.h>

struct state {
    struct regex *regex; /* NULL: the whole response */
    const struct opt_list *choices;
};

static void choice_close(void *given) {
    struct state *s = given;
    regex_free(s->regex);
    mem_free(s);
}

static err choice_open(const struct check_spec *spec, void **out) {
    if (spec->choices.n == 0) return fail(ERR_MISSING, "the check 'choice' has no 'choices'");
    struct state *s = *out = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    s->choices = &spec->choices;
    return spec->pattern ? regex_new(&s->regex, spec->pattern) : ERR_OK;
}

static err test_one(const struct state *s, struct span given, struct str *why) {
    given = span_strip(given);
    for (int64_t i = 0; i < s->choices->n; i++) {
        const char *choice = s->choices->items[i];
        if (span_equal(given, (struct span){choice, strlen(choice)})) return ERR_OK;
    }
    TRY(str_printf(why, "'%.*s' is none of the answers there are: ", (int)given.n, given.text));
    for (int64_t i = 0; i < s->choices->n; i++)
        TRY(str_printf(why, "%s%s", i ? ", " : "", s->choices->items[i]));
    return ERR_OK;
}

static err choice_test(const void *given, const struct check_row *row, struct str *why) {
    const struct state *s = given;
    struct span text = {row->response, strlen(row->response)};
    struct regex_match match;
    if (!s->regex) return test_one(s, text, why);
    err e = regex_find(s->regex, text.text, text.n, 0, &match);
    if (e == ERR_LIMIT) return str_add(why, err_message());
    if (e == ERR_OK && match.n_groups == 0)
        return str_add(why, "the response has another form than asked for");
    int n_captured = 0;
    for (int i = 1; e == ERR_OK && i < match.n_groups && why->len == 0; i++) {
        const struct regex_range g = match.groups[i];
        if (g.end == g.begin) continue;
        n_captured++;
        e = test_one(s, (struct span){text.text + g.begin, g.end - g.begin}, why);
    }
    if (e != ERR_OK || why->len > 0 || n_captured > 0) return e;
    const struct regex_range g = match.groups[0];
    return test_one(s, (struct span){text.text + g.begin, g.end - g.begin}, why);
}

const struct check check_choice = {
    .name = "choice",
    .summary = "the response, or each group of a pattern over it, is one of a list of answers",
    .keys = "pattern,choices",
    .open = choice_open,
    .close = choice_close,
    .test = choice_test,
};
