/* SPDX-License-Identifier: Apache-2.0
 * Paths as files name them: relative to the file's folder, so that both can be moved together.
 * Used where a file is written that names another: recipes, program.yaml.
 * Read next: cli/cmd_recipe_new.c. */
#ifndef COTRAIN_CLI_RELATIVE_H
#define COTRAIN_CLI_RELATIVE_H

#include "base/str.h"

/* Appends `to` (a file or folder, as seen from the present folder) as seen from the folder `from`;
 * an absolute `to` stays. Both must be there: ERR_MISSING. */
MUST_CHECK err relative_path(const char *from, const char *to, struct str *out);

#endif
