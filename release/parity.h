/* SPDX-License-Identifier: Apache-2.0
 * Parity: what is packed, loaded again by this program's readers, is the model that was trained.
 * Asked are the golden prompts, on the CPU backend.
 *   packed folder   the trained model's own bytes: token ids, the logits after each prompt and the
 *                   greedy answer are equal to the bit
 *   adapter         packed adapter on the base, along the merged model's greedy answers: the
 *                   relative difference of the logits is within adapters/compare.h's bound B; where
 *                   the likeliest token is another, the merged model's two logits are nearer than
 *                   12 B rms(logits): two errors of six standard deviations
 * Read next: release/golden.h, release/pack.c. */
#ifndef COTRAIN_RELEASE_PARITY_H
#define COTRAIN_RELEASE_PARITY_H

#include "base/json.h"
#include "recipes/request.h"

struct release_parity {
    const char *trained_dir;            /* the merged model as training left it */
    const char *base_dir, *adapter_dir; /* adapter_dir as packed; NULL: none */
    const char *packed_dir;
    const struct request_list *requests;
    const char *dataset_dir; /* its held-out cases and treatment of white space */
};

/* Asks the trained model, writes packed_dir/golden.json, and holds what is packed against it:
 * ERR_MISMATCH where it is another model. `out` is for the manifest: {"prompts", "adapter":
 * {"positions", "bound", "measured", "other_choices"} or null}; the same on every machine. */
MUST_CHECK err release_parity(const struct release_parity *p, json_t **out);

/* For who has a release: whether the model in `dir` gives its golden answers. `out_prompts`: how
 * many were asked. */
MUST_CHECK err release_parity_check(const char *dir, int64_t *out_prompts);

#endif
