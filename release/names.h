/* SPDX-License-Identifier: Apache-2.0
 * Which paths a release's files may have. A release comes from strangers and goes to every kind of
 * machine: a path must stay in the folder, be one line of SHA256SUMS as it is, and not fall
 * together with another where upper and lower case are the same.
 * Read next: release/survey.h, release/seal.h. */
#ifndef COTRAIN_RELEASE_NAMES_H
#define COTRAIN_RELEASE_NAMES_H

#include "base/file.h"

/* Relative, parts divided by single '/', none of them "." or "..", well-formed UTF-8 without
 * control characters, backslashes or white space at either end of a part, at most
 * RELEASE_NAME_BYTES: ERR_GATE saying what is wrong. */
enum { RELEASE_NAME_BYTES = 512 };
MUST_CHECK err release_name_check(const char *name);
/* What a release is called, so its folder and its GGUF files: one part of a path, with room for
 * what is put behind it, and no '.' in front. ERR_RANGE. */
enum { RELEASE_TITLE_BYTES = 200 };
MUST_CHECK err release_title_check(const char *name);
/* Of many: each is a good path, they stand in bytewise order, none twice, and no two differ by case
 * (of ASCII letters) alone. */
MUST_CHECK err release_names_check(const struct name_list *names);

#endif
