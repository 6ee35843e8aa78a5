/* SPDX-License-Identifier: Apache-2.0
 * What changed since last month's release (a recipe's `release.previous`): read from that release's
 * folder once, when this one is packed, and kept, so that CHANGELOG.md can be made again from it.
 *   provenance/previous.json
 *   {"cotrain_previous": 1, "hash", "name", "month", "base_model",
 *    "requests": [ID], "rows": N, "tokens": N, "answer_tokens": N,
 *    "bytes": {"was": N, "is": N},                    of both releases' weights
 *    "tasks": [{"task", "score", "was", "is",         the task's own score, both after training
 *               "paired": {"n", "wins", "losses", "p_value"} or null}]}    of the same items
 * Read next: eval/compare.h for the pairs. */
#ifndef COTRAIN_RELEASE_PREVIOUS_H
#define COTRAIN_RELEASE_PREVIOUS_H

#include "base/json.h"
#include "base/str.h"

#define PREVIOUS_FILE "provenance/previous.json"
#define CHANGELOG_FILE "CHANGELOG.md"

/* Whether a file is of a release's weights: model's, adapter's, other formats'. */
bool previous_counts(const char *path);
/* Whether it is a release that another can be compared with: ERR_MISSING, ERR_GATE, or what this
 * program does not read of it. `every_byte`: whether it is whole, too, which takes a while. */
MUST_CHECK err previous_check(const char *previous_dir, bool every_byte);
/* Holds every file of the release in `previous_dir` against its seal, then compares: `after` is
 * this release's evaluation, `dir` the folder that is packed. ERR_MISSING: there is no release;
 * ERR_GATE: it is damaged. The caller json_decref()s. */
MUST_CHECK err previous_make(const char *previous_dir, const char *dir, const json_t *after,
                             json_t **out);
/* Reads dir/provenance/previous.json and checks its outline; *out NULL where there is none. */
MUST_CHECK err previous_read(const char *dir, json_t **out);

/* CHANGELOG.md: a pure function of the manifest, the dataset's manifest and the above. Appends. */
struct changelog {
    const json_t *manifest, *dataset, *previous;
};
MUST_CHECK err changelog_write(const struct changelog *from, struct str *out);

#endif
