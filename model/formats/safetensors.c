/* SPDX-License-Identifier: Apache-2.0
 * Reading safetensors. Nothing of a header is believed: every length is held against the file's
 * size before it is used, and the tensors of a file must cover its data exactly, without holes or
 * overlaps, so that two readers cannot see different tensors in the same bytes.
 * Read next: model/formats/format.h; writing is in safetensors_write.c. */
#include "model/formats/format.h"
#include "base/bytes.h"
#include "model/formats/safetensors.h"
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX_BYTES = 100 << 20, PREFIX_BYTES = 8 };

static err read_shape(const json_t *info, struct tensor *t) {
    json_t *list;
    int64_t shape[TENSOR_MAX_DIMS];
    TRY(json_need_array(info, "shape", &list));
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && i < TENSOR_MAX_DIMS; i++) {
        const json_t *size = json_array_get(list, i);
        if (!json_is_integer(size)) return fail(ERR_PARSE, "dimension %zu is no whole number", i);
        shape[i] = json_integer_value(size);
    }
    return tensor_set_shape(t, (int64_t)n, shape);
}

/* `data`: the file's, after the header. */
static err read_offsets(const json_t *info, const uint8_t *data, uint64_t data_bytes,
                        struct tensor *t) {
    json_t *offsets;
    TRY(json_need_array(info, "data_offsets", &offsets));
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first))
        return fail(ERR_PARSE, "data_offsets are not two ascending whole numbers");
    const uint64_t begin = (uint64_t)json_integer_value(first),
                   end = (uint64_t)json_integer_value(last);
    if (end > data_bytes)
        return fail(ERR_PARSE, "data ends at byte %llu of %llu", (unsigned long long)end,
                    (unsigned long long)data_bytes);
    if ((uint64_t)(t->count * dtype_bytes(t->dtype)) != end - begin)
        return fail(ERR_MISMATCH, "%llu bytes of data for %lld elements of %s",
                    (unsigned long long)(end - begin), (long long)t->count, dtype_name(t->dtype));
    t->data = data + begin;
    return ERR_OK;
}

static err read_entry(const json_t *info, const uint8_t *data, uint64_t data_bytes,
                      struct tensor *t) {
    if (!json_is_object(info)) return fail(ERR_PARSE, "not an object");
    const char *dtype;
    TRY(json_need_string(info, "dtype", &dtype));
    TRY(dtype_parse(dtype, &t->dtype));
    TRY(read_shape(info, t));
    return read_offsets(info, data, data_bytes, t);
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

static const uint8_t *end_of(const struct tensor *t) {
    return (const uint8_t *)t->data + t->count * dtype_bytes(t->dtype);
}

static int by_place(const void *a, const void *b) {
    const struct tensor_entry *x = a, *y = b;
    if (x->tensor.data != y->tensor.data) return x->tensor.data < y->tensor.data ? -1 : 1;
    return (end_of(&x->tensor) > end_of(&y->tensor)) - (end_of(&x->tensor) < end_of(&y->tensor));
}

/* The data must be one tensor after another from the first byte to the last. */
static err check_cover(struct tensor_entry *entries, int64_t n, const uint8_t *data,
                       uint64_t data_bytes) {
    if (n) qsort(entries, (size_t)n, sizeof *entries, by_place);
    const uint8_t *at = data;
    for (int64_t i = 0; i < n; i++) {
        const struct tensor *t = &entries[i].tensor;
        const uint8_t *begin = t->data;
        if (begin != at)
            return fail(ERR_PARSE,
                        "tensor '%s': data begins at byte %llu where %llu was expected (%s)",
                        t->name, (unsigned long long)(begin - data),
                        (unsigned long long)(at - data), begin < at ? "overlap" : "hole");
        at = end_of(t);
    }
    if (at != data + data_bytes)
        return fail(ERR_PARSE, "%llu bytes after the last tensor",
                    (unsigned long long)(data + data_bytes - at));
    return ERR_OK;
}

static err read_header(struct tensor_file *f, int64_t file, const json_t *header,
                       uint64_t header_bytes) {
    const struct file_map *map = &f->files[file].map;
    const uint64_t data_bytes = map->size_bytes - PREFIX_BYTES - header_bytes;
    const uint8_t *data = map->data + PREFIX_BYTES + header_bytes;
    if (!json_is_object(header)) return fail(ERR_PARSE, "the header is not an object");
    const int64_t first = f->n;
    const char *name;
    json_t *info;
    json_object_foreach((json_t *)header, name, info) {
        if (strcmp(name, "__metadata__") == 0) {
            TRY(check_metadata(info));
            continue;
        }
        struct tensor_entry *e;
        TRY(tensor_file_add(f, name, file, &e));
        err code = read_entry(info, data, data_bytes, &e->tensor);
        if (code) return fail_in(code, "tensor '%s'", name);
    }
    struct tensor_entry *added = f->n > first ? f->entries + first : NULL;
    return check_cover(added, f->n - first, data, data_bytes);
}

static err read_file(struct tensor_file *f, int64_t file) {
    const struct file_map *map = &f->files[file].map;
    if (map->size_bytes < PREFIX_BYTES)
        return fail(ERR_PARSE, "%zu bytes are too few for a safetensors file", map->size_bytes);
    const uint64_t header_bytes = bytes_get_little(map->data, PREFIX_BYTES);
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

static bool is_file(const char *path) {
    return str_ends(path, ".safetensors") || file_holds_at(path, PREFIX_BYTES, "{");
}

static err find(const char *dir, const char *stem, struct arena *arena, const char **out) {
    const char *name = arena_printf(arena, "%s.safetensors", stem);
    return name ? tensor_find_in_dir(dir, name, arena, out) : ERR_MEMORY;
}

static err open_all(struct tensor_file *f, const char *path) {
    return tensor_open_files(f, path, read_file);
}

static err plan(const char *type, struct tensor *t, struct tensor_stored *out) {
    static const struct {
        const char *name;
        enum dtype dtype;
    } types[] = {{"f32", DTYPE_F32}, {"f16", DTYPE_F16}, {"bf16", DTYPE_BF16}, {"f64", DTYPE_F64}};
    out->type = NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(type, types[i].name) == 0) t->dtype = types[i].dtype;
        if (t->dtype == types[i].dtype) out->type = types[i].name;
    }
    if (!out->type)
        return fail(ERR_UNSUPPORTED, "tensor '%s': weights in %s are not handled", t->name,
                    dtype_name(t->dtype));
    out->bytes = t->count * dtype_bytes(t->dtype);
    return ERR_OK;
}

static err write(const struct tensor_output *o) {
    return safetensors_write_dir(o->dir, o->stem, o->tensors, o->n, o->shard_bytes, o->source);
}

extern const struct format safetensors_format;
const struct format safetensors_format = {
    .name = "safetensors",
    .summary = "model.safetensors, or shards with model.safetensors.index.json",
    .is_file = is_file,
    .find = find,
    .open = open_all,
    .types = "keep,f32,f16,bf16",
    .plan = plan,
    .write = write,
};
