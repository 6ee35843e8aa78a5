/* SPDX-License-Identifier: Apache-2.0
 * A regular expression that the response (or the prompt) must have a match of. It is a search: for
 * the whole text it begins with ^ and ends with $.
 * Read next: data/text/regex.h. */
#include "data/synth/checks/check.h"

#include "base/mem.h"
#include "data/text/regex.h"
#include <string.h>

struct state {
    struct regex *regex;
    const char *text;
    bool of_prompt;
};

static void regex_close(void *given) {
    struct state *s = given;
    regex_free(s->regex);
    mem_free(s);
}

static err regex_open(const struct check_spec *spec, void **out) {
    if (!spec->pattern) return fail(ERR_MISSING, "the check 'regex' has no 'pattern'");
    struct state *s = *out = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    s->text = spec->pattern;
    s->of_prompt = spec->of && strcmp(spec->of, "prompt") == 0;
    return regex_new(&s->regex, spec->pattern);
}

static err regex_test(const void *given, const struct check_row *row, struct str *why) {
    const struct state *s = given;
    const char *text = s->of_prompt ? row->prompt : row->response;
    struct regex_match match;
    err e = regex_find(s->regex, text, strlen(text), 0, &match);
    if (e == ERR_LIMIT) return str_add(why, err_message());
    if (e != ERR_OK || match.n_groups > 0) return e;
    return str_printf(why, "the %s does not match the pattern %s",
                      s->of_prompt ? "prompt" : "response", s->text);
}

const struct check check_regex = {
    .name = "regex",
    .summary = "the response matches a regular expression",
    .keys = "of,pattern",
    .open = regex_open,
    .close = regex_close,
    .test = regex_test,
};
