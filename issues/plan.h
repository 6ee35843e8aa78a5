/* SPDX-License-Identifier: Apache-2.0
 * A month's training plan: which accepted requests are trained, in which order and why, and which
 * wait and why. The programme's rule: requests of developers who reported more problems come
 * first; then more votes; then the earlier post. What does not fit the month's capacity is carried
 * over and ranked again next month. The same records give the same plan.
 * Source of the rule: the maintainers' comment in the programme's thread.
 * Read next: issues/record.h. */
#ifndef COTRAIN_ISSUES_PLAN_H
#define COTRAIN_ISSUES_PLAN_H

#include "issues/record.h"

struct plan_request {
    int64_t rank; /* from 1 */
    const char *id, *scenario, *reason;
    struct opt_list with; /* ids of requests merged into it */
    int64_t rows, tokens; /* that would be trained, over all epochs; 0: not estimated */
};
struct plan_requests {
    struct plan_request *items;
    int64_t n;
};
struct plan_waiting {
    const char *id, *state, *reason;
};
struct plan_waitings {
    struct plan_waiting *items;
    int64_t n;
};
struct month_plan {
    const char *month;
    const char *base_model; /* name of the base in program.yaml; NULL: nothing is planned */
    int64_t capacity;
    int64_t memory; /* bytes that training needs on the programme's machine; 0: not estimated */
    struct plan_requests requests;
    struct plan_waitings waiting;
};

/* Ranks. Requests of earlier plans are not planned again. Texts live in the arena; those of the
 * records stay theirs. */
MUST_CHECK err plan_make(const struct program *p, const char *month, const struct record_list *all,
                         struct arena *a, struct month_plan *out);
/* plans/MONTH.yaml. */
MUST_CHECK err plan_path(const char *month, struct arena *a, const char **out);
MUST_CHECK err plan_text(const struct month_plan *plan, struct str *out);
/* Texts live in the arena. `*out_found` false: that month has no plan. */
MUST_CHECK err plan_read(const struct program *p, const char *month, struct arena *a,
                         struct month_plan *out, bool *out_found);
/* Which plan each request is in, over all months; read once, asked for each request. */
struct plan_index {
    struct planned {
        const char *id, *month;
    } * items; /* by id */
    int64_t n;
};
MUST_CHECK err plan_index_read(const struct program *p, struct arena *a, struct plan_index *out);
/* The month of the plan that has the request, or NULL. */
const char *plan_index_find(const struct plan_index *index, const char *id);

#endif
