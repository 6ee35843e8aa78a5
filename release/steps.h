/* SPDX-License-Identifier: Apache-2.0
 * The training's own record in a release, logs/run.jsonl: every step's digest follows from the one
 * before it and from that step's batch, loss and update, and the last is the chain's 'training'. So
 * nobody can change a step's line without changing the manifest.
 *   digest[s] = SHA-256("<digest[s-1]> <batch> <loss> <update>\n"), the loss as its 16 digits
 * and in a step whose evaluation decided something, with its value and the best step behind.
 * Source: docs/formats.md; trainer/record.h writes it. Read next: release/agree.h. */
#ifndef COTRAIN_RELEASE_STEPS_H
#define COTRAIN_RELEASE_STEPS_H

#include "base/hash.h"
#include <stdbool.h>
#include <stdint.h>

/* ERR_GATE naming the step where it breaks. The first step's digest starts from the run's identity,
 * which is no file of the release: it is taken as it stands. */
struct steps_found {
    int64_t n_steps;
    int64_t best_step; /* of the last evaluation that decided something; 0: none did */
};
MUST_CHECK err steps_check(const char *path, const char *training, struct steps_found *out);

/* The same as a list: what is in the chain, and beside it the numbers that say why a step went as
 * it did. */
struct step_record {
    double loss, lr, gradient_norm;
    int64_t rows, tokens, trained_tokens;
    char batch[SHA256_HEX_SIZE], update[SHA256_HEX_SIZE], digest[SHA256_HEX_SIZE];
};
struct step_list {
    struct step_record *items; /* of step i + 1 */
    int64_t n, capacity;
};
/* Whether the first step's digest follows from `start`, the chain before it. */
MUST_CHECK err steps_begin_with(const char *path, const char *start, bool *out);
/* Steps from 1 on, none left out: ERR_GATE otherwise. On failure too the caller releases. */
MUST_CHECK err steps_read(const char *path, struct step_list *out);
void step_list_release(struct step_list *l);

#endif
