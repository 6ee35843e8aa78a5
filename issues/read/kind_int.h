/* SPDX-License-Identifier: Apache-2.0
 * What is known of a post while its kind is being found, and the weights of what speaks for each.
 * Private to the two files that judge.
 * Read next: issues/read/kind.c. */
#ifndef COTRAIN_ISSUES_READ_KIND_INT_H
#define COTRAIN_ISSUES_READ_KIND_INT_H

#include "issues/read/kind.h"

#define HAS(cues, name) (((cues)&CUE_BIT(name)) != 0)

struct judge {
    const struct words *w;
    const struct reading_context *context;
    struct arena *a;
    struct verdict *out;
    uint64_t cues, title_cues; /* of the sentences that are no instructions of a form */
    bool issue, opener;        /* the issue's own body; by who opened it */
};

/* What speaks for each kind of a developer's post. */
struct weights {
    int bug, question, feature, complaint;
    bool log; /* something that failed is shown or named, here or in the issue's title */
};

struct weights weigh(const struct judge *j);
bool asks_for_training(const struct judge *j);
/* Of the sentences that are no instructions of a form. */
uint64_t cues_of(const struct sentence_list *says);

#endif
