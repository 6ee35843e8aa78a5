/* SPDX-License-Identifier: Apache-2.0
 * Where the trainer gets its tokens: a function the caller hands in, so that a program of base,
 * compute, model, adapters and trainer alone needs no tokenizer. cli/ joins it to data/'s loader.
 * Read next: data/ for the loader behind it, trainer/ for the loop before it. */
#ifndef COTRAIN_TRAINER_SOURCE_H
#define COTRAIN_TRAINER_SOURCE_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

/* One packed row; pointers are valid until the next call of `rows`. */
struct train_row {
    int64_t n;
    const int32_t *ids;
    const int32_t *targets;   /* TARGET_IGNORE where not trained */
    const uint8_t *doc_start; /* 1 where a document begins */
};
struct train_source {
    void *ctx;
    int64_t n_steps; /* optimiser steps over all epochs */
    int64_t steps_per_epoch;
    int64_t max_row_tokens; /* longest row of any step */
    int64_t max_rows;       /* most rows of any step */
    const char *digest;     /* SHA-256 of the dataset, for the record */
    int64_t eod;
    /* The rows of step `step` (from 0), a pure function of the step. */
    err (*rows)(void *ctx, int64_t step, const struct train_row **out, int64_t *out_n);
    /* Names the samples of a step, for an error: "request a row 12, request b row 3". */
    err (*describe)(void *ctx, int64_t step, struct str *out);
};

#endif
