/* SPDX-License-Identifier: Apache-2.0
 * Failures that tests ask for, and a record of memory.
 *   EMU_FAIL=malloc:N          the Nth cudaMalloc is out of memory
 *   EMU_FAIL=launch:N, sync:N  the device is lost at the Nth launch, or at the Nth wait for a
 *                              stream; whoever waits after that is told
 *   EMU_FAIL=driver            the driver is too old
 *   EMU_TRACE=FILE             a line "call bytes" for each allocation
 * Read next: emu.h. */
#include "tests/cudasim/emu.h"

#include <cstdlib>
#include <cstring>

namespace emu {
static cudaError_t lost_to;

bool fails(const char *kind) {
    static const char *wanted = getenv("EMU_FAIL");
    static long left =
        wanted && strchr(wanted, ':') ? strtol(strchr(wanted, ':') + 1, nullptr, 10) : 0;
    const size_t n = strlen(kind);
    if (!wanted || strncmp(wanted, kind, n) != 0) return false;
    return wanted[n] == '\0' || (wanted[n] == ':' && --left == 0);
}

void lose(const char *kind, cudaError_t how) {
    if (!lost_to && fails(kind)) lost_to = how;
}
cudaError_t lost() {
    return lost_to;
}

void trace(const char *call, size_t bytes) {
    static const char *path = getenv("EMU_TRACE");
    FILE *file = path ? fopen(path, "a") : nullptr;
    if (!file) return;
    fprintf(file, "%s %zu\n", call, bytes);
    fclose(file);
}
} // namespace emu
