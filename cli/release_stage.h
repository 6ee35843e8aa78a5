/* SPDX-License-Identifier: Apache-2.0
 * The stage `pack` of a recipe: what lies in a work folder becomes a release. Shared by
 * `cotrain release pack` and `cotrain run`.
 * Read next: release/pack.h, cli/work.h. */
#ifndef COTRAIN_CLI_RELEASE_STAGE_H
#define COTRAIN_CLI_RELEASE_STAGE_H

#include "base/hash.h"
#include "cli/chain.h"
#include "cli/work.h"
#include "release/sources.h"

struct release_stage {
    const struct chain *chain;
    const struct work *work;
    const char *out_dir;
    const char *plan;                    /* the month's; NULL: there is none */
    const char *previous_of;             /* release/pack.h */
    bool replace;                        /* an earlier release there may be replaced */
    bool json;                           /* what a missed gate is shown as */
    const struct release_inputs *inputs; /* that it carries; NULL: as the recipe names them */
};

/* Holds the recipe's gates (cli/gate_stage.h), then packs. A work folder whose earlier stages did
 * not run is ERR_MISSING naming the file. */
MUST_CHECK err release_stage(const struct release_stage *s, char out_hash[SHA256_HEX_SIZE]);
/* To standard output: folder, hash, and the release's signatures or that it is unsigned. */
MUST_CHECK err show_release(const char *dir, const char *hash, bool json);
/* Folder, hash, and the release's signatures or that it is unsigned, a line each, appended. */
MUST_CHECK err release_text(const char *dir, const char *hash, struct str *out);
/* The same as members "signed" and "signatures". */
MUST_CHECK err put_signatures(const char *dir, json_t *to);

#endif
