/* SPDX-License-Identifier: Apache-2.0
 * run.jsonl: one line a step, and the chain of digests that lets another person replay any interval
 * of a run and compare:
 *   chain[0] = SHA-256("<options> <dataset> <base>\n")
 *   chain[s] = SHA-256("<chain[s-1]> <batch> <loss> <update>\n")
 * and in a step whose evaluation decides something (trainer/best.h)
 *   chain[s] = SHA-256("<chain[s-1]> <batch> <loss> <update> <value> <best>\n")
 * with every part in lower-case hex: `batch` the SHA-256 of the step's rows (length, ids, targets
 * and document starts, little endian), `loss` the 16 digits of the double's bits, `update` the
 * SHA-256 over the hash_large digests of the trained parameters after the step, in the dtype
 * they are held in; `value` the 16 digits of the evaluation's metric, `best` the step of the best
 * one so far in decimal. Timings stand in the line but not in the chain.
 * Read next: trainer/loop.c, which calls it; trainer/checkpoint.h, which holds the chain's end. */
#ifndef COTRAIN_TRAINER_RECORD_H
#define COTRAIN_TRAINER_RECORD_H

#include "base/hash.h"
#include "base/json.h"
#include "trainer/source.h"
#include "trainer/trainer.h"

/* What a run depends on; a checkpoint goes on only under the same one. */
struct run_identity {
    char options[SHA256_HEX_SIZE], dataset[SHA256_HEX_SIZE], base[SHA256_HEX_SIZE];
};

struct record {
    char *path;                                           /* of run.jsonl */
    char batch[SHA256_HEX_SIZE], update[SHA256_HEX_SIZE]; /* of the step in work */
};

/* Digest of every setting that a number of the run depends on. */
MUST_CHECK err record_identity(const struct trainer *t, struct run_identity *out);
/* The chain before the first step. */
MUST_CHECK err record_start(const struct run_identity *id, char chain[SHA256_HEX_SIZE]);

MUST_CHECK err record_batch(struct record *r, const struct train_row *rows, int64_t n);
MUST_CHECK err record_update(struct record *r, const struct trainer *t);
/* A step's line. */
struct record_line {
    const struct train_report *report;
    const char *metric;            /* that `best` is of */
    double value;                  /* of it, in this step's evaluation */
    const struct train_best *best; /* after the step's evaluation; NULL: it decided nothing */
};
/* Moves `chain` on and appends the line, which *out is, too; the caller json_decref()s. */
MUST_CHECK err record_step(struct record *r, const struct record_line *line,
                           char chain[SHA256_HEX_SIZE], json_t **out);
/* Leaves the lines of the first `n_steps` steps; the last of them must carry `chain`. */
MUST_CHECK err record_cut(const struct record *r, int64_t n_steps, const char *chain);

#endif
