/* SPDX-License-Identifier: Apache-2.0
 * The table of a release's files (release/files.h), looked up by path. A few dozen
 * lines are walked each time: a release has few files beside its weights.
 * Read next: release/pack.c, which copies what the lines name. */
#include "release/files.h"
#include "base/str.h"
#include "release/data_card.h"
#include "release/gguf.h"
#include "release/golden.h"
#include "release/ledger.h"
#include "release/pack.h"
#include "release/previous.h"
#include "release/seal.h"
#include "release/sources.h"
#include "release/states.h"
#include "release/statement.h"
#include <string.h>

enum { MAYBE, ALWAYS };

#define MADE RELEASE_MADE, 0, NULL
#define MODEL RELEASE_MODEL, 0, NULL
#define FROM(member, below) RELEASE_FROM, offsetof(struct release_pack, member), below
#define RELEASE_FILE(path, need, part, origin) {path, need, RELEASE_##part, origin},
const struct release_file release_files[] = {
#include "release/files.def"
};
#undef RELEASE_FILE
const size_t n_release_files = sizeof release_files / sizeof release_files[0];

bool release_file_is_folder(const struct release_file *f) {
    return str_ends(f->path, "/");
}

const struct release_file *release_file_of(const char *path) {
    for (size_t i = 0; i < n_release_files; i++) {
        const struct release_file *f = &release_files[i];
        if (release_file_is_folder(f) ? str_starts(path, f->path) : strcmp(path, f->path) == 0)
            return f;
    }
    return NULL;
}

enum release_part release_part_of(const char *path) {
    const struct release_file *f = release_file_of(path);
    return f != NULL ? f->part : RELEASE_HASHED;
}
