/* SPDX-License-Identifier: Apache-2.0
 * The set of tensors that every format fills: opening by format, finding, reading, and what all of
 * them must hold (names that differ, shards that tell the same story as their index).
 * Read next: model/formats/format.h. */
#include "model/formats/tensor_file.h"
#include "base/mem.h"
#include "model/formats/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_MAX_TENSORS = 100000 };

#define FORMAT(name) extern const struct format name##_format;
#include "model/formats/formats.def"
#undef FORMAT

const struct format *const formats[] = {
#define FORMAT(name) &name##_format,
#include "model/formats/formats.def"
#undef FORMAT
};
const int n_formats = sizeof formats / sizeof formats[0];

const struct format *format_named(const char *name) {
    for (int i = 0; i < n_formats; i++)
        if (strcmp(formats[i]->name, name) == 0) return formats[i];
    return NULL;
}

err tensor_file_map(struct tensor_file *f, const char *path, int64_t *out) {
    TRY(mem_grow(&f->files, &f->files_capacity, f->n_files, sizeof *f->files));
    struct mapped_file *file = &f->files[f->n_files];
    *file = (struct mapped_file){.path = arena_strdup(&f->arena, path)};
    if (!file->path) return ERR_MEMORY;
    TRY(file_map_open(&file->map, path));
    *out = f->n_files++;
    return ERR_OK;
}

err tensor_file_add(struct tensor_file *f, const char *name, int64_t file,
                    struct tensor_entry **out) {
    TRY(mem_grow(&f->entries, &f->capacity, f->n, sizeof *f->entries));
    struct tensor_entry *e = &f->entries[f->n];
    *e = (struct tensor_entry){.tensor.name = arena_strdup(&f->arena, name), .file = file};
    if (!e->tensor.name) return ERR_MEMORY;
    f->n++;
    *out = e;
    return ERR_OK;
}

err tensor_set_shape(struct tensor *t, int64_t n_dims, const int64_t *shape) {
    if (n_dims < 0 || n_dims > TENSOR_MAX_DIMS)
        return fail(ERR_LIMIT, "%lld dimensions, at most %d are read", (long long)n_dims,
                    TENSOR_MAX_DIMS);
    t->n_dims = (int)n_dims;
    t->count = 1;
    for (int64_t i = 0; i < n_dims; i++) {
        if (shape[i] < 0)
            return fail(ERR_PARSE, "dimension %lld is %lld", (long long)i, (long long)shape[i]);
        t->shape[i] = shape[i];
        if (__builtin_mul_overflow(t->count, shape[i], &t->count) ||
            t->count > INT64_MAX / (int64_t)sizeof(double))
            return fail(ERR_RANGE, "a shape of too many elements");
    }
    return ERR_OK;
}

static int by_name(const void *a, const void *b) {
    const struct tensor_entry *x = a, *y = b;
    return strcmp(x->tensor.name, y->tensor.name);
}

static err sort_names(struct tensor_file *f) {
    if (f->n) qsort(f->entries, (size_t)f->n, sizeof *f->entries, by_name);
    for (int64_t i = 1; i < f->n; i++)
        if (by_name(&f->entries[i], &f->entries[i - 1]) == 0)
            return fail(ERR_PARSE, "'%s': tensor '%s' is also in '%s'",
                        f->files[f->entries[i].file].path, f->entries[i].tensor.name,
                        f->files[f->entries[i - 1].file].path);
    return ERR_OK;
}

static err open_as(struct tensor_file **out, const struct format *format, const char *path) {
    struct tensor_file *f = mem_zalloc(1, sizeof *f);
    if (!f) return ERR_MEMORY;
    f->format = format;
    f->path = arena_strdup(&f->arena, path);
    err code = f->path ? format->open(f, f->path) : ERR_MEMORY;
    if (!code) code = sort_names(f);
    if (code)
        tensor_file_close(f);
    else
        *out = f;
    return code;
}

err tensor_file_open(struct tensor_file **out, const char *path) {
    if (!file_exists(path)) return fail(ERR_MISSING, "'%s' is not there", path);
    for (int i = 0; i < n_formats; i++)
        if (formats[i]->is_file(path)) return open_as(out, formats[i], path);
    return fail(ERR_UNSUPPORTED, "'%s' is of no format that weights are read from", path);
}

bool file_holds_at(const char *path, int64_t offset, const char *bytes) {
    struct file_map map;
    const size_t n = strlen(bytes), at = (size_t)offset;
    if (file_map_open(&map, path) != ERR_OK) return false;
    bool same = map.size_bytes >= n && at <= map.size_bytes - n && !memcmp(map.data + at, bytes, n);
    file_map_close(&map);
    return same;
}

err tensor_find_in_dir(const char *dir, const char *name, struct arena *arena, const char **out) {
    const char *plain = arena_printf(arena, "%s/%s", dir, name);
    const char *index = arena_printf(arena, "%s/%s.index.json", dir, name);
    if (!plain || !index) return ERR_MEMORY;
    *out = file_exists(plain) ? plain : file_exists(index) ? index : NULL;
    return ERR_OK;
}

err tensor_file_open_dir(struct tensor_file **out, const char *dir, const char *stem) {
    struct arena arena = {0};
    const char *path = NULL;
    err code = ERR_OK;
    int i = -1;
    if (!dir_exists(dir)) return tensor_file_open(out, dir);
    while (!code && !path && ++i < n_formats) code = formats[i]->find(dir, stem, &arena, &path);
    if (!code && !path) {
        code = fail(ERR_MISSING,
                    "'%s' holds no weights: no %s.safetensors, its index, or a file of "
                    "another format",
                    dir, stem);
        fail_hint(code, "`cotrain list formats` says what is read");
    }
    if (!code) code = open_as(out, formats[i], path);
    arena_release(&arena);
    return code;
}

void tensor_file_close(struct tensor_file *f) {
    if (!f) return;
    for (int64_t i = 0; i < f->n_files; i++) file_map_close(&f->files[i].map);
    json_decref(f->config);
    mem_free(f->files);
    mem_free(f->entries);
    arena_release(&f->arena);
    mem_free(f);
}

int64_t tensor_file_count(const struct tensor_file *f) {
    return f->n;
}

const struct tensor *tensor_file_at(const struct tensor_file *f, int64_t i) {
    BUG_IF(i < 0 || i >= f->n);
    return &f->entries[i].tensor;
}

const struct tensor *tensor_file_find(const struct tensor_file *f, const char *name) {
    struct tensor_entry key = {.tensor.name = name};
    const struct tensor_entry *e =
        f->n ? bsearch(&key, f->entries, (size_t)f->n, sizeof *f->entries, by_name) : NULL;
    return e ? &e->tensor : NULL;
}

static void shape_text(int n_dims, const int64_t *shape, char *out, size_t size) {
    size_t at = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < n_dims && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, i ? ",%lld" : "%lld", (long long)shape[i]);
    if (at < size) snprintf(out + at, size - at, "]");
}

err tensor_file_need(const struct tensor_file *f, const char *name, int n_dims,
                     const int64_t *shape, const struct tensor **out) {
    const struct tensor *t = tensor_file_find(f, name);
    if (!t) return fail(ERR_MISSING, "'%s': no tensor '%s'", f->path, name);
    bool same = t->n_dims == n_dims;
    for (int i = 0; same && i < n_dims; i++) same = t->shape[i] == shape[i];
    if (!same) {
        char found[128], wanted[128];
        shape_text(t->n_dims, t->shape, found, sizeof found);
        shape_text(n_dims, shape, wanted, sizeof wanted);
        return fail(ERR_MISMATCH, "'%s': tensor '%s' has shape %s where %s is needed",
                    tensor_file_path(f, t), name, found, wanted);
    }
    *out = t;
    return ERR_OK;
}

err tensor_file_read(const struct tensor_file *f, const struct tensor *t, void *out) {
    const struct tensor_entry *e = (const struct tensor_entry *)t;
    const size_t bytes = (size_t)(t->count * dtype_bytes(t->dtype));
    if (t->data && bytes) memcpy(out, t->data, bytes);
    if (t->data || !bytes) return ERR_OK;
    BUG_IF(!f->format->read);
    err code = f->format->read(f, e, out);
    return code ? fail_in(code, "'%s': tensor '%s'", tensor_file_path(f, t), t->name) : ERR_OK;
}

void tensor_file_forget(const struct tensor_file *f, const struct tensor *t) {
    const struct tensor_entry *e = (const struct tensor_entry *)t;
    if (t->data)
        file_map_forget(&f->files[e->file].map, t->data,
                        (size_t)(t->count * dtype_bytes(t->dtype)));
    else
        for (int64_t i = 0; i < f->n_files; i++)
            file_map_forget(&f->files[i].map, f->files[i].map.data, f->files[i].map.size_bytes);
}

const char *tensor_file_path(const struct tensor_file *f, const struct tensor *t) {
    return f->files[((const struct tensor_entry *)t)->file].path;
}

int64_t tensor_file_bytes(const struct tensor_file *f) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < f->n_files; i++) bytes += (int64_t)f->files[i].map.size_bytes;
    return bytes;
}

const char *tensor_file_format(const struct tensor_file *f) {
    return f->format->name;
}

const json_t *tensor_file_config(const struct tensor_file *f) {
    return f->config;
}

err tensor_open_file(struct tensor_file *f, const char *path, tensor_file_reader *read) {
    int64_t file;
    TRY(tensor_file_map(f, path, &file));
    err code = read(f, file);
    return code ? fail_in(code, "'%s'", path) : ERR_OK;
}

/* A shard's name may not lead out of the folder. */
static err check_shard_name(const char *tensor, const json_t *name) {
    const char *text = json_string_value(name);
    if (!text || !*text || strchr(text, '/') || strchr(text, '\\') || text[0] == '.')
        return fail(ERR_PARSE, "weight_map: tensor '%s': not the name of a file beside the index",
                    tensor);
    return ERR_OK;
}

static err open_shards(struct tensor_file *f, const char *dir, json_t *weight_map,
                       tensor_file_reader *read) {
    const char *tensor;
    json_t *name;
    json_object_foreach(weight_map, tensor, name) {
        TRY(check_shard_name(tensor, name));
        const char *shard = json_string_value(name);
        bool known = false;
        for (int64_t i = 0; i < f->n_files && !known; i++)
            known = strcmp(path_base(f->files[i].path), shard) == 0;
        if (known) continue;
        char *path = path_join(dir, shard);
        if (!path) return ERR_MEMORY;
        err code = tensor_open_file(f, path, read);
        mem_free(path);
        TRY(code);
    }
    return sort_names(f);
}

/* Index and shards must tell the same story. */
static err check_index(const struct tensor_file *f, const json_t *weight_map) {
    const char *name;
    json_t *shard;
    json_object_foreach((json_t *)weight_map, name, shard) {
        const struct tensor *t = tensor_file_find(f, name);
        if (!t || strcmp(path_base(tensor_file_path(f, t)), json_string_value(shard)) != 0)
            return fail(ERR_MISMATCH, "tensor '%s' is not in '%s'", name, json_string_value(shard));
    }
    for (int64_t i = 0; i < f->n; i++)
        if (!json_object_get(weight_map, f->entries[i].tensor.name))
            return fail(ERR_MISMATCH, "tensor '%s' of '%s' is not listed",
                        f->entries[i].tensor.name, f->files[f->entries[i].file].path);
    return ERR_OK;
}

static err read_index(struct tensor_file *f, const char *path, const json_t *index,
                      tensor_file_reader *read) {
    json_t *weight_map;
    TRY(json_need_object(index, "weight_map", &weight_map));
    if (json_object_size(weight_map) > INDEX_MAX_TENSORS)
        return fail(ERR_LIMIT, "weight_map lists over %d tensors", INDEX_MAX_TENSORS);
    char *dir = path_dir(path);
    if (!dir) return ERR_MEMORY;
    err code = open_shards(f, dir, weight_map, read);
    mem_free(dir);
    return code ? code : check_index(f, weight_map);
}

err tensor_open_files(struct tensor_file *f, const char *path, tensor_file_reader *read) {
    json_t *index = NULL;
    if (!str_ends(path, ".json")) return tensor_open_file(f, path, read);
    TRY(json_parse_file(path, &index));
    err code = read_index(f, path, index, read);
    json_decref(index);
    return code ? fail_in(code, "'%s'", path) : ERR_OK;
}
