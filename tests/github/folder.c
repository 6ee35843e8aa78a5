/* SPDX-License-Identifier: Apache-2.0
 * Saved JSON. A file is read when it is asked for, and again when it has changed, so that a test
 * can edit a thread between two collections or in the middle of one.
 * Read next: tests/github/standin.h. */
#include "tests/github/standin.h"

#include "base/file.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct kept_file {
    char *path;
    struct stat state;
    json_t *json;
};

err folder_open(struct standin *s) {
    struct name_list owners = {0}, names = {0};
    char *repos = path_join(s->folder, "repos");
    err e = repos ? dir_list(repos, &owners) : ERR_MEMORY;
    for (size_t i = 0; i < owners.n && e == ERR_OK; i++) {
        char *owner = path_join(repos, owners.names[i]);
        e = owner ? dir_list(owner, &names) : ERR_MEMORY;
        for (size_t k = 0; k < names.n && e == ERR_OK; k++)
            e = json_push(s->repositories, json_sprintf("%s/%s", owners.names[i], names.names[k]));
        name_list_release(&names);
        mem_free(owner);
    }
    name_list_release(&owners);
    mem_free(repos);
    return e;
}

static bool same_state(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct kept_file *find(struct standin *s, const char *path) {
    for (int64_t i = 0; i < s->n_files; i++)
        if (strcmp(s->files[i].path, path) == 0) return &s->files[i];
    struct kept_file *files = mem_resize(s->files, (size_t)s->n_files + 1, sizeof *files);
    if (!files) return NULL;
    s->files = files;
    files[s->n_files] = (struct kept_file){.path = mem_strdup(path)};
    return files[s->n_files].path ? &files[s->n_files++] : NULL;
}

json_t *folder_json(struct standin *s, const char *repository, const char *name) {
    struct str path = {0};
    struct stat now;
    json_t *json = NULL;
    if (s->folder && str_printf(&path, "%s/repos/%s/%s", s->folder, repository, name) == ERR_OK &&
        stat(path.data, &now) == 0 && S_ISREG(now.st_mode)) {
        struct kept_file *file = find(s, path.data);
        if (file && (!file->json || !same_state(&file->state, &now))) {
            json_decref(file->json);
            file->state = now;
            if (json_parse_file(path.data, &file->json) != ERR_OK) {
                fprintf(stderr, "stand-in: %s\n", err_message());
                file->json = NULL;
            }
        }
        json = file ? file->json : NULL;
    }
    str_release(&path);
    return json;
}
