/* SPDX-License-Identifier: Apache-2.0
 * Checkpoints of torch.save: pytorch_model.bin, its shards with an index, adapter_model.bin, or one
 * file named by hand. The pickle must be a state dict: names and tensors. A dict with no tensor in
 * it and exactly one of the members "state_dict", "model" or "module" that is a dict is taken for
 * that member, as training programs wrap their models; anything else is refused.
 * Converted Yuan checkpoints hold q and k as two views of one storage, and up and gate as views of
 * private copies, so offset, strides and sharing are honoured.
 * Read next: model/formats/torch_archive.h. */
#include "model/formats/format.h"
#include "model/formats/torch_archive.h"
#include <string.h>

static const char *const wrappers[] = {"state_dict", "model", "module"};
enum { N_WRAPPERS = sizeof wrappers / sizeof wrappers[0] };

static err add_tensor(struct tensor_file *f, int64_t file, const struct torch_archive *a,
                      const struct pickle_value *const pair[2]) {
    const struct pickle_value *name = pair[0];
    if (name->kind != PICKLE_STRING)
        return fail(ERR_UNSUPPORTED, "%s where a tensor's name was expected",
                    pickle_kind_name(name->kind));
    if (strlen(name->text.data) != name->text.n)
        return fail(ERR_PARSE, "tensor '%s': a name with NUL in it", name->text.data);
    struct torch_view *v = arena_alloc(&f->arena, 1, sizeof *v);
    struct tensor_entry *e;
    if (!v) return ERR_MEMORY;
    err code = torch_archive_tensor(a, pair[1], v);
    if (code) return fail_in(code, "tensor '%s'", name->text.data);
    TRY(tensor_file_add(f, name->text.data, file, &e));
    e->tensor.dtype = v->dtype;
    e->origin = v;
    if (torch_view_contiguous(v)) e->tensor.data = v->data;
    return tensor_set_shape(&e->tensor, v->n_dims, v->shape);
}

static bool holds_tensor(const struct pickle_value *dict) {
    for (int64_t i = 1; i < dict->list.n; i += 2)
        if (dict->list.items[i]->kind == PICKLE_TENSOR) return true;
    return false;
}

/* The state dict in the pickle's value, wrapped or not. */
static err find_state(const struct pickle_value *root, const struct pickle_value **out) {
    if (root->kind != PICKLE_DICT)
        return fail(ERR_UNSUPPORTED, "the pickle is %s, not a dict of tensors",
                    pickle_kind_name(root->kind));
    *out = root;
    if (holds_tensor(root)) return ERR_OK;
    int n = 0;
    for (int i = 0; i < N_WRAPPERS; i++) {
        const struct pickle_value *v = pickle_get(root, wrappers[i]);
        if (!v || v->kind != PICKLE_DICT) continue;
        *out = v;
        n++;
    }
    if (n == 1 && holds_tensor(*out)) return ERR_OK;
    err code = fail(ERR_UNSUPPORTED, "the pickle is a dict without tensors");
    return fail_hint(code, "read are a state dict, or one under the only key 'state_dict', 'model' "
                           "or 'module'; a folder of Megatron is opened by the folder that holds "
                           "latest_checkpointed_iteration.txt");
}

static err read_file(struct tensor_file *f, int64_t file) {
    const struct file_map *map = &f->files[file].map;
    const struct pickle_value *state = NULL;
    struct torch_archive a;
    if (map->size_bytes >= 2 && map->data[0] == 0x80) {
        err code = fail(ERR_UNSUPPORTED, "a bare pickle, as torch.save wrote before version 1.6");
        return fail_hint(code, "load it with torch and save it again, or as safetensors");
    }
    TRY(torch_archive_open(&a, map->data, map->size_bytes, &f->arena));
    TRY(find_state(a.root, &state));
    for (int64_t i = 0; i < state->list.n; i += 2) {
        const struct pickle_value *const pair[2] = {state->list.items[i], state->list.items[i + 1]};
        TRY(add_tensor(f, file, &a, pair));
    }
    return ERR_OK;
}

static bool is_file(const char *path) {
    return str_ends(path, ".bin.index.json") || file_holds_at(path, 0, "PK") ||
           (file_holds_at(path, 0, "\x80") &&
            (str_ends(path, ".bin") || str_ends(path, ".pt") || str_ends(path, ".pth")));
}

/* A checkpoint is pytorch_model.bin, or model.bin by its stem, as adapter_model.bin is. */
static err find(const char *dir, const char *stem, struct arena *arena, const char **out) {
    const char *name = arena_printf(arena, "%s.bin", stem);
    *out = NULL;
    if (!name) return ERR_MEMORY;
    if (strcmp(stem, "model") == 0) TRY(tensor_find_in_dir(dir, "pytorch_model.bin", arena, out));
    return *out ? ERR_OK : tensor_find_in_dir(dir, name, arena, out);
}

static err open_all(struct tensor_file *f, const char *path) {
    return tensor_open_files(f, path, read_file);
}

static err read(const struct tensor_file *f, const struct tensor_entry *e, void *out) {
    (void)f;
    int64_t stride[TENSOR_MAX_DIMS];
    torch_row_major(e->tensor.n_dims, e->tensor.shape, stride);
    torch_view_copy(e->origin, stride, out);
    return ERR_OK;
}

extern const struct format torch_format;
const struct format torch_format = {
    .name = "torch",
    .summary = "pytorch_model.bin, or shards with pytorch_model.bin.index.json",
    .is_file = is_file,
    .find = find,
    .open = open_all,
    .read = read,
};
