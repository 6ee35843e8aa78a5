/* SPDX-License-Identifier: Apache-2.0
 * A value tree to YAML: deterministic, read back by recipes/yaml.c and by YAML 1.1 readers (PyYAML)
 * as the same values. Texts are quoted whenever such a reader would take them for anything else;
 * texts of several lines stand as literal blocks where a block can hold them. Characters that draw
 * nothing or turn the direction of a text are escaped, so that whoever reviews a file sees them. */
#ifndef COTRAIN_RECIPES_WRITE_H
#define COTRAIN_RECIPES_WRITE_H

#include "base/json.h"

/* Comments, by dotted path ("train.seed", "requests.0.id"). Either function may be NULL; each
 * answers NULL for none. `above` may be of several lines. */
struct recipe_comments {
    void *ctx;
    const char *(*above)(void *ctx, const char *path);
    const char *(*behind)(void *ctx, const char *path);
};

/* Appends. `value` is an object. ERR_UNSUPPORTED where a text holds NUL or bytes that are no UTF-8,
 * ERR_LIMIT where a key is longer than YAML allows: neither would be read back. */
MUST_CHECK err recipe_write(const json_t *value, const struct recipe_comments *comments,
                            struct str *out);
/* One text as it stands behind "key: ", on one line. */
MUST_CHECK err recipe_write_text(const char *text, struct str *out);

#endif
