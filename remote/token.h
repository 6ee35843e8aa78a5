/* SPDX-License-Identifier: Apache-2.0
 * Where a token comes from: a file that only its owner may read, or the environment. It never comes
 * from the command line, where every process could see it, and no error repeats it.
 * Read next: issues/github/github.h and release/targets/, which send it. */
#ifndef COTRAIN_REMOTE_TOKEN_H
#define COTRAIN_REMOTE_TOKEN_H

#include "base/env.h"
#include "base/err.h"
#include "base/str.h"

/* The token of the file `path`, or where that is NULL of the first of the `n` variables that is
 * set;
 * left empty when none is. White space around it is trimmed. A file that others may read or that
 * another user owns is ERR_DENIED; one with anything but a token in it is ERR_PARSE. `out` is
 * replaced; the caller token_release()s. */
MUST_CHECK err token_read(const char *path, const enum env_name *names, int n, struct str *out);
/* Wipes it, then releases. */
void token_release(struct str *token);

#endif
