/* SPDX-License-Identifier: Apache-2.0
 * Pushing a release to the targets of its recipe. Each goes through four states, in this order:
 *   prepared    what is there was looked at, and what is to be sent is known
 *   uploaded    every large file is there, and is the right one
 *   committed   a commit with all files is there
 *   verified    what was committed was looked at from outside; only now the tag is set
 * How far each came stands in DIR.push/state.json, beside the release. It is a record and no more:
 * a run looks at what is there and does what is missing, whatever the last one did or where it was
 * ended. Nothing over there is ever deleted, and no tag is moved.
 * Read next: release/push_int.h, what a type of target does; release/targets/. */
#ifndef COTRAIN_RELEASE_PUSH_H
#define COTRAIN_RELEASE_PUSH_H

#include "base/json.h"
#include "release/targets.h"

#define PUSH_STATES(STATE)                                                                         \
    STATE(NOTHING, "nothing")                                                                      \
    STATE(PREPARED, "prepared")                                                                    \
    STATE(UPLOADED, "uploaded")                                                                    \
    STATE(COMMITTED, "committed")                                                                  \
    STATE(VERIFIED, "verified")
enum push_state {
#define STATE(name, word) PUSH_##name,
    PUSH_STATES(STATE)
#undef STATE
        PUSH_STATE_COUNT
};

struct push_options {
    const char *dir;        /* the release, which was verified (release/verify.h) */
    const json_t *manifest; /* its own */
    const struct release_target_list *targets;
    const struct opt_list *only; /* names of targets; none: all */
    const struct opt_list
        *tokens;         /* "TARGET=FILE": where a target's token is, else in its variable */
    const char *ssh_key; /* signs commits and tags; NULL: they are unsigned */
    bool dry_run;        /* nothing is asked; the requests are listed */
    /* How a wait between tries is spent; NULL: asleep. */
    err (*wait)(void *context, int64_t ms);
    void *context;
};

/* Types of targets (release/targets.def), and what each is. */
extern const int n_target_types;
const char *push_type_name(int i);
const char *push_type_summary(int i);

/* Pushes to one target after the other, whatever became of those before (but a request to stop or
 * no memory ends it). The error is the first target's that failed.
 *   {"release", "hash", "signed", "targets": [{"name", "type", "where", "state", "commit", "tag",
 *    "requests", "error", "hint"}]}
 *       state: how far this run came; requests: {"method", "url", "bytes"}, of a dry run alone;
 *       error, hint: of a target that failed
 * ERR_USAGE: no such target. The caller json_decref()s *out, which is set wherever a target was
 * tried, also beside an error, and NULL elsewhere. */
MUST_CHECK err release_push(const struct push_options *o, json_t **out);

#endif
