/* SPDX-License-Identifier: Apache-2.0
 * Sentences of a text and what the words in them tell: one bit for each class of
 * issues/read/cues.def. Only the author's own words count, not code, quotations, addresses or
 * comments. What to make of it is for issues/read/kind.c and issues/read/read_prose.c. */
#ifndef COTRAIN_ISSUES_READ_CUES_H
#define COTRAIN_ISSUES_READ_CUES_H

#include "issues/read/pattern.h"

/* The classes of the table, in the order of the bits. */
enum cue_class {
    CUE_TRAIN_ASK,
    CUE_MODEL_WISH,
    CUE_LIKE,
    CUE_ABILITY_WISH,
    CUE_DOMAIN_MODEL,
    CUE_SELF,
    CUE_POSSIBLE,
    CUE_QUESTION,
    CUE_QUERY,
    CUE_SOMEWHERE,
    CUE_PLAN,
    CUE_WHEN,
    CUE_SOFTWARE,
    CUE_TOOL,
    CUE_WISH,
    CUE_VERB,
    CUE_ERROR,
    CUE_ERROR_STRONG,
    CUE_THANKS,
    CUE_SOLVED,
    CUE_PLUS,
    CUE_ALSO,
    CUE_CLARIFY,
    CUE_COMPLAINT,
    CUE_OFFER,
    CUE_GREETING,
    CUE_USE,
    CUE_TASK,
    CUE_PROGRAMME,
    CUE_TALK,
    CUE_REFER,
    CUE_CALL,
    CUE_ANNOUNCE,
    CUE_POLICY,
    CUE_FEATURE,
    CUE_ROADMAP,
    CUE_RETAIN,
    CUE_HINT,
    CUE_COUNT
};
#define CUE_BIT(name) (UINT64_C(1) << CUE_##name)

struct sentence {
    struct range at;   /* without blanks and punctuation at its ends */
    uint32_t end_mark; /* what ended it, folded */
    uint64_t cues;
};
struct sentence_list {
    struct sentence *items;
    int64_t n;
    uint64_t cues; /* of all */
};

MUST_CHECK err sentences_find(const struct text *t, struct arena *a, struct sentence_list *out);
/* The classes whose patterns match inside. */
uint64_t cues_in(const struct text *t, struct range r);
/* The first match of a class inside. */
bool cue_find(enum cue_class class, const struct text *t, struct range r, struct match *out);
/* ERROR_STRONG among the lines of code, too: logs that were pasted. */
bool cues_code_has_error(const struct text *t);

/* For the test of the table. */
struct cue_row {
    enum cue_class class;
    const char32_t *pattern;
};
extern const struct cue_row cue_rows[];
extern const int n_cue_rows;

#endif
