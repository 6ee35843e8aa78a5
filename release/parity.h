/* SPDX-License-Identifier: Apache-2.0
 * Parity: what is packed, loaded again by this program's readers, is the model that was trained.
 * Asked are the golden prompts, on the CPU backend.
 *   packed folder   the trained model's own bytes: token ids, the logits after each prompt and the
 *                   greedy answer are equal to the bit
 *   adapter         packed adapter on the base, along the merged model's greedy answers: the
 *                   relative difference of the logits is within adapters/compare.h's bound, and
 *                   where the likeliest token is another, it is a near tie
 *   gguf/           each file likewise, with the bound of its line in release/formats.def
 * Read next: release/golden.h, release/pack.c. */
#ifndef COTRAIN_RELEASE_PARITY_H
#define COTRAIN_RELEASE_PARITY_H

#include "base/json.h"
#include "base/opt.h"
#include "recipes/request.h"

struct release_parity {
    const char *trained_dir;            /* the merged model as training left it */
    const char *base_dir, *adapter_dir; /* adapter_dir as packed; NULL: none */
    const char *packed_dir;
    const json_t *manifest;         /* needs "about": it names the files of other formats */
    const struct opt_list *formats; /* those that are packed */
    const struct request_list *requests;
    const char *dataset_dir; /* its held-out cases and treatment of white space */
};

/* Asks the trained model, writes packed_dir/golden.json, and holds what is packed against it:
 * ERR_MISMATCH where it is another model. `out` is for the manifest: {"prompts", "adapter":
 * {"positions", "bound", "measured", "other_choices"} or null, "formats": {"gguf-f16": {...}}}; the
 * same on every machine. */
MUST_CHECK err release_parity(const struct release_parity *p, json_t **out);

/* For who has a release: whether the model in `dir` gives its golden answers, and whether each
 * format that the manifest's "checks" name does within its bound. `out_prompts`, `out_formats`: how
 * many were asked. */
MUST_CHECK err release_parity_check(const char *dir, const json_t *manifest, int64_t *out_prompts,
                                    int64_t *out_formats);

#endif
