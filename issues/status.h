/* SPDX-License-Identifier: Apache-2.0
 * Where a programme stands: for each month what has been done, what is next, when it is due, and
 * whether it is late. Derived from the files alone; nothing is stored.
 *   collect    due on the programme's day of the month
 *   review     every request of the month has a decision
 *   plan       plans/MONTH.yaml
 *   recipe     recipes/MONTH/, unless nothing is planned
 *   release    releases/MONTH/ by the month's last day, unless nothing is planned
 * Read next: issues/program.h. */
#ifndef COTRAIN_ISSUES_STATUS_H
#define COTRAIN_ISSUES_STATUS_H

#include "issues/plan.h"

enum month_step { STEP_COLLECT, STEP_REVIEW, STEP_PLAN, STEP_RECIPE, STEP_RELEASE, STEP_COUNT };
extern const char *const month_step_names[STEP_COUNT];

struct month_status {
    char month[MONTH_SIZE];
    enum month_step next; /* STEP_COUNT: the month is done */
    char due[DAY_SIZE];   /* of `next` */
    bool late;
    int64_t n_requests, n_undecided, n_planned; /* of the month's plan; -1: no plan */
};

struct program_status {
    struct month_status *items; /* oldest first */
    int64_t n;
};
/* Every month from the first that anything is known of to the one whose collection comes next. */
MUST_CHECK err status_read(const struct program *p, const char *today, struct arena *a,
                           struct program_status *out);
/* recipes/MONTH/NAME-MONTH.yaml and releases/MONTH/release.yaml. */
MUST_CHECK err month_recipe_path(const struct program *p, const char *month, struct arena *a,
                                 const char **out);
MUST_CHECK err month_release_path(const char *month, struct arena *a, const char **out);

#endif
