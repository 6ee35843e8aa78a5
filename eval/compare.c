/* SPDX-License-Identifier: Apache-2.0
 * Paired comparison of two reports (eval/compare.h), whose items must be the same ones in the same
 * order: what was compared by mistake with another limit or other cases is refused.
 * Read next: eval/score.h and eval/held_out.h, which write the items. */
#include "eval/compare.h"

#include "base/mem.h"
#include "base/philox.h"
#include "eval/pairs.h"
#include "eval/report.h"
#include "eval/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_RESAMPLES = 10000, RESAMPLE_SEED = 1947 };

double mcnemar_exact(int64_t wins, int64_t losses) {
    int64_t n = wins + losses, fewer = wins < losses ? wins : losses;
    double sum = 0.0;
    for (int64_t i = 0; i <= fewer; i++)
        sum += exp(lgamma((double)n + 1.0) - lgamma((double)i + 1.0) -
                   lgamma((double)(n - i) + 1.0) - (double)n * M_LN2);
    return fmin(1.0, 2.0 * sum);
}

static int by_value(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

err paired_bootstrap(const int8_t *differences, int64_t n, struct interval *out) {
    int32_t *sums = mem_alloc(N_RESAMPLES, sizeof *sums);
    if (sums == NULL) return ERR_MEMORY;
    for (int64_t k = 0; k < N_RESAMPLES; k++) {
        const struct rng r = {RESAMPLE_SEED, RNG_RESAMPLE, (uint64_t)k};
        sums[k] = 0;
        for (int64_t i = 0; i < n; i++)
            sums[k] += differences[rng_below(&r, (uint64_t)i, (uint64_t)n)];
    }
    qsort(sums, N_RESAMPLES, sizeof *sums, by_value);
    double count = n > 0 ? (double)n : 1.0;
    out->low = sums[N_RESAMPLES / 40] / count; /* 2.5 % below */
    out->high = sums[N_RESAMPLES - 1 - N_RESAMPLES / 40] / count;
    mem_free(sums);
    return ERR_OK;
}

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

static err check_items(const json_t *a, const json_t *b) {
    size_t n = json_array_size(a), m = json_array_size(b), i = 0;
    struct str name = {0};
    while (i < n && i < m && item_same(json_array_get(a, i), json_array_get(b, i))) i++;
    if (i == n && i == m) return ERR_OK;
    err result = item_name(json_array_get(i < n ? a : b, i), &name);
    if (result == ERR_OK && n != m && (i == n || i == m))
        result =
            fail(ERR_MISMATCH, "%zu items against %zu: %s is in one only", n, m, str_text(&name));
    else if (result == ERR_OK)
        result = fail(ERR_MISMATCH, "the items differ from number %zu on: %s against another",
                      i + 1, str_text(&name));
    str_release(&name);
    return result;
}

/* A name for lists: the item's number, id, or its prompt. */
static json_t *short_name(const json_t *item) {
    static const char *const keys[] = {"task_id", "item", "prompt", "prompt_sha256"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_t *name = json_object_get(item, keys[i]);
        if (name != NULL) return json_incref(name);
    }
    return json_null();
}

struct pairs {
    int64_t n, wins, losses, a_right, b_right, n_unjudged;
};

static err count_pairs(const json_t *a, const json_t *b, int8_t *differences, json_t *row,
                       struct pairs *out) {
    json_t *won = json_array();
    TRY(json_put(row, "won", won));
    json_t *lost = json_array();
    TRY(json_put(row, "lost", lost));
    *out = (struct pairs){.n = (int64_t)json_array_size(a)};
    for (int64_t i = 0; i < out->n; i++) {
        const json_t *item = json_array_get(b, (size_t)i);
        int was = item_verdict(json_array_get(a, (size_t)i)), is = item_verdict(item);
        if (was < 0 || is < 0) {
            out->n_unjudged++;
            continue;
        }
        differences[i] = (int8_t)(is - was);
        out->a_right += was;
        out->b_right += is;
        out->wins += is > was;
        out->losses += is < was;
        if (is != was) TRY(json_push(is > was ? won : lost, short_name(item)));
    }
    return ERR_OK;
}

static err put_pairs(json_t *row, const struct pairs *p, const int8_t *differences) {
    struct interval i;
    double n = p->n > 0 ? (double)p->n : 1.0;
    TRY(paired_bootstrap(differences, p->n, &i));
    TRY(json_put(row, "n", json_integer(p->n)));
    TRY(json_put(row, "a", json_real((double)p->a_right / n)));
    TRY(json_put(row, "b", json_real((double)p->b_right / n)));
    TRY(json_put(row, "difference", json_real((double)(p->wins - p->losses) / n)));
    TRY(json_put(row, "interval", json_pack("[f,f]", i.low, i.high)));
    TRY(json_put(row, "wins", json_integer(p->wins)));
    TRY(json_put(row, "losses", json_integer(p->losses)));
    TRY(json_put(row, "ties", json_integer(p->n - p->wins - p->losses)));
    return json_put(row, "p_value", json_real(mcnemar_exact(p->wins, p->losses)));
}

static err put_scores(json_t *row, const json_t *a, const json_t *b, const char *metric) {
    const json_t *was = json_object_get(json_object_get(a, "scores"), metric);
    const json_t *is = json_object_get(json_object_get(b, "scores"), metric);
    if (!json_is_number(was) || !json_is_number(is)) return ERR_OK;
    double x = json_number_value(was), y = json_number_value(is);
    TRY(json_put(row, "a", json_real(x)));
    TRY(json_put(row, "b", json_real(y)));
    return json_put(row, "difference", json_real(y - x));
}

static err compare_items(const json_t *a, const json_t *b, json_t *row, bool *out_judged) {
    struct pairs p;
    TRY(check_items(a, b));
    if (json_object_get(json_array_get(a, 0), "sample") != NULL)
        return fail(ERR_UNSUPPORTED, "several answers to an item are not independent: compare "
                                     "greedy ones");
    int8_t *differences = mem_zalloc(json_array_size(a) + 1, sizeof *differences);
    if (differences == NULL) return ERR_MEMORY;
    err result = count_pairs(a, b, differences, row, &p);
    *out_judged = result == ERR_OK && p.n_unjudged == 0;
    if (*out_judged) result = put_pairs(row, &p, differences);
    mem_free(differences);
    return result;
}

static err compare_task(const json_t *a, const json_t *b, json_t *rows) {
    const char *task = json_text_of(b, "task"), *metric = json_text_of(b, "metric");
    const json_t *items_a = json_object_get(a, "items"), *items_b = json_object_get(b, "items");
    bool judged = false;
    json_t *row = json_object();
    TRY(json_push(rows, row));
    TRY(json_put(row, "task", json_string(task)));
    TRY(json_put(row, "metric", json_string(metric)));
    if (strcmp(metric, json_text_of(a, "metric")) != 0)
        return fail(ERR_MISMATCH, "task '%s': metric '%s' against '%s'", task,
                    json_text_of(a, "metric"), metric);
    if (json_array_size(items_a) > 0 || json_array_size(items_b) > 0) {
        err result = compare_items(items_a, items_b, row, &judged);
        if (result != ERR_OK) return fail_in(result, "task '%s'", task);
    }
    return judged ? ERR_OK : put_scores(row, a, b, metric);
}

static const json_t *find_task(const json_t *report, const char *name) {
    size_t i = 0;
    json_t *part = NULL;
    json_array_foreach(json_object_get(report, "tasks"), i,
                       part) if (strcmp(json_text_of(part, "task"), name) == 0) return part;
    return NULL;
}

/* Names of the tasks of `report` that `other` lacks. */
static err put_missing(json_t *to, const char *key, const json_t *report, const json_t *other) {
    size_t i = 0;
    json_t *part = NULL, *list = json_array();
    TRY(json_put(to, key, list));
    json_array_foreach(json_object_get(report, "tasks"), i, part) {
        const char *name = json_text_of(part, "task");
        if (find_task(other, name) == NULL) TRY(json_push(list, json_string(name)));
    }
    return ERR_OK;
}

static err compare_all(const json_t *a, const json_t *b, json_t *to) {
    size_t i = 0;
    json_t *part = NULL, *rows = json_array();
    TRY(json_put(to, "tasks", rows));
    json_array_foreach(json_object_get(b, "tasks"), i, part) {
        const json_t *was = find_task(a, json_text_of(part, "task"));
        if (was != NULL) TRY(compare_task(was, part, rows));
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

static err row_text(const json_t *row, struct str *out) {
    const json_t *interval = json_object_get(row, "interval"), *p = json_object_get(row, "p_value");
    const char *task = json_text_of(row, "task"), *metric = json_text_of(row, "metric");
    if (json_object_get(row, "a") == NULL) return str_printf(out, "%s: nothing to compare\n", task);
    TRY(str_printf(out, "%s %s: %.4f against %.4f, %+.4f", task, metric, number(row, "a"),
                   number(row, "b"), number(row, "difference")));
    if (p == NULL) return str_add(out, "\n");
    return str_printf(
        out, " (%+.4f to %+.4f); %lld won, %lld lost, %lld the same of %lld; p = %.3g%s\n",
        json_number_value(json_array_get(interval, 0)),
        json_number_value(json_array_get(interval, 1)), (long long)number(row, "wins"),
        (long long)number(row, "losses"), (long long)number(row, "ties"),
        (long long)number(row, "n"), json_number_value(p),
        json_number_value(p) < 0.05 ? "" : ": no more than chance would do");
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
