/* SPDX-License-Identifier: Apache-2.0
 * A quantised copy of a model folder: the weights of linear projections as compute/quant.h has
 * them, under the names of model/quantised.c, everything else in 16 bits.
 * Read next: compute/quant.h. */
#ifndef COTRAIN_MODEL_QUANTISE_H
#define COTRAIN_MODEL_QUANTISE_H

#include "compute/quant.h"
#include "model/model.h"

enum { QUANTISE_MAX_KINDS = 16 };

/* What quantising cost the weights of one kind of projection, over all layers. */
struct quantise_error {
    const char *module; /* below "model.layers.{i}.", static text */
    int64_t n_weights;
    double largest;                /* of one element, over the largest magnitude of its tensor */
    double sum_error, sum_weights; /* of magnitudes; their ratio is the mean relative error */
};

struct quantise_report {
    int64_t bytes_before, bytes_after; /* of the tensors */
    struct quantise_error kinds[QUANTISE_MAX_KINDS];
    int n_kinds;
};

/* Writes `dir` from the opened model (not started) and its folder, one parameter at a time; shards
 * when over shard_bytes (0: never). The folder appears whole or not at all; one that exists is
 * ERR_EXISTS. A model that is quantised already is ERR_UNSUPPORTED; a weight that is not finite is
 * ERR_NUMERIC naming the tensor. The same weights give the same bytes. */
MUST_CHECK err model_quantise(struct model *m, const struct quant *q, const char *base_dir,
                              const char *dir, int64_t shard_bytes, struct quantise_report *out);

#endif
