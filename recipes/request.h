/* SPDX-License-Identifier: Apache-2.0
 * A request as a recipe carries it: who asked for what, with one or two examples. Read by data/
 * (rows), eval/ (held-out cases) and release/ (the per-request table). Its strings belong to the
 * recipe it was read from (recipes/recipe.h). */
#ifndef COTRAIN_RECIPES_REQUEST_H
#define COTRAIN_RECIPES_REQUEST_H

#include "base/opt.h"
#include <stdint.h>

struct example {
    const char *prompt, *response;
    const char *file; /* where it stands, for errors */
    int line;
};
/* A check that rows made for the request must pass. Which keys mean anything depends on its type
 * (data/synth/checks/). */
struct check_spec {
    const char *type, *of, *pattern, *source, *compare;
    const char *path, *tests;
    struct opt_list choices, map, command;
    int64_t votes, timeout_ms;
    bool unsafe;
    double share, score;
    const char *file; /* where it stands, for errors */
    int line;
};
struct request {
    const char *id; /* "IEIT-Yuan/Yuan-2.0#22@1898012345" */
    const char *scenario, *capability;
    double weight; /* share of the data, relative to the other requests */
    const char
        *cases; /* JSON Lines of held-out {"prompt","response"}, as a usable path; NULL: none */
    const char
        *cases_sha256; /* of that file, fixed before anything is made for it; NULL: not said */
    struct example *examples;
    int64_t n_examples;
    struct check_spec *checks;
    int64_t n_checks;
};
struct request_list {
    struct request *items;
    int64_t n;
};
struct opt_table request_options_table(void); /* the scalar keys of one request */
struct opt_table example_options_table(void); /* prompt, response */

#endif
