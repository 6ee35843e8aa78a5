/* SPDX-License-Identifier: Apache-2.0
 * Counting rows by licence, generator and reviewer (release/ledger.h). Only rows that know more
 * than their source have a line to read, so a dataset without them costs a walk over its index.
 * Read next: release/data_card.c, which says it in words. */
#include "release/ledger.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/dataset/provenance.h"
#include "data/lint.h"
#include <string.h>

enum { LEDGER_VERSION = 1 };

struct ledger {
    const struct dataset *d;
    struct provenance *lines;
    json_t *sources, *generators;
    int64_t *unlicensed; /* rows of each source */
    int64_t rows;
};

/* One more of `key` in an object of counts. */
static err count(json_t *counts, const char *key) {
    return json_put(counts, key, json_integer(json_int_of(counts, key) + 1));
}

static err count_in(json_t *of, const char *member, const char *key) {
    return count(json_object_get(of, member), key);
}

static err put_counts(json_t *to, const char *const *members) {
    for (; *members != NULL; members++) TRY(json_put(to, *members, json_object()));
    return ERR_OK;
}

static err list_sources(struct ledger *l) {
    static const char *const counted[] = {"licenses", "generators", "reviewers", NULL};
    for (int64_t i = 0; i < dataset_n_sources(l->d); i++) {
        const struct dataset_source *s = dataset_source(l->d, i);
        json_t *one = json_object();
        TRY(json_push(l->sources, one));
        TRY(json_put(one, "name", json_string(s->name)));
        TRY(json_put(one, "request", json_text_or_null(s->request)));
        TRY(json_put(one, "rows", json_integer(0)));
        TRY(put_counts(one, counted));
    }
    return ERR_OK;
}

static const char *license_of(const struct dataset_source *s, const json_t *line) {
    const char *own = json_string_value(json_object_get(line, "license"));
    if (own != NULL) return own;
    if (s->license != NULL) return s->license;
    return strcmp(s->format, "examples") == 0 ? LEDGER_POSTED : NULL;
}

/* The generator's own entry, made at its first row. */
static err generator_entry(struct ledger *l, const char *name, const char *model, json_t **out) {
    static const char *const counted[] = {"licenses", NULL};
    size_t i = 0;
    json_array_foreach(l->generators, i,
                       *out) if (strcmp(json_text_of(*out, "generator"), name) == 0 &&
                                 strcmp(json_text_of(*out, "model"), model) == 0) return ERR_OK;
    *out = json_object();
    TRY(json_push(l->generators, *out));
    TRY(json_put(*out, "generator", json_string(name)));
    TRY(json_put(*out, "model", json_string(model)));
    TRY(json_put(*out, "rows", json_integer(0)));
    return put_counts(*out, counted);
}

static err add_generator(struct ledger *l, json_t *source, const json_t *origin,
                         const char *license) {
    const char *name = json_text_of(origin, "generator");
    json_t *entry = NULL;
    if (name[0] == '\0') return ERR_OK;
    TRY(count_in(source, "generators", name));
    TRY(generator_entry(l, name, json_text_of(origin, "model"), &entry));
    TRY(count(entry, "rows"));
    return count_in(entry, "licenses", license);
}

static err add_row(struct ledger *l, enum dataset_split split, int64_t row) {
    const int64_t of = dataset_rows(l->d, split)[row].source;
    const struct dataset_source *s = dataset_source(l->d, of);
    json_t *source = json_array_get(l->sources, (size_t)of), *line = NULL;
    TRY(provenance_line(l->lines, split, row, &line));
    const char *license = license_of(s, line);
    const char *reviewer = json_string_value(json_object_get(line, "reviewer"));
    if (reviewer == NULL) reviewer = s->reviewer;
    l->rows++;
    l->unlicensed[of] += license == NULL;
    err result = count(source, "rows");
    if (result == ERR_OK && license != NULL) result = count_in(source, "licenses", license);
    if (result == ERR_OK && reviewer != NULL) result = count_in(source, "reviewers", reviewer);
    if (result == ERR_OK && license != NULL)
        result = add_generator(l, source, json_object_get(line, "origin"), license);
    json_decref(line);
    return result;
}

static err add_rows(struct ledger *l) {
    for (int split = 0; split < SPLIT_COUNT; split++)
        for (int64_t i = 0; i < dataset_n_rows(l->d, (enum dataset_split)split); i++)
            TRY(add_row(l, (enum dataset_split)split, i));
    return ERR_OK;
}

static err check_licenses(const struct ledger *l) {
    for (int64_t i = 0; i < dataset_n_sources(l->d); i++) {
        const struct dataset_source *s = dataset_source(l->d, i);
        if (l->unlicensed[i] == 0) continue;
        fail(ERR_GATE, "%lld rows of '%s'%s%s%s say no licence", (long long)l->unlicensed[i],
             s->name, s->request ? " (request '" : "", s->request ? s->request : "",
             s->request ? "')" : "");
        return fail_hint(ERR_GATE, "say it: `license:` of the source in the recipe, or \"license\" "
                                   "of each row; '" LEDGER_UNKNOWN "' where nobody knows, and the "
                                   "data card says so");
    }
    return ERR_OK;
}

static err add_lints(const struct ledger *l, json_t *out) {
    json_t *report = NULL, *lints = NULL, *one = NULL, *list = json_array();
    size_t i = 0;
    TRY(json_put(out, "lints", list));
    TRY(lint_read(l->d, 0, &report));
    err result = json_need_array(report, "lints", &lints);
    json_array_foreach(lints, i, one) if (result == ERR_OK) result =
        json_push(list, json_pack("{s:s, s:s, s:I}", "name", json_text_of(one, "name"), "summary",
                                  json_text_of(one, "summary"), "rows",
                                  (json_int_t)json_int_of(one, "rows")));
    json_decref(report);
    return result;
}

static err fill(struct ledger *l, json_t *out) {
    TRY(json_put(out, "cotrain_ledger", json_integer(LEDGER_VERSION)));
    l->sources = json_array();
    l->generators = json_array();
    err first = json_put(out, "sources", l->sources);
    err second = json_put(out, "generators", l->generators);
    if (first != ERR_OK || second != ERR_OK) return ERR_MEMORY;
    l->unlicensed = mem_zalloc((size_t)dataset_n_sources(l->d) + 1, sizeof *l->unlicensed);
    if (l->unlicensed == NULL) return ERR_MEMORY;
    TRY(provenance_open(&l->lines, l->d));
    TRY(list_sources(l));
    TRY(add_rows(l));
    TRY(check_licenses(l));
    TRY(json_put(out, "rows", json_integer(l->rows)));
    return add_lints(l, out);
}

err ledger_make(const char *dataset_dir, json_t **out) {
    struct ledger l = {0};
    struct dataset *d = NULL;
    TRY(dataset_open(&d, dataset_dir));
    l.d = d;
    json_t *made = json_object();
    err result = made == NULL ? fail(ERR_MEMORY, "out of memory for a ledger") : fill(&l, made);
    provenance_close(l.lines);
    mem_free(l.unlicensed);
    dataset_close(d);
    if (result == ERR_OK)
        *out = made;
    else
        json_decref(made);
    return result;
}

/* ---- reading ---- */

static err check_entries(const json_t *list, const char *const *texts, const char *const *counts) {
    const json_t *one = NULL;
    json_t *member = NULL;
    const char *text = NULL;
    int64_t rows = 0;
    size_t i = 0;
    json_array_foreach(list, i, one) {
        for (size_t k = 0; texts[k] != NULL; k++) TRY(json_need_string(one, texts[k], &text));
        for (size_t k = 0; counts[k] != NULL; k++) TRY(json_need_object(one, counts[k], &member));
        TRY(json_need_int(one, "rows", &rows));
    }
    return ERR_OK;
}

static err check_outline(const json_t *ledger) {
    static const struct {
        const char *list, *texts[3], *counts[4];
    } lists[] = {{"sources", {"name"}, {"licenses", "generators", "reviewers"}},
                 {"generators", {"generator", "model"}, {"licenses"}},
                 {"lints", {"name", "summary"}, {NULL}}};
    int64_t version = 0;
    TRY(json_need_int(ledger, "cotrain_ledger", &version));
    if (version != LEDGER_VERSION)
        return fail(ERR_UNSUPPORTED, "version %lld (this program reads %d)", (long long)version,
                    LEDGER_VERSION);
    TRY(json_need_int(ledger, "rows", &version));
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        json_t *list = NULL;
        TRY(json_need_array(ledger, lists[i].list, &list));
        TRY(check_entries(list, lists[i].texts, lists[i].counts));
    }
    return ERR_OK;
}

err ledger_read(const char *dir, json_t **out) {
    json_t *ledger = NULL;
    char *path = path_join(dir, LEDGER_FILE);
    if (path == NULL) return ERR_MEMORY;
    err result = json_parse_file(path, &ledger);
    if (result == ERR_OK) result = fail_in(check_outline(ledger), "'%s'", LEDGER_FILE);
    mem_free(path);
    if (result == ERR_OK)
        *out = ledger;
    else
        json_decref(ledger);
    return result;
}
