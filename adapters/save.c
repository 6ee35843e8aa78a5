/* SPDX-License-Identifier: Apache-2.0
 * An adapter on its way out: as a PEFT folder, or merged into the base's weights as a model folder
 * that needs no adapter. Merging is in fp32 and rounds once, to the dtype the base was stored in.
 * Read next: adapters/peft.c for the config file, model/model.h for model_save. */
#include "adapters/adapter_int.h"

#include "base/file.h"
#include "base/mem.h"
#include "model/formats/safetensors.h"

#include <string.h>

enum { SHARD_BYTES = 2000000000 };

static err save_tensors(const struct adapter *a, const char *path) {
    struct tensor *tensors = mem_zalloc((size_t)a->n_params, sizeof *tensors);
    if (!tensors) return ERR_MEMORY;
    err e = ERR_OK;
    for (int64_t i = 0; i < a->n_params && e == ERR_OK; i++) {
        const struct param *p = &a->params[i];
        float *values;
        e = adapter_values(a, p, &values);
        tensors[i] = (struct tensor){.name = p->name,
                                     .dtype = DTYPE_F32,
                                     .n_dims = p->n_dims,
                                     .count = p->count,
                                     .data = values};
        for (int d = 0; d < p->n_dims; d++) tensors[i].shape[d] = p->shape[d];
    }
    if (e == ERR_OK) e = safetensors_write(path, tensors, a->n_params);
    for (int64_t i = 0; i < a->n_params; i++) mem_free((void *)tensors[i].data);
    mem_free(tensors);
    return e;
}

err adapter_save(const struct adapter *a, const char *dir, const char *base_model_name) {
    json_t *config = NULL;
    char *config_path = path_join(dir, "adapter_config.json");
    char *tensor_path = path_join(dir, "adapter_model.safetensors");
    err e = config_path && tensor_path ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) e = peft_config(a, base_model_name, &config);
    if (e == ERR_OK) e = json_write_file(config_path, config);
    if (e == ERR_OK) e = save_tensors(a, tensor_path);
    json_decref(config);
    mem_free(config_path);
    mem_free(tensor_path);
    return e;
}

err adapter_merge(const struct adapter *a, const struct projection *p, float *weight) {
    if (!a || p->adapter != &a->kind->ops) return ERR_OK;
    const struct adapter_site *site = p->adapter_state;
    float *values[ADAPTER_MAX_TENSORS] = {NULL};
    err e = ERR_OK;
    for (int i = 0; i < a->kind->n_tensors && e == ERR_OK; i++)
        e = adapter_values(a, &site->params[i], &values[i]);
    if (e == ERR_OK) a->kind->merge(site, values, weight);
    for (int i = 0; i < a->kind->n_tensors; i++) mem_free(values[i]);
    return e;
}

/* For model_save: merges where the parameter is an adapted projection's weight. */
static err merge_param(void *ctx, const struct param *p, float *value) {
    const struct adapter *a = ctx;
    for (int64_t i = 0; a && i < a->n_sites; i++) {
        const struct projection *projection = a->sites[i].projection;
        size_t n = strlen(projection->module);
        if (strncmp(p->name, projection->module, n) != 0 || strcmp(p->name + n, ".weight") != 0)
            continue;
        return adapter_merge(a, projection, value);
    }
    return ERR_OK;
}

/* Files that model_save writes itself, or that speak about the base alone. */
static bool stays_behind(const char *name) {
    return !strcmp(name, "config.json") || !strcmp(name, "README.md") ||
           !strcmp(name, "SHA256SUMS") || name[0] == '.' || str_ends(name, ".safetensors") ||
           str_ends(name, ".safetensors.index.json") || str_ends(name, ".bin") ||
           str_ends(name, ".bin.index.json");
}

static err copy_file(const char *from_dir, const char *to_dir, const char *name) {
    char *from = path_join(from_dir, name), *to = path_join(to_dir, name);
    err e = from && to ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK && !dir_exists(from)) e = file_copy(from, to);
    mem_free(from);
    mem_free(to);
    return e;
}

static err fill_merged(struct model *m, const struct adapter *a, const char *base_dir,
                       const char *dir) {
    TRY(dir_remove(dir));
    TRY(dir_make(dir));
    struct name_list names = {0};
    TRY(dir_list(base_dir, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++)
        if (!stays_behind(names.names[i])) e = copy_file(base_dir, dir, names.names[i]);
    name_list_release(&names);
    return e == ERR_OK ? model_save(m, dir, SHARD_BYTES, merge_param, (void *)a) : e;
}

err adapter_save_merged(struct model *m, const struct adapter *a, const char *base_dir,
                        const char *dir) {
    if (file_exists(dir)) return fail(ERR_EXISTS, "'%s' is there already", dir);
    struct str temporary = {0};
    err e = str_printf(&temporary, "%s.tmp-merge", dir);
    if (e == ERR_OK) e = fill_merged(m, a, base_dir, str_text(&temporary));
    if (e == ERR_OK) e = dir_commit(str_text(&temporary), dir);
    if (e != ERR_OK) e = dir_give_up(e, str_text(&temporary));
    str_release(&temporary);
    return e == ERR_OK ? e : fail_in(e, "model folder '%s'", dir);
}
