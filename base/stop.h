/* SPDX-License-Identifier: Apache-2.0
 * Asking a long piece of work to stop: SIGINT (ctrl-c) and SIGTERM (a scheduler) set a flag that
 * the work looks at where it can stop cleanly. A second signal of the same kind ends the process at
 * once.
 * Read next: trainer/loop.c, which stops at a checkpoint. */
#ifndef COTRAIN_BASE_STOP_H
#define COTRAIN_BASE_STOP_H

#include "base/err.h"
#include <stdbool.h>

MUST_CHECK err stop_catch(void);
bool stop_asked(void);

#endif
