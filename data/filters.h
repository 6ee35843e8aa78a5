/* SPDX-License-Identifier: Apache-2.0
 * Runs the filters that a recipe names, in its order, over the samples of a corpus: after held-out
 * cases were drawn, before validation rows are. What they did is kept: counts of each filter and
 * source, every dropped sample with its reason (data/dataset/dropped.h), notes with the samples
 * they are about. Read next: data/filters/filter.h, what one filter is; docs/filters.md, what each
 * does. */
#ifndef COTRAIN_DATA_FILTERS_H
#define COTRAIN_DATA_FILTERS_H

#include "base/arena.h"
#include "base/json.h"
#include "data/corpus.h"
#include "data/text/leaks.h"
#include "data/tokens/rows.h"
#include "data/tokens/tokenizer.h"

struct filter;
struct filter_count {
    int64_t seen, dropped, changed, noted;
    int64_t spared; /* examples of a request that would have been dropped */
};
struct dropped_sample {
    int64_t sample;
    const struct filter *filter;
    const char *reason, *elsewhere, *sealed_case;
    int64_t related; /* a sample, or -1 */
};

/* What filters did. A zeroed one is empty; release it also after a failure. */
struct filtering {
    struct arena arena;
    struct corpus *corpus;
    const struct filter **filters; /* those that ran, in order */
    int64_t n_filters;
    struct filter_count *counts; /* of each source, filter by filter */
    struct dropped_sample *dropped;
    int64_t n_dropped, dropped_capacity;
};
struct filter_count filtering_count(const struct filtering *f, int64_t filter, int64_t source);

/* The base model's judgement of one row: the sum of the loss over its trained tokens, and how many
 * these are; none of a row that is too long for it. */
struct data_score {
    err (*row)(void *ctx, const struct row_tokens *row, double *out_sum, int64_t *out_trained);
    void *ctx;
};

struct filters_run {
    struct corpus *corpus; /* `use` becomes USE_DROPPED, texts may be replaced */
    const struct data_options *options;
    const struct tokenizer *tokenizer;
    const struct forbidden_source *forbidden; /* evaluation sets; NULL: none. The corpus's own
                                               * held-out cases are guarded in any case */
    const struct data_score *score; /* of the filter quality; NULL: it is an error to name it */
    enum special_whitespace whitespace;
};
/* An unknown filter is ERR_MISSING with the nearest name, contradictory thresholds are ERR_RANGE,
 * and so is a request of whose rows none is left (the error tells which filter dropped how many). A
 * filter that would drop a request's own example is reported as a warning, and the example stays.
 */
MUST_CHECK err filters_run(const struct filters_run *run, struct filtering *out);
/* Names and thresholds alone, before anything is read. */
MUST_CHECK err filters_check(const struct data_options *options);
/* Whether the filter of that name ran. */
bool filtering_ran(const struct filtering *f, const char *name);
void filtering_release(struct filtering *f);

/* One object a filter, for the manifest: {"name", "seen", "dropped", "changed", "noted", "spared",
 * "sources": [{"source", ...}]}, of the sources only those with something to say. */
MUST_CHECK err filtering_describe(const struct filtering *f, json_t *out_list);

#endif
