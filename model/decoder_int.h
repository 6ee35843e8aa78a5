/* SPDX-License-Identifier: Apache-2.0
 * A decoder and its memory: model/decoder.c uses what model/decoder_memory.c plans and allocates.
 * Host arrays beside the plan are those of a pass's rows, whose number is bounded.
 * Read next: model/decoder.c. */
#ifndef COTRAIN_MODEL_DECODER_INT_H
#define COTRAIN_MODEL_DECODER_INT_H

#include "model/decoder.h"
#include "model/model_int.h"

/* Where a text, or a mark, has got to. */
struct text {
    struct row_place place; /* place.n: tokens in the cache */
    int32_t last_id;
};

/* Per token of a pass, on the host: what the cache's arrays of that name get. */
struct links {
    int32_t *place, *before, *after;
};

/* A row of a pass whose logits are wanted: kept for a text, or for a score. */
struct wanted {
    int64_t text;
    double *log_p; /* NULL: the logits are kept */
    int32_t next;  /* the token whose probability *log_p gets */
};

/* Places in the plan, in the order of reserve(). */
enum decoder_range {
    RANGE_KEYS,
    RANGE_VALUES,
    RANGE_STATES,
    RANGE_LINKS,
    RANGE_WANTED,
    RANGE_LAST,
    RANGE_HIDDEN,
    RANGE_Z,
    RANGE_RSTD,
    RANGE_LOGITS,
    RANGE_COUNT
};

struct decoder {
    struct model *model;
    struct decoder_options options;
    struct text *texts; /* (n_texts + DECODER_MARKS) */
    struct plan plan;
    struct workspace workspace;
    struct cache cache;
    int64_t text_rows;  /* of the cache, a text: its tokens, in whole units of keys */
    struct batch batch; /* host; its capacity is the most rows of a pass */
    struct links links;
    int64_t n_wanted;
    struct wanted *wanted;   /* (rows of a pass) */
    int32_t *wanted_rows;    /* (rows of a pass), host */
    int32_t *wanted_at;      /* the same in the backend's memory */
    int64_t z_rows;          /* logits that are made together */
    void *last, *hidden, *z; /* act: rows of the pass (z_rows,C), normed, and logits (z_rows,V) */
    float *rstd;
    float *row;    /* (V) host: one row of z, where that is not host memory itself */
    float *logits; /* (n_texts,V) host, in the plan */
    size_t at[RANGE_COUNT];
};

/* Keys that lie turned over together, or 1. */
int64_t decoder_key_unit(const struct model *m);

#endif
