/* SPDX-License-Identifier: Apache-2.0
 * An adapter on its way out: as a PEFT folder, or merged into the base's weights as a model folder
 * that needs no adapter. Merging is in fp32 and rounds once, to the dtype the base was stored in.
 * Read next: adapters/peft.c for the config file, model/model.h for model_save. */
#include "adapters/adapter_int.h"

#include "base/file.h"
#include "base/mem.h"
#include "model/folder.h"

#include <string.h>

static const int64_t SHARD_BYTES = 5000000000;

err adapter_save(const struct adapter *a, const char *dir, const char *base_model_name) {
    json_t *config = NULL;
    char *config_path = path_join(dir, "adapter_config.json");
    err e = config_path ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) e = peft_config(a, base_model_name, &config);
    if (e == ERR_OK) e = json_write_file(config_path, config);
    if (e == ERR_OK) e = stored_write(a, dir);
    json_decref(config);
    mem_free(config_path);
    return e;
}

/* ---- merged ---- */

err adapter_merge(const struct adapter *a, const struct projection *p, float *weight) {
    if (!a || p->adapter != &a->kind->ops) return ERR_OK;
    const struct adapter_site *site = p->adapter_state;
    float *values[ADAPTER_MAX_TENSORS] = {NULL};
    err e = ERR_OK;
    for (int i = 0; i < a->kind->n_tensors && e == ERR_OK; i++)
        e = adapter_download(a, site->params[i].value, site->params[i].count, &values[i]);
    if (e == ERR_OK) e = a->kind->merge(site, values, weight);
    for (int i = 0; i < a->kind->n_tensors; i++) mem_free(values[i]);
    return e;
}

/* The adapted projection whose weight the parameter is, or NULL. */
static const struct projection *adapted(const struct adapter *a, const struct param *p) {
    for (int64_t i = 0; i < a->n_sites; i++) {
        const struct projection *projection = a->sites[i].projection;
        size_t n = strlen(projection->module);
        if (!strncmp(p->name, projection->module, n) && !strcmp(p->name + n, ".weight"))
            return projection;
    }
    return NULL;
}

static bool is_adapted(void *ctx, const struct param *p) {
    return adapted(ctx, p);
}

static err merge_param(void *ctx, const struct param *p, float *value) {
    return adapter_merge(ctx, adapted(ctx, p), value);
}

struct merged {
    struct model *model;
    const struct adapter *adapter;
    const struct merged_form *form;
};

static err fill_merged(void *ctx, const char *dir) {
    const struct merged *m = ctx;
    const struct model_change change = {is_adapted, merge_param, (void *)m->adapter};
    const struct merged_form *f = m->form;
    const int64_t shard_bytes = f->shard_bytes ? f->shard_bytes : SHARD_BYTES;
    TRY(model_save(m->model, dir, shard_bytes, m->adapter ? &change : NULL));
    return f->look ? f->look(f->ctx, dir) : ERR_OK;
}

err adapter_save_merged(struct model *m, const struct adapter *a, const char *base_dir,
                        const char *dir) {
    return adapter_save_merged_as(m, a, base_dir, dir, &(struct merged_form){.look = NULL});
}

err adapter_save_merged_as(struct model *m, const struct adapter *a, const char *base_dir,
                           const char *dir, const struct merged_form *form) {
    struct merged merged = {m, a, form};
    return model_folder_write(dir, base_dir, fill_merged, &merged);
}
