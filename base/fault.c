/* SPDX-License-Identifier: Apache-2.0
 * Counting of operations that may be made to fail. Counters are process-wide: the Nth operation is
 * the Nth of any thread, which is exact where the tested code runs in one thread.
 * Read next: base/fault.h, the contract. */
#include "base/fault.h"

#include "base/env.h"
#include "base/log.h"
#include "base/str.h"
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static _Atomic int64_t seen[2], armed_at[2];
static _Atomic int armed_action[2];

/* Chains of calls that led to an operation, as hashes; a full table counts every chain as seen. */
enum { CALLS_MAX = 32, CHAINS = 1 << 16, CHAINS_MOST = CHAINS / 4 * 3 };
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t chains[CHAINS];
static int n_chains;

static bool chain_is_new(uint64_t chain) {
    size_t at = chain % CHAINS;
    while (chains[at] != 0 && chains[at] != chain) at = (at + 1) % CHAINS;
    if (chains[at] == chain || n_chains == CHAINS_MOST) return false;
    chains[at] = chain;
    n_chains++;
    return true;
}

/* Tells operation n where its innermost calls, up to `most` of them, are those of none before. */
static void list(enum fault_kind kind, int64_t n, int most) {
    void *calls[CALLS_MAX];
    pthread_mutex_lock(&list_lock);
    const int n_calls = backtrace(calls, most);
    uint64_t chain = 1;
    int fresh = 0;
    for (int i = 0; i < n_calls; i++) {
        chain = (chain ^ (uint64_t)(uintptr_t)calls[i]) * 0x9e3779b97f4a7c15u;
        chain ^= chain >> 32;
        if (chain_is_new(chain) && fresh == 0) fresh = i + 1;
    }
    pthread_mutex_unlock(&list_lock);
    if (fresh > 0) {
        LOG(BASE, DEBUG, "%s:%lld is new by its last %d calls", kind == FAULT_MEM ? "mem" : "io",
            (long long)n, fresh);
    }
}

void fault_arm(enum fault_kind kind, enum fault_action action, int64_t nth) {
    seen[kind] = 0;
    armed_action[kind] = (int)action;
    armed_at[kind] = nth;
}

int64_t fault_count(enum fault_kind kind) {
    return seen[kind];
}

bool fault_now(enum fault_kind kind) {
    const int64_t n = ++seen[kind], nth = armed_at[kind];
    if (nth != 0 && armed_action[kind] == FAULT_LIST) {
        list(kind, n, (int)nth);
        return false;
    }
    if (n != nth) return false;
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
                 {"io-kill:", FAULT_IO, FAULT_KILL},
                 {"mem-list:", FAULT_MEM, FAULT_LIST},
                 {"io-list:", FAULT_IO, FAULT_LIST}};
    const char *spec = env_get(ENV_COTRAIN_FAULT);
    if (spec == NULL) return ERR_OK;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        int64_t nth;
        if (!str_starts(spec, forms[i].prefix)) continue;
        if (str_to_int64(spec + strlen(forms[i].prefix), &nth) != ERR_OK || nth < 1) break;
        if (forms[i].action == FAULT_LIST && nth > CALLS_MAX) break;
        fault_arm(forms[i].kind, forms[i].action, nth);
        return ERR_OK;
    }
    return fail(ERR_USAGE,
                "COTRAIN_FAULT='%s' is none of mem:N, io:N, io-kill:N, and mem-list:N and "
                "io-list:N of up to %d calls",
                spec, CALLS_MAX);
}
