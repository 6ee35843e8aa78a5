/* SPDX-License-Identifier: Apache-2.0
 * Relative paths between real ones: what both have in common is left out, and each folder that is
 * left of the first becomes "..".
 * Read next: cli/relative.h, the contract. */
#include "cli/relative.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

static err between(const char *from, const char *to, struct str *out) {
    size_t same = 0, i = 0;
    for (; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/') same = i;
    if (!from[i] && (to[i] == '/' || !to[i])) same = i;
    if (!to[i] && from[i] == '/') same = i;
    for (const char *c = from + same; *c; c++)
        if (*c == '/' && c[1]) TRY(str_add(out, "../"));
    const char *rest = to + same + (to[same] == '/');
    return str_add(out, *rest ? rest : ".");
}

err relative_path(const char *from, const char *to, struct str *out) {
    char real_from[PATH_MAX], real_to[PATH_MAX];
    if (to[0] == '/') return str_add(out, to);
    const char *bad = !realpath(from, real_from) ? from : !realpath(to, real_to) ? to : NULL;
    if (bad) return fail_errno(ERR_MISSING, errno, "no file or folder '%s'", bad);
    return between(real_from, real_to, out);
}
