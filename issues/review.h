/* SPDX-License-Identifier: Apache-2.0
 * Review: a person's decision about a request, and everything that must be looked at before. A
 * decision comes from a terminal, from a file of decisions, or from the record's own file edited by
 * hand; all three pass the same checks.
 *   accept      may be planned; needs a scenario or capability and at least one example
 *   reject      needs a reason
 *   needs-info  the requester is asked for what is missing
 *   merge       is part of another request, `into` its id
 *   edit        changes fields and decides nothing
 * Any decision may change fields as well: what it gives replaces what the record has.
 * Read next: issues/record.h, data/sensitive.h, data/text/near.h. */
#ifndef COTRAIN_ISSUES_REVIEW_H
#define COTRAIN_ISSUES_REVIEW_H

#include "data/sensitive.h"
#include "issues/record.h"

struct decision {
    const char *id, *decision, *by, *date, *reason, *into;
    const char *scenario, *input, *output, *remark; /* NULL: stays */
    struct opt_list capability, constraints;        /* empty: stays */
    const char *cases;                              /* file of held-out cases; NULL: stays */
    double weight;                                  /* 0: stays */
    /* Names of finds (data/sensitive.def) that were looked at and are no reason against. */
    struct opt_list allow;
    struct record_examples examples; /* empty: stays */
};
struct decision_list {
    struct arena arena;
    struct decision *items;
    int64_t n;
};
/* Reads a file of decisions: `cotrain: 1`, `by`, `date`, and a list `decisions`; a decision without
 * `by` or `date` has the file's. */
MUST_CHECK err decisions_read(const char *path, struct decision_list *out);
void decision_list_release(struct decision_list *list);

/* What a reviewer must see. */
struct review_find {
    const char *field; /* "text", "examples.1.prompt" */
    struct sensitive_find find;
};
struct review_finds {
    struct review_find *items;
    int64_t n;
};
MUST_CHECK err review_find_sensitive(const struct record *r, struct arena *a,
                                     struct review_finds *out);
struct review_similar {
    const struct record *record;
    double similarity; /* of scenario, capability and examples */
};
enum { REVIEW_SIMILAR_MAX = 5 };
/* Requests of `all` that say nearly the same, most similar first; `r` itself left out. */
MUST_CHECK err review_find_similar(const struct record *r, const struct record_list *all,
                                   struct review_similar out[REVIEW_SIMILAR_MAX], int64_t *out_n);
/* What a reviewer is most likely to decide: "needs-info" when something is missing, else "accept".
 */
const char *review_proposal(const struct record *r);

/* Checks the decision and applies it: the record gets its fields and a line in its review. One that
 * says what the record says already changes nothing. Refused with ERR_GATE: accepting without what
 * training needs, or with finds that are not allowed. Texts are copied into the arena. */
MUST_CHECK err review_apply(const struct decision *d, const struct record_list *all,
                            struct arena *a, struct record *r, bool *out_changed);
/* Whether the record as it stands may have the state it has: for files edited by hand. */
MUST_CHECK err review_check(const struct record *r, const struct record_list *all);

/* Applies a decision to a record of `all` and to its file, and commits it (issues/review_store.c).
 * A file of cases is copied beside the record's. What is there already changes nothing. */
MUST_CHECK err review_decide(struct program *p, const struct decision *d, struct record_list *all,
                             bool *out_changed);
/* Request files that were edited by hand since HEAD: checked, and committed as `by`'s work. */
MUST_CHECK err review_take_edits(struct program *p, const struct record_list *all, const char *by,
                                 const char *on, int64_t *out_n);

#endif
