/* SPDX-License-Identifier: Apache-2.0
 * The whole chain of a recipe: data, evaluation, training, evaluation, release. Each stage reads
 * files and writes files in the work folder; what is up to date is skipped, and a killed run goes
 * on where it was (cli/work.h). Says on standard output how each stage ended and what came of it.
 * Shared by `cotrain run` and `cotrain month run`. */
#ifndef COTRAIN_CLI_CHAIN_RUN_H
#define COTRAIN_CLI_CHAIN_RUN_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/opt.h"
#include <stdbool.h>

struct chain_run_options {
    const char *recipe, *work,
        *device; /* work NULL: work/NAME; device NULL: the first that works */
    const struct opt_list *sets;
    const char *plan; /* the month's plan, for the release; NULL: there is none */
    int64_t memory;   /* 0: what the machine has */
    bool json;        /* the result as JSON, and nothing before it */
};
struct chain_run_result {
    const char *release, *before, *after; /* folder, and the evaluation reports; in the arena */
    char hash[SHA256_HEX_SIZE];
};
/* A gate that says no is ERR_GATE, and nothing is packed. */
MUST_CHECK err chain_run(const struct chain_run_options *o, struct arena *arena,
                         struct chain_run_result *out);

#endif
