/* SPDX-License-Identifier: Apache-2.0
 * The gradients of the base model's parameters, between the passes that make them and the optimiser
 * that reads them. A pass opens rows of one as fp32, adds to them, and closes them; only
 * model/gradient.c knows where they are until the step ends:
 *   kept in fp32    opening and closing do nothing
 *   kept in bf16    widened by opening, rounded to nearest by closing. Each closing rounds, so the
 *                   bits then depend on how a step was cut into micro-batches
 *   taken           handed to struct gradient_taker by closing, and kept nowhere
 *     struct gradient_slice s;
 *     TRY(gradient_open(g, row, rows, &s));
 *     ... s.values += its part, or = where s.fresh ...
 *     TRY(gradient_close(&s));
 * Read next: model/gradient.c. */
#ifndef COTRAIN_MODEL_GRADIENT_H
#define COTRAIN_MODEL_GRADIENT_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct param;
struct gradient; /* of one trained parameter */

/* Who gets each gradient as soon as it is complete, and may change the parameter's elements [begin,
 * begin + n) at once: the backward pass does not read them again. In a step each element comes
 * once; `values` (n) is the taker's until it returns. */
struct gradient_taker {
    void *ctx;
    err (*take)(void *ctx, struct param *p, int64_t begin, int64_t n, const float *values);
};

/* One at a time is open, but for parameters of a few rows (norms, biases): those are kept in fp32
 * always, and never fresh. */
struct gradient_slice {
    struct gradient *of;
    int64_t row, rows; /* of the parameter's first dimension */
    float *values;     /* (rows, columns), contiguous, in the backend's memory */
    bool fresh;        /* nothing is in it yet: to be overwritten whole */
};

/* Slices that are less than the whole begin at a multiple of this. */
enum { GRADIENT_ROW_STEP = 256 };
/* Most rows of one slice, a multiple of GRADIENT_ROW_STEP or all. A projection's gradient fits into
 * one; an embedding's or a head's may not. */
int64_t gradient_max_rows(const struct gradient *g);
/* Whether a slice may be opened once only in a step, because closing it hands it over. */
bool gradient_opens_once(const struct gradient *g);
/* The first time in a step, slices are opened in ascending order without gaps. */
MUST_CHECK err gradient_open(struct gradient *g, int64_t row, int64_t rows,
                             struct gradient_slice *out);
/* All rows, for a parameter whose gradient fits. */
MUST_CHECK err gradient_open_whole(struct gradient *g, struct gradient_slice *out);
MUST_CHECK err gradient_close(const struct gradient_slice *s);

#endif
