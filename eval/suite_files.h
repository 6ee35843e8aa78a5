/* SPDX-License-Identifier: Apache-2.0
 * The files of the published suites: where they are looked for, and by which hash they are known.
 * Nothing is downloaded. A folder of datasets is, in this order: the one that was named (recipe's
 * eval.datasets, --datasets), $COTRAIN_DATASETS, and the first `shared/datasets` beside the present
 * folder, or the program, or any folder above these.
 * Read next: eval/suite_files.def, eval/suite.h. */
#ifndef COTRAIN_EVAL_SUITE_FILES_H
#define COTRAIN_EVAL_SUITE_FILES_H

#include "base/err.h"
#include <stdbool.h>

struct suite_file {
    const char *path;   /* below the folder of datasets */
    const char *sha256; /* of the one that the suite's stated values were worked out on */
};
#define SUITE_FILE(name, path, sha256) extern const struct suite_file suite_file_##name;
#include "eval/suite_files.def"
#undef SUITE_FILE

struct datasets {
    const char *folder; /* NULL: looked for, as above */
    bool allow_changed; /* take files whose hash is another one */
};

/* The folder's path (mem_alloc; the caller frees); ERR_MISSING with a hint. */
MUST_CHECK err datasets_find(const struct datasets *d, char **out);
/* The file's path (mem_alloc), and whether its hash is another one, which without allow_changed is
 * ERR_MISMATCH naming both. Absent is ERR_MISSING. */
MUST_CHECK err datasets_file(const struct datasets *d, const struct suite_file *file, char **out,
                             bool *out_changed);

#endif
