/* SPDX-License-Identifier: Apache-2.0
 * A model folder that is made from another one: new weights and config.json beside copies of the
 * rest (tokenizer, model code). The folder appears whole or not at all.
 * Read next: model/save.c and model/quantise.c, which write the weights. */
#ifndef COTRAIN_MODEL_FOLDER_H
#define COTRAIN_MODEL_FOLDER_H

#include "base/file.h"

/* Sorted names of the files that another model's folder takes over: all but weights, config.json,
 * README.md, checksums, hidden files and folders. A base that is a single file has none. The caller
 * releases. */
MUST_CHECK err model_folder_others(const char *base_dir, struct name_list *out);
/* Copies those of the base folder into a temporary folder, lets `fill` write the rest there, and
 * moves it to `dir`. One that exists is ERR_EXISTS. Errors name `dir`. */
MUST_CHECK err model_folder_write(const char *dir, const char *base_dir,
                                  err (*fill)(void *ctx, const char *dir), void *ctx);

#endif
