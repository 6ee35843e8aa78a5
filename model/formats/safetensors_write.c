/* SPDX-License-Identifier: Apache-2.0
 * Writing safetensors: the header is made from the tensors' shapes alone, then the data streams
 * through piece by piece, so a model larger than memory can be written. Each file appears
 * whole or not at all. The bytes depend on nothing but the tensors. */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "model/formats/safetensors.h"

static int64_t tensor_bytes(const struct tensor *t) {
    return t->count * dtype_bytes(t->dtype);
}

static err add_header_entry(json_t *header, const struct tensor *t, int64_t begin) {
    json_t *info = json_object(), *shape = json_array(), *offsets = json_array();
    err code = json_put(header, t->name, info); /* takes over info, NULL included */
    if (code) {
        json_decref(shape);
        json_decref(offsets);
        return code;
    }
    code = json_put(info, "dtype", json_string(dtype_name(t->dtype)));
    err shape_code = json_put(info, "shape", shape);
    err offsets_code = json_put(info, "data_offsets", offsets);
    TRY(code);
    TRY(shape_code);
    TRY(offsets_code);
    for (int i = 0; i < t->n_dims; i++) TRY(json_push(shape, json_integer(t->shape[i])));
    TRY(json_push(offsets, json_integer(begin)));
    return json_push(offsets, json_integer(begin + tensor_bytes(t)));
}

static err make_header(const struct tensor *tensors, int64_t n, struct str *out) {
    json_t *header = json_object();
    if (!header) return fail(ERR_MEMORY, "out of memory for a header");
    err code = json_put(header, "__metadata__", json_pack("{s:s}", "format", "pt"));
    int64_t at = 0;
    for (int64_t i = 0; i < n && !code; i++) {
        if (json_object_get(header, tensors[i].name))
            code = fail(ERR_EXISTS, "two tensors are called '%s'", tensors[i].name);
        else
            code = add_header_entry(header, &tensors[i], at);
        at += tensor_bytes(&tensors[i]);
    }
    if (!code) code = json_text(header, 0, out);
    json_decref(header);
    while (!code && out->len % 8) code = str_append(out, " ", 1);
    return code;
}

static err write_pieces(struct file_writer *w, const struct tensor *t,
                        const struct tensor_source *source) {
    for (int64_t begin = 0, n; begin < t->count; begin += n) {
        const void *data;
        n = t->count - begin;
        err code = source->piece(source->ctx, t, begin, &n, &data);
        if (code) return fail_in(code, "tensor '%s'", t->name);
        TRY(file_writer_write(w, data, (size_t)(n * dtype_bytes(t->dtype))));
    }
    return ERR_OK;
}

static err write_data(struct file_writer *w, const struct tensor *t,
                      const struct tensor_source *source) {
    if (t->data || t->count == 0) return file_writer_write(w, t->data, (size_t)tensor_bytes(t));
    BUG_IF(!source);
    return write_pieces(w, t, source);
}

static err write_file(const char *path, const struct tensor *tensors, int64_t n,
                      const struct tensor_source *source) {
    struct str header = {0};
    struct file_writer w;
    err code = make_header(tensors, n, &header);
    if (code) goto done;
    code = file_writer_open(&w, path);
    if (code) goto done;
    uint8_t length[8];
    bytes_put_little(length, sizeof length, header.len);
    code = file_writer_write(&w, length, sizeof length);
    if (!code) code = file_writer_write(&w, header.data, header.len);
    for (int64_t i = 0; i < n && !code; i++) code = write_data(&w, &tensors[i], source);
    if (!code)
        code = file_writer_commit(&w);
    else
        file_writer_abort(&w);
done:
    str_release(&header);
    return code;
}

err safetensors_write(const char *path, const struct tensor *tensors, int64_t n) {
    return write_file(path, tensors, n, NULL);
}

/* Tensors from `begin` that fit one shard (at least one). */
static int64_t shard_end(const struct tensor *tensors, int64_t n, int64_t begin,
                         int64_t shard_bytes) {
    int64_t bytes = tensor_bytes(&tensors[begin]), end = begin + 1;
    while (end < n && bytes + tensor_bytes(&tensors[end]) <= shard_bytes)
        bytes += tensor_bytes(&tensors[end++]);
    return end;
}

struct shards {
    struct arena arena;
    const char *dir, *stem;
    const struct tensor *tensors;
    int64_t n, shard_bytes, n_shards;
    json_t *index, *weight_map;
};

static err write_shard(struct shards *s, int64_t number, int64_t begin, int64_t end,
                       const struct tensor_source *source) {
    const char *name = arena_printf(&s->arena, "%s-%05lld-of-%05lld.safetensors", s->stem,
                                    (long long)number, (long long)s->n_shards);
    const char *path = name ? arena_printf(&s->arena, "%s/%s", s->dir, name) : NULL;
    if (!path) return ERR_MEMORY;
    for (int64_t i = begin; i < end; i++)
        TRY(json_put(s->weight_map, s->tensors[i].name, json_string(name)));
    return write_file(path, s->tensors + begin, end - begin, source);
}

static err write_shards(struct shards *s, int64_t total, const struct tensor_source *source) {
    s->index =
        json_pack("{s:{s:I},s:{}}", "metadata", "total_size", (json_int_t)total, "weight_map");
    s->weight_map = json_object_get(s->index, "weight_map");
    if (!s->weight_map) return fail(ERR_MEMORY, "out of memory for an index");
    for (int64_t i = 0; i < s->n; i = shard_end(s->tensors, s->n, i, s->shard_bytes)) s->n_shards++;
    for (int64_t i = 0, number = 1; i < s->n; number++) {
        int64_t end = shard_end(s->tensors, s->n, i, s->shard_bytes);
        TRY(write_shard(s, number, i, end, source));
        i = end;
    }
    const char *path = arena_printf(&s->arena, "%s/%s.safetensors.index.json", s->dir, s->stem);
    return path ? json_write_file(path, s->index) : ERR_MEMORY;
}

err safetensors_write_dir(const char *dir, const char *stem, const struct tensor *tensors,
                          int64_t n, int64_t shard_bytes, const struct tensor_source *source) {
    struct shards s = {
        .dir = dir, .stem = stem, .tensors = tensors, .n = n, .shard_bytes = shard_bytes};
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++) total += tensor_bytes(&tensors[i]);
    TRY(dir_need_room(dir, total));
    err code;
    if (shard_bytes > 0 && total > shard_bytes) {
        code = write_shards(&s, total, source);
    } else {
        const char *path = arena_printf(&s.arena, "%s/%s.safetensors", dir, stem);
        code = path ? write_file(path, tensors, n, source) : ERR_MEMORY;
    }
    json_decref(s.index);
    arena_release(&s.arena);
    return code;
}
