/* SPDX-License-Identifier: Apache-2.0
 * Reading safetensors. Nothing of a header is believed: every length is held against the file's
 * size before it is used, and the tensors of a file must cover its data exactly, without holes or
 * overlaps, so that two readers cannot see different tensors in the same bytes.
 * Writing is in safetensors_write.c. */
#include "model/formats/safetensors.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX_BYTES = 100 << 20, INDEX_MAX_TENSORS = 100000, PREFIX_BYTES = 8 };

struct entry {
    struct tensor tensor; /* first: a pointer to it is a pointer to its entry */
    int64_t file;
    uint64_t begin, end; /* in the file's data */
};

struct mapped {
    const char *path;
    struct file_map map;
};

struct tensor_file {
    struct arena arena;
    const char *path; /* what the caller asked for */
    struct mapped *files;
    int64_t n_files;
    struct entry *entries;
    int64_t n, capacity;
};

static void shape_text(int n_dims, const int64_t *shape, char *out, size_t size) {
    size_t at = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < n_dims && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, i ? ",%lld" : "%lld", (long long)shape[i]);
    if (at < size) snprintf(out + at, size - at, "]");
}

static err read_shape(const json_t *info, struct tensor *t) {
    json_t *shape;
    TRY(json_need_array(info, "shape", &shape));
    size_t n = json_array_size(shape);
    if (n > TENSOR_MAX_DIMS)
        return fail(ERR_LIMIT, "%zu dimensions, at most %d are read", n, TENSOR_MAX_DIMS);
    t->n_dims = (int)n;
    t->count = 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *size = json_array_get(shape, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return fail(ERR_PARSE, "dimension %zu is not a whole number", i);
        t->shape[i] = json_integer_value(size);
        if (__builtin_mul_overflow(t->count, t->shape[i], &t->count))
            return fail(ERR_RANGE, "a shape of more than 2^63 elements");
    }
    return ERR_OK;
}

static err read_offsets(const json_t *info, uint64_t data_bytes, struct entry *e) {
    json_t *offsets;
    TRY(json_need_array(info, "data_offsets", &offsets));
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return fail(ERR_PARSE, "data_offsets are not two ascending whole numbers");
    e->begin = (uint64_t)json_integer_value(begin);
    e->end = (uint64_t)json_integer_value(end);
    if (e->end > data_bytes)
        return fail(ERR_PARSE, "data ends at byte %llu of %llu", (unsigned long long)e->end,
                    (unsigned long long)data_bytes);
    int64_t bytes;
    if (__builtin_mul_overflow(e->tensor.count, dtype_bytes(e->tensor.dtype), &bytes) ||
        (uint64_t)bytes != e->end - e->begin)
        return fail(ERR_MISMATCH, "%llu bytes of data for %lld elements of %s",
                    (unsigned long long)(e->end - e->begin), (long long)e->tensor.count,
                    dtype_name(e->tensor.dtype));
    return ERR_OK;
}

static err read_entry(const json_t *info, uint64_t data_bytes, struct entry *e) {
    if (!json_is_object(info)) return fail(ERR_PARSE, "not an object");
    const char *dtype;
    TRY(json_need_string(info, "dtype", &dtype));
    TRY(dtype_parse(dtype, &e->tensor.dtype));
    TRY(read_shape(info, &e->tensor));
    return read_offsets(info, data_bytes, e);
}

static err check_metadata(const json_t *metadata) {
    if (!json_is_object(metadata)) return fail(ERR_PARSE, "'__metadata__' is not an object");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)metadata, key, value) {
        if (!json_is_string(value))
            return fail(ERR_PARSE, "'__metadata__': '%s' is not a string", key);
    }
    return ERR_OK;
}

static err grow_entries(struct tensor_file *f, int64_t more) {
    if (f->n + more <= f->capacity) return ERR_OK;
    struct entry *grown = mem_resize(f->entries, (size_t)(f->n + more), sizeof *grown);
    if (!grown) return ERR_MEMORY;
    f->entries = grown;
    f->capacity = f->n + more;
    return ERR_OK;
}

static int by_offset(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return strcmp(x->tensor.name, y->tensor.name);
}

/* The data must be one tensor after another from the first byte to the last. */
static err check_cover(struct entry *entries, int64_t n, uint64_t data_bytes) {
    if (n) qsort(entries, (size_t)n, sizeof *entries, by_offset);
    uint64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        if (entries[i].begin != at)
            return fail(ERR_PARSE,
                        "tensor '%s': data begins at byte %llu where %llu was expected (%s)",
                        entries[i].tensor.name, (unsigned long long)entries[i].begin,
                        (unsigned long long)at, entries[i].begin < at ? "overlap" : "hole");
        at = entries[i].end;
    }
    if (at != data_bytes)
        return fail(ERR_PARSE, "%llu bytes after the last tensor",
                    (unsigned long long)(data_bytes - at));
    return ERR_OK;
}

static err read_header(struct tensor_file *f, int64_t file, const json_t *header,
                       uint64_t header_bytes) {
    const struct file_map *map = &f->files[file].map;
    uint64_t data_bytes = map->size_bytes - PREFIX_BYTES - header_bytes;
    const uint8_t *data = map->data + PREFIX_BYTES + header_bytes;
    if (!json_is_object(header)) return fail(ERR_PARSE, "the header is not an object");
    TRY(grow_entries(f, (int64_t)json_object_size(header)));
    int64_t first = f->n;
    const char *name;
    json_t *info;
    json_object_foreach((json_t *)header, name, info) {
        if (strcmp(name, "__metadata__") == 0) {
            TRY(check_metadata(info));
            continue;
        }
        struct entry *e = &f->entries[f->n];
        *e = (struct entry){.file = file};
        err code = read_entry(info, data_bytes, e);
        if (code) return fail_in(code, "tensor '%s'", name);
        e->tensor.data = data + e->begin;
        e->tensor.name = arena_strdup(&f->arena, name);
        if (!e->tensor.name) return ERR_MEMORY;
        f->n++;
    }
    return check_cover(f->entries + first, f->n - first, data_bytes);
}

static err read_file(struct tensor_file *f, int64_t file) {
    const struct file_map *map = &f->files[file].map;
    if (map->size_bytes < PREFIX_BYTES)
        return fail(ERR_PARSE, "%zu bytes are too few for a safetensors file", map->size_bytes);
    uint64_t header_bytes = 0;
    for (int i = PREFIX_BYTES - 1; i >= 0; i--) header_bytes = header_bytes << 8 | map->data[i];
    if (header_bytes > map->size_bytes - PREFIX_BYTES)
        return fail(ERR_PARSE, "a header of %llu bytes in a file of %zu",
                    (unsigned long long)header_bytes, map->size_bytes);
    if (header_bytes > HEADER_MAX_BYTES)
        return fail(ERR_LIMIT, "a header of %llu bytes, at most %d are read",
                    (unsigned long long)header_bytes, HEADER_MAX_BYTES);
    json_t *header;
    TRY(json_parse((const char *)map->data + PREFIX_BYTES, (size_t)header_bytes, "header",
                   &header));
    err code = read_header(f, file, header, header_bytes);
    json_decref(header);
    return code;
}

static err add_file(struct tensor_file *f, const char *path) {
    struct mapped *file = &f->files[f->n_files];
    file->path = arena_strdup(&f->arena, path);
    if (!file->path) return ERR_MEMORY;
    TRY(file_map_open(&file->map, path));
    err code = read_file(f, f->n_files++);
    return code ? fail_in(code, "'%s'", path) : ERR_OK;
}

static err sort_names(struct tensor_file *f) {
    if (f->n) qsort(f->entries, (size_t)f->n, sizeof *f->entries, by_name);
    for (int64_t i = 1; i < f->n; i++)
        if (strcmp(f->entries[i].tensor.name, f->entries[i - 1].tensor.name) == 0)
            return fail(ERR_PARSE, "'%s': tensor '%s' is also in '%s'",
                        f->files[f->entries[i].file].path, f->entries[i].tensor.name,
                        f->files[f->entries[i - 1].file].path);
    return ERR_OK;
}

static err file_new(struct tensor_file **out, const char *path, int64_t max_files) {
    struct tensor_file *f = mem_zalloc(1, sizeof *f);
    if (!f) return ERR_MEMORY;
    f->path = arena_strdup(&f->arena, path);
    f->files = arena_alloc(&f->arena, (size_t)max_files, sizeof *f->files);
    if (!f->path || !f->files) {
        tensor_file_close(f);
        return ERR_MEMORY;
    }
    *out = f;
    return ERR_OK;
}

err tensor_file_open(struct tensor_file **out, const char *path) {
    struct tensor_file *f;
    TRY(file_new(&f, path, 1));
    err code = add_file(f, path);
    if (!code) code = sort_names(f);
    if (code)
        tensor_file_close(f);
    else
        *out = f;
    return code;
}

/* A shard's name may not lead out of the folder. */
static err check_shard_name(const char *tensor, const json_t *name) {
    const char *text = json_string_value(name);
    if (!text || !*text || strchr(text, '/') || strchr(text, '\\') || text[0] == '.')
        return fail(ERR_PARSE, "weight_map: tensor '%s': not the name of a file beside the index",
                    tensor);
    return ERR_OK;
}

static err open_shards(struct tensor_file *f, const char *dir, json_t *weight_map) {
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
        err code = add_file(f, path);
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

static err open_index(struct tensor_file **out, const char *dir, const char *path) {
    json_t *index = NULL, *weight_map;
    struct tensor_file *f = NULL;
    TRY(json_parse_file(path, &index));
    err code = json_need_object(index, "weight_map", &weight_map);
    if (!code && json_object_size(weight_map) > INDEX_MAX_TENSORS)
        code = fail(ERR_LIMIT, "weight_map lists over %d tensors", INDEX_MAX_TENSORS);
    if (!code) code = file_new(&f, path, (int64_t)json_object_size(weight_map) + 1);
    if (!code) code = open_shards(f, dir, weight_map);
    if (!code) code = check_index(f, weight_map);
    json_decref(index);
    if (code) {
        tensor_file_close(f);
        return fail_in(code, "'%s'", path);
    }
    *out = f;
    return ERR_OK;
}

err tensor_file_open_dir(struct tensor_file **out, const char *dir, const char *stem) {
    struct arena arena = {0};
    err code = ERR_MEMORY;
    const char *single = arena_printf(&arena, "%s/%s.safetensors", dir, stem);
    const char *index = arena_printf(&arena, "%s/%s.safetensors.index.json", dir, stem);
    if (!single || !index) goto done;
    if (file_exists(single))
        code = tensor_file_open(out, single);
    else if (file_exists(index))
        code = open_index(out, dir, index);
    else
        code = fail(ERR_MISSING, "'%s': neither %s.safetensors nor its index is there", dir, stem);
done:
    arena_release(&arena);
    return code;
}

void tensor_file_close(struct tensor_file *f) {
    if (!f) return;
    for (int64_t i = 0; i < f->n_files; i++) file_map_close(&f->files[i].map);
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
    struct entry key = {.tensor.name = name};
    const struct entry *e =
        f->n ? bsearch(&key, f->entries, (size_t)f->n, sizeof *f->entries, by_name) : NULL;
    return e ? &e->tensor : NULL;
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

const char *tensor_file_path(const struct tensor_file *f, const struct tensor *t) {
    return f->files[((const struct entry *)t)->file].path;
}

int64_t tensor_file_bytes(const struct tensor_file *f) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < f->n_files; i++) bytes += (int64_t)f->files[i].map.size_bytes;
    return bytes;
}
