/* SPDX-License-Identifier: Apache-2.0
 * Writing and checking a release's seal (release/seal.h). Checking goes from RELEASE to SHA256SUMS
 * to the files, so that each step stands on bytes that the step before has proved.
 * Read next: release/verify.c for what is checked beyond the bytes. */
#include "release/seal.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "release/files.h"
#include "release/names.h"
#include "release/survey.h"
#include "remote/lfs.h"
#include <string.h>

enum {
    HASH_DIGITS = SHA256_HEX_SIZE - 1,
    MAX_SUMS_BYTES = 16 << 20,
    MAX_MANIFEST_BYTES = 64 << 20,
    MAX_RELEASE_BYTES = 4096,
};

const char *const seal_hub_files[SEAL_HUB_FILES] = {".gitattributes", "configuration.json"};

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

bool seal_is_signature(const char *path) {
    return release_part_of(path) == RELEASE_SIGNATURE;
}

static err list_sums(const char *dir, struct str *out) {
    struct name_list files = {0};
    err result = survey_files(dir, &files);
    if (result == ERR_OK) result = release_names_check(&files);
    for (size_t i = 0; i < files.n && result == ERR_OK; i++) {
        char hash[SHA256_HEX_SIZE];
        if (is_of_seal(files.names[i]) || seal_is_signature(files.names[i])) continue;
        result = sum_of(dir, files.names[i], hash);
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

static err size_of(const char *dir, const char *name, int64_t *out_bytes) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = file_size(path, out_bytes);
    mem_free(path);
    return result;
}

static err check_size(const char *dir, const char *name, int64_t max_bytes) {
    int64_t bytes = 0;
    TRY(size_of(dir, name, &bytes));
    if (bytes <= max_bytes) return ERR_OK;
    return fail(ERR_GATE, "'%s' has %lld bytes; %lld is the most that is read", name,
                (long long)bytes, (long long)max_bytes);
}

static err read_in(const char *dir, const char *name, int64_t max_bytes, struct str *out) {
    TRY(check_size(dir, name, max_bytes));
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = file_read(path, (size_t)max_bytes, out);
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
    err result = read_in(dir, SEAL_RELEASE, MAX_RELEASE_BYTES, &text);
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

static err bad_line(int64_t number, const char *what) {
    return fail(ERR_GATE, "'%s': line %lld %s", SEAL_SUMS, (long long)number, what);
}

/* "<64 digits>  <path>", as GNU sha256sum writes a plain name, and nothing else: its "\" for names
 * with escapes, "*" and CR LF are other forms of the same, and a list has one form here. */
static err parse_line(const char *at, size_t n, int64_t number, struct seal_line *out) {
    if (n > 0 && at[n - 1] == '\r') return bad_line(number, "ends with CR LF");
    if (n > 0 && at[0] == '\\') return bad_line(number, "has an escaped path");
    if (n < HASH_DIGITS + 3 || strspn(at, "0123456789abcdef") != HASH_DIGITS)
        return bad_line(number, "does not begin with a SHA-256");
    if (at[HASH_DIGITS] != ' ' || at[HASH_DIGITS + 1] != ' ')
        return bad_line(number, "has no two spaces behind the hash");
    if (memchr(at, '\0', n) != NULL) return bad_line(number, "holds a NUL");
    memcpy(out->hash, at, HASH_DIGITS);
    out->hash[HASH_DIGITS] = '\0';
    n -= HASH_DIGITS + 2;
    out->path = mem_zalloc(n + 1, 1);
    if (out->path == NULL) return ERR_MEMORY;
    memcpy(out->path, at + HASH_DIGITS + 2, n);
    if (is_of_seal(out->path) || seal_is_signature(out->path))
        return bad_line(number, "names a file that has no sum");
    return ERR_OK;
}

/* Before any path of the list is used: whether each may be. */
static err check_paths(const struct seal *s) {
    char **paths = mem_alloc((size_t)s->n_lines + 1, sizeof *paths);
    if (paths == NULL) return ERR_MEMORY;
    for (int64_t i = 0; i < s->n_lines; i++) paths[i] = s->lines[i].path;
    err result = release_names_check(&(struct name_list){paths, (size_t)s->n_lines});
    mem_free(paths);
    return fail_in(result, "'%s'", SEAL_SUMS);
}

static err parse_sums(struct seal *s, const struct str *text) {
    const char *at = str_text(text), *end = at + text->len;
    int64_t capacity = 0;
    for (const char *c = at; c < end; c++) capacity += *c == '\n';
    s->lines = mem_zalloc((size_t)capacity + 1, sizeof *s->lines);
    if (s->lines == NULL) return ERR_MEMORY;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) return bad_line(s->n_lines + 1, "has no end");
        struct seal_line *line = &s->lines[s->n_lines++];
        TRY(parse_line(at, (size_t)(stop - at), s->n_lines, line));
        at = stop + 1;
    }
    return check_paths(s);
}

static err check_sums(struct seal *s, const char *dir, const char *wanted) {
    struct str text = {0};
    char hash[SHA256_HEX_SIZE];
    TRY(need_file(dir, SEAL_SUMS));
    err result = read_in(dir, SEAL_SUMS, MAX_SUMS_BYTES, &text);
    if (result == ERR_OK) result = sha256_bytes(str_text(&text), text.len, hash);
    if (result == ERR_OK && strcmp(hash, wanted) != 0) result = changed(SEAL_SUMS);
    if (result == ERR_OK) result = parse_sums(s, &text);
    str_release(&text);
    return result;
}

static int by_path(const void *key, const void *line) {
    return strcmp(key, ((const struct seal_line *)line)->path);
}

const struct seal_line *seal_find(const struct seal *s, const char *path) {
    if (s->n_lines == 0) return NULL;
    return bsearch(path, s->lines, (size_t)s->n_lines, sizeof *s->lines, by_path);
}

static bool holds_a_line(const struct seal *s, const char *folder) {
    for (int64_t i = 0; i < s->n_lines; i++)
        if (str_starts(s->lines[i].path, folder)) return true;
    return false;
}

static bool *added_by_hub(struct seal *s, const char *path) {
    for (int i = 0; i < SEAL_HUB_FILES; i++)
        if (strcmp(path, seal_hub_files[i]) == 0) return &s->added[i];
    return NULL;
}

/* Everything in the folder is listed; the reverse is check_files'. */
static err check_no_extra(struct seal *s, const struct name_list *files) {
    for (size_t i = 0; i < files->n; i++) {
        const char *path = files->names[i];
        if (is_of_seal(path) || seal_is_signature(path) || seal_find(s, path) != NULL) continue;
        if (str_ends(path, "/") && holds_a_line(s, path)) continue; /* its files are missing */
        bool *added = added_by_hub(s, path);
        if (!added)
            return fail(ERR_GATE, "'%.*s' does not belong to the release",
                        (int)(strlen(path) - str_ends(path, "/")), path);
        *added = true;
    }
    return ERR_OK;
}

/* What the manifest says of a file's size; -1 where it says nothing, or was changed itself. */
static err size_when_packed(const struct seal *s, const char *dir, const char *path,
                            int64_t *out_bytes) {
    char hash[SHA256_HEX_SIZE];
    struct str text = {0};
    json_t *manifest = NULL, *file;
    size_t i;
    *out_bytes = -1;
    err result = need_file(dir, SEAL_MANIFEST);
    if (result == ERR_OK) result = read_in(dir, SEAL_MANIFEST, MAX_MANIFEST_BYTES, &text);
    if (result == ERR_OK) result = sha256_bytes(str_text(&text), text.len, hash);
    if (result == ERR_OK && strcmp(hash, s->release) == 0)
        result = json_parse(str_text(&text), text.len, SEAL_MANIFEST, &manifest);
    json_array_foreach(json_object_get(manifest, "files"), i,
                       file) if (strcmp(json_text_of(file, "path"), path) == 0) *out_bytes =
        json_int_of(file, "bytes");
    json_decref(manifest);
    str_release(&text);
    return result;
}

/* What a clone without Git LFS has in a large file's place. */
static err check_pointer(const char *dir, const char *name, int64_t bytes) {
    enum { MAX_POINTER_BYTES = 1024 };
    struct str text = {0};
    if (bytes > MAX_POINTER_BYTES) return ERR_OK;
    err result = read_in(dir, name, MAX_POINTER_BYTES, &text);
    if (result == ERR_OK && lfs_is_pointer(str_text(&text))) {
        fail(ERR_GATE, "'%s' has been changed: it is not the file but a Git LFS pointer to it",
             name);
        result = fail_hint(ERR_GATE, "fetch the files, in the release's folder: git lfs pull");
    }
    str_release(&text);
    return result;
}

/* A file that is cut is a broken copy more often than somebody's work. */
static err file_changed(const struct seal *s, const char *dir, const char *name, int64_t bytes) {
    int64_t packed;
    TRY(check_pointer(dir, name, bytes));
    TRY(size_when_packed(s, dir, name, &packed));
    if (packed < 0 || packed == bytes) return changed(name);
    return fail(ERR_GATE, "'%s' has been changed: it has %lld bytes and not %lld", name,
                (long long)bytes, (long long)packed);
}

static err check_files(struct seal *s, const char *dir) {
    for (int64_t i = 0; i < s->n_lines; i++) {
        const struct seal_line *line = &s->lines[i];
        char hash[SHA256_HEX_SIZE];
        int64_t size = 0;
        TRY(need_file(dir, line->path));
        TRY(size_of(dir, line->path, &size));
        TRY(sum_of(dir, line->path, hash));
        if (strcmp(hash, line->hash) != 0) return file_changed(s, dir, line->path, size);
        s->bytes += size;
    }
    return ERR_OK;
}

static err need_release(const char *dir) {
    struct name_list names = {0};
    if (!dir_exists(dir) && file_exists(dir))
        return fail_hint(fail(ERR_MISSING, "'%s' is a file, and a release is a folder", dir),
                         "unpack an archive first");
    if (!dir_exists(dir)) return fail(ERR_MISSING, "there is no folder '%s'", dir);
    err sealed = need_file(dir, SEAL_RELEASE), listed = need_file(dir, SEAL_MANIFEST);
    if (sealed == ERR_GATE && listed == ERR_GATE) {
        TRY(dir_list(dir, &names)); /* or nobody may look into it */
        name_list_release(&names);
        return fail(ERR_MISSING, "'%s' is no release: it has no file RELEASE", dir);
    }
    if (listed != ERR_GATE) TRY(listed);
    return sealed;
}

err seal_read(struct seal *s, const char *dir) {
    char sums[SHA256_HEX_SIZE];
    *s = (struct seal){0};
    TRY(need_release(dir));
    TRY(check_release(s, dir, sums));
    return check_sums(s, dir, sums);
}

err seal_check(struct seal *s, const char *dir) {
    char sums[SHA256_HEX_SIZE];
    struct name_list files = {0};
    *s = (struct seal){0};
    TRY(need_release(dir));
    TRY(survey_files(dir, &files));
    err result = check_release(s, dir, sums);
    if (result == ERR_OK) result = check_sums(s, dir, sums);
    if (result == ERR_OK) result = check_no_extra(s, &files);
    if (result == ERR_OK) result = need_file(dir, SEAL_MANIFEST);
    if (result == ERR_OK) result = check_size(dir, SEAL_MANIFEST, MAX_MANIFEST_BYTES);
    if (result == ERR_OK) result = check_files(s, dir);
    name_list_release(&files);
    TRY(result);
    const struct seal_line *line = seal_find(s, SEAL_MANIFEST);
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
