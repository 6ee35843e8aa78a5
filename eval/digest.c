/* SPDX-License-Identifier: Apache-2.0
 * Digests of model and adapter folders (eval/digest.h): the folder's own files are chosen by name,
 * sub-folders are left alone.
 * Read next: eval/subject.c and release/verify.c, which compare them. */
#include "eval/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include <string.h>

static bool is_weights(const char *name) {
    return str_ends(name, ".safetensors") || str_ends(name, ".safetensors.index.json");
}

static bool is_of_model(const char *name) {
    return is_weights(name) || strcmp(name, "config.json") == 0 ||
           strcmp(name, "tokenizer.model") == 0;
}

static bool is_of_adapter(const char *name) {
    return is_weights(name) || strcmp(name, "adapter_config.json") == 0;
}

static err add_file(struct str *lines, const char *dir, const char *name) {
    char hash[SHA256_HEX_SIZE];
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = sha256_file(path, hash);
    mem_free(path);
    if (result != ERR_OK) return result;
    return str_printf(lines, "%s  %s\n", hash, name);
}

static err digest(const char *dir, bool (*wanted)(const char *name), char out[SHA256_HEX_SIZE]) {
    struct name_list names = {0};
    struct str lines = {0};
    err result = dir_list(dir, &names);
    for (size_t i = 0; i < names.n && result == ERR_OK; i++)
        if (wanted(names.names[i])) result = add_file(&lines, dir, names.names[i]);
    if (result == ERR_OK && lines.len == 0)
        result = fail(ERR_MISSING, "'%s' holds no weights", dir);
    if (result == ERR_OK) result = sha256_bytes(lines.data, lines.len, out);
    str_release(&lines);
    name_list_release(&names);
    return result;
}

err digest_model(const char *dir, char out[SHA256_HEX_SIZE]) {
    return digest(dir, is_of_model, out);
}

err digest_adapter(const char *dir, char out[SHA256_HEX_SIZE]) {
    return digest(dir, is_of_adapter, out);
}
