/* SPDX-License-Identifier: Apache-2.0
 * A recipe, read: every section in the struct of the stage that owns it. All commands that take a
 * RECIPE start with chain_read. Which section goes into which member is cli/sections.def; the keys
 * of a section are the owner's option rows (data/options.h and its like), so nothing is listed
 * twice. */
#ifndef COTRAIN_CLI_CHAIN_H
#define COTRAIN_CLI_CHAIN_H

#include "adapters/adapter.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/opt.h"
#include "data/options.h"
#include "data/synth/checks/check.h"
#include "eval/options.h"
#include "recipes/recipe.h"
#include "recipes/request.h"
#include "release/options.h"
#include "trainer/options.h"

struct base_model_options {
    const char *path; /* a usable path to a model folder */
    const char
        *digest; /* SHA-256 over the sorted file digests (sha256_dir), or NULL: not checked */
};

struct chain {
    struct arena arena; /* owns every text below */
    const char *recipe_path;
    const char *name, *month; /* month: "2024-03", or NULL */
    struct base_model_options base_model;
    char base_digest[SHA256_HEX_SIZE]; /* of base_model's folder; empty before chain_check_base */
    struct request_list requests;
    struct adapter_options adapter;
    struct data_options data;
    struct train_options train;
    struct eval_options eval;
    struct release_options release;
    /* The recipe with `inherit`, `--set`, aliases and defaults resolved, as deterministic YAML;
     * paths stand as they were written, relative to the recipe. This is what a release carries; it
     * lacks `release.sign` and `release.previous`. */
    const char *resolved;
};

/* What a recipe may hold: cli/sections.def as a schema over struct chain. */
extern const struct recipe_schema chain_schema;

/* Reads, merges, checks and fills `c` (whatever it held before). `sets` are "a.b=c" texts of --set,
 * or NULL. Path rows come out usable from the present folder. Fails with the first fault, its
 * place, and how many more there are (`cotrain recipe check` shows all); then nothing needs
 * releasing. */
MUST_CHECK err chain_read(struct chain *c, const char *recipe_path, const struct opt_list *sets);
/* The same for who will pack what comes of it: what packing would refuse is a fault already
 * (cli/packable.h). */
MUST_CHECK err chain_read_to_pack(struct chain *c, const char *recipe_path,
                                  const struct opt_list *sets);
/* The same of a recipe that lies in a release: its paths are those of who packed it and are not
 * looked for, and no more than the rows is checked. `resolved` stays NULL. */
MUST_CHECK err chain_read_packed(struct chain *c, const char *recipe_path);
void chain_release(struct chain *c);
/* The same for who wants to see how it was read: all faults and notes are in `r`, which keeps
 * owning every text. Release `r` either way, and `c` never. */
MUST_CHECK err chain_fill(struct chain *c, struct recipe *r, const char *recipe_path,
                          const struct opt_list *sets);
/* Every key with a default, as recipe_resolved has it. The caller json_decref()s. */
MUST_CHECK err chain_defaults(json_t **out);
/* A recipe may say nothing of a release; who makes one asks for that section first. */
MUST_CHECK err chain_need_release(const struct chain *c);
/* Takes the base model folder's digest into c->base_digest and compares it with base_model.digest
 * where the recipe gives one. It reads every file, which may be large, so only a command that is
 * about to use the weights calls it, and once; its stages take the digest from here. */
MUST_CHECK err chain_check_base(struct chain *c);

#endif
