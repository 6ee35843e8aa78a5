/* SPDX-License-Identifier: Apache-2.0
 * What lies in a release folder, looked at without opening anything: a link may lead out of the
 * folder, a FIFO may keep whoever opens it waiting for ever, and a file with a second name may be
 * changed under that one.
 * Read next: release/seal.h, which then reads. */
#ifndef COTRAIN_RELEASE_SURVEY_H
#define COTRAIN_RELEASE_SURVEY_H

#include "base/file.h"

/* Relative paths of the files, and of empty folders as "name/", sorted. Anything that is neither a
 * folder nor a regular file with this one name, and any path that release_name_check refuses, is
 * ERR_GATE naming it. A `.git` at the top is passed over: a clone of a release is one, too. */
MUST_CHECK err survey_files(const char *dir, struct name_list *out);

#endif
