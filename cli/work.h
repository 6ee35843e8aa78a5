/* SPDX-License-Identifier: Apache-2.0
 * A work folder and the records of its stages. A stage's record holds the hash of everything it
 * read and of everything it wrote; a stage whose record still fits is not run again, so a run that
 * was killed goes on where it was, and one whose recipe changed repeats just what the change
 * reaches.
 *   expand/, data/, eval/before.json, eval/after.json, eval/gates.json, train/ (cli/train_stage.h),
 *   release/NAME/
 *   cache/               encoded rows (data/tokens/token_cache.h); may be deleted at any time
 *   stages/NAME.json     records; stages.jsonl: what each run of a stage took, in seconds
 * Read next: cli/cmd_run.c. */
#ifndef COTRAIN_CLI_WORK_H
#define COTRAIN_CLI_WORK_H

#include "base/arena.h"
#include "base/json.h"
#include <stdbool.h>

struct work {
    const char *dir;
    const char *expand, *data, *eval, *before, *after, *gates, *train, *adapter, *merged, *plan,
        *log, *result;
    const char *cache;   /* of encoded rows: COTRAIN_CACHE, else below `dir` */
    const char *release; /* the release's own folder; NULL: there is to be none */
};

/* Paths below `dir`, in the arena; makes the folder. A release name that would leave the folder is
 * ERR_RANGE. */
MUST_CHECK err work_open(struct work *w, const char *dir, const char *release_name,
                         struct arena *arena);

struct stage {
    const struct work *work;
    const char *name;
    char *path; /* of its record */
    json_t *inputs;
    json_t *record; /* as it lies there, or NULL */
    double started_s;
};

/* Begins with the program's version as first input. An unreadable record counts as none. */
MUST_CHECK err stage_begin(struct stage *s, const struct work *w, const char *name);
MUST_CHECK err stage_input_text(struct stage *s, const char *key, const char *text);
/* One top-level section of a resolved recipe, as text ("" when it has none). */
MUST_CHECK err stage_input_section(struct stage *s, const char *resolved, const char *section);
/* A file, a folder, or nothing at all, which is an input too. */
MUST_CHECK err stage_input_path(struct stage *s, const char *key, const char *path);

/* Whether the record has these inputs and its outputs lie there unchanged. */
MUST_CHECK err stage_is_done(const struct stage *s, bool *out);
/* Whether a run of the stage with these inputs was begun: what it left may be gone on with. */
bool stage_was_started(const struct stage *s);
/* Records that the stage runs with these inputs, before it writes anything. */
MUST_CHECK err stage_start(struct stage *s);
/* Records its outputs (paths, NULL-terminated) and appends to stages.jsonl. */
MUST_CHECK err stage_finish(struct stage *s, const char *const *outputs, double *out_seconds);
void stage_release(struct stage *s);

#endif
