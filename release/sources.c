/* SPDX-License-Identifier: Apache-2.0
 * Packing a recipe's inputs and laying them out again (release/sources.h). Names of files and of
 * their folders go into a dataset, so an input is laid out as the last part of its path had it: a
 * file, a folder with its files, or the files that a pattern matches.
 * Read next: data/source/files.h. */
#include "release/sources.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "data/dataset/near_rows.h"
#include "data/source/files.h"
#include "data/source/megatron.h"
#include "release/names.h"
#include <string.h>

enum { SOURCES_VERSION = 1 };

/* ---- packing ---- */

struct input_files { /* of one input: where they lie, and their names below its folder */
    struct name_list from, to;
};

static void input_files_release(struct input_files *f) {
    name_list_release(&f->from);
    name_list_release(&f->to);
}

static err add_file(struct input_files *f, const char *from, const char *to) {
    TRY(name_list_add(&f->from, from));
    return name_list_add(&f->to, to);
}

/* The .bin that belongs to an .idx. */
static err add_companion(struct input_files *f, const char *from, const char *to) {
    if (!str_ends(from, ".idx")) return ERR_OK;
    char *bin = megatron_path(from, ".bin"), *name = megatron_path(to, ".bin");
    err e = bin && name ? add_file(f, bin, name) : ERR_MEMORY;
    mem_free(bin);
    mem_free(name);
    return e;
}

/* Of a pattern what begins with its first folder that is one; of any other path the last part,
 * without slashes at its end. A folder written as "." or ".." has no name of its own here. */
static err add_place(const char *path, struct str *out) {
    const char *begin = path, *mark = file_exists(path) ? NULL : strpbrk(path, "*?[");
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    for (const char *c = path; c < (mark ? mark : path + n); c++)
        if (*c == '/') begin = c + 1;
    TRY(str_append(out, begin, n - (size_t)(begin - path)));
    const char *place = str_text(out);
    if (strcmp(place, "") != 0 && strcmp(place, ".") != 0 && strcmp(place, "..") != 0)
        return ERR_OK;
    str_clear(out);
    return str_add(out, "folder");
}

static err find_rows(const struct release_input *in, const char *place, struct input_files *out) {
    struct source_files files;
    const char *below = dir_exists(in->path) ? place : "";
    err e = source_files_find(&files, in->path, in->format);
    for (size_t i = 0; i < files.paths.n && e == ERR_OK; i++) {
        char *to = path_join(below, files.names.names[i]);
        e = to ? add_file(out, files.paths.names[i], to) : ERR_MEMORY;
        if (e == ERR_OK) e = add_companion(out, files.paths.names[i], to);
        mem_free(to);
    }
    source_files_release(&files);
    return e;
}

/* Rows, or one file; a folder that is no rows is an earlier dataset, of which one file is read. */
static err find_all(const struct release_input *in, const char *place, struct input_files *out) {
    if (in->format) return find_rows(in, place, out);
    if (!dir_exists(in->path)) return add_file(out, in->path, place);
    char *from = near_rows_path(in->path), *to = path_join(place, path_base(from ? from : ""));
    err e = from && to ? add_file(out, from, to) : ERR_MEMORY;
    mem_free(from);
    mem_free(to);
    return e;
}

/* The paths that the files would have in a release, each and beside each other. */
static err check_names(const struct input_files *f, int64_t number) {
    struct name_list whole = {0};
    struct str path = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < f->to.n && e == ERR_OK; i++) {
        str_clear(&path);
        e = str_printf(&path, PACK_SOURCES_DIR "/%lld/%s", (long long)number, f->to.names[i]);
        if (e == ERR_OK) e = fail_in(release_name_check(str_text(&path)), "'%s'", f->from.names[i]);
        if (e == ERR_OK) e = name_list_add(&whole, str_text(&path));
    }
    name_list_sort(&whole);
    if (e == ERR_OK) e = release_names_check(&whole);
    if (e == ERR_GATE)
        e = fail_hint(e, "a release holds it by that name: rename it, and name it anew in the "
                         "recipe");
    name_list_release(&whole);
    str_release(&path);
    return e;
}

static err find_files(const struct release_input *in, int64_t number, struct str *place,
                      struct input_files *out) {
    TRY(add_place(in->path, place));
    TRY(find_all(in, str_text(place), out));
    return check_names(out, number);
}

err sources_check(const struct release_input *in, int64_t number) {
    struct str place = {0};
    struct input_files files = {{0}, {0}};
    err e = find_files(in, number, &place, &files);
    input_files_release(&files);
    str_release(&place);
    return e;
}

static err copy_to(const char *from, const char *dir, const char *name) {
    char *to = path_join(dir, name), *parent = to ? path_dir(to) : NULL;
    err e = parent ? dir_make(parent) : ERR_MEMORY;
    if (e == ERR_OK) e = file_copy(from, to);
    mem_free(parent);
    mem_free(to);
    return e;
}

static err describe_file(const char *from, const char *path, json_t *files) {
    char hash[SHA256_HEX_SIZE];
    int64_t bytes;
    TRY(sha256_file(from, hash));
    TRY(file_size(from, &bytes));
    return json_push(files, json_pack("{s:s, s:I, s:s}", "path", path, "bytes", (json_int_t)bytes,
                                      "sha256", hash));
}

static err put_files(const struct release_input *in, const struct input_files *f, int64_t number,
                     const char *dir, json_t *files) {
    struct str path = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < f->from.n && e == ERR_OK; i++) {
        str_clear(&path);
        e = str_printf(&path, "%lld/%s", (long long)number, f->to.names[i]);
        if (e == ERR_OK) e = describe_file(f->from.names[i], str_text(&path), files);
        if (e == ERR_OK && !in->withheld) e = copy_to(f->from.names[i], dir, str_text(&path));
    }
    str_release(&path);
    return e;
}

static json_t *rows_json(const struct release_input *in) {
    if (!in->made) return json_null();
    return json_pack("{s:s, s:s, s:s?}", "format", in->format, "request", in->request, "license",
                     in->license);
}

static err put_input(const struct release_input *in, int64_t number, const char *dir,
                     json_t *list) {
    struct str place = {0};
    struct input_files files = {{0}, {0}};
    json_t *item = json_object();
    TRY(json_push(list, item));
    json_t *packed = json_array();
    err e = find_files(in, number, &place, &files);
    if (e == ERR_OK) e = json_put(item, "key", json_string(in->key));
    if (e == ERR_OK) e = json_put(item, "at", json_string(str_text(&place)));
    if (e == ERR_OK) e = json_put(item, "withheld", json_text_or_null(in->withheld));
    if (e == ERR_OK) e = json_put(item, "rows", rows_json(in));
    if (e == ERR_OK)
        e = json_put(item, "files", packed);
    else
        json_decref(packed);
    if (e == ERR_OK) e = put_files(in, &files, number, dir, packed);
    input_files_release(&files);
    str_release(&place);
    return e;
}

err sources_pack(const struct release_inputs *inputs, const char *dir) {
    char *path = path_join(dir, PACK_SOURCES), *files = path_join(dir, PACK_SOURCES_DIR);
    json_t *all = json_object(), *list = json_array();
    err e = path && files ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) e = json_put(all, "cotrain_sources", json_integer(SOURCES_VERSION));
    if (e == ERR_OK)
        e = json_put(all, "inputs", list);
    else
        json_decref(list);
    for (int64_t i = 0; i < inputs->n && e == ERR_OK; i++)
        e = fail_in(put_input(&inputs->items[i], i + 1, files, list), "%s", inputs->items[i].key);
    if (e == ERR_OK) e = json_write_file(path, all);
    json_decref(all);
    mem_free(path);
    mem_free(files);
    return e;
}

/* ---- reading ---- */

static err check_file(const json_t *file, int64_t number) {
    const char *path, *hash;
    int64_t bytes;
    char folder[32];
    TRY(json_need_string(file, "path", &path));
    TRY(json_need_string(file, "sha256", &hash));
    TRY(json_need_int(file, "bytes", &bytes));
    TRY(release_name_check(path));
    snprintf(folder, sizeof folder, "%lld/", (long long)number);
    if (str_starts(path, folder)) return ERR_OK;
    return fail(ERR_GATE, "'%s' is not in the folder of its input, '%s'", path, folder);
}

static err check_input(json_t *item, int64_t number) {
    const char *text;
    json_t *files, *file, *rows = json_object_get(item, "rows");
    const json_t *withheld = json_object_get(item, "withheld");
    size_t i;
    TRY(json_need_string(item, "key", &text));
    TRY(json_need_string(item, "at", &text));
    TRY(release_name_check(text));
    if (!json_is_null(withheld)) TRY(json_need_string(item, "withheld", &text));
    if (!json_is_null(rows)) {
        TRY(json_need_string(rows, "format", &text));
        TRY(json_need_string(rows, "request", &text));
    }
    TRY(json_need_array(item, "files", &files));
    json_array_foreach(files, i, file) TRY(check_file(file, number));
    return ERR_OK;
}

static err check_outline(const json_t *sources) {
    int64_t version;
    json_t *inputs, *item;
    size_t i;
    TRY(json_need_int(sources, "cotrain_sources", &version));
    if (version != SOURCES_VERSION)
        return fail(ERR_UNSUPPORTED, "it has version %lld; this program reads %d",
                    (long long)version, SOURCES_VERSION);
    TRY(json_need_array(sources, "inputs", &inputs));
    json_array_foreach(inputs, i, item) TRY(check_input(item, (int64_t)i + 1));
    return ERR_OK;
}

err sources_read(const char *dir, json_t **out) {
    json_t *sources = NULL;
    char *path = path_join(dir, PACK_SOURCES);
    if (!path) return ERR_MEMORY;
    err e = file_exists(path) ? json_parse_file(path, &sources)
                              : fail(ERR_MISSING, "it is not there: this release says nothing of "
                                                  "what its recipe was run with");
    mem_free(path);
    if (e == ERR_OK) e = check_outline(sources);
    if (e != ERR_OK) {
        json_decref(sources);
        return fail_in(e, "'%s'", PACK_SOURCES);
    }
    *out = sources;
    return ERR_OK;
}

static bool is_withheld(const json_t *item) {
    return json_is_string(json_object_get(item, "withheld"));
}

err sources_agree(const json_t *sources, const char *(*hash_of)(void *ctx, const char *),
                  void *ctx) {
    json_t *item, *file;
    size_t i, k;
    struct str path = {0};
    err e = ERR_OK;
    json_array_foreach(json_object_get(sources, "inputs"), i, item) {
        json_array_foreach(json_object_get(item, "files"), k, file) {
            str_clear(&path);
            if (e == ERR_OK)
                e = str_printf(&path, "%s/%s", PACK_SOURCES_DIR, json_text_of(file, "path"));
            if (e != ERR_OK) continue;
            const char *hash = hash_of(ctx, str_text(&path));
            if (is_withheld(item) ? hash != NULL
                                  : !hash || strcmp(hash, json_text_of(file, "sha256")) != 0)
                e = fail(ERR_GATE, "'%s' is not the file that '%s' lists", str_text(&path),
                         PACK_SOURCES);
        }
    }
    str_release(&path);
    return e;
}

/* ---- laying out again ---- */

struct restoring {
    const struct sources_restore *asked;
    char *packed;           /* the release's sources/ */
    struct name_list given; /* below asked->given */
};

/* A file of that name below the folder that was given, whose content is the wanted one. */
static err find_given(const struct restoring *r, const json_t *file, char **out) {
    const char *name = path_base(json_text_of(file, "path")), *other = NULL;
    *out = NULL;
    for (size_t i = 0; i < r->given.n; i++) {
        char hash[SHA256_HEX_SIZE];
        if (strcmp(path_base(r->given.names[i]), name) != 0) continue;
        char *path = path_join(r->asked->given, r->given.names[i]);
        err e = path ? sha256_file(path, hash) : ERR_MEMORY;
        if (e == ERR_OK && strcmp(hash, json_text_of(file, "sha256")) == 0) {
            *out = path;
            return ERR_OK;
        }
        mem_free(path);
        TRY(e);
        other = r->given.names[i];
    }
    if (!other) return ERR_OK;
    return fail(ERR_MISMATCH,
                "'%s/%s' is not the file that the release was made with: that has "
                "the SHA-256 %s",
                r->asked->given, other, json_text_of(file, "sha256"));
}

/* *out NULL: it is nowhere. */
static err find_file(const struct restoring *r, const json_t *item, const json_t *file,
                     char **out) {
    *out = NULL;
    if (is_withheld(item)) return r->asked->given ? find_given(r, file, out) : ERR_OK;
    *out = path_join(r->packed, json_text_of(file, "path"));
    return *out ? ERR_OK : ERR_MEMORY;
}

static err restore_file(const struct restoring *r, const json_t *item, const json_t *file,
                        bool *out_found) {
    char *from, hash[SHA256_HEX_SIZE];
    TRY(find_file(r, item, file, &from));
    *out_found = from != NULL;
    if (!from) return ERR_OK;
    err e = sha256_file(from, hash);
    if (e == ERR_OK && strcmp(hash, json_text_of(file, "sha256")) != 0)
        e = fail(ERR_MISMATCH, "'%s' has the SHA-256 %s, not %s", from, hash,
                 json_text_of(file, "sha256"));
    if (e == ERR_OK) e = copy_to(from, r->asked->to, json_text_of(file, "path"));
    mem_free(from);
    return e;
}

static err tell_missing(const json_t *item, const json_t *file, json_t *missing) {
    struct str text = {0};
    err e = str_printf(&text, "'%s' (%lld bytes, SHA-256 %s) is withheld: %s",
                       path_base(json_text_of(file, "path")), (long long)json_int_of(file, "bytes"),
                       json_text_of(file, "sha256"), json_text_of(item, "withheld"));
    if (e == ERR_OK) e = json_put(missing, json_text_of(item, "key"), json_string(str_text(&text)));
    str_release(&text);
    return e;
}

static err restore_all(const struct restoring *r, const json_t *sources, json_t *missing) {
    json_t *item, *file;
    size_t i, k;
    json_array_foreach(json_object_get(sources, "inputs"), i, item) {
        json_array_foreach(json_object_get(item, "files"), k, file) {
            bool found;
            TRY(restore_file(r, item, file, &found));
            if (found) continue;
            TRY(tell_missing(item, file, missing));
            break;
        }
    }
    return ERR_OK;
}

err sources_restore(const struct sources_restore *asked, const json_t *sources,
                    json_t *out_missing) {
    struct restoring r = {.asked = asked, .packed = path_join(asked->dir, PACK_SOURCES_DIR)};
    err e = r.packed ? dir_make(asked->to) : ERR_MEMORY;
    if (e == ERR_OK && asked->given) e = dir_walk(asked->given, &r.given);
    if (e == ERR_OK) e = restore_all(&r, sources, out_missing);
    name_list_release(&r.given);
    mem_free(r.packed);
    return e;
}
