/* SPDX-License-Identifier: Apache-2.0
 * From a dataset to training steps: each epoch draws every group's share of rows, shuffles them,
 * packs them in that order into rows of at most sequence_len positions, and cuts the rows into
 * steps. What a step holds is a pure function of the dataset, the options and the step's number.
 *
 * Which documents an epoch holds is data/steps/mix.h's: each group's share by its weight, replayed
 * general data, and a budget of tokens, all three as the dataset's manifest has them.
 *
 * Packing is data/steps/pack.h's, of the epoch's shuffled documents. A row's ids are its documents
 * without the last token, its targets without the first one. Without packing each row is one
 * document. */
#ifndef COTRAIN_DATA_STEPS_LOADER_H
#define COTRAIN_DATA_STEPS_LOADER_H

#include "base/err.h"
#include "base/str.h"
#include "data/dataset/dataset.h"
#include "data/steps/pack.h"
#include "data/tokens/masks.h"
#include <stdbool.h>
#include <stdint.h>

/* A document of more than sequence_len + 1 tokens. Truncating takes away tokens from the start of
 * the (first) prompt and leaves at least one of it; what does not fit even so is an error. An
 * answer and its <eod> are never cut. */
enum overlong { OVERLONG_ERROR, OVERLONG_DROP, OVERLONG_TRUNCATE_PROMPT };
MUST_CHECK err overlong_parse(const char *name, enum overlong *out);

struct loader_options {
    int64_t sequence_len;  /* most positions of a row */
    int64_t rows_per_step; /* micro_batch_size * gradient_accumulation_steps */
    double epochs;         /* passes over the data; a part of one is rounded up to whole steps */
    int64_t max_steps;     /* over 0: exactly this many steps, over as many epochs as that takes */
    uint64_t seed;
    enum packing packing;
    bool in_order; /* no shares and no shuffle: every row once, as stored (validation); best-fit
                    * packing, which has an order of its own, becomes next-fit */
    bool
        train_across_borders; /* isolate none or attention: an <eod> may predict the next document's
                               * first token (if the loss mask says so); isolate all: never */
    enum overlong overlong;
    enum loss_mask loss_mask;
};

/* Fields and meaning as trainer/source.h's struct train_row, which data/ may not include. */
struct loader_row {
    int64_t n;
    const int32_t *ids;
    const int32_t *targets; /* LOADER_IGNORE where not trained */
    const uint8_t *doc_start;
};
enum { LOADER_IGNORE = -100 };

struct loader;
/* `d` stays the caller's and must outlive the loader. Nothing to train is an error. */
MUST_CHECK err loader_open(struct loader **out, const struct dataset *d, enum dataset_split split,
                           const struct loader_options *options);
void loader_close(struct loader *l);

int64_t loader_n_steps(const struct loader *l);
/* Steps of the first epoch; packing may give another one a step more or less. */
int64_t loader_steps_per_epoch(const struct loader *l);
int64_t loader_epoch_of(const struct loader *l, int64_t step);
int64_t loader_max_row_tokens(const struct loader *l); /* longest row of any step */
int64_t loader_max_rows(const struct loader *l);       /* most rows of any step */
int64_t loader_n_dropped(const struct loader *l);      /* overlong rows left out of the dataset */
int64_t loader_n_truncated(const struct loader *l);

/* What an epoch holds, or one group of it (then without rows). A row has room for sequence_len
 * positions; `n_positions` are used. */
struct loader_epoch {
    int64_t n_documents, n_tokens, n_trained; /* tokens of documents; those that are targets */
    int64_t n_rows, n_positions;
    double full; /* n_positions over those there is room for: packing efficiency */
};
MUST_CHECK err loader_epoch(struct loader *l, int64_t epoch, struct loader_epoch *out);
MUST_CHECK err loader_epoch_group(struct loader *l, int64_t epoch, int64_t group,
                                  struct loader_epoch *out);

/* The rows of step `step` (from 0); pointers are valid until the next call. Not thread-safe. */
MUST_CHECK err loader_rows(struct loader *l, int64_t step, const struct loader_row **out,
                           int64_t *out_n);
/* The dataset's row that document i of a step is, counted over the step's rows; *out_row is -1 when
 * the step holds no more. */
MUST_CHECK err loader_document(struct loader *l, int64_t step, int64_t i, int64_t *out_row);
/* Appends the samples of a step: "train.jsonl line 12, request 'x' example at line 7". */
MUST_CHECK err loader_describe(struct loader *l, int64_t step, struct str *out);

#endif
