/* SPDX-License-Identifier: Apache-2.0
 * Filter `quality`: samples that the base model finds too easy, from which it learns nothing, or
 * too strange, which are most often broken. The measure is the mean loss of a sample's trained
 * tokens under the base model, in nats a token; the model is handed in (struct data_score), and is
 * the only slow thing among the filters. Thresholds are losses, or shares of the samples at either
 * end; at least one must be set. A sample of which nothing is trained, or that is too long for the
 * model, is not measured and stays. */
#include "data/filters/filter.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct scored {
    int64_t number;
    double loss;
};
struct scores {
    struct scored *items;
    int64_t n;
};

static err check(const struct filter_options *o) {
    if (o->quality_min_loss <= 0 && o->quality_max_loss <= 0 && o->quality_easy <= 0 &&
        o->quality_strange <= 0)
        return fail(ERR_MISSING,
                    "the filter quality drops nothing: set data.filter.quality_min_loss,"
                    " quality_max_loss, quality_easy or quality_strange");
    if (o->quality_max_loss > 0 && o->quality_min_loss >= o->quality_max_loss)
        return fail(ERR_RANGE,
                    "data.filter.quality_min_loss is %g and data.filter.quality_max_loss is %g: "
                    "nothing fits",
                    o->quality_min_loss, o->quality_max_loss);
    if (o->quality_easy + o->quality_strange >= 1)
        return fail(ERR_RANGE,
                    "data.filter.quality_easy and data.filter.quality_strange are %g together: "
                    "nothing is left",
                    o->quality_easy + o->quality_strange);
    return ERR_OK;
}

/* One after the other: the model uses all cores for each. */
static err measure(void *ctx, struct filter_pass *p, int64_t number, void *found) {
    struct scores *s = ctx;
    double loss;
    (void)found;
    TRY(filter_score(p, number, &loss));
    if (!isnan(loss)) s->items[s->n++] = (struct scored){number, loss};
    return ERR_OK;
}

static int by_loss(const void *left, const void *right) {
    const struct scored *a = left, *b = right;
    if (a->loss < b->loss || b->loss < a->loss) return a->loss < b->loss ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static err drop(struct filter_pass *p, struct scored s, const char *what, const char *why) {
    char reason[FILTER_REASON_MAX];
    snprintf(reason, sizeof reason, "too %s: %.3f nats a token (%s)", what, s.loss, why);
    return filter_drop(p, s.number, &(struct filter_drop){.reason = reason, .related = -1});
}

/* `i`: the place by loss. */
static err judge(struct filter_pass *p, const struct scores *s, int64_t i) {
    const struct filter_options *o = filter_options(p);
    int64_t easy = (int64_t)(o->quality_easy * (double)s->n);
    int64_t strange = (int64_t)(o->quality_strange * (double)s->n);
    struct scored item = s->items[i];
    if (i < easy) return drop(p, item, "easy", "among the lowest");
    if (i >= s->n - strange) return drop(p, item, "strange", "among the highest");
    if (item.loss < o->quality_min_loss) return drop(p, item, "easy", "below quality_min_loss");
    if (o->quality_max_loss > 0 && item.loss > o->quality_max_loss)
        return drop(p, item, "strange", "above quality_max_loss");
    return ERR_OK;
}

static err run(struct filter_pass *p) {
    struct scores s = {mem_alloc((size_t)filter_n_samples(p) + 1, sizeof *s.items), 0};
    if (!s.items) return ERR_MEMORY;
    err e = filter_each(p, NULL, measure, &s);
    if (e == ERR_OK && s.n > 0) qsort(s.items, (size_t)s.n, sizeof *s.items, by_loss);
    for (int64_t i = 0; i < s.n && e == ERR_OK; i++) e = judge(p, &s, i);
    mem_free(s.items);
    return e;
}

const struct filter filter_quality = {
    .name = "quality",
    .summary = "samples that the base model finds too easy or too strange, by its loss",
    .check = check,
    .run = run,
};
