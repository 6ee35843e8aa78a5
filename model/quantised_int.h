/* SPDX-License-Identifier: Apache-2.0
 * Quantised parameters as checkpoints hold them: several tensors each, and a quantization_config
 * in config.json that says of which type. What they are is compute/quant.h.
 * Read next: model/quantised.c. */
#ifndef COTRAIN_MODEL_QUANTISED_INT_H
#define COTRAIN_MODEL_QUANTISED_INT_H

#include "base/json.h"
#include "compute/quant.h"
#include "model/model.h"

/* The type that a quantization_config means. A key or value that would ask for anything else is
 * ERR_UNSUPPORTED by name. */
MUST_CHECK err quant_config_read(const json_t *config, const struct quant **out);
/* Puts it into a model's config. */
MUST_CHECK err quant_config_write(const struct quant *q, json_t *model_config);

/* What a parameter of a model quantised to `q` is held in: q's dtype for a linear projection's
 * weight; of the others F32 and F64 become BF16, 16 bits stay. */
enum dtype quantised_dtype(const struct param *p, const struct quant *q);

/* Whether the opened file holds the parameter quantised; then its tensors as dtype and stored. A
 * part that is missing, misshapen or says what decoding would not do is refused, naming it. */
bool quantised_is(const struct model *m, const struct param *p);
MUST_CHECK err quantised_open(struct model *m, struct param *p);
/* Its parts as they are mapped, in the order of the type's, and how many elements they have. */
MUST_CHECK err quantised_parts(struct model *m, const struct param *p, const void **parts,
                               int64_t *counts);
/* Whether a tensor's name is one of an opened quantised parameter's. */
bool quantised_is_part(const struct param *p, const char *name);

#endif
