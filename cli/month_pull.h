/* SPDX-License-Identifier: Apache-2.0
 * A month's requests collected into the program, from GitHub or from saved JSON. Shared by `issues
 * pull` and `month run`.
 * Read next: issues/github/collect.h, issues/pull.h. */
#ifndef COTRAIN_CLI_MONTH_PULL_H
#define COTRAIN_CLI_MONTH_PULL_H

#include "issues/pull.h"

struct month_pull {
    struct program *program;
    const char *month, *today;
    const char *from;       /* file or folder of saved JSON; NULL: GitHub is asked */
    const char *token_file; /* NULL: GITHUB_TOKEN or GH_TOKEN, where set */
    int64_t max_wait_s;     /* longest wait for a rate limit */
    bool early;             /* before the collection day, too */
};
#define MAX_WAIT_HELP "longest wait for a rate limit, in seconds; a longer one ends the run (75)"
#define TOKEN_FILE_HELP                                                                            \
    "file with the GitHub token, readable by its owner alone (default: GITHUB_TOKEN)"
#define FROM_HELP "saved JSON instead of GitHub: a file, or a folder as docs/formats.md has it"

/* GitHub as the options say: with a token where there is one, and the program's cache. */
struct github;
MUST_CHECK err month_github(const struct month_pull *m, struct arena *a, struct github **out);
/* A month whose collection day has not come is ERR_GATE, unless `early`. */
MUST_CHECK err month_pull(const struct month_pull *m, struct arena *a, struct pull_result *out);
/* "3 posts, 2 requests, 2 of them new", and those that were edited since. */
MUST_CHECK err pull_result_text(const char *month, const struct pull_result *r, struct str *out);

#endif
