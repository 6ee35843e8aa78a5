/* SPDX-License-Identifier: Apache-2.0
 * GGUF as a format: a Yuan 2.0 file's tensors under their HF names and shapes. Plain numbers stay
 * where the file is mapped; blocks of q8_0 and q4_0 become fp32 when they are read, exactly. The
 * dimensions of a GGUF tensor run from the innermost outwards, those here the other way; the bytes
 * are the same.
 * Read next: model/formats/gguf.h for the file's head, gguf_names.h, gguf_write.c. */
#include "model/formats/gguf.h"
#include "model/formats/format.h"
#include "model/formats/gguf_names.h"
#include "model/formats/gguf_write.h"
#include <string.h>

static err add_tensor(struct tensor_file *f, int64_t file, const struct gguf_tensor *t) {
    const char *name = NULL;
    int64_t shape[GGUF_MAX_DIMS] = {0};
    struct tensor_entry *e;
    TRY(gguf_name_to_hf(t->name, &f->arena, &name));
    for (int i = 0; i < t->n_dims; i++) shape[i] = t->dims[t->n_dims - 1 - i];
    TRY(tensor_file_add(f, name, file, &e));
    TRY(tensor_set_shape(&e->tensor, t->n_dims, shape));
    e->tensor.dtype = t->storage->dtype;
    if (!t->storage->decode) {
        e->tensor.data = t->data;
        return ERR_OK;
    }
    struct gguf_tensor *kept = arena_alloc(&f->arena, 1, sizeof *kept);
    if (!kept) return ERR_MEMORY;
    *kept = *t;
    kept->name = NULL; /* the head's, which goes */
    e->origin = kept;
    return ERR_OK;
}

static err add_tensors(struct tensor_file *f, int64_t file, const struct gguf *g) {
    int64_t pieces = 1;
    if (gguf_find(g, "split.count")) TRY(gguf_need_int(g, "split.count", &pieces));
    if (pieces > 1)
        return fail(ERR_UNSUPPORTED, "one of %lld pieces: join them first", (long long)pieces);
    TRY(gguf_config(g, &f->config));
    for (int64_t i = 0; i < g->n_tensors; i++) TRY(add_tensor(f, file, &g->tensors[i]));
    return ERR_OK;
}

static err read_file(struct tensor_file *f, int64_t file) {
    const struct file_map *map = &f->files[file].map;
    struct gguf g;
    TRY(gguf_parse(&g, map->data, map->size_bytes));
    err code = add_tensors(f, file, &g);
    gguf_release(&g);
    return code;
}

static err open_file(struct tensor_file *f, const char *path) {
    return tensor_open_file(f, path, read_file);
}

static err read_tensor(const struct tensor_file *f, const struct tensor_entry *e, void *out) {
    const struct gguf_tensor *t = e->origin;
    (void)f;
    t->storage->decode(t->data, t->count, out);
    return ERR_OK;
}

static bool is_file(const char *path) {
    return str_ends(path, ".gguf") || file_holds_at(path, 0, "GGUF");
}

/* A folder's only .gguf file, or the one called as the stem. Adapters are never in GGUF here. */
static err find(const char *dir, const char *stem, struct arena *arena, const char **out) {
    struct name_list names;
    const char *found = NULL, *named = arena_printf(arena, "%s.gguf", stem);
    int n = 0;
    *out = NULL;
    if (!named) return ERR_MEMORY;
    if (strcmp(stem, "model") != 0) return ERR_OK;
    TRY(dir_list(dir, &names));
    for (size_t i = 0; i < names.n; i++) {
        if (!str_ends(names.names[i], ".gguf")) continue;
        if (!found || strcmp(names.names[i], named) == 0) found = names.names[i];
        n++;
    }
    err code = ERR_OK;
    if (n > 1 && strcmp(found, named) != 0)
        code = fail(ERR_UNSUPPORTED, "'%s' holds %d GGUF files: name one of them", dir, n);
    else if (found && !(*out = arena_printf(arena, "%s/%s", dir, found)))
        code = ERR_MEMORY;
    name_list_release(&names);
    return code;
}

extern const struct format gguf_format;
const struct format gguf_format = {
    .name = "gguf",
    .summary = "one .gguf file, " GGUF_NOTE,
    .is_file = is_file,
    .find = find,
    .open = open_file,
    .read = read_tensor,
    .types = "keep,f32,f16,q8_0,q4_0",
    .plan = gguf_plan,
    .write = gguf_write,
};
