/* SPDX-License-Identifier: Apache-2.0
 * Paired comparison of two reports (eval/compare.h). A suite's items must be the same ones in the
 * same order: what was compared by mistake with another limit is refused. Cases of requests are
 * looked up by what they are, since months differ in them.
 * Read next: eval/results.h, eval/confidence.h. */
#include "eval/compare.h"

#include "base/mem.h"
#include "eval/confidence.h"
#include "eval/pairs.h"
#include "eval/report.h"
#include "eval/results.h"
#include "eval/text.h"
#include <string.h>

static err item_name(const json_t *item, struct str *out) {
    const json_t *number = json_object_get(item, "item");
    const char *id = json_text_of(item, "task_id"), *request = json_text_of(item, "request");
    str_clear(out);
    if (id[0] != '\0') return str_add(out, id);
    if (json_is_integer(number))
        return str_printf(out, "item %lld", (long long)json_integer_value(number));
    const char *prompt = json_text_of(item, "prompt");
    if (prompt[0] == '\0') prompt = json_text_of(item, "prompt_sha256");
    TRY(str_printf(out, "a case of '%s', \"", request));
    TRY(text_add_clean(out, text_span(prompt), 30));
    return str_add(out, "\"");
}

/* A name for lists: the item's id, number, or its prompt. */
static err push_name(json_t *list, const json_t *item) {
    static const char *const keys[] = {"task_id", "item", "prompt"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_t *name = json_object_get(item, keys[i]);
        if (name != NULL) return json_push(list, json_incref(name));
    }
    return json_push(list, json_sprintf("sha256:%s", json_text_of(item, "prompt_sha256")));
}

/* How many are the same ones from the first on. */
static int64_t n_same(const struct results *a, const struct results *b) {
    int64_t i = 0;
    while (i < a->n && i < b->n && item_same(a->items[i].item, b->items[i].item)) i++;
    return i;
}

static bool same_items(const struct results *a, const struct results *b) {
    return a->n == b->n && n_same(a, b) == a->n;
}

static err check_items(const struct results *a, const struct results *b) {
    int64_t n = a->n, m = b->n, i = n_same(a, b);
    struct str name = {0};
    if (same_items(a, b)) return ERR_OK;
    err result = item_name((i < n ? a : b)->items[i].item, &name);
    if (result == ERR_OK && n != m && (i == n || i == m))
        result = fail(ERR_MISMATCH, "%lld items against %lld: %s is in one only", (long long)n,
                      (long long)m, str_text(&name));
    else if (result == ERR_OK)
        result = fail(ERR_MISMATCH, "the items differ from number %lld on: %s against another",
                      (long long)i + 1, str_text(&name));
    str_release(&name);
    return result;
}

/* ---- pairs ---- */

struct pairing {
    struct results a, b;
    int64_t only_a, only_b; /* left out */
    double *differences;    /* owned */
    struct paired_counts counts;
    double sum_a, sum_b;
};

/* Leaves what both have, in b's order. */
static err keep_shared(struct pairing *p, struct item_index *index, struct result *shared) {
    int64_t n = 0, place = 0;
    for (int64_t i = 0; i < p->a.n; i++) TRY(item_index_add(index, p->a.items[i].item));
    for (int64_t i = 0; i < p->b.n; i++) {
        TRY(item_index_find(index, p->b.items[i].item, &place));
        if (place < 0) continue;
        shared[n] = p->a.items[place];
        p->b.items[n++] = p->b.items[i];
    }
    p->only_a = p->a.n - n;
    p->only_b = p->b.n - n;
    p->a.n = p->b.n = n;
    memcpy(p->a.items, shared, (size_t)n * sizeof *shared);
    return ERR_OK;
}

/* Cases of requests are known by their texts: two months ask partly the same ones. */
static bool are_cases(const struct results *r) {
    return r->n > 0 && json_object_get(r->items[0].item, "request") != NULL;
}

static err share_cases(struct pairing *p) {
    struct item_index index;
    struct result *shared = mem_alloc((size_t)p->b.n + 1, sizeof *shared);
    err result = item_index_init(&index);
    if (result == ERR_OK && shared == NULL) result = ERR_MEMORY;
    if (result == ERR_OK) result = keep_shared(p, &index, shared);
    item_index_release(&index);
    mem_free(shared);
    return result;
}

static err count_pairs(struct pairing *p, json_t *row) {
    json_t *won = json_array();
    TRY(json_put(row, "won", won));
    json_t *lost = json_array();
    TRY(json_put(row, "lost", lost));
    p->counts.n = p->a.n;
    for (int64_t i = 0; i < p->a.n; i++) {
        const struct result *was = &p->a.items[i], *is = &p->b.items[i];
        p->differences[i] = is->value - was->value;
        p->sum_a += was->value;
        p->sum_b += is->value;
        p->counts.wins += is->value > was->value;
        p->counts.losses += is->value < was->value;
        if (is->value != was->value) TRY(push_name(is->value > was->value ? won : lost, is->item));
    }
    return ERR_OK;
}

static err put_pairs(json_t *row, const struct pairing *p, double confidence) {
    struct paired_counts c = p->counts;
    struct interval i = paired_interval(c, confidence);
    if (!p->a.all_verdicts || !p->b.all_verdicts)
        TRY(bootstrap_interval(p->differences, c.n, confidence, &i));
    double n = (double)c.n;
    TRY(json_put(row, "n", json_integer(c.n)));
    TRY(json_put(row, "a", json_real(p->sum_a / n)));
    TRY(json_put(row, "b", json_real(p->sum_b / n)));
    TRY(json_put(row, "difference", json_real((p->sum_b - p->sum_a) / n)));
    TRY(json_put(row, "interval", json_pack("[f,f]", i.low, i.high)));
    TRY(json_put(row, "wins", json_integer(c.wins)));
    TRY(json_put(row, "losses", json_integer(c.losses)));
    TRY(json_put(row, "ties", json_integer(c.n - c.wins - c.losses)));
    return json_put(row, "p_value", json_real(mcnemar_exact(c.wins, c.losses)));
}

static err put_left_out(json_t *row, const struct pairing *p) {
    if (p->only_a > 0) TRY(json_put(row, "only_a", json_integer(p->only_a)));
    return p->only_b > 0 ? json_put(row, "only_b", json_integer(p->only_b)) : ERR_OK;
}

static err pair(struct pairing *p, double confidence, json_t *row) {
    if (are_cases(&p->a) && are_cases(&p->b) && !same_items(&p->a, &p->b)) TRY(share_cases(p));
    TRY(check_items(&p->a, &p->b));
    TRY(put_left_out(row, p));
    if (p->a.n == 0 || !p->a.all_judged || !p->b.all_judged) return ERR_OK;
    p->differences = mem_alloc((size_t)p->a.n, sizeof *p->differences);
    if (p->differences == NULL) return ERR_MEMORY;
    TRY(count_pairs(p, row));
    return put_pairs(row, p, confidence);
}

static err put_scores(json_t *row, const json_t *a, const json_t *b, const char *score) {
    const json_t *was = json_object_get(json_object_get(a, "scores"), score);
    const json_t *is = json_object_get(json_object_get(b, "scores"), score);
    if (!json_is_number(was) || !json_is_number(is)) return ERR_OK;
    double x = json_number_value(was), y = json_number_value(is);
    TRY(json_put(row, "a", json_real(x)));
    TRY(json_put(row, "b", json_real(y)));
    return json_put(row, "difference", json_real(y - x));
}

static err fill_row(const json_t *a, const json_t *b, const struct comparing *what, json_t *row) {
    struct pairing p = {.differences = NULL};
    bool is_paired = false, is_shared = true;
    TRY(json_put(row, "task", json_string(what->task)));
    TRY(json_put(row, "metric", json_string(what->score)));
    err result = results_read(a, what->score, &p.a);
    if (result == ERR_OK) result = results_read(b, what->score, &p.b);
    if (result == ERR_OK) result = pair(&p, what->confidence, row);
    is_paired = p.differences != NULL;
    is_shared = p.a.n > 0 || p.only_a + p.only_b == 0;
    mem_free(p.differences);
    results_release(&p.b);
    results_release(&p.a);
    if (result != ERR_OK) return fail_in(result, "task '%s'", what->task);
    return is_paired || !is_shared ? ERR_OK : put_scores(row, a, b, what->score);
}

/* Two parts of the same task. */
static err compare_parts(const json_t *a, const json_t *b, struct comparing what, json_t **out) {
    const char *metric_a = json_text_of(a, "metric"), *metric_b = json_text_of(b, "metric");
    if (what.score[0] == '\0') {
        what.score = metric_b;
        if (strcmp(metric_a, metric_b) != 0)
            return fail(ERR_MISMATCH, "task '%s': metric '%s' against '%s'", what.task, metric_a,
                        metric_b);
    }
    json_t *row = json_object();
    err result = fill_row(a, b, &what, row);
    if (result != ERR_OK) {
        json_decref(row);
        return result;
    }
    *out = row;
    return ERR_OK;
}

err compare_score(const json_t *a, const json_t *b, const struct comparing *what, json_t **out) {
    const json_t *part_a = NULL, *part_b = NULL;
    TRY(report_task(a, what->task, &part_a));
    TRY(report_task(b, what->task, &part_b));
    return compare_parts(part_a, part_b, *what, out);
}

/* ---- reports ---- */

/* Names of the tasks of `report` that `other` lacks. */
static err put_missing(json_t *to, const char *key, const json_t *report, const json_t *other) {
    size_t i = 0;
    json_t *part = NULL, *list = json_array();
    TRY(json_put(to, key, list));
    json_array_foreach(json_object_get(report, "tasks"), i, part) {
        const char *name = json_text_of(part, "task");
        if (report_find(other, name) == NULL) TRY(json_push(list, json_string(name)));
    }
    return ERR_OK;
}

static err compare_all(const json_t *a, const json_t *b, json_t *to) {
    size_t i = 0;
    json_t *part = NULL, *rows = json_array();
    TRY(json_put(to, "tasks", rows));
    json_array_foreach(json_object_get(b, "tasks"), i, part) {
        const char *task = json_text_of(part, "task");
        const json_t *was = report_find(a, task);
        json_t *row = NULL;
        if (was == NULL) continue;
        TRY(compare_parts(was, part, (struct comparing){task, "", 0.95}, &row));
        TRY(json_push(rows, row));
    }
    TRY(put_missing(to, "only_a", a, b));
    TRY(put_missing(to, "only_b", b, a));
    if (json_array_size(rows) == 0)
        return fail(ERR_MISMATCH, "the two evaluations have no task in common");
    return ERR_OK;
}

err compare_reports(const json_t *a, const json_t *b, json_t **out) {
    json_t *to = json_object();
    err result = compare_all(a, b, to);
    if (result != ERR_OK) {
        json_decref(to);
        return result;
    }
    *out = to;
    return ERR_OK;
}

static double number(const json_t *row, const char *key) {
    return json_number_value(json_object_get(row, key));
}

static err left_out_text(const json_t *row, struct str *out) {
    long long a = (long long)json_int_of(row, "only_a"), b = (long long)json_int_of(row, "only_b");
    if (a + b > 0) TRY(str_printf(out, "; %lld only in the first, %lld only in the second", a, b));
    return str_add(out, "\n");
}

static err row_text(const json_t *row, struct str *out) {
    const json_t *interval = json_object_get(row, "interval"), *p = json_object_get(row, "p_value");
    const char *task = json_text_of(row, "task"), *metric = json_text_of(row, "metric");
    if (json_object_get(row, "a") == NULL)
        return str_printf(out, "%s: nothing to compare%s\n", task,
                          json_object_get(row, "only_a") != NULL ? ": no case is in both" : "");
    TRY(str_printf(out, "%s %s: %.4f against %.4f, %+.4f", task, metric, number(row, "a"),
                   number(row, "b"), number(row, "difference")));
    if (p == NULL) return str_add(out, "\n");
    TRY(str_printf(out, " (%+.4f to %+.4f); %lld won, %lld lost, %lld the same of %lld; p = %.3g%s",
                   json_number_value(json_array_get(interval, 0)),
                   json_number_value(json_array_get(interval, 1)), (long long)number(row, "wins"),
                   (long long)number(row, "losses"), (long long)number(row, "ties"),
                   (long long)number(row, "n"), json_number_value(p),
                   json_number_value(p) < 0.05 ? "" : ": no more than chance would do"));
    return left_out_text(row, out);
}

err compare_text(const json_t *comparison, struct str *out) {
    static const char *const only[][2] = {{"only_a", "the first"}, {"only_b", "the second"}};
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(comparison, "tasks"), i, row) TRY(row_text(row, out));
    for (size_t k = 0; k < 2; k++) {
        json_array_foreach(json_object_get(comparison, only[k][0]), i, row)
            TRY(str_printf(out, "%s: only in %s\n", json_string_value(row), only[k][1]));
    }
    return ERR_OK;
}

enum { MAX_NAME_CHARACTERS = 30, MAX_HASH_CHARACTERS = sizeof "sha256:" + 11 };

static err add_name(const json_t *name, struct str *out) {
    if (json_is_integer(name)) return str_printf(out, "%lld", (long long)json_integer_value(name));
    struct span text = {json_string_value(name), json_string_length(name)};
    if (text_starts(text, "sha256:")) return text_add_clean(out, text, MAX_HASH_CHARACTERS);
    TRY(str_add(out, "\""));
    TRY(text_add_clean(out, text, MAX_NAME_CHARACTERS));
    return str_add(out, "\"");
}

err compare_add_names(const json_t *items, size_t n_most, struct str *out) {
    size_t n = json_array_size(items);
    for (size_t i = 0; i < n && i < n_most; i++) {
        if (i > 0) TRY(str_add(out, ", "));
        TRY(add_name(json_array_get(items, i), out));
    }
    return n > n_most ? str_printf(out, " and %zu more", n - n_most) : ERR_OK;
}
