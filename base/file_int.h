/* SPDX-License-Identifier: Apache-2.0
 * What base/file.c and base/dir.c share: the counted system calls.
 * Each asks base/fault.h first, so that a test can make the Nth fail or end the process there.
 * Read next: base/file.h. */
#ifndef COTRAIN_BASE_FILE_INT_H
#define COTRAIN_BASE_FILE_INT_H

#include "base/err.h"

MUST_CHECK err file_sync(int fd, const char *path);
MUST_CHECK err file_rename(const char *from, const char *to);
MUST_CHECK err file_exchange(const char *one,
                             const char *other); /* both names stay, contents swap */
/* A file in the folder that has no name, to be read and written through *out_fd. */
MUST_CHECK err file_nameless(const char *dir, int *out_fd);
MUST_CHECK err dir_sync(const char *path);
MUST_CHECK err dir_sync_parent(const char *path);

#endif
