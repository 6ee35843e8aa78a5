/* SPDX-License-Identifier: Apache-2.0
 * Two releases compared, from what stands in their folders; no model is loaded. Each part
 * (release/diffs.def) is a file that finds its differences as JSON and says them in words.
 * Read next: release/diff.c; release/changelog.c, the short form of it that a release carries. */
#ifndef COTRAIN_RELEASE_DIFF_H
#define COTRAIN_RELEASE_DIFF_H

#include "base/json.h"
#include "base/str.h"
#include "release/golden.h"
#include "release/seal.h"

/* What is read of a release. */
struct diff_side {
    struct seal seal;
    struct golden golden;
    json_t *manifest, *data, *after; /* provenance: the dataset's manifest, the later report */
    json_t *recipe;                  /* as a tree of texts */
    json_t *gates;                   /* what came of each; NULL: it has none */
};
struct diff_part {
    /* Sets members of `out`; "differs": true where the sides do, "not_compared": [{"what", "why"}]
     * where something could not be held side by side. */
    err (*find)(const struct diff_side *a, const struct diff_side *b, json_t *out);
    /* Appends lines, each indented by two and ended. */
    err (*tell)(const json_t *found, struct str *out);
};
struct diff_row {
    const char *name;
    const struct diff_part *part;
};
extern const struct diff_row diff_rows[];
extern const int n_diff_rows;

/* {"a": {"name", "month", "hash"}, "b": likewise, "differs": BOOL, and each part under its name}.
 * Both are held against their seals first: ERR_GATE where one is damaged, ERR_MISSING where there
 * is none. The caller json_decref()s. */
MUST_CHECK err release_diff(const char *dir_a, const char *dir_b, json_t **out);
/* For people. Holds texts of strangers: who shows it on a terminal escapes it. */
MUST_CHECK err release_diff_text(const json_t *diff, struct str *out);

/* ---- for the parts ---- */

MUST_CHECK err diff_differs(json_t *out);
MUST_CHECK err diff_not_compared(json_t *out, const char *what, const char *why);
/* "name", a, b and the change of a count, as a member of `list`; true differences only. */
MUST_CHECK err diff_count(json_t *out, json_t *list, const char *name, int64_t a, int64_t b);
/* Objects of two lists that have the same text under `key` are `both`, as pairs [of a, of b]; those
 * of them whose sha256 is another are `changed`, as they are in b. */
struct diff_lists {
    json_t *only_a, *only_b, *both, *changed; /* arrays */
};
MUST_CHECK err diff_lists(const json_t *a, const json_t *b, const char *key,
                          struct diff_lists *out);
void diff_lists_release(struct diff_lists *l);
/* What `value` makes of each of a list, as a member `key` of `to`; `out` differs where there is
 * any. */
MUST_CHECK err diff_put(json_t *out, json_t *to, const char *key, const json_t *list,
                        json_t *(*value)(const json_t *one));
/* "added", "removed" and "changed" likewise, and the number of those that are the "same". */
MUST_CHECK err diff_put_lists(json_t *out, json_t *to, const struct diff_lists *l,
                              json_t *(*value)(const json_t *one));

#endif
