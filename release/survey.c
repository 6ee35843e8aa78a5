/* SPDX-License-Identifier: Apache-2.0
 * The look at a release folder before it is read (release/survey.h). A folder that changes while it
 * is looked at is not what this is for: whoever can do that owns it.
 * Read next: release/seal.c. */
#include "release/survey.h"
#include "base/mem.h"
#include "base/str.h"
#include "release/names.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_FILES = 100000 };

static const char *kind_of(mode_t mode) {
    if (S_ISLNK(mode)) return "a symbolic link";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

static err look_below(const char *dir, const char *below, struct name_list *out);

static err look_at(const char *dir, const char *path, struct name_list *out) {
    struct stat info;
    TRY(release_name_check(path));
    char *full = path_join(dir, path);
    if (full == NULL) return ERR_MEMORY;
    int why = lstat(full, &info) != 0 ? errno : 0;
    mem_free(full);
    if (why != 0) return fail_errno(ERR_IO, why, "cannot look at '%s'", path);
    if (S_ISDIR(info.st_mode)) return look_below(dir, path, out);
    if (!S_ISREG(info.st_mode)) {
        fail(ERR_GATE, "'%s' is no regular file but %s", path, kind_of(info.st_mode));
        return S_ISLNK(info.st_mode)
                   ? fail_hint(ERR_GATE, "a hub's cache has links in the place of files: copy what "
                                         "they lead to (cp -rL), and check the copy")
                   : ERR_GATE;
    }
    if (info.st_nlink > 1) {
        fail(ERR_GATE, "'%s' is a hard link: the file has %lld names", path,
             (long long)info.st_nlink);
        return fail_hint(ERR_GATE, "whoever changes it under another name changes the release; "
                                   "copy the folder with 'cp -r'");
    }
    if (out->n >= MAX_FILES) return fail(ERR_GATE, "more than %d files", MAX_FILES);
    return name_list_add(out, path);
}

static err add_empty(const char *folder, struct name_list *out) {
    struct str name = {0};
    err result = str_printf(&name, "%s/", folder);
    if (result == ERR_OK) result = name_list_add(out, str_text(&name));
    str_release(&name);
    return result;
}

static err look_below(const char *dir, const char *below, struct name_list *out) {
    struct name_list names = {0};
    char *here = path_join(dir, below);
    if (here == NULL) return ERR_MEMORY;
    err result = dir_list(here, &names);
    mem_free(here);
    if (result == ERR_OK && names.n == 0 && below[0] != '\0') result = add_empty(below, out);
    for (size_t i = 0; i < names.n && result == ERR_OK; i++) {
        if (below[0] == '\0' && strcmp(names.names[i], ".git") == 0) continue;
        char *path = path_join(below, names.names[i]);
        result = path == NULL ? ERR_MEMORY : look_at(dir, path, out);
        mem_free(path);
    }
    name_list_release(&names);
    return result;
}

err survey_files(const char *dir, struct name_list *out) {
    *out = (struct name_list){0};
    err result = look_below(dir, "", out);
    if (result == ERR_OK)
        name_list_sort(out);
    else
        name_list_release(out);
    return result;
}
