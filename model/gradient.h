/* SPDX-License-Identifier: Apache-2.0
 * The gradients of the base model's parameters, between the passes that make them and the optimiser
 * that reads them. A pass opens rows of one as fp32, adds to them, and closes them; only
 * model/gradient.c knows where they are kept until the step ends.
 *
 *     struct gradient_slice s;
 *     TRY(gradient_open(g, row, rows, &s));
 *     ... s.values += its part, or = where s.fresh ...
 *     TRY(gradient_close(&s));
 * The first time in a step the slices of a parameter are opened in ascending order, without gaps.
 * Read next: model/gradient.c. */
#ifndef COTRAIN_MODEL_GRADIENT_H
#define COTRAIN_MODEL_GRADIENT_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct gradient; /* of one trained parameter */

struct gradient_slice {
    struct gradient *of;
    int64_t row, rows; /* of the parameter's first dimension */
    float *values;     /* (rows, columns), contiguous, in the backend's memory */
    bool fresh;        /* nothing is in it yet: to be overwritten whole (never so for norms, biases
                        * and other parameters of a few rows: those are always added to) */
};

/* Most rows of one slice. A projection's gradient fits into one; an embedding's or a head's may
 * not. */
int64_t gradient_max_rows(const struct gradient *g);
MUST_CHECK err gradient_open(struct gradient *g, int64_t row, int64_t rows,
                             struct gradient_slice *out);
/* All rows, for a parameter whose gradient fits. */
MUST_CHECK err gradient_open_whole(struct gradient *g, struct gradient_slice *out);
MUST_CHECK err gradient_close(const struct gradient_slice *s);

#endif
