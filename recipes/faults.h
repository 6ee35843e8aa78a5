/* SPDX-License-Identifier: Apache-2.0
 * Places in recipes, and the list of everything found wrong with one. Reading goes on after a fault
 * wherever what follows still makes sense, so that one look shows a maintainer all of them.
 * Next: recipes/yaml.h. */
#ifndef COTRAIN_RECIPES_FAULTS_H
#define COTRAIN_RECIPES_FAULTS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

struct recipe_place {
    const char *file;     /* as a usable path; "--set a.b=c" for one given on the command line */
    int64_t line, column; /* from 1, columns in characters; line 0: the file as a whole */
};

struct recipe_fault {
    err code;
    struct recipe_place place;
    const char *text, *hint; /* hint may be NULL */
};

enum { RECIPE_FAULTS_MAX = 100 }; /* the rest is only counted */
struct recipe_faults {
    struct recipe_fault items[RECIPE_FAULTS_MAX];
    int64_t n; /* found; items holds the first RECIPE_FAULTS_MAX */
};

/* Records a fault. Fails only for want of memory. */
MUST_CHECK err recipe_fault(struct recipe_faults *faults, struct arena *a, err code,
                            struct recipe_place place, const char *format, ...) PRINTF_LIKE(5, 6);
/* What to do about the fault recorded last. */
MUST_CHECK err recipe_fault_hint(struct recipe_faults *faults, struct arena *a, const char *format,
                                 ...) PRINTF_LIKE(3, 4);
/* Records the thread's present error (of `code`) as a fault; out of memory is passed on instead. */
MUST_CHECK err recipe_fault_take(struct recipe_faults *faults, struct arena *a, err code,
                                 struct recipe_place place);
/* "a.yaml:3:5", "a.yaml" or "--set a.b=c". */
MUST_CHECK err recipe_place_text(struct recipe_place place, struct str *out);
/* The first fault as the thread's error, with how many more there are; ERR_OK when there is none.
 */
MUST_CHECK err recipe_faults_err(const struct recipe_faults *faults);

#endif
