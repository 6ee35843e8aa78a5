/* SPDX-License-Identifier: Apache-2.0
 * A model folder made from another one: what is copied, what stays behind, and the move into place
 * at the end.
 * Read next: model/folder.h, the contract. */
#include "model/folder.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include <string.h>

/* Files that `fill` writes itself, or that speak about the base alone. */
static bool stays_behind(const char *name) {
    return !strcmp(name, "config.json") || !strcmp(name, "README.md") ||
           !strcmp(name, "SHA256SUMS") || name[0] == '.' || str_ends(name, ".safetensors") ||
           str_ends(name, ".safetensors.index.json") || str_ends(name, ".bin") ||
           str_ends(name, ".bin.index.json") || str_ends(name, ".gguf") || str_ends(name, ".pt") ||
           !strcmp(name, "latest_checkpointed_iteration.txt");
}

static err copy_file(const char *from_dir, const char *to_dir, const char *name) {
    char *from = path_join(from_dir, name), *to = path_join(to_dir, name);
    err e = from && to ? file_copy(from, to) : ERR_MEMORY;
    mem_free(from);
    mem_free(to);
    return e;
}

static err add_other(const char *dir, const char *name, struct name_list *out) {
    char *path = path_join(dir, name);
    if (!path) return ERR_MEMORY;
    err e = dir_exists(path) ? ERR_OK : name_list_add(out, name);
    mem_free(path);
    return e;
}

err model_folder_others(const char *base_dir, struct name_list *out) {
    struct name_list names = {0};
    *out = (struct name_list){0};
    if (!dir_exists(base_dir)) return ERR_OK;
    TRY(dir_list(base_dir, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++)
        if (!stays_behind(names.names[i])) e = add_other(base_dir, names.names[i], out);
    name_list_release(&names);
    if (e != ERR_OK) name_list_release(out);
    return e;
}

static err copy_others(const char *from_dir, const char *to_dir) {
    struct name_list names;
    TRY(model_folder_others(from_dir, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++)
        e = copy_file(from_dir, to_dir, names.names[i]);
    name_list_release(&names);
    return e;
}

err model_folder_write(const char *dir, const char *base_dir,
                       err (*fill)(void *ctx, const char *dir), void *ctx) {
    if (file_exists(dir)) return fail(ERR_EXISTS, "'%s' is there already", dir);
    struct str temporary = {0};
    err e = str_printf(&temporary, "%s.tmp-model", dir);
    const char *at = str_text(&temporary);
    if (e == ERR_OK) e = dir_remove(at);
    if (e == ERR_OK) e = dir_make(at);
    if (e == ERR_OK) e = copy_others(base_dir, at);
    if (e == ERR_OK) e = fill(ctx, at);
    if (e == ERR_OK) e = dir_commit(at, dir);
    if (e != ERR_OK) e = dir_give_up(e, at);
    str_release(&temporary);
    return e == ERR_OK ? e : fail_in(e, "model folder '%s'", dir);
}
