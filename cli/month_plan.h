/* SPDX-License-Identifier: Apache-2.0
 * A month's plan made, estimated, written and committed. Shared by `issues plan` and `month run`.
 * Hours depend on the machine: they are shown and not written.
 * Read next: issues/plan.h, cli/month_recipe.h. */
#ifndef COTRAIN_CLI_MONTH_PLAN_H
#define COTRAIN_CLI_MONTH_PLAN_H

#include "base/json.h"
#include "issues/plan.h"

/* `out_text` (appended) or `out_json` (the caller json_decref()s), either may be NULL: the plan for
 * people or programs. A month that was released keeps its plan: a different one is ERR_EXISTS. */
MUST_CHECK err month_plan_write(struct program *p, const char *month, struct arena *a,
                                struct str *out_text, json_t **out_json);

#endif
