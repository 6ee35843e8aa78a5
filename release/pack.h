/* SPDX-License-Identifier: Apache-2.0
 * Packs a release: a folder that others can load, check and reproduce.
 * It is a model folder (config.json, generation_config.json, model.safetensors or shards, tokenizer
 * files, the base's model code and licence files: what transformers and cotrain load) and the files
 * of release/files.def. The same inputs give the same bytes, those that are kept apart aside.
 * Read next: release/files.def, release/check.h, release/verify.h. */
#ifndef COTRAIN_RELEASE_PACK_H
#define COTRAIN_RELEASE_PACK_H

#include "base/hash.h"
#include "base/json.h"
#include "data/dataset/dataset.h"
#include "recipes/request.h"
#include "release/options.h"
#include "release/sources.h"

#define PACK_ADAPTER "adapter"
#define PACK_RECIPE "provenance/recipe.yaml"
#define PACK_DATA "provenance/data.json"
#define PACK_BEFORE "provenance/eval-before.json"
#define PACK_AFTER "provenance/eval-after.json"
#define PACK_GATES "provenance/gates.json"
#define PACK_LOG "logs/run.jsonl"
#define PACK_TRAINING_PLAN "TRAINING_PLAN.yaml"

struct release_pack {
    const struct release_options *options;
    const char *month; /* "2024-03" */
    const struct request_list *requests;
    const char *recipe_text; /* as resolved */
    const char *base_dir;
    const char *base_name;   /* for the card, when options->base_model is NULL */
    const char *base_digest; /* sha256_dir of base_dir */
    const char *merged_dir;  /* the model to release, as adapter_save_merged wrote it */
    const char *adapter_dir; /* NULL: full fine-tuning */
    const char *dataset_dir;
    const struct release_inputs *inputs; /* what the recipe was run with; NULL: not said */
    const char *plan_path;               /* the month's training plan; NULL: there is none */
    const char *previous_of;  /* a release whose record of the one before it is taken over, where it
                              * has one; NULL: none */
    const char *previous_dir; /* the release that this one follows; NULL: none is named */
    const char *train_dir;    /* with its log, its memory plan and its checkpoints */
    const char *training_digest;          /* end of the chain of step records */
    const json_t *choice;                 /* by evaluations during training; NULL: none */
    const char *before_path, *after_path; /* evaluation reports; the second one is of merged_dir */
    const char *gates_path;               /* what the recipe's gates say of them (eval/gates.h) */
    const struct release_keys *keys;      /* to sign with; none: it is unsigned */
    bool replace;                         /* an earlier release of that folder may be replaced */
};

/* What stands where a release is to be: nothing, or with `replace` an earlier release; anything
 * else is ERR_EXISTS. Asked before the work, and again by packing. */
MUST_CHECK err release_place_check(const char *out_dir, bool replace);
/* Checks that the reports are of the base and of merged_dir, that merged weights and adapter agree
 * and that the packed folder answers as it was evaluated (release/check.h); then the folder appears
 * whole or not at all. Leftovers of a killed packing are removed. */
MUST_CHECK err release_pack(const struct release_pack *p, const char *out_dir,
                            char out_hash[SHA256_HEX_SIZE]);

#endif
