/* SPDX-License-Identifier: Apache-2.0
 * Digests of model and adapter folders (eval/digest.h): files are chosen by name, in the folder
 * itself; of sub-folders only Megatron's ranks count.
 * Read next: eval/subject.c and release/verify.c, which compare them. */
#include "eval/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include <string.h>

bool digest_is_weights(const char *name) {
    static const char *const endings[] = {".safetensors", ".safetensors.index.json", ".bin",
                                          ".bin.index.json", ".gguf"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (str_ends(name, endings[i])) return true;
    return false;
}

static bool is_of_model(const char *name) {
    return digest_is_weights(name) || strcmp(name, "config.json") == 0 ||
           strcmp(name, "tokenizer.model") == 0 ||
           strcmp(name, "latest_checkpointed_iteration.txt") == 0;
}

static bool is_of_adapter(const char *name) {
    return digest_is_weights(name) || strcmp(name, "adapter_config.json") == 0;
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

/* A rank of a Megatron checkpoint, "iter_0000001/mp_rank_00/model_optim_rng.pt". */
static bool is_rank(const char *name) {
    return (str_starts(name, "iter_") || str_starts(name, "release/")) && str_ends(name, ".pt");
}

/* `name` is a path below the folder. */
static bool counts(const char *name, bool (*wanted)(const char *name)) {
    return strchr(name, '/') ? wanted == is_of_model && is_rank(name) : wanted(name);
}

static err add_files(struct str *lines, const char *dir, bool (*wanted)(const char *name)) {
    struct name_list names = {0};
    err result = dir_walk(dir, &names);
    for (size_t i = 0; i < names.n && result == ERR_OK; i++)
        if (counts(names.names[i], wanted)) result = add_file(lines, dir, names.names[i]);
    name_list_release(&names);
    return result;
}

static err digest(const char *path, bool (*wanted)(const char *name), char out[SHA256_HEX_SIZE]) {
    struct str lines = {0};
    if (file_exists(path) && !dir_exists(path)) return sha256_file(path, out);
    err result = add_files(&lines, path, wanted);
    if (result == ERR_OK && lines.len == 0)
        result = fail(ERR_MISSING, "'%s' holds no weights", path);
    if (result == ERR_OK) result = sha256_bytes(lines.data, lines.len, out);
    str_release(&lines);
    return result;
}

err digest_model(const char *dir, char out[SHA256_HEX_SIZE]) {
    return digest(dir, is_of_model, out);
}

err digest_adapter(const char *dir, char out[SHA256_HEX_SIZE]) {
    return digest(dir, is_of_adapter, out);
}
