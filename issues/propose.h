/* SPDX-License-Identifier: Apache-2.0
 * A language model's proposals for what a request does not say plainly. Nothing depends on them: a
 * field that was read or written by a person is never replaced, what is filled in is listed in the
 * record's `proposed`, and accepting the request is what confirms it. Whoever has a model hands in
 * a function that asks it; the post is a stranger's text, so an answer is taken only where it is
 * the JSON that was asked for, and only as text.
 * Read next: cli/cmd_issues_propose.c. */
#ifndef COTRAIN_ISSUES_PROPOSE_H
#define COTRAIN_ISSUES_PROPOSE_H

#include "issues/record.h"

struct proposer {
    /* Appends the model's answer to `prompt`. */
    err (*ask)(void *context, const char *prompt, struct str *answer);
    void *context;
};

/* Whether there is anything to propose: a scenario, capability, input or output is missing. */
bool propose_wanted(const struct record *r);
/* The question, appended. */
MUST_CHECK err propose_prompt(const struct record *r, struct str *out);
/* Takes what `answer` has for empty fields; texts live in the arena. ERR_PARSE: there is no JSON
 * object in it. `*out_n` counts the fields that were filled. */
MUST_CHECK err propose_take(const char *answer, struct arena *a, struct record *r, int64_t *out_n);
/* Asks, takes, writes the record's file and commits it, dated `on`. */
MUST_CHECK err propose(struct program *p, const struct proposer *proposer, const char *on,
                       struct arena *a, struct record *r, int64_t *out_n);

#endif
