/* SPDX-License-Identifier: Apache-2.0
 * What remote/git*.c share: libgit2's failures as errors of this program, which name what was tried
 * and on what, and the places where a test may stop it.
 * Read next: remote/git.h, remote/git_stage.h. */
#ifndef COTRAIN_REMOTE_GIT_INT_H
#define COTRAIN_REMOTE_GIT_INT_H

#include "base/err.h"

/* What was tried, on what, and libgit2's own words. */
err git_fail(int code, const char *what, const char *subject);
/* A place where a test may end the process or make the step fail, as any write may. */
MUST_CHECK err git_may_fail(const char *step);

#endif
