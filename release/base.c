/* SPDX-License-Identifier: Apache-2.0
 * Names of a base model's files against those of a release (release/base.h). Of a release's own
 * paths the first part counts: a file of that name would stand where a folder has to.
 * Read next: release/files.def, release/pack.c. */
#include "release/base.h"
#include "base/file.h"
#include "base/str.h"
#include "model/folder.h"
#include "release/files.h"
#include "release/loadable.h"
#include "release/names.h"
#include <string.h>
#include <strings.h>

static err in_the_way(const char *name, const char *own, size_t n) {
    return fail(ERR_GATE, "'%s' would stand in the way of the release's own '%.*s'", name, (int)n,
                own);
}

/* The very name of a file of a release is no harm: packing takes that one, or its own instead. */
static err check_beside(const char *name, const char *own, bool is_file) {
    const size_t n = strcspn(own, "/");
    if (strlen(name) != n || strncasecmp(name, own, n) != 0) return ERR_OK;
    return is_file && strncmp(name, own, n) == 0 ? ERR_OK : in_the_way(name, own, n);
}

static err check_name(const char *name) {
    TRY(release_name_check(name));
    for (size_t i = 0; i < n_release_files; i++) {
        const struct release_file *f = &release_files[i];
        TRY(check_beside(name, f->path,
                         !release_file_is_folder(f) && strchr(f->path, '/') == NULL));
    }
    for (int i = 0; i < LOADABLE_FILES; i++) TRY(check_beside(name, loadable_files[i], true));
    return ERR_OK;
}

static err check_names(const char *base_dir) {
    struct name_list names;
    TRY(model_folder_others(base_dir, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) e = check_name(names.names[i]);
    if (e == ERR_OK) e = release_names_check(&names);
    name_list_release(&names);
    return fail_hint(e, "a release takes it over: rename it, or take it out of the folder");
}

err release_base_check(const char *base_dir) {
    err e = check_names(base_dir);
    if (e == ERR_OK) e = loadable_check(base_dir);
    return fail_in(e, "base model '%s'", base_dir);
}
