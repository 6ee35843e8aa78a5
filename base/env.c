/* SPDX-License-Identifier: Apache-2.0
 * The table of environment variables and its one reader, so that no other place can read one that
 * help does not show.
 * Read next: base/env.h, the contract. */
#include "base/env.h"

#include <stdlib.h>

const struct env_row env_rows[ENV_COUNT] = {
#define ENV(name, help) {#name, help},
#include "base/env.def"
#undef ENV
};

const char *env_get(enum env_name name) {
    const char *value = getenv(env_rows[name].name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}
