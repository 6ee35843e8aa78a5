/* SPDX-License-Identifier: Apache-2.0
 * What the files of a reproduction share: cli/reproduce_open.c begins it, cli/reproduce.c asks for
 * one thing after the other, cli/reproduce_steps.c compares rows and trained steps.
 * Read next: cli/reproduce.c. */
#ifndef COTRAIN_CLI_REPRODUCE_INT_H
#define COTRAIN_CLI_REPRODUCE_INT_H

#include "cli/chain.h"
#include "cli/reproduce.h"
#include "cli/reproduce_recipe.h"
#include "cli/work.h"
#include "release/reproduce.h"
#include "release/steps.h"
#include "release/verify.h"

#define REPRODUCE_REPORT "reproduce.json"

struct again {
    const struct reproduce_options *options;
    struct arena *arena;
    json_t *report;
    struct str *text;
    struct release_facts facts;
    const json_t *chain;                        /* the manifest's digests */
    json_t *sources, *missing;                  /* of the release; inputs that are not there */
    json_t *their_data, *our_data, *their_plan; /* manifests of the datasets; logs/plan.json */
    struct str version;                         /* of the program that made the release */
    struct step_list record;                    /* the release's steps */
    int64_t first, last;                        /* steps that are to be compared */
    int64_t from;                               /* the step whose state is begun with; 0: none */
    const char *base, *log;                     /* the base's folder; the release's record */
    struct work work;
    struct reproduce_recipe_result how;
    struct chain recipe;
    bool has_recipe;
    struct reproduce_facts why;
    struct difference difference;
    int64_t different_step; /* 0: no step is, or not yet */
    int64_t compared;       /* the newest step that was trained and is equal */
    err watched;            /* of looking at a step */
};

/* A line for people and a member of the report. */
MUST_CHECK err again_say(struct again *a, const char *what, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* A file of JSON in a folder. The caller json_decref()s. */
MUST_CHECK err again_read(const char *dir, const char *name, json_t **out);
/* Everything up to a->from, and an empty folder to work in. */
MUST_CHECK err again_open(struct again *a);
/* Compares the rows of every step that will be trained, which costs no training; where one differs,
 * a->difference says so, with the samples. */
MUST_CHECK err again_batches(struct again *a);
/* Trains from a->from to a->last, comparing each step; likewise. */
MUST_CHECK err again_train(struct again *a);

#endif
