/* SPDX-License-Identifier: Apache-2.0
 * A release made again from what it carries and the base model, and compared with it: the dataset,
 * the rows of every step, every step's loss and update, both evaluations, the release itself. It
 * ends at the first difference and says where that comes from (release/reproduce.h).
 * What it leaves in its folder:
 *   reproduce.json   the report; whose folder it is, too
 *   recipe.yaml, sources/, data/, train/, eval/, release/     as those of `cotrain run`
 * Read next: cli/reproduce.c, docs/reproduce.md. */
#ifndef COTRAIN_CLI_REPRODUCE_H
#define COTRAIN_CLI_REPRODUCE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

struct reproduce_options {
    const char *dir;      /* of the release */
    const char *base;     /* NULL: where the recipe says */
    const char *work;     /* made, or that of an earlier reproduction */
    const char *given;    /* folder with sources that the release withholds; NULL: none */
    const char *datasets; /* of the published suites; NULL: looked for */
    const char *previous; /* the release before, which a changelog is made from; NULL: none */
    const char *steps;    /* "A:B" or "random:N"; NULL: all, and what follows them */
    const char *device;   /* NULL: the first backend that works */
    int64_t memory;       /* 0: what the machine has left */
};

/* Fills the report, as an object and as lines for people, as far as it comes. ERR_GATE: the release
 * is refused, or it is not what its recipe gives; the report has the difference then. */
MUST_CHECK err reproduce(const struct reproduce_options *o, struct arena *arena, json_t *report,
                         struct str *text);

#endif
