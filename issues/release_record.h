/* SPDX-License-Identifier: Apache-2.0
 * What a month's release was, as the programme remembers it: releases/MONTH/release.yaml, beside
 * the release's own manifest. The weights are elsewhere; the hash finds and proves them.
 * Read next: release/manifest.h for what the hash covers. */
#ifndef COTRAIN_ISSUES_RELEASE_RECORD_H
#define COTRAIN_ISSUES_RELEASE_RECORD_H

#include "issues/program.h"

struct release_score {
    const char *id;       /* of the request */
    int64_t cases;        /* held-out ones */
    double before, after; /* exact match */
};
struct release_scores {
    struct release_score *items;
    int64_t n;
};
struct release_record {
    const char *month, *name, *hash, *date; /* date: "2024-02-29" */
    const char *url;                        /* where it can be had; NULL: not said */
    struct release_scores requests;
};

/* Texts live in the arena. `*out_found` false: that month has no release. */
MUST_CHECK err release_record_read(const struct program *p, const char *month, struct arena *a,
                                   struct release_record *out, bool *out_found);
/* Writes it with the manifest (its text) and commits both, dated `date`. A month that was released
 * with the same hash keeps its record; with another it is ERR_EXISTS. */
MUST_CHECK err release_record_write(struct program *p, const struct release_record *r,
                                    const struct str *manifest, struct arena *a);

#endif
