/* SPDX-License-Identifier: Apache-2.0
 * From labels to the fields of a reading: what a numbered list below a scenario is, which pairs are
 * examples, what follows from input and output where no ability is named, and where one post holds
 * several requests.
 * Read next: issues/read/read_prose.h, for what has no labels. */
#ifndef COTRAIN_ISSUES_READ_READ_LABELS_H
#define COTRAIN_ISSUES_READ_READ_LABELS_H

#include "issues/read/label.h"

/* One request of a post: some of its labels, and the range from the first to the next part's. */
struct part {
    const struct label *labels;
    int64_t n;
    struct range at;
};
enum { PARTS_MAX = 32 };

/* One part, or one for each scenario label where the same label stands again and each has an
 * answer.
 */
int64_t parts_split(const struct text *t, const struct label_list *labels,
                    struct part out[PARTS_MAX]);
/* Whether a part has a scenario, need or capability with an answer. */
bool part_asks(const struct text *t, const struct part *part);
MUST_CHECK err read_part(const struct text *t, const struct part *part, struct arena *a,
                         struct reading *out);
/* Fields out of input, output and example labels alone. */
MUST_CHECK err read_pairs(const struct text *t, const struct part *part, struct arena *a,
                          struct reading *out);
/* Constraint and remark labels alone. */
MUST_CHECK err read_extras(const struct text *t, const struct part *part, struct arena *a,
                           struct reading *out);
/* "must not ..." and "keep ..." clauses of a range. */
MUST_CHECK err read_constraints(const struct text *t, struct range r, struct arena *a,
                                struct reading *out);
/* An ability that nobody has named follows from input and output, or else from the scenario. */
MUST_CHECK err derive_capability(const struct text *t, const struct part *part, struct arena *a,
                                 struct reading *out);

#endif
