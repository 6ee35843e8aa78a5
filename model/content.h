/* SPDX-License-Identifier: Apache-2.0
 * What a checkpoint holds, whatever its files look like: one hash that two formats or shardings of
 * the same weights share.
 * SHA-256 over the tensors in byte order of their names, each a line "<name> <dtype> [<a>,<b>]\n"
 * and then its values, row-major and little-endian. Names and shapes are the HF form's, dtypes
 * safetensors' names. Tensors that the model does not use (rotary buffers, a tied head's copy) are
 * left out. */
#ifndef COTRAIN_MODEL_CONTENT_H
#define COTRAIN_MODEL_CONTENT_H

#include "base/hash.h"
#include "model/model.h"

/* Of an opened model; it need not be planned. Reads every weight, one tensor at a time. */
MUST_CHECK err model_content_hash(const struct model *m, char out[SHA256_HEX_SIZE]);

#endif
