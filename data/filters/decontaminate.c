/* SPDX-License-Identifier: Apache-2.0
 * Filter `decontaminate`: samples that hold, whole or in part and but for light edits, a text of an
 * evaluation set in use or a sealed case. It sees hashes of those alone (data/text/leaks.h), and of
 * a sample that is like a sealed case only the request is told.
 * Read next: data/text/leaks.h, what counts as a leak. */
#include "data/filters/filter.h"
#include "base/mem.h"
#include "data/text/leaks.h"
#include <stdio.h>

static err count(void *ctx, struct filter_pass *p, int64_t number, void *found) {
    (void)found;
    return leaks_count(ctx, filter_sample(p, number));
}

static err look(void *ctx, struct filter_pass *p, int64_t number, struct filter_verdict *out) {
    struct leak leak;
    bool found;
    TRY(leaks_find(ctx, filter_sample(p, number), &leak, &found));
    if (!found) return ERR_OK;
    struct leak *kept = mem_alloc(1, sizeof *kept);
    if (!kept) return ERR_MEMORY;
    *kept = leak;
    out->found = kept;
    return ERR_OK;
}

static err settle(void *ctx, struct filter_pass *p, int64_t number, void *given) {
    const struct leak *leak = given;
    char reason[FILTER_REASON_MAX];
    (void)ctx;
    if (!leak) return ERR_OK;
    const char *where = leak->request ? "a held-out case" : leak->set;
    if (leak->distance < 1)
        snprintf(reason, sizeof reason, "%.1f %% of the characters differ from %.100s",
                 100 * leak->distance, where);
    else
        snprintf(reason, sizeof reason, "%.0f %% of what tells it apart is in %.100s",
                 100 * leak->coverage, where);
    return filter_drop(p, number,
                       &(struct filter_drop){.reason = reason,
                                             .related = -1,
                                             .elsewhere = leak->request ? NULL : leak->set,
                                             .sealed_case = leak->request});
}

static err run(struct filter_pass *p) {
    struct leaks *leaks = filter_leaks(p);
    if (!leaks) return ERR_OK; /* there is nothing to guard */
    TRY(leaks_count_start(leaks, filter_n_bytes(p)));
    TRY(filter_each(p, NULL, count, leaks));
    TRY(leaks_count_end(leaks));
    return filter_each(p, look, settle, leaks);
}

const struct filter filter_decontaminate = {
    .name = "decontaminate",
    .summary = "samples that hold a text of an evaluation set or a held-out case",
    .run = run,
};
