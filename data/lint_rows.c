/* SPDX-License-Identifier: Apache-2.0
 * A report read back from its dataset, with what only training knows added to it: rows that are
 * longer than its rows; and the recipe's limits, parsed and held against a report. The contract is
 * data/lint.h. */
#include "base/file.h"
#include "base/mem.h"
#include "data/dataset/shards_int.h"
#include "data/lint/lint.h"
#include "data/lint_int.h"
#include "data/tokens/tokenizer.h"
#include <string.h>

const char lint_overlong[] = "overlong";
const char lint_overlong_summary[] = "more tokens than fit train.sequence_len";

/* Row i of training's and then validation's. */
static const struct dataset_row *row_at(const struct dataset *d, int64_t i,
                                        enum dataset_split *split, int64_t *row) {
    int64_t n_train = dataset_n_rows(d, SPLIT_TRAIN);
    *split = i < n_train ? SPLIT_TRAIN : SPLIT_VALID;
    *row = i < n_train ? i : i - n_train;
    return &dataset_rows(d, *split)[*row];
}

/* The beginning of a row as text. */
static err add_beginning(const struct tokenizer *t, const struct dataset *d,
                         enum dataset_split split, int64_t row, struct str *out) {
    int64_t n = dataset_rows(d, split)[row].n_tokens;
    struct str text = {0};
    TRY(tokenizer_decode(t, dataset_tokens(d, split, row), n, true, &text));
    err e = lint_excerpt((struct span){str_text(&text), text.len}, 0, out);
    str_release(&text);
    return e;
}

static err tell_long(const struct tokenizer *t, const struct dataset *d, int64_t i, json_t *out) {
    enum dataset_split split;
    int64_t row;
    const struct dataset_row *r = row_at(d, i, &split, &row);
    struct str text = {0};
    TRY(json_put(out, "split", json_string(split_names[split])));
    TRY(json_put(out, "row", json_integer(row)));
    TRY(json_put(out, "file", json_string(dataset_source(d, r->source)->name)));
    TRY(json_put(out, "line", json_integer(r->line)));
    if (r->part > 0) TRY(json_put(out, "part", json_integer(r->part)));
    TRY(json_put(out, "badness", json_real(r->n_tokens)));
    err e = str_printf(&text, "%d tokens", r->n_tokens);
    if (e == ERR_OK) e = json_put(out, "note", json_string(str_text(&text)));
    str_clear(&text);
    if (e == ERR_OK) e = add_beginning(t, d, split, row, &text);
    if (e == ERR_OK) e = json_put(out, "excerpt", json_string(str_text(&text)));
    str_release(&text);
    return e;
}

static err fill_overlong(const struct dataset *d, int64_t sequence_len, json_t *out) {
    int64_t n_rows = 0, n = dataset_n_rows(d, SPLIT_TRAIN) + dataset_n_rows(d, SPLIT_VALID);
    struct lint_worst worst = {.n = 0};
    for (int64_t i = 0, row; i < n; i++) {
        enum dataset_split split;
        int32_t n_tokens = row_at(d, i, &split, &row)->n_tokens;
        if (n_tokens <= sequence_len + 1) continue; /* the last one is only a target */
        n_rows++;
        lint_worst_offer(&worst, i, n_tokens);
    }
    TRY(json_put(out, "name", json_string(lint_overlong)));
    TRY(json_put(out, "summary", json_string(lint_overlong_summary)));
    TRY(json_put(out, "rows", json_integer(n_rows)));
    TRY(json_put(out, "share", json_real(n > 0 ? (double)n_rows / (double)n : 0)));
    TRY(json_put(out, "sequence_len", json_integer(sequence_len)));
    json_t *list = json_array();
    TRY(json_put(out, "worst", list));
    struct tokenizer *t = NULL;
    if (worst.n > 0) TRY(tokenizer_open(&t, dataset_tokenizer_dir(d)));
    err e = ERR_OK;
    for (int64_t i = 0; i < worst.n && e == ERR_OK; i++) {
        json_t *item = json_object();
        e = json_push(list, item);
        if (e == ERR_OK) e = tell_long(t, d, worst.rows[i], item);
    }
    tokenizer_free(t);
    return e;
}

static err check_report(json_t *report) {
    const char *format;
    int64_t version;
    json_t *list;
    TRY(json_need_string(report, "format", &format));
    TRY(json_need_int(report, "version", &version));
    TRY(json_need_array(report, "lints", &list));
    if (strcmp(format, "cotrain-lint") == 0 && version == LINT_VERSION) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "it is no report of version %d", LINT_VERSION);
}

err lint_read(const struct dataset *d, int64_t sequence_len, json_t **out) {
    char *path = path_join(dataset_dir(d), "lint.json");
    json_t *report = NULL;
    *out = NULL;
    if (!path) return ERR_MEMORY;
    err e = json_parse_file(path, &report);
    if (e == ERR_OK) {
        e = check_report(report);
        if (e != ERR_OK) e = fail_in(e, "'%s'", path);
    }
    mem_free(path);
    if (e == ERR_OK && sequence_len > 0) {
        json_t *item = json_object();
        e = json_push(json_object_get(report, "lints"), item);
        if (e == ERR_OK) e = fill_overlong(d, sequence_len, item);
    }
    if (e == ERR_OK)
        *out = report;
    else
        json_decref(report);
    return e;
}

static const struct lint *find_lint(const char *name, size_t n) {
    for (int i = 0; i < n_lints; i++)
        if (strlen(lints[i]->name) == n && memcmp(lints[i]->name, name, n) == 0) return lints[i];
    return NULL;
}

static err unknown_lint(const char *item, size_t n) {
    char name[64];
    const char *best = NULL;
    size_t kept = n < sizeof name - 1 ? n : sizeof name - 1;
    memcpy(name, item, kept);
    name[kept] = '\0';
    for (int i = 0; i <= n_lints; i++) {
        const char *next = i < n_lints ? lints[i]->name : lint_overlong;
        const char *pair[2] = {best ? best : next, next};
        best = str_nearest(name, pair, 2);
    }
    err e = fail(ERR_USAGE, "data.lint: no lint is called '%s'", name);
    return best ? fail_hint(e, "did you mean '%s'?", best)
                : fail_hint(e, "'cotrain list lints' shows them");
}

/* One item "name: number". */
static err read_limit(const char *item, size_t *name_len, double *out) {
    const char *colon = strchr(item, ':');
    size_t n = colon ? (size_t)(colon - item) : strlen(item);
    bool known =
        find_lint(item, n) || (n == strlen(lint_overlong) && memcmp(item, lint_overlong, n) == 0);
    if (!known) return unknown_lint(item, n);
    const char *number = colon ? colon + 1 + strspn(colon + 1, " ") : "";
    *name_len = n;
    if (str_to_double(number, out) != ERR_OK || !(*out >= 0 && *out <= 1)) {
        err e = fail(ERR_RANGE, "data.lint: '%s' is not a share from 0 to 1", item);
        return fail_hint(e, "as in 'data: {lint: {duplicates: 0.2, secrets: 0}}'");
    }
    return ERR_OK;
}

err lint_limits_check(const struct opt_list *limits) {
    size_t n;
    double limit;
    for (int64_t i = 0; i < limits->n; i++) TRY(read_limit(limits->items[i], &n, &limit));
    return ERR_OK;
}

bool lint_limit(const struct opt_list *limits, const char *lint, double *out) {
    size_t n;
    for (int64_t i = 0; limits && i < limits->n; i++)
        if (read_limit(limits->items[i], &n, out) == ERR_OK && strlen(lint) == n &&
            memcmp(limits->items[i], lint, n) == 0)
            return true;
    return false;
}

/* "'duplicates': 12 of 100 rows (0.12), the limit is 0.05: a.jsonl line 3: note; ..." */
static err add_exceeded(const json_t *item, double limit, int64_t n_all, struct str *out) {
    enum { SHOWN = 10, BYTES = 1400 }; /* of the worst rows; of the message, which is cut */
    const char *name = json_text_of(item, "name");
    double share = json_real_value(json_object_get(item, "share"));
    json_t *worst = json_object_get(item, "worst"), *row;
    size_t i;
    if (out->len > 0) TRY(str_add(out, "; "));
    if (strcmp(name, "trained_share") == 0)
        TRY(str_printf(out, "lint '%s': %.4g of the tokens are trained, less than %g", name, share,
                       limit));
    else
        TRY(str_printf(out, "lint '%s': %lld of %lld rows (%.4g), more than %g", name,
                       (long long)json_integer_value(json_object_get(item, "rows")),
                       (long long)n_all, share, limit));
    json_array_foreach(worst, i, row) {
        if (i == SHOWN || out->len > BYTES) break;
        TRY(str_printf(out, "%s%s line %lld (%s)", i == 0 ? ": " : ", ", json_text_of(row, "file"),
                       (long long)json_integer_value(json_object_get(row, "line")),
                       json_text_of(row, "note")));
    }
    return ERR_OK;
}

err lint_gate(const json_t *report, const struct opt_list *limits) {
    struct str text = {0};
    json_t *item;
    size_t i;
    int64_t n_rows = (int64_t)json_integer_value(json_object_get(report, "rows"));
    err e = lint_limits_check(limits);
    json_array_foreach(json_object_get(report, "lints"), i, item) {
        double limit, share = json_real_value(json_object_get(item, "share"));
        const char *name = json_text_of(item, "name");
        if (e != ERR_OK || !lint_limit(limits, name, &limit)) continue;
        const struct lint *lint = find_lint(name, strlen(name));
        bool exceeded = lint && lint->least ? share < limit : share > limit;
        if (exceeded) e = add_exceeded(item, limit, n_rows, &text);
    }
    if (e == ERR_OK && text.len > 0) {
        e = fail(ERR_GATE, "%s", str_text(&text));
        (void)fail_hint(e, "'cotrain data stats' shows all of them; mend the rows, or change the "
                           "limits in data.lint");
    }
    str_release(&text);
    return e;
}
