/* SPDX-License-Identifier: Apache-2.0
 * Counting of operations that may be made to fail. Counters are process-wide: the Nth operation is
 * the Nth of any thread, which is exact where the tested code runs in one thread.
 * Read next: base/fault.h, the contract. */
#include "base/fault.h"

#include "base/env.h"
#include "base/str.h"
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static _Atomic int64_t seen[2], armed_at[2];
static _Atomic int armed_action[2];

void fault_arm(enum fault_kind kind, enum fault_action action, int64_t nth) {
    seen[kind] = 0;
    armed_action[kind] = (int)action;
    armed_at[kind] = nth;
}

int64_t fault_count(enum fault_kind kind) {
    return seen[kind];
}

bool fault_now(enum fault_kind kind) {
    if (++seen[kind] != armed_at[kind]) return false;
    if (armed_action[kind] == FAULT_KILL) kill(getpid(), SIGKILL);
    return true;
}

err fault_arm_from_env(void) {
    static const struct {
        const char *prefix;
        enum fault_kind kind;
        enum fault_action action;
    } forms[] = {{"mem:", FAULT_MEM, FAULT_FAIL},
                 {"io:", FAULT_IO, FAULT_FAIL},
                 {"io-kill:", FAULT_IO, FAULT_KILL}};
    const char *spec = env_get(ENV_COTRAIN_FAULT);
    if (spec == NULL) return ERR_OK;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        int64_t nth;
        if (!str_starts(spec, forms[i].prefix)) continue;
        if (str_to_int64(spec + strlen(forms[i].prefix), &nth) != ERR_OK || nth < 1) break;
        fault_arm(forms[i].kind, forms[i].action, nth);
        return ERR_OK;
    }
    return fail(ERR_USAGE, "COTRAIN_FAULT='%s' is none of mem:N, io:N, io-kill:N", spec);
}
