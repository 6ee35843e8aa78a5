/* SPDX-License-Identifier: Apache-2.0
 * Environment variables, all listed in base/env.def.
 * A variable that has no row there cannot be read, so help and the reference pages know them all.
 * Read next: base/env.def. */
#ifndef COTRAIN_BASE_ENV_H
#define COTRAIN_BASE_ENV_H

#include <stddef.h>

enum env_name {
#define ENV(name, help) ENV_##name,
#include "base/env.def"
#undef ENV
    ENV_COUNT
};
/* NULL when unset or empty. */
const char *env_get(enum env_name name);

struct env_row {
    const char *name, *help;
};
extern const struct env_row env_rows[ENV_COUNT];

#endif
