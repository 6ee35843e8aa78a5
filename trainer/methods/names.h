/* SPDX-License-Identifier: Apache-2.0
 * Patterns of parameter names, as `train.freeze` and `train.train_only` give them: the regular
 * expressions of adapters/pattern.h, but they may match anywhere in a name, and since names are
 * full of periods a period stands for itself; only before * + ? it is any character, as everywhere.
 *   layers.[0-3].     the first four layers' parameters     lora_A      every A of an adapter
 *   layers.*.mlp      all feed-forward parts                ^lm_head    what begins with that
 * Read next: trainer/methods/freeze.c. */
#ifndef COTRAIN_TRAINER_METHODS_NAMES_H
#define COTRAIN_TRAINER_METHODS_NAMES_H

#include "model/model.h"

/* Sets matches[i] where params[i]'s name matches. A pattern that cannot be read is an error, one
 * that matches no name is ERR_MISSING with the nearest part of a name; `key` is the recipe's, for
 * the error. */
MUST_CHECK err names_match(const char *key, const char *pattern, struct param *const *params,
                           int64_t n, bool *matches);

#endif
