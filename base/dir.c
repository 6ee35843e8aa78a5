/* SPDX-License-Identifier: Apache-2.0
 * Folders and paths: sorted listing, recursive removal, and the atomic replacement of a whole
 * folder.
 * Read next: base/file.h, the contract. */
#include "base/file.h"

#include "base/env.h"
#include "base/file_int.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

char *path_join(const char *dir, const char *name) {
    struct str s = {0};
    bool alone = name[0] == '/' || dir[0] == '\0';
    err e = alone ? str_add(&s, name)
                  : str_printf(&s, "%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
    if (e == ERR_OK) return s.data;
    str_release(&s);
    return NULL;
}

const char *path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

char *path_dir(const char *path) {
    size_t n = (size_t)(path_base(path) - path);
    if (n == 0) return mem_strdup(".");
    struct str s = {0};
    if (str_append(&s, path, n > 1 ? n - 1 : 1) == ERR_OK) return s.data;
    str_release(&s);
    return NULL;
}

bool dir_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

err dir_make_temporary(struct str *out_path) {
    const char *place = env_get(ENV_TMPDIR);
    TRY(str_printf(out_path, "%s/cotrain-XXXXXX", place ? place : "/tmp"));
    if (mkdtemp(out_path->data)) return ERR_OK;
    err e = fail_errno(ERR_IO, errno, "cannot make a folder '%s'", str_text(out_path));
    str_clear(out_path);
    return e;
}

err dir_need_room(const char *path, int64_t bytes) {
    struct statvfs disk;
    if (statvfs(path, &disk) != 0 || disk.f_blocks == 0) return ERR_OK; /* not to be known */
    const double free_bytes = (double)disk.f_bavail * (double)disk.f_frsize;
    if ((double)bytes <= free_bytes) return ERR_OK;
    const double unit = bytes < 1000000000 ? 1e6 : 1e9;
    fail(ERR_LIMIT, "%.1f %s are to be written, and the disk has %.1f free", (double)bytes / unit,
         unit < 1e9 ? "MB" : "GB", free_bytes / unit);
    return fail_hint(ERR_LIMIT, "free some space and run the same command again");
}

err dir_make(const char *path) {
    if (dir_exists(path)) return ERR_OK;
    char *parent = path_dir(path);
    if (parent == NULL) return ERR_MEMORY;
    err e = strcmp(parent, path) == 0 ? ERR_OK : dir_make(parent);
    mem_free(parent);
    if (e != ERR_OK) return e;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && dir_exists(path))) return ERR_OK;
    return fail_errno(ERR_IO, errno, "cannot make folder '%s'", path);
}

err dir_sync(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail_errno(ERR_IO, errno, "cannot open folder '%s'", path);
    err e = file_sync(fd, path);
    close(fd);
    return e;
}

err dir_sync_parent(const char *path) {
    char *parent = path_dir(path);
    if (parent == NULL) return ERR_MEMORY;
    err e = dir_sync(parent);
    mem_free(parent);
    return e;
}

err name_list_add(struct name_list *list, const char *name) {
    if ((list->n & (list->n - 1)) == 0) { /* full at 0 and every power of two */
        char **names = mem_resize(list->names, list->n > 0 ? 2 * list->n : 1, sizeof *names);
        if (names == NULL) return ERR_MEMORY;
        list->names = names;
    }
    list->names[list->n] = mem_strdup(name);
    if (list->names[list->n] == NULL) return ERR_MEMORY;
    list->n++;
    return ERR_OK;
}

void name_list_release(struct name_list *list) {
    for (size_t i = 0; i < list->n; i++) mem_free(list->names[i]);
    mem_free(list->names);
    *list = (struct name_list){0};
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void name_list_sort(struct name_list *list) {
    if (list->n > 1) qsort(list->names, list->n, sizeof *list->names, by_bytes);
}

bool name_list_has(const struct name_list *list, const char *name) {
    return list->n > 0 && bsearch(&name, list->names, list->n, sizeof *list->names, by_bytes);
}

err dir_list(const char *path, struct name_list *out) {
    *out = (struct name_list){0};
    DIR *dir = opendir(path);
    if (dir == NULL) return fail_errno(ERR_IO, errno, "cannot open folder '%s'", path);
    err e = ERR_OK;
    for (struct dirent *entry; e == ERR_OK && (errno = 0, entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            e = name_list_add(out, entry->d_name);
    if (e == ERR_OK && errno != 0) e = fail_errno(ERR_IO, errno, "cannot read folder '%s'", path);
    closedir(dir);
    if (e != ERR_OK)
        name_list_release(out);
    else
        name_list_sort(out);
    return e;
}

static err walk(const char *root, const char *below, struct name_list *out) {
    char *dir = path_join(root, below);
    struct name_list names = {0};
    err e = dir != NULL ? dir_list(dir, &names) : ERR_MEMORY;
    for (size_t i = 0; e == ERR_OK && i < names.n; i++) {
        char *relative = path_join(below, names.names[i]);
        char *whole = relative != NULL ? path_join(root, relative) : NULL;
        if (whole == NULL)
            e = ERR_MEMORY;
        else if (dir_exists(whole))
            e = walk(root, relative, out);
        else
            e = name_list_add(out, relative);
        mem_free(whole);
        mem_free(relative);
    }
    name_list_release(&names);
    mem_free(dir);
    return e;
}

err dir_walk(const char *path, struct name_list *out) {
    *out = (struct name_list){0};
    err e = walk(path, "", out);
    if (e != ERR_OK)
        name_list_release(out);
    else
        name_list_sort(out);
    return e;
}

err dir_remove(const char *path) {
    struct stat info;
    if (lstat(path, &info) != 0) return ERR_OK;
    if (S_ISDIR(info.st_mode)) {
        struct name_list names;
        TRY(dir_list(path, &names));
        err e = ERR_OK;
        for (size_t i = 0; e == ERR_OK && i < names.n; i++) {
            char *child = path_join(path, names.names[i]);
            e = child != NULL ? dir_remove(child) : ERR_MEMORY;
            mem_free(child);
        }
        name_list_release(&names);
        if (e != ERR_OK) return e;
    }
    if (remove(path) != 0) return fail_errno(ERR_IO, errno, "cannot remove '%s'", path);
    return ERR_OK;
}

static err sync_file(const char *dir, const char *name) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    err e = fd >= 0 ? file_sync(fd, path) : fail_errno(ERR_IO, errno, "cannot open '%s'", path);
    if (fd >= 0) close(fd);
    mem_free(path);
    return e;
}

static err sync_tree(const char *path) {
    struct name_list files;
    TRY(dir_walk(path, &files));
    err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < files.n; i++) e = sync_file(path, files.names[i]);
    name_list_release(&files);
    return e == ERR_OK ? dir_sync(path) : e;
}

/* An existing folder is exchanged with the new one in a single step, so that at every moment one of
 * them is whole and in place; what was there is then removed under the temporary name. */
err dir_give_up(err why, const char *path) {
    struct err_kept kept;
    err_keep(&kept);
    err left = dir_remove(path);
    if (left != ERR_OK) err_put_back(&kept); /* whoever writes there next removes it first */
    return why;
}

err dir_commit(const char *temporary, const char *path) {
    TRY(sync_tree(temporary));
    if (!dir_exists(path)) {
        TRY(file_rename(temporary, path));
        return dir_sync_parent(path);
    }
    TRY(file_exchange(temporary, path));
    TRY(dir_sync_parent(path));
    return dir_remove(temporary);
}
