/* SPDX-License-Identifier: Apache-2.0
 * Digests of what an evaluation measures. They are over the files that decide the numbers and
 * nothing else, so that they are the same for a working folder and for the release it is packed
 * into.
 * Read next: base/hash.h. */
#ifndef COTRAIN_EVAL_DIGEST_H
#define COTRAIN_EVAL_DIGEST_H

#include "base/hash.h"
#include <stdbool.h>

/* Whether a file's name is that of weights, in whatever format, or of their index. */
bool digest_is_weights(const char *name);
/* config.json, the weights in whatever format (with their index) and tokenizer.model of a model
 * folder: SHA-256 over the lines "<file hash>  <name>\n" in byte order. None of them is
 * ERR_MISSING. Of a model that is a single file: that file's SHA-256. */
MUST_CHECK err digest_model(const char *dir, char out[SHA256_HEX_SIZE]);
/* Likewise adapter_config.json and the weights of an adapter folder. */
MUST_CHECK err digest_adapter(const char *dir, char out[SHA256_HEX_SIZE]);

#endif
