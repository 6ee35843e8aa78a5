/* SPDX-License-Identifier: Apache-2.0
 * Where the published inputs stand that are too large for this repository: the folder named by
 * COTRAIN_SHARED, else ../shared beside the repository. A test that needs one which is not there
 * says so and ends as skipped (exit code 77). */
#ifndef COTRAIN_TESTS_GOLDEN_SHARED_H
#define COTRAIN_TESTS_GOLDEN_SHARED_H

#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>

enum { TEST_SKIPPED = 77 };

/* The path of `name` in the shared folder, in static storage; NULL, and a message, when absent. */
static inline const char *shared_path(const char *name) {
    static char paths[4][1024];
    static int turn = 0;
    char *path = paths[turn++ % 4];
    const char *folder = getenv("COTRAIN_SHARED");
    if (folder && folder[0])
        snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    else
        snprintf(path, sizeof paths[0], "%s/../shared/%s", SOURCE_DIR, name);
    if (file_exists(path)) return path;
    printf("skipped: '%s' is not there\n", path);
    return NULL;
}

#endif
