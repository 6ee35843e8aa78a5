/* SPDX-License-Identifier: Apache-2.0
 * Finding the files of the published
 * suites and holding them against their hashes.
 * Read next: eval/suite_files.h for where they are looked for. */
#include "eval/suite_files.h"

#include "base/env.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define SUITE_FILE(name, path, sha256) const struct suite_file suite_file_##name = {path, sha256};
#include "eval/suite_files.def"
#undef SUITE_FILE

static const char beside[] = "shared/datasets";

/* The first folder `beside` in `start` or above it; *out NULL: none. */
static err look_upwards(const char *start, char **out) {
    char at[PATH_MAX];
    *out = NULL;
    if (strlen(start) >= sizeof at) return ERR_OK;
    memcpy(at, start, strlen(start) + 1);
    for (;;) {
        char *path = path_join(at[0] != '\0' ? at : "/", beside);
        if (path == NULL) return ERR_MEMORY;
        if (dir_exists(path)) {
            *out = path;
            return ERR_OK;
        }
        mem_free(path);
        char *end = strrchr(at, '/');
        if (end == NULL) return ERR_OK; /* the root was the last */
        *end = '\0';
    }
}

static err look_around(char **out) {
    char folder[PATH_MAX];
    *out = NULL;
    if (getcwd(folder, sizeof folder) != NULL) TRY(look_upwards(folder, out));
    if (*out != NULL) return ERR_OK;
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (n <= 0) return ERR_OK;
    folder[n] = '\0';
    return look_upwards(folder, out);
}

err datasets_find(const struct datasets *d, char **out) {
    const char *named = d->folder != NULL ? d->folder : env_get(ENV_COTRAIN_DATASETS);
    *out = NULL;
    if (named == NULL) {
        TRY(look_around(out));
        if (*out != NULL) return ERR_OK;
        (void)fail(ERR_MISSING, "no folder with the files of the published suites");
        return fail_hint(ERR_MISSING,
                         "name it with eval.datasets, --datasets or COTRAIN_DATASETS; nothing is "
                         "downloaded (docs/evaluation.md tells the files)");
    }
    if (!dir_exists(named))
        return fail(ERR_MISSING, "no folder '%s' with the files of the published suites", named);
    *out = mem_strdup(named);
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

static err check(const char *path, const struct suite_file *file, bool allow_changed,
                 bool *out_changed) {
    char hash[SHA256_HEX_SIZE];
    err result = sha256_file(path, hash);
    if (result != ERR_OK && access(path, F_OK) != 0 && errno == ENOENT) {
        (void)fail(ERR_MISSING, "no file '%s'", path);
        return fail_hint(ERR_MISSING, "docs/evaluation.md tells what the folder has to hold");
    }
    TRY(result);
    *out_changed = strcmp(hash, file->sha256) != 0;
    if (!*out_changed || allow_changed) return ERR_OK;
    (void)fail(ERR_MISMATCH, "'%s' is not the published file: its SHA-256 is %s, not %s", path,
               hash, file->sha256);
    return fail_hint(ERR_MISMATCH, "numbers on another file cannot be compared with published "
                                   "ones; --allow-changed takes it all the same");
}

err datasets_file(const struct datasets *d, const struct suite_file *file, char **out,
                  bool *out_changed) {
    char *folder = NULL;
    *out = NULL;
    TRY(datasets_find(d, &folder));
    char *path = path_join(folder, file->path);
    mem_free(folder);
    if (path == NULL) return ERR_MEMORY;
    err result = check(path, file, d->allow_changed, out_changed);
    if (result != ERR_OK) {
        mem_free(path);
        return result;
    }
    *out = path;
    return ERR_OK;
}
