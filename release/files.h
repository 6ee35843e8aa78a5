/* SPDX-License-Identifier: Apache-2.0
 * The files of a release as release/files.def lists them: what is packed, hashed, kept apart and
 * asked for all comes from those lines.
 * Read next: release/files.def, release/pack.c. */
#ifndef COTRAIN_RELEASE_FILES_H
#define COTRAIN_RELEASE_FILES_H

#include <stdbool.h>
#include <stddef.h>

enum release_part { RELEASE_HASHED, RELEASE_APART, RELEASE_SEAL, RELEASE_SIGNATURE };
enum release_origin { RELEASE_MADE, RELEASE_MODEL, RELEASE_FROM };

struct release_file {
    const char *path; /* ends with '/': a folder and all below it */
    bool needed;
    enum release_part part;
    enum release_origin origin;
    size_t member;     /* RELEASE_FROM: offset of a path in struct release_pack; NULL: none */
    const char *below; /* and what is taken below that path; "": itself */
};
extern const struct release_file release_files[];
extern const size_t n_release_files;

/* The line that a path of a release belongs to, or NULL. */
const struct release_file *release_file_of(const char *path);
/* Which part a path belongs to: that of its line, else RELEASE_HASHED. */
enum release_part release_part_of(const char *path);
bool release_file_is_folder(const struct release_file *f);

#endif
