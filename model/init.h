/* SPDX-License-Identifier: Apache-2.0
 * Fresh weights: a model folder from a config alone. Each number is a pure function of the seed,
 * the parameter's place in the model and the element's index, so a folder can be made again bit for
 * bit.
 *   embedding, projections, convolutions: normal(0, initializer_range)
 *   o_proj and down_proj (the ones that write to the residual stream): scaled by 1 / sqrt(2 L)
 *   norms: 1; biases: 0.      Source: the released training scripts' initialisation. */
#ifndef COTRAIN_MODEL_INIT_H
#define COTRAIN_MODEL_INIT_H

#include "compute/dtype.h"
#include "model/config.h"
#include <stdint.h>

/* Writes DIR/config.json (the config's object, torch_dtype set) and DIR/model.safetensors, or
 * shards of at most 5 GB. The folder appears whole or not at all; one that exists is ERR_EXISTS.
 * dtype: F32, BF16 or F16. Needs some 20 MiB of memory whatever the model's size. */
MUST_CHECK err model_init_write(const struct model_config *config, uint64_t seed, enum dtype dtype,
                                const char *dir);

#endif
