/* SPDX-License-Identifier: Apache-2.0
 * Writing and checking a release's seal (release/seal.h). Checking goes from RELEASE to SHA256SUMS
 * to the files, so that each step stands on bytes that the step before has proved.
 * Read next: release/verify.c for what is checked beyond the bytes. */
#include "release/seal.h"
#include "base/mem.h"
#include "base/str.h"
#include <string.h>
#include <sys/stat.h>

enum { HASH_DIGITS = SHA256_HEX_SIZE - 1, MAX_SEAL_BYTES = 16 << 20 };

static err sum_of(const char *dir, const char *name, char out[SHA256_HEX_SIZE]) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = sha256_file(path, out);
    mem_free(path);
    return result;
}

static err write_in(const char *dir, const char *name, const struct str *text) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = file_write(path, text->data, text->len);
    mem_free(path);
    return result;
}

static bool is_of_seal(const char *path) {
    return strcmp(path, SEAL_SUMS) == 0 || strcmp(path, SEAL_RELEASE) == 0;
}

static err list_sums(const char *dir, struct str *out) {
    struct name_list files = {0};
    err result = dir_walk(dir, &files);
    for (size_t i = 0; i < files.n && result == ERR_OK; i++) {
        char hash[SHA256_HEX_SIZE];
        if (is_of_seal(files.names[i])) continue;
        if (strpbrk(files.names[i], "\n\\") != NULL)
            result =
                fail(ERR_UNSUPPORTED, "file name '%s': SHA256SUMS cannot hold it", files.names[i]);
        if (result == ERR_OK) result = sum_of(dir, files.names[i], hash);
        if (result == ERR_OK) result = str_printf(out, "%s  %s\n", hash, files.names[i]);
    }
    name_list_release(&files);
    return result;
}

/* The two lines that RELEASE's last one proves. */
static err release_lines(const char *release, const char *sums, struct str *out) {
    char check[SHA256_HEX_SIZE];
    TRY(str_printf(out, "release %s\nsums %s\n", release, sums));
    TRY(sha256_bytes(out->data, out->len, check));
    return str_printf(out, "check %s\n", check);
}

err seal_write(const char *dir, char out_release[SHA256_HEX_SIZE]) {
    struct str sums = {0}, release = {0};
    char sums_hash[SHA256_HEX_SIZE];
    err result = list_sums(dir, &sums);
    if (result == ERR_OK) result = write_in(dir, SEAL_SUMS, &sums);
    if (result == ERR_OK) result = sha256_bytes(sums.data, sums.len, sums_hash);
    if (result == ERR_OK) result = sum_of(dir, SEAL_MANIFEST, out_release);
    if (result == ERR_OK) result = release_lines(out_release, sums_hash, &release);
    if (result == ERR_OK) result = write_in(dir, SEAL_RELEASE, &release);
    str_release(&sums);
    str_release(&release);
    return result;
}

static err read_in(const char *dir, const char *name, struct str *out) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = file_read(path, MAX_SEAL_BYTES, out);
    mem_free(path);
    return result;
}

static err need_file(const char *dir, const char *name) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    bool there = file_exists(path);
    mem_free(path);
    return there ? ERR_OK : fail(ERR_GATE, "'%s' is missing", name);
}

static err changed(const char *name) {
    return fail(ERR_GATE, "'%s' has been changed", name);
}

/* Takes the word after `key` of the line at *at, which must be a hash and end the line. */
static bool take_hash(const char **at, const char *key, char out[SHA256_HEX_SIZE]) {
    size_t n = strlen(key);
    if (strncmp(*at, key, n) != 0) return false;
    if (strspn(*at + n, "0123456789abcdef") != HASH_DIGITS) return false;
    if ((*at)[n + HASH_DIGITS] != '\n') return false;
    memcpy(out, *at + n, HASH_DIGITS);
    out[HASH_DIGITS] = '\0';
    *at += n + HASH_DIGITS + 1;
    return true;
}

static err check_release(struct seal *s, const char *dir, char sums[SHA256_HEX_SIZE]) {
    struct str text = {0}, again = {0};
    char check[SHA256_HEX_SIZE];
    err result = read_in(dir, SEAL_RELEASE, &text);
    if (result == ERR_OK) {
        const char *at = str_text(&text);
        bool whole = take_hash(&at, "release ", s->release) && take_hash(&at, "sums ", sums) &&
                     take_hash(&at, "check ", check);
        if (whole) result = release_lines(s->release, sums, &again);
        if (result == ERR_OK &&
            (!whole || again.len != text.len || memcmp(again.data, text.data, text.len) != 0))
            result = changed(SEAL_RELEASE);
    }
    str_release(&text);
    str_release(&again);
    return result;
}

static err parse_sums(struct seal *s, const struct str *text) {
    const char *at = str_text(text), *end = at + text->len;
    int64_t capacity = 0;
    for (const char *c = at; c < end; c++) capacity += *c == '\n';
    s->lines = mem_zalloc((size_t)capacity + 1, sizeof *s->lines);
    if (s->lines == NULL) return ERR_MEMORY;
    while (at < end) {
        struct seal_line *line = &s->lines[s->n_lines];
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL || stop - at < HASH_DIGITS + 3) return changed(SEAL_SUMS);
        memcpy(line->hash, at, HASH_DIGITS);
        line->hash[HASH_DIGITS] = '\0';
        size_t n = (size_t)(stop - at) - HASH_DIGITS - 2;
        line->path = mem_zalloc(n + 1, 1);
        if (line->path == NULL) return ERR_MEMORY;
        memcpy(line->path, at + HASH_DIGITS + 2, n);
        s->n_lines++;
        at = stop + 1;
    }
    return ERR_OK;
}

static err check_sums(struct seal *s, const char *dir, const char *wanted) {
    struct str text = {0};
    char hash[SHA256_HEX_SIZE];
    TRY(need_file(dir, SEAL_SUMS));
    err result = read_in(dir, SEAL_SUMS, &text);
    if (result == ERR_OK) result = sha256_bytes(str_text(&text), text.len, hash);
    if (result == ERR_OK && strcmp(hash, wanted) != 0) result = changed(SEAL_SUMS);
    if (result == ERR_OK) result = parse_sums(s, &text);
    str_release(&text);
    return result;
}

static const struct seal_line *find_line(const struct seal *s, const char *path) {
    for (int64_t i = 0; i < s->n_lines; i++)
        if (strcmp(s->lines[i].path, path) == 0) return &s->lines[i];
    return NULL;
}

static bool is_parent_of_a_line(const struct seal *s, const char *path) {
    size_t n = strlen(path);
    for (int64_t i = 0; i < s->n_lines; i++)
        if (strncmp(s->lines[i].path, path, n) == 0 && s->lines[i].path[n] == '/') return true;
    return false;
}

static err check_entry(struct seal *s, const char *dir, const char *path);

/* Everything below dir/below is listed; links, sockets and the like are not regular files. */
static err check_no_extra(struct seal *s, const char *dir, const char *below) {
    struct name_list names = {0};
    char *here = path_join(dir, below);
    if (here == NULL) return ERR_MEMORY;
    err result = dir_list(here, &names);
    for (size_t i = 0; i < names.n && result == ERR_OK; i++) {
        char *path = path_join(below, names.names[i]);
        result = path == NULL ? ERR_MEMORY : check_entry(s, dir, path);
        mem_free(path);
    }
    name_list_release(&names);
    mem_free(here);
    return result;
}

static err check_entry(struct seal *s, const char *dir, const char *path) {
    struct stat info;
    char *full = path_join(dir, path);
    if (full == NULL) return ERR_MEMORY;
    int failed = lstat(full, &info);
    mem_free(full);
    if (failed != 0) return fail(ERR_GATE, "'%s' cannot be looked at", path);
    if (S_ISDIR(info.st_mode) && is_parent_of_a_line(s, path)) return check_no_extra(s, dir, path);
    if (is_of_seal(path) || find_line(s, path) != NULL) {
        if (S_ISREG(info.st_mode)) return ERR_OK;
        return fail(ERR_GATE, "'%s' is no regular file", path);
    }
    return fail(ERR_GATE, "'%s' does not belong to the release", path);
}

static err check_files(struct seal *s, const char *dir) {
    for (int64_t i = 0; i < s->n_lines; i++) {
        const struct seal_line *line = &s->lines[i];
        char hash[SHA256_HEX_SIZE];
        int64_t size = 0;
        TRY(need_file(dir, line->path));
        char *path = path_join(dir, line->path);
        if (path == NULL) return ERR_MEMORY;
        err result = file_size(path, &size);
        mem_free(path);
        TRY(result);
        TRY(sum_of(dir, line->path, hash));
        if (strcmp(hash, line->hash) != 0) return changed(line->path);
        s->bytes += size;
    }
    return ERR_OK;
}

err seal_check(struct seal *s, const char *dir) {
    char sums[SHA256_HEX_SIZE];
    *s = (struct seal){0};
    if (!dir_exists(dir)) return fail(ERR_MISSING, "there is no folder '%s'", dir);
    err sealed = need_file(dir, SEAL_RELEASE), listed = need_file(dir, SEAL_MANIFEST);
    if (sealed == ERR_GATE && listed == ERR_GATE)
        return fail(ERR_MISSING, "'%s' is no release: it has no file RELEASE", dir);
    if (listed != ERR_GATE) TRY(listed);
    TRY(sealed);
    TRY(check_release(s, dir, sums));
    TRY(check_sums(s, dir, sums));
    TRY(check_no_extra(s, dir, ""));
    TRY(check_files(s, dir));
    const struct seal_line *line = find_line(s, SEAL_MANIFEST);
    if (line == NULL || strcmp(line->hash, s->release) != 0)
        return fail(ERR_GATE, "the release hash in '%s' is not that of '%s'", SEAL_RELEASE,
                    SEAL_MANIFEST);
    return ERR_OK;
}

void seal_clear(struct seal *s) {
    for (int64_t i = 0; i < s->n_lines; i++) mem_free(s->lines[i].path);
    mem_free(s->lines);
    *s = (struct seal){0};
}
