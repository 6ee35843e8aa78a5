/* SPDX-License-Identifier: Apache-2.0
 * A release as the list of files that is pushed: those of SHA256SUMS, the seal and the signatures.
 * Large is a file of weights or of a tokenizer, by its name, and any other from 1 MiB on: hubs keep
 * those apart from git, and a clone without them is still small.
 * Read next: release/push_int.h. */
#include "release/push_int.h"

#include "base/mem.h"
#include "recipes/recipe.h"
#include "release/seal.h"
#include <string.h>

enum { LARGE_BYTES = 1 << 20 };

static bool is_large(const char *path, int64_t bytes) {
    static const char *const endings[] = {".safetensors", ".gguf", ".bin", ".model"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (str_ends(path, endings[i])) return true;
    return bytes >= LARGE_BYTES;
}

static err add_file(struct push_release *r, const char *path, const char *sha256, struct arena *a) {
    struct push_file *f = &r->files[r->n];
    f->path = arena_strdup(a, path);
    f->full = arena_printf(a, "%s/%s", r->dir, path);
    if (!f->path || !f->full) return ERR_MEMORY;
    if (!file_exists(f->full)) return ERR_OK; /* a signature that it has not */
    TRY(file_size(f->full, &f->bytes));
    if (sha256)
        memcpy(f->sha256, sha256, sizeof f->sha256);
    else
        TRY(sha256_file(f->full, f->sha256));
    f->large = is_large(path, f->bytes);
    if (seal_is_signature(path)) r->is_signed = true;
    r->n++;
    return ERR_OK;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct push_file *)a)->path, ((const struct push_file *)b)->path);
}

static err add_files(struct push_release *r, const struct seal *seal, struct arena *a) {
    static const char *const others[] = {SEAL_SUMS, SEAL_RELEASE, SEAL_SUMS_SIGNATURE,
                                         SEAL_MODEL_SIGNATURE, SEAL_PROVENANCE};
    enum { N_OTHERS = sizeof others / sizeof others[0] };
    r->files = arena_alloc(a, (size_t)seal->n_lines + N_OTHERS, sizeof *r->files);
    if (!r->files) return ERR_MEMORY;
    for (int64_t i = 0; i < seal->n_lines; i++)
        TRY(add_file(r, seal->lines[i].path, seal->lines[i].hash, a));
    for (size_t i = 0; i < N_OTHERS; i++) TRY(add_file(r, others[i], NULL, a));
    qsort(r->files, (size_t)r->n, sizeof *r->files, by_path);
    return ERR_OK;
}

static err add_words(struct push_release *r, struct arena *a) {
    r->title = r->month ? arena_printf(a, "%s, requests of %s", r->name, r->month)
                        : arena_strdup(a, r->name);
    r->text = arena_printf(a, "release %s\n%s", r->hash,
                           r->is_signed ? "signed: see SHA256SUMS.sig and its like"
                                        : "UNSIGNED: nobody vouches for it");
    return r->title && r->text ? ERR_OK : ERR_MEMORY;
}

err push_list(struct push_release *r, const char *dir, const json_t *manifest, struct arena *a) {
    const json_t *about = json_object_get(manifest, "about");
    const char *month = json_text_of(about, "month");
    struct seal seal;
    *r = (struct push_release){.dir = dir};
    if (month[0]) TRY(fail_in(recipe_month_check(month), SEAL_MANIFEST));
    r->name = arena_strdup(a, json_text_of(about, "name"));
    r->month = month[0] ? arena_strdup(a, month) : NULL;
    if (!r->name || (month[0] && !r->month)) return ERR_MEMORY;
    err e = seal_read(&seal, dir);
    if (e == ERR_OK) memcpy(r->hash, seal.release, sizeof r->hash);
    if (e == ERR_OK) e = add_files(r, &seal, a);
    seal_clear(&seal);
    return e == ERR_OK ? add_words(r, a) : e;
}

static int against_path(const void *path, const void *file) {
    return strcmp(path, ((const struct push_file *)file)->path);
}

const struct push_file *push_find(const struct push_release *r, const char *path) {
    return bsearch(path, r->files, (size_t)r->n, sizeof *r->files, against_path);
}

err push_read_file(const struct push_file *f, struct str *out) {
    char hash[SHA256_HEX_SIZE];
    str_clear(out);
    if (f->text) return str_add(out, f->text);
    TRY(file_read(f->full, (size_t)f->bytes + 1, out));
    TRY(sha256_bytes(str_text(out), out->len, hash));
    if (strcmp(hash, f->sha256) == 0) return ERR_OK;
    return fail(ERR_MISMATCH, "'%s' was changed while the release was pushed", f->path);
}

err push_refuse_extra(const char *path, const char *where, const char *const *own) {
    for (; own && *own; own++)
        if (strcmp(path, *own) == 0) return ERR_OK;
    fail(ERR_EXISTS, "'%s' has a file '%s' that is not of this release", where, path);
    return fail_hint(ERR_EXISTS, "nothing over there is ever deleted here: remove it yourself, or "
                                 "push to another branch or repository");
}

err push_plan(struct pushing *p, const char *method, const char *url, int64_t bytes) {
    return json_push(p->requests, json_pack("{s:s, s:s, s:I}", "method", method, "url", url,
                                            "bytes", (json_int_t)bytes));
}
