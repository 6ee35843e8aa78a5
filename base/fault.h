/* SPDX-License-Identifier: Apache-2.0
 * Faults on purpose: the Nth allocation or the Nth I/O operation fails (or kills the process), so
 * that tests can prove what survives. Armed from COTRAIN_FAULT or by a test; free when not armed.
 * Read next: base/mem.h and base/file.h, which ask it; tests/fault, which sweep it. */
#ifndef COTRAIN_BASE_FAULT_H
#define COTRAIN_BASE_FAULT_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_MEM, FAULT_IO };
enum fault_action { FAULT_FAIL, FAULT_KILL, FAULT_LIST };

MUST_CHECK err fault_arm_from_env(void);
/* The `nth` (from 1) operation of `kind` from now on; 0 disarms. FAULT_LIST lets all pass and logs
 * (base:debug) each operation whose chain of at most `nth` calls is another than all before, with
 * how many of the innermost tell it apart: who cannot make each operation fail picks from these. */
void fault_arm(enum fault_kind kind, enum fault_action action, int64_t nth);
int64_t fault_count(enum fault_kind kind); /* operations seen since the last arming */
/* Asked by base/mem and base/file before each operation. An I/O fault reads as ENOSPC. */
bool fault_now(enum fault_kind kind);

#endif
