/* SPDX-License-Identifier: Apache-2.0
 * Whether a release can be made of a base model's folder. Its files that are no weights (tokenizer,
 * model code, licence) lie beside the release's own and keep their names, so these may be in the
 * way; asked before the training, and again by packing.
 * Read next: model/folder.h, release/names.h. */
#ifndef COTRAIN_RELEASE_BASE_H
#define COTRAIN_RELEASE_BASE_H

#include "base/err.h"

/* ERR_GATE: a name that no release may have, or one that falls together with a release's own or
 * with another of the folder where case does not count. What packing would add to and is no JSON
 * object is ERR_PARSE. A base that is a single file is in order. */
MUST_CHECK err release_base_check(const char *base_dir);

#endif
