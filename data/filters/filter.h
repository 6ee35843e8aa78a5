/* SPDX-License-Identifier: Apache-2.0
 * A filter: one file data/filters/<name>.c with one `const struct filter filter_<name>`, and one
 * line in data/filters/filters.def. It looks at every sample that is still in, held-out cases never
 * among them, and drops it with a reason, changes its texts, or leaves a note that travels with it.
 * Samples are looked at side by side and settled one by one in a fixed order, so that what comes
 * out does not depend on the number of threads.
 *
 * The order: the requests' own examples, then the rows of people, then those of generators, each in
 * the order of the sources. Of two samples that say the same the later one is dropped.
 * Read next: data/filters.h, the driver. */
#ifndef COTRAIN_DATA_FILTERS_FILTER_H
#define COTRAIN_DATA_FILTERS_FILTER_H

#include "base/str.h"
#include "data/filters/options.h"
#include "data/source/sample.h"
#include "data/tokens/tokenizer.h"

struct filter_pass; /* the run of one filter over the samples; data/filters.c */

struct filter {
    const char *name, *summary;
    /* Thresholds that contradict each other. May be NULL. */
    MUST_CHECK err (*check)(const struct filter_options *o);
    MUST_CHECK err (*run)(struct filter_pass *p);
};

#define FILTER(name) extern const struct filter filter_##name;
#include "data/filters/filters.def"
#undef FILTER
extern const struct filter *const filters[];
extern const int n_filters;
const struct filter *filter_find(const char *name); /* or NULL */

/* ---- what a filter works with ---- */

const struct filter_options *filter_options(const struct filter_pass *p);
const char *filter_word_list(const struct filter_pass *p); /* data.sensitive_words, or NULL */
const struct tokenizer *filter_tokenizer(const struct filter_pass *p);
/* Mean loss of the sample's trained tokens under the base model, in nats; NAN where it is not
 * measured. Not thread-safe. */
MUST_CHECK err filter_score(struct filter_pass *p, int64_t number, double *out);
/* What must not be trained on, as hashes; NULL where there is nothing of the kind. */
struct leaks;
struct leaks *filter_leaks(const struct filter_pass *p);
int64_t filter_n_bytes(const struct filter_pass *p);   /* of all texts together */
int64_t filter_n_samples(const struct filter_pass *p); /* numbers are below this */
/* A sample by its number; only one that is in. */
const struct sample *filter_sample(const struct filter_pass *p, int64_t number);

enum { FILTER_REASON_MAX = 160 };
struct filter_verdict {
    bool drop;
    char reason[FILTER_REASON_MAX]; /* of the drop: "the answer has 3 characters (at least 10)" */
    void *found;                    /* whatever `look` hands to `settle`, from mem_alloc */
};
/* Says in *out what is to be said of one sample that needs no other; runs in any thread, `ctx` is
 * only read. */
typedef err filter_look(void *ctx, struct filter_pass *p, int64_t number,
                        struct filter_verdict *out);
/* Runs in the order of the samples for those that `look` did not drop; may call filter_drop and
 * the like. `found` is what `look` left, and is freed by the driver. */
typedef err filter_settle(void *ctx, struct filter_pass *p, int64_t number, void *found);

/* Both over every sample that is in; either may be NULL. */
MUST_CHECK err filter_each(struct filter_pass *p, filter_look *look, filter_settle *settle,
                           void *ctx);

/* What a sample is dropped for; at most one of the last three is set. */
struct filter_drop {
    const char *reason;
    int64_t related;         /* number of a sample that says the same, or -1 */
    const char *elsewhere;   /* a row that is no sample here: "2024-02/train.jsonl line 7" */
    const char *sealed_case; /* id of the request whose held-out case it is like: nothing of the
                              * sample's text is written down then */
};
/* A request's own example stays in all the same, with a warning. */
MUST_CHECK err filter_drop(struct filter_pass *p, int64_t number, const struct filter_drop *why);
/* Whether texts of the sample may be replaced: not where what is trained is told by place, as of
 * ids and of answers that are trained in part. */
bool filter_can_edit(const struct sample *s);
/* Puts what `edit` makes of it (appended to the empty *out) in the place of every text of such a
 * sample; `what` says what changed, as a note does. */
typedef err filter_editor(void *ctx, struct span text, struct str *out);
MUST_CHECK err filter_edit(struct filter_pass *p, int64_t number, filter_editor *edit, void *ctx,
                           const char *what);
/* A note that travels with the sample (data/source/sample.h). */
MUST_CHECK err filter_note(struct filter_pass *p, int64_t number, const char *note);
/* Whether the sample is a request's own example, which somebody wrote into the recipe. */
bool filter_is_example(const struct filter_pass *p, int64_t number);
/* Appends where a sample stands: "general.jsonl line 12". */
MUST_CHECK err filter_place(const struct filter_pass *p, int64_t number, struct str *out);

#endif
