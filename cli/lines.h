/* SPDX-License-Identifier: Apache-2.0
 * Commands that read JSON Lines from standard input and write JSON Lines to standard output, one
 * answer a line and in order, so that scripts can put them into a pipe. A line that cannot be
 * used ends the command with its number; blank lines are passed over. */
#ifndef COTRAIN_CLI_LINES_H
#define COTRAIN_CLI_LINES_H

#include "base/json.h"

/* Calls `map` for each line's object in turn; it fills `out` with the answer to `in`. */
MUST_CHECK err lines_map(err (*map)(void *ctx, const json_t *in, json_t *out), void *ctx);

#endif
