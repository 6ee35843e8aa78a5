/* SPDX-License-Identifier: Apache-2.0
 * The table of checks, the keys of a check's row in a recipe, and opening and asking the checks of
 * a request. A key that the named check does not read is refused: it would do nothing.
 * Read next: data/synth/checks/check.h, the contract. */
#include "data/synth/checks/check.h"

#include "base/mem.h"
#include <string.h>

const struct check *const checks[] = {
#define CHECK(name) &check_##name,
#include "data/synth/checks.def"
#undef CHECK
};
const int n_checks = sizeof checks / sizeof checks[0];

#define CHECK(name) "," #name
static const char types[] =
#include "data/synth/checks.def"
    ;
#undef CHECK

struct opt_table check_options_table(void) {
#define ROW(field, ...) OPT(struct check_spec, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(type, .required = true, .choices = types + 1, .help = "which check"),
        ROW(of, .choices = "response,prompt", .help = "what is looked at; the response"),
        ROW(pattern, .help = "regular expression (PCRE2) over it"),
        ROW(source, .help = "citation: the same over the prompt; groups of one name must agree"),
        ROW(map, .map = true,
            .help = "citation: what a text of the prompt is called in the response"),
        ROW(compare, .choices = "exact,normal",
            .help = "byte for byte, or as data/text/normal.h reads it; exact"),
        ROW(choices, .help = "the answers there are"),
        ROW(path, .path = true, .value = "FILE", .help = "json_schema: the schema"),
        ROW(tests, .help = "code: run behind each response; else the teacher writes some a row"),
        ROW(command, .help = "code: what runs it, the last word naming the program's file; "
                             "[python3, program.py]"),
        ROW(timeout_ms, .min = 0, .max = 3600000, .help = "code: of a run; 10000"),
        ROW(unsafe, .help = "code: run it even where nothing can hold a stranger's program"),
        ROW(votes, .min = 0, .max = 99, .help = "vote: answers asked for; 5"),
        ROW(share, .min = 0, .max = 1, .help = "vote: share of them that must agree; 0.6"),
        ROW(score, .min = 0, .max = 10, .help = "judge: the least score of 10 that passes; 7"),
    };
#undef ROW
    return OPT_TABLE(rows);
}

static const struct check *find(const char *name) {
    for (int i = 0; i < n_checks; i++)
        if (strcmp(checks[i]->name, name) == 0) return checks[i];
    return NULL;
}

static bool has_word(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == n && strncmp(at, word, n) == 0) return true;
    return false;
}

/* Without `run`, a check that runs programs is only looked at. */
static err open_one(const struct check_spec *spec, bool run, struct check_open *out) {
    struct opt_table table = check_options_table();
    out->check = find(spec->type);
    out->spec = spec;
    if (!out->check) return fail(ERR_MISSING, "there is no check '%s'", spec->type);
    for (size_t i = 0; i < table.n; i++) {
        const char *name = table.rows[i].name;
        if (strcmp(name, "type") == 0 || opt_left_out(&table.rows[i], spec)) continue;
        if (has_word(out->check->keys, name)) continue;
        err e = fail(ERR_USAGE, "the check '%s' has no '%s'", spec->type, name);
        return fail_hint(e, "its keys: %s", out->check->keys);
    }
    return out->check->runs_programs && !run ? ERR_OK : out->check->open(spec, &out->state);
}

/* Takes the thread's error, found in the recipe's row `spec`. */
static err at_place(err e, const struct request *request, const struct check_spec *spec) {
    if (spec->file)
        return fail_in(e, "'%s' line %d: request '%s'", spec->file, spec->line, request->id);
    return fail_in(e, "request '%s'", request->id);
}

static int64_t fall_back(struct check_fallback *f) {
    int64_t n = 0;
    if (f->votes > 0)
        f->specs[n++] = (struct check_spec){.type = "vote", .votes = f->votes, .share = f->share};
    if (f->score > 0) f->specs[n++] = (struct check_spec){.type = "judge", .score = f->score};
    return n;
}

static err open_all(const struct request *request, const struct check_spec *specs, int64_t n,
                    bool run, struct check_list *list) {
    list->items = mem_zalloc((size_t)n + 1, sizeof *list->items);
    if (!list->items) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        list->n = i + 1;
        err e = open_one(&specs[i], run, &list->items[i]);
        if (e != ERR_OK) return at_place(e, request, &specs[i]);
    }
    return ERR_OK;
}

err checks_open(const struct request *request, struct check_fallback *fallback,
                struct check_list *list) {
    if (request->n_checks > 0)
        return open_all(request, request->checks, request->n_checks, true, list);
    int64_t n = fall_back(fallback);
    return open_all(request, fallback->specs, n, true, list);
}

err checks_verify(const struct request *request) {
    struct check_list list = {0};
    err e = open_all(request, request->checks, request->n_checks, false, &list);
    checks_close(&list);
    return e;
}

void checks_close(struct check_list *list) {
    for (int64_t i = 0; i < list->n; i++) {
        struct check_open *c = &list->items[i];
        if (c->check && c->check->close && c->state) c->check->close(c->state);
    }
    mem_free(list->items);
    *list = (struct check_list){0};
}

err checks_test(const struct check_list *list, const struct check_row *row,
                const struct check **out, struct str *why) {
    *out = NULL;
    str_clear(why);
    for (int64_t i = 0; i < list->n && !*out; i++) {
        const struct check_open *c = &list->items[i];
        if (!c->check->test) continue;
        err e = c->check->test(c->state, row, why);
        if (e != ERR_OK) return fail_in(e, "check '%s'", c->check->name);
        if (why->len > 0) *out = c->check;
    }
    return ERR_OK;
}

bool checks_need_tests(const struct check_list *list) {
    for (int64_t i = 0; i < list->n; i++)
        if (list->items[i].check->needs_tests && !list->items[i].spec->tests) return true;
    return false;
}

const char *checks_kind(const struct check_list *list) {
    const char *kind = "none";
    for (int64_t i = 0; i < list->n; i++) {
        const struct check *check = list->items[i].check;
        if (check->test) return "machine";
        if (strcmp(kind, "vote") != 0) kind = check->name;
    }
    return kind;
}
