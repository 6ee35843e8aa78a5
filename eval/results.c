/* SPDX-License-Identifier: Apache-2.0
 * Reading results (eval/results.h). An item has a score under the score's name; the task's own is
 * "correct" in a suite and "exact" in cases of requests.
 * Read next: eval/compare.c, eval/gates.c. */
#include "eval/results.h"

#include "base/mem.h"
#include "eval/confidence.h"
#include <string.h>

/* The member that holds a score of one answer; NULL: none does. */
static const json_t *member_of(const json_t *item, const char *score, bool is_metric) {
    const json_t *value = json_object_get(item, score);
    if (value == NULL && is_metric) value = json_object_get(item, "correct");
    if (value == NULL && is_metric) value = json_object_get(item, "exact");
    return value;
}

static bool another_answer(const json_t *first, const json_t *item) {
    return json_object_get(item, "sample") != NULL &&
           json_equal(json_object_get(first, "item"), json_object_get(item, "item"));
}

/* The result of the item that begins at *at, and past its answers. */
static struct result next_result(const json_t *items, size_t *at, const char *score,
                                 bool is_metric) {
    struct result r = {.item = json_array_get(items, *at), .is_judged = true, .is_verdict = true};
    int64_t n = 0;
    do {
        const json_t *value = member_of(json_array_get(items, *at), score, is_metric);
        r.is_judged &= json_is_boolean(value) || json_is_number(value);
        r.is_verdict &= json_is_boolean(value);
        r.value += json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
        n++;
        (*at)++;
    } while (*at < json_array_size(items) && another_answer(r.item, json_array_get(items, *at)));
    r.is_verdict &= n == 1;
    r.value /= (double)n;
    return r;
}

err results_read(const json_t *part, const char *score, struct results *out) {
    const json_t *items = json_object_get(part, "items");
    bool is_metric = strcmp(score, json_text_of(part, "metric")) == 0;
    *out = (struct results){.all_judged = true, .all_verdicts = true};
    out->items = mem_alloc(json_array_size(items) + 1, sizeof *out->items);
    if (out->items == NULL) return ERR_MEMORY;
    for (size_t at = 0; at < json_array_size(items);) {
        struct result r = next_result(items, &at, score, is_metric);
        out->items[out->n++] = r;
        out->all_judged &= r.is_judged;
        out->all_verdicts &= r.is_verdict;
    }
    return ERR_OK;
}

void results_release(struct results *r) {
    mem_free(r->items);
    *r = (struct results){.n = 0};
}

static err unsure(const json_t *part, const char *score) {
    fail(ERR_UNSUPPORTED, "'%s' has no '%s' of each item, so nothing tells how sure it is",
         json_text_of(part, "task"), score);
    return fail_hint(ERR_UNSUPPORTED, "leave the confidence out");
}

static err interval_of(const struct results *r, double confidence, struct interval *out) {
    double sum = 0.0, *values = mem_alloc((size_t)r->n, sizeof *values);
    if (values == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < r->n; i++) sum += values[i] = r->items[i].value;
    err result = ERR_OK;
    if (r->all_verdicts)
        *out = share_interval((int64_t)sum, r->n, confidence);
    else
        result = bootstrap_interval(values, r->n, confidence, out);
    mem_free(values);
    return result;
}

err results_interval(const json_t *part, const char *score, double confidence,
                     struct interval *out) {
    struct results r = {.n = 0};
    if (score[0] == '\0') score = json_text_of(part, "metric");
    TRY(results_read(part, score, &r));
    err result = r.n > 0 && r.all_judged ? interval_of(&r, confidence, out) : unsure(part, score);
    results_release(&r);
    return result;
}
