/* SPDX-License-Identifier: Apache-2.0
 * Running a Python program that a model wrote, in a sandbox, within the limits of every scorer that
 * does: CPU time decides, so that a busy machine fails nobody.
 * Read next: base/sandbox.h, docs/sandbox.md. */
#ifndef COTRAIN_EVAL_SCORERS_PYTHON_H
#define COTRAIN_EVAL_SCORERS_PYTHON_H

#include "base/sandbox.h"

/* 5 seconds of CPU time, 1 GiB. `unsafe`: even where nothing can hold it, which is ERR_UNSUPPORTED
 * else. The caller releases the result. */
MUST_CHECK err python_run(const struct str *program, bool unsafe, struct sandbox_result *out);

#endif
