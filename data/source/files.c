/* SPDX-License-Identifier: Apache-2.0
 * Folders and patterns to lists of files. A folder that holds more than rows (a card, a licence, a
 * test set) is the usual case, so what is taken and what is not follows rules that are told in
 * data/source/files.h and said aloud where they leave something out. */
#include "data/source/files.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/source/megatron.h"
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

static const char pattern_marks[] = "*?[";

bool source_file_named(const char *name, const char *const *endings) {
    size_t n = strlen(name);
    n -= str_ends(name, ".gz") ? 3 : str_ends(name, ".zst") ? 4 : 0;
    for (; *endings; endings++) {
        size_t len = strlen(*endings);
        if (n > len && memcmp(name + n - len, *endings, len) == 0) return true;
    }
    return false;
}

static bool names_rows(const char *name) {
    static const char *const endings[] = {".jsonl", ".json", ".ndjson", ".txt",
                                          ".csv",   ".tsv",  ".idx",    NULL};
    return source_file_named(name, endings);
}

static bool is_hidden(const char *name) {
    return name[0] == '.' || strstr(name, "/.") != NULL;
}

/* The last part's length up to its first dot: "train" of "a/train.jsonl.gz". */
static size_t stem_length(const char *base) {
    return strcspn(base, ".");
}

static bool stem_is(const char *name, const char *word) {
    const char *base = path_base(name);
    return stem_length(base) == strlen(word) && strncmp(base, word, strlen(word)) == 0;
}

/* Whether a file beside this one, in the same folder, is named train. */
static bool beside_train(const struct name_list *names, const char *name) {
    size_t folder = (size_t)(path_base(name) - name);
    for (size_t i = 0; i < names->n; i++) {
        const char *other = names->names[i];
        if ((size_t)(path_base(other) - other) != folder || strncmp(other, name, folder) != 0)
            continue;
        if (stem_is(other, "train")) return true;
    }
    return false;
}

static bool is_other_split(const struct name_list *names, const char *name) {
    static const char *const words[] = {"valid", "validation", "val", "dev", "test", "eval"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (stem_is(name, words[i])) return beside_train(names, name);
    return false;
}

/* Whether the .idx whose .bin this would be is there. */
static err is_megatron_bin(const struct name_list *names, const char *name, bool *out) {
    *out = false;
    if (!str_ends(name, ".bin")) return ERR_OK;
    char *idx = megatron_path(name, ".idx");
    if (!idx) return ERR_MEMORY;
    *out = name_list_has(names, idx);
    mem_free(idx);
    return ERR_OK;
}

/* A pipe would stop whoever opens it until somebody writes. What is not there is its reader's to
 * say. A dataset tells of its files by name, as text. */
static err add_file(struct source_files *f, const char *path, const char *name) {
    struct stat info;
    if (utf8_invalid_at(name, strlen(name)) >= 0)
        return fail_hint(fail(ERR_UNSUPPORTED, "'%s': its name is no UTF-8", path), "rename it");
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return fail(ERR_UNSUPPORTED, "'%s' is no regular file: it could not be read twice", path);
    TRY(name_list_add(&f->paths, path));
    return name_list_add(&f->names, name);
}

/* All that is taken of the folder `dir`; their names are `prefix` and what is below it. */
static err add_folder(struct source_files *f, const char *dir, const char *prefix, bool guessed) {
    struct name_list names;
    TRY(dir_walk(dir, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        const char *name = names.names[i];
        bool part = false, split = is_other_split(&names, name);
        e = is_megatron_bin(&names, name, &part);
        if (e != ERR_OK || is_hidden(name) || part) continue;
        if (split || (guessed && !names_rows(name))) {
            LOG(DATA, WARN, "'%s/%s' is left out: %s", dir, name,
                split ? "it stands beside files that are named train"
                      : "its name does not say that it holds rows (name its format to read it)");
            continue;
        }
        char *path = path_join(dir, name), *whole = path_join(prefix, name);
        e = path && whole ? add_file(f, path, whole) : ERR_MEMORY;
        mem_free(path);
        mem_free(whole);
    }
    name_list_release(&names);
    return e;
}

/* Length of the folders before the part with the first mark, with the slash. */
static size_t fixed_length(const char *pattern) {
    size_t n = strcspn(pattern, pattern_marks);
    while (n > 0 && pattern[n - 1] != '/') n--;
    return n;
}

static err add_matches(struct source_files *f, const char *pattern, bool guessed) {
    struct name_list found = {0};
    glob_t matches = {0};
    size_t fixed = fixed_length(pattern);
    if (strstr(pattern, "**")) {
        err e = fail(ERR_UNSUPPORTED, "'%s': ** is no pattern here", pattern);
        return fail_hint(e, "name the folder: everything below it is read");
    }
    int result = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &matches);
    err e = ERR_OK;
    if (result == GLOB_NOSPACE) e = fail(ERR_MEMORY, "out of memory for '%s'", pattern);
    if (result == GLOB_ABORTED) e = fail_errno(ERR_IO, errno, "cannot look for '%s'", pattern);
    for (size_t i = 0; i < matches.gl_pathc && e == ERR_OK; i++)
        e = name_list_add(&found, matches.gl_pathv[i]);
    globfree(&matches);
    name_list_sort(&found); /* not as the locale has it */
    for (size_t i = 0; i < found.n && e == ERR_OK; i++) {
        const char *path = found.names[i];
        e = dir_exists(path) ? add_folder(f, path, path + fixed, guessed)
                             : add_file(f, path, path + fixed);
    }
    name_list_release(&found);
    return e;
}

/* The .idx of Megatron's pair, named by either or by what both begin with. */
static err add_megatron(struct source_files *f, const char *path) {
    char *idx = megatron_path(path, ".idx");
    err e = idx ? add_file(f, idx, path_base(idx)) : ERR_MEMORY;
    mem_free(idx);
    return e;
}

err source_files_find(struct source_files *f, const char *path, const char *format) {
    bool guessed = strcmp(format, "auto") == 0;
    bool pattern = !file_exists(path) && strpbrk(path, pattern_marks);
    *f = (struct source_files){0};
    if (strcmp(format, "megatron") == 0 && !dir_exists(path) && !pattern)
        return add_megatron(f, path);
    if (dir_exists(path)) {
        TRY(add_folder(f, path, "", guessed));
        return f->paths.n > 0 ? ERR_OK
                              : fail(ERR_MISSING, "folder '%s' has no files of rows", path);
    }
    if (!pattern) return add_file(f, path, path_base(path));
    TRY(add_matches(f, path, guessed));
    return f->paths.n > 0 ? ERR_OK : fail(ERR_MISSING, "nothing is there that '%s' matches", path);
}

void source_files_release(struct source_files *f) {
    name_list_release(&f->paths);
    name_list_release(&f->names);
}

/* ---- hashes ---- */

static err add_bytes(struct sha256 *hash, const char *path) {
    struct file_map map;
    TRY(file_map_open(&map, path));
    err e = sha256_add(hash, map.data, map.size_bytes);
    file_map_close(&map);
    return e;
}

err source_file_sha256(const char *path, char out[SHA256_HEX_SIZE]) {
    struct sha256 hash;
    if (!str_ends(path, ".idx")) return sha256_file(path, out);
    char *bin = megatron_path(path, ".bin");
    if (!bin) return ERR_MEMORY;
    err e = sha256_init(&hash);
    if (e == ERR_OK) e = add_bytes(&hash, path);
    if (e == ERR_OK) e = add_bytes(&hash, bin);
    mem_free(bin);
    if (e == ERR_OK) return sha256_final(&hash, out);
    sha256_release(&hash);
    return e;
}

err source_sha256(const char *path, const char *format, char out[SHA256_HEX_SIZE]) {
    struct source_files files;
    struct str lines = {0};
    err e = source_files_find(&files, path, format);
    for (size_t i = 0; i < files.paths.n && e == ERR_OK; i++) {
        char hex[SHA256_HEX_SIZE];
        e = source_file_sha256(files.paths.names[i], hex);
        if (e == ERR_OK) e = str_printf(&lines, "%s  %s\n", hex, files.names.names[i]);
    }
    if (e == ERR_OK) e = sha256_bytes(str_text(&lines), lines.len, out);
    source_files_release(&files);
    str_release(&lines);
    return e;
}
