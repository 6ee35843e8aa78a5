/* SPDX-License-Identifier: Apache-2.0
 * A check looks at a generated row and says what is wrong with it. Machine checks decide by
 * themselves; the others put questions to the teacher and decide by its answers. A check is one
 * file of this folder with a `const struct check`, and a line in data/synth/checks.def; a request
 * names those it wants in the recipe, `requests[].checks`.
 * Read next: data/synth/checks/citation.c, the one that sees most. */
#ifndef COTRAIN_DATA_SYNTH_CHECKS_CHECK_H
#define COTRAIN_DATA_SYNTH_CHECKS_CHECK_H

#include "base/str.h"
#include "data/text/span.h"
#include "recipes/request.h"
#include <stdbool.h>

/* A row as checks see it; texts are well-formed UTF-8 without NUL. */
struct check_row {
    const struct request *request;
    bool chinese; /* what the request is written in: questions are asked in it */
    const char *prompt, *response;
    const char *tests; /* that the teacher wrote for this row, or NULL */
};

struct check {
    const char *name, *summary;
    const char *keys; /* those of a check's row in the recipe that it reads, beside `type`: "a,b" */
    bool needs_tests; /* asks the teacher for tests beside each row, or the recipe has them */
    bool runs_programs; /* of strangers; whether it can, is asked where rows are made */
    /* Reads the recipe's row. `*out` is handed to the others; NULL: there is nothing to keep. */
    err (*open)(const struct check_spec *spec, void **out);
    void (*close)(void *state); /* NULL: nothing to release */
    /* Machine checks: appends to `why` what is wrong, in words that the teacher can act on, or
     * nothing: the row passes. Several threads at once. An error is not the row's fault. */
    err (*test)(const void *state, const struct check_row *row, struct str *why);
    /* The others: how many questions a row costs, the question, and the decision. An answer that
     * never came is NULL. */
    int64_t (*n_questions)(const void *state);
    err (*question)(const void *state, const struct check_row *row, struct str *out);
    err (*decide)(const void *state, const struct check_row *row, const char *const *answers,
                  struct str *why);
};

#define CHECK(name) extern const struct check check_##name;
#include "data/synth/checks.def"
#undef CHECK
extern const struct check *const checks[];
extern const int n_checks;

/* The checks of a request, opened. */
struct check_list {
    struct check_open {
        const struct check *check;
        const struct check_spec *spec;
        void *state;
    } * items;
    int64_t n;
};
/* What a recipe says of a request without checks of its own: votes 0 and score 0 are none. */
struct check_fallback {
    int64_t votes;
    double share, score;
    struct check_spec specs[2]; /* filled; they outlive the list */
};
/* Faults name the place in the recipe. `list` is zeroed; release it either way. */
MUST_CHECK err checks_open(const struct request *request, struct check_fallback *fallback,
                           struct check_list *list);
void checks_close(struct check_list *list);
/* Whether the request's own checks are such as can be opened; faults as by checks_open. Runs no
 * program. */
MUST_CHECK err checks_verify(const struct request *request);
/* The first machine check that says no, and why; *out NULL: all pass. */
MUST_CHECK err checks_test(const struct check_list *list, const struct check_row *row,
                           const struct check **out, struct str *why);
bool checks_need_tests(const struct check_list *list);
/* Of what kind the checks of a request are: "machine" where one of them is, else "vote", "judge" or
 * "none". */
const char *checks_kind(const struct check_list *list);

struct opt_table check_options_table(void); /* of struct check_spec */

#endif
