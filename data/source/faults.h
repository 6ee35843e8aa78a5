/* SPDX-License-Identifier: Apache-2.0
 * Faults of many records as one error: counted all together, the first ten told with their
 * places, so that a file is mended in one go instead of one run a line. Used while sources are
 * read (data/source/read.h) and when held-out cases are compared with rows. */
#ifndef COTRAIN_DATA_SOURCE_FAULTS_H
#define COTRAIN_DATA_SOURCE_FAULTS_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct faults {
    struct str shown;
    int64_t n;
};

/* Takes note of the thread's present error, found at a place. Passes on what is no fault of the
 * input (memory, the system). */
MUST_CHECK err faults_add(struct faults *f, err e, const char *format, ...) PRINTF_LIKE(3, 4);
/* ERR_OK when there were none; else "3 of 120 `what`: place: fault; place: fault; ...". */
MUST_CHECK err faults_end(const struct faults *f, int64_t n_seen, const char *what);
void faults_release(struct faults *f);

#endif
