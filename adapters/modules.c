/* SPDX-License-Identifier: Apache-2.0
 * modules_to_save: modules of the base that are trained whole, beside the adapter, and travel in
 * its folder. Their parameters are the model's own, marked as trained, so that they get values and
 * gradients as in full fine-tuning; a folder's values take the place of the base's.
 * A name means the modules whose path ends with it, and all that is inside them: PEFT's rule, by
 * which `norm` means every norm. Where PEFT's result is none that this model can be it is refused:
 * a module that is adapted as well, and the embedding of a tied head, of which PEFT trains a copy
 * and leaves the head as it was.
 * Source: PEFT, _set_trainable. Read next: adapters/stored.c, where they are written. */
#include "adapters/adapter_int.h"

#include <string.h>

/* Whether one of the modules around a parameter has a path that ends with the name. */
static bool is_inside(const char *param, const char *name) {
    const size_t n = strlen(name);
    for (const char *dot = strchr(param, '.'); dot; dot = strchr(dot + 1, '.'))
        if ((size_t)(dot - param) >= n && !strncmp(dot - n, name, n)) return true;
    return false;
}

static err check_module(const struct adapter *a, const struct param *p, const char *name) {
    const struct model *m = a->model;
    if (m->config.tied_head && !strcmp(p->name, "model.embed_tokens.weight")) {
        err e =
            fail(ERR_UNSUPPORTED,
                 "adapter: 'modules_to_save' has '%s', the embedding, which is the head too", name);
        return fail_hint(e, "PEFT would train a copy of it and leave the head as it is; only a "
                            "model with an untied head can be that");
    }
    for (int64_t i = 0; i < a->n_sites; i++) {
        const char *module = a->sites[i].projection->module;
        const size_t n = strlen(module);
        if (!strncmp(p->name, module, n) && p->name[n] == '.')
            return fail(
                ERR_UNSUPPORTED,
                "adapter: 'modules_to_save' has '%s' and 'target_modules' adapts '%s' in it", name,
                module);
    }
    return ERR_OK;
}

/* Marks the model's parameters that the name means. */
static err mark(struct adapter *a, const char *name, bool *marks) {
    bool found = false;
    for (int64_t i = 0; i < a->model->n_params; i++) {
        if (!is_inside(a->model->params[i].name, name)) continue;
        TRY(check_module(a, &a->model->params[i], name));
        found = marks[i] = true;
    }
    if (found) return ERR_OK;
    err e =
        fail(ERR_MISSING, "adapter: 'modules_to_save' has '%s', which is not in the model", name);
    return strcmp(name, "lm_head") != 0 ? e : fail_hint(e, "its head is tied to the embedding");
}

err modules_mark(struct adapter *a) {
    const struct opt_list *names = &a->options.modules_to_save;
    struct model *m = a->model;
    bool *marks = arena_alloc(&a->arena, (size_t)m->n_params, sizeof *marks);
    a->modules = arena_alloc(&a->arena, (size_t)m->n_params, sizeof *a->modules);
    if (!marks || !a->modules) return ERR_MEMORY;
    for (int64_t i = 0; i < names->n; i++) TRY(mark(a, names->items[i], marks));
    for (int64_t i = 0; i < m->n_params; i++) {
        if (!marks[i]) continue;
        struct adapter_module *module = &a->modules[a->n_modules++];
        module->param = &m->params[i];
        module->name = arena_printf(&a->arena, "base_model.model.%s", m->params[i].name);
        if (!module->name) return ERR_MEMORY;
    }
    for (int64_t i = 0; i < a->n_modules; i++) a->modules[i].param->trained = true;
    return ERR_OK;
}

void modules_unmark(struct adapter *a) {
    for (int64_t i = 0; i < a->n_modules; i++) a->modules[i].param->trained = false;
}

err modules_check(const struct adapter *a) {
    for (int64_t i = 0; i < a->n_modules; i++)
        if (!a->modules[i].param->trained)
            return fail(ERR_UNSUPPORTED,
                        "adapter: '%s' is among 'modules_to_save', and not among what is trained",
                        a->modules[i].param->name);
    return ERR_OK;
}
