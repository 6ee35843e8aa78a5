/* SPDX-License-Identifier: Apache-2.0
 * The flag behind SIGINT and SIGTERM. The handler does nothing but set it, and gives the signal
 * back to the system, so that a second one ends the process.
 * Read next: base/stop.h. */
#include "base/stop.h"

#include <errno.h>
#include <signal.h>

static volatile sig_atomic_t asked;

static void ask(int signal_number) {
    (void)signal_number;
    asked = 1;
}

err stop_catch(void) {
    const int signals[] = {SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = ask, .sa_flags = SA_RESETHAND | SA_RESTART};
    asked = 0;
    for (int i = 0; i < 2; i++)
        if (sigaction(signals[i], &action, NULL) != 0)
            return fail_errno(ERR_IO, errno, "cannot catch signal %d", signals[i]);
    return ERR_OK;
}

bool stop_asked(void) {
    return asked != 0;
}
