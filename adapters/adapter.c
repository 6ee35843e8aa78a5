/* SPDX-License-Identifier: Apache-2.0
 * Attaching an adapter to a model: which projections, what its parameters are called, where they
 * live in the plan, and what they start from. What a kind of adapter computes is in its own file.
 * Read next: adapters/adapter_int.h, adapters/lora.c. */
#include "adapters/adapter_int.h"

#include "base/mem.h"

#include <string.h>

#define ADAPTER(name) extern const struct adapter_kind name##_adapter;
#include "adapters/adapters.def"
#undef ADAPTER

const struct adapter_kind *const adapter_kinds[] = {
#define ADAPTER(name) &name##_adapter,
#include "adapters/adapters.def"
#undef ADAPTER
};
const int n_adapter_kinds = sizeof adapter_kinds / sizeof adapter_kinds[0];

const char *const adapter_linear_targets[] = {"q_proj", "k_proj",    "qk_proj", "v_proj",
                                              "o_proj", "gate_proj", "up_proj", "down_proj"};
const int n_adapter_linear_targets = 8;
const char *const adapter_filter_targets[] = {"lf_gate.conv1", "lf_gate.conv2"};
const int n_adapter_filter_targets = 2;

#define ADAPTER(name) #name ","
static const char kind_names[] =
#include "adapters/adapters.def"
    "none";
#undef ADAPTER

#define ROW(field, ...) OPT(struct adapter_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(type, .preset = "lora", .choices = kind_names, .help = "none: full fine-tuning"),
    ROW(r, .preset = "16", .min = 1, .max = 65536, .aliases = "lora_r,lora_rank,rank",
        .help = "rank of the update"),
    ROW(lora_alpha, .preset = "32", .min = 0, .max = 1e6, .aliases = "alpha",
        .help = "the update counts lora_alpha / r"),
    ROW(lora_dropout, .preset = "0", .min = 0, .max = 0.95, .aliases = "dropout",
        .help = "share of the adapter's inputs that is left out in training"),
    ROW(use_rslora, .preset = "false", .help = "the update counts lora_alpha / sqrt(r) instead"),
    ROW(target_modules, .preset = "all", .aliases = "lora_target,lora_target_modules,target",
        .help = "all, linear (without the filter's convolutions), or names of modules"),
};
#undef ROW

struct opt_table adapter_options_table(void) {
    return OPT_TABLE(rows);
}

const char *adapter_kind_at(int i, const char **out_summary) {
    if (i < 0 || i >= n_adapter_kinds) return NULL;
    *out_summary = adapter_kinds[i]->summary;
    return adapter_kinds[i]->name;
}

bool adapter_wanted(const struct adapter_options *options) {
    return strcmp(options->type, "none") != 0;
}

/* Whether a module is meant by a name: its whole path or its last components (PEFT's rule). */
static bool module_matches(const char *module, const char *target) {
    size_t n_module = strlen(module), n_target = strlen(target);
    if (n_target > n_module || strcmp(module + n_module - n_target, target) != 0) return false;
    return n_module == n_target || module[n_module - n_target - 1] == '.';
}

static bool matches_any(const char *module, const char *const *targets, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (module_matches(module, targets[i])) return true;
    return false;
}

static bool target_matches(const char *module, const char *target) {
    bool all = !strcmp(target, "all"), linear = !strcmp(target, "linear");
    if (!all && !linear) return module_matches(module, target);
    if (matches_any(module, adapter_linear_targets, n_adapter_linear_targets)) return true;
    return all && matches_any(module, adapter_filter_targets, n_adapter_filter_targets);
}

bool adapter_has_target(const struct adapter *a, const char *target) {
    for (int64_t i = 0; i < a->model->n_projections; i++)
        if (target_matches(a->model->projections[i].module, target)) return true;
    return false;
}

static err check_targets(const struct adapter *a) {
    const struct opt_list *targets = &a->options.target_modules;
    if (targets->n == 0) return fail(ERR_RANGE, "adapter: 'target_modules' is empty");
    for (int64_t t = 0; t < targets->n; t++) {
        if (adapter_has_target(a, targets->items[t])) continue;
        err e =
            fail(ERR_MISSING, "adapter: target module '%s' is not in the model", targets->items[t]);
        return fail_hint(e, "all, linear, or modules of 'cotrain list projections'");
    }
    return ERR_OK;
}

static err copy_options(struct adapter *a, const struct adapter_options *from) {
    a->options = *from;
    struct opt_list *targets = &a->options.target_modules;
    const char **items = arena_alloc(&a->arena, (size_t)targets->n + 1, sizeof *items);
    a->options.type = arena_strdup(&a->arena, from->type);
    if (!items || !a->options.type) return ERR_MEMORY;
    for (int64_t i = 0; i < targets->n; i++) {
        items[i] = arena_strdup(&a->arena, from->target_modules.items[i]);
        if (!items[i]) return ERR_MEMORY;
    }
    targets->items = items;
    return ERR_OK;
}

static err name_param(struct adapter *a, const struct projection *p, int which, struct param *out) {
    a->kind->shape(a, p, which, out);
    out->count = 1;
    for (int d = 0; d < out->n_dims; d++) out->count *= out->shape[d];
    out->dtype = DTYPE_F32;
    out->trained = true;
    out->name =
        arena_printf(&a->arena, "base_model.model.%s%s", p->module, a->kind->suffixes[which]);
    return out->name ? ERR_OK : ERR_MEMORY;
}

/* Fills in the sites and their parameters, then hooks them into the model. */
static err attach(struct adapter *a) {
    TRY(check_targets(a));
    struct model *m = a->model;
    a->sites = arena_alloc(&a->arena, (size_t)m->n_projections, sizeof *a->sites);
    a->params = arena_alloc(&a->arena, (size_t)m->n_projections * (size_t)a->kind->n_tensors,
                            sizeof *a->params);
    if (!a->sites || !a->params) return ERR_MEMORY;
    for (int64_t i = 0; i < m->n_projections; i++) {
        struct projection *p = &m->projections[i];
        bool wanted = false;
        for (int64_t t = 0; t < a->options.target_modules.n && !wanted; t++)
            wanted = target_matches(p->module, a->options.target_modules.items[t]);
        if (!wanted) continue;
        struct adapter_site *site = &a->sites[a->n_sites++];
        *site = (struct adapter_site){a, p, &a->params[a->n_params]};
        for (int which = 0; which < a->kind->n_tensors; which++)
            TRY(name_param(a, p, which, &a->params[a->n_params++]));
    }
    a->value_at = arena_alloc(&a->arena, (size_t)a->n_params, sizeof *a->value_at);
    if (!a->value_at) return ERR_MEMORY;
    for (int64_t i = 0; i < a->n_sites; i++) {
        a->sites[i].projection->adapter = &a->kind->ops;
        a->sites[i].projection->adapter_state = &a->sites[i];
    }
    return ERR_OK;
}

static err find_kind(const char *name, const struct adapter_kind **out) {
    for (int i = 0; i < n_adapter_kinds; i++)
        if (!strcmp(adapter_kinds[i]->name, name)) {
            *out = adapter_kinds[i];
            return ERR_OK;
        }
    return fail(ERR_UNSUPPORTED, "adapter: type '%s' is not known", name);
}

err adapter_new(struct adapter **out, struct model *m, const struct adapter_options *options,
                uint64_t seed) {
    *out = NULL;
    struct adapter *a = mem_zalloc(1, sizeof *a);
    if (!a) return ERR_MEMORY;
    a->model = m;
    a->compute = m->compute;
    a->seed = seed;
    err e = find_kind(options->type, &a->kind);
    if (e == ERR_OK) e = copy_options(a, options);
    if (e == ERR_OK) e = attach(a);
    if (e != ERR_OK) {
        adapter_free(a);
        return e;
    }
    *out = a;
    return ERR_OK;
}

/* Every parameter must be in the file, in its shape, and nothing else may be. */
static err check_saved(const struct adapter *a, const char *dir) {
    for (int64_t i = 0; i < a->n_params; i++) {
        const struct param *p = &a->params[i];
        const struct tensor *t;
        TRY(tensor_file_need(a->saved, p->name, p->n_dims, p->shape, &t));
    }
    for (int64_t i = 0; i < tensor_file_count(a->saved); i++) {
        const char *name = tensor_file_at(a->saved, i)->name;
        bool known = false;
        for (int64_t j = 0; j < a->n_params && !known; j++)
            known = !strcmp(name, a->params[j].name);
        if (!known)
            return fail(ERR_UNSUPPORTED,
                        "adapter '%s': tensor '%s' belongs to no target module of this model", dir,
                        name);
    }
    return ERR_OK;
}

err adapter_open(struct adapter **out, struct model *m, const char *dir) {
    *out = NULL;
    struct adapter_options options = {0};
    struct arena arena = {0};
    struct adapter *a = NULL;
    err e = peft_read_config(dir, &arena, &options);
    if (e == ERR_OK) e = adapter_new(&a, m, &options, 0);
    if (e == ERR_OK) e = tensor_file_open_dir(&a->saved, dir, "adapter_model");
    if (e == ERR_OK) e = check_saved(a, dir);
    arena_release(&arena);
    if (e != ERR_OK) {
        adapter_free(a);
        return e;
    }
    *out = a;
    return ERR_OK;
}

void adapter_free(struct adapter *a) {
    if (!a) return;
    for (int64_t i = 0; i < a->n_sites; i++) {
        struct projection *p = a->sites[i].projection;
        if (p->adapter_state != &a->sites[i]) continue;
        p->adapter = NULL;
        p->adapter_state = NULL;
    }
    tensor_file_close(a->saved);
    arena_release(&a->arena);
    mem_free(a);
}

err adapter_plan(struct adapter *a, struct plan *plan, bool train) {
    if (train) {
        a->gradient_at = arena_alloc(&a->arena, (size_t)a->n_params, sizeof *a->gradient_at);
        if (!a->gradient_at) return ERR_MEMORY;
    }
    for (int64_t i = 0; i < a->n_params; i++) {
        size_t bytes = (size_t)a->params[i].count * sizeof(float);
        a->value_at[i] = plan_add(plan, PLAN_ADAPTER, "adapter weights", bytes);
        if (train && a->params[i].trained)
            a->gradient_at[i] = plan_add(plan, PLAN_GRADIENTS, "adapter gradients", bytes);
    }
    return ERR_OK;
}

static void saved_or_fresh(const struct adapter *a, int64_t i, float *values) {
    const struct param *p = &a->params[i];
    if (a->saved) {
        const struct tensor *t = tensor_file_find(a->saved, p->name);
        dtype_to_f32(t->data, t->dtype, t->count, values);
        return;
    }
    a->kind->init(a, a->sites[i / a->kind->n_tensors].projection, (int)(i % a->kind->n_tensors),
                  values);
}

err adapter_start(struct adapter *a, const struct plan *plan) {
    int64_t largest = 0;
    for (int64_t i = 0; i < a->n_params; i++)
        if (a->params[i].count > largest) largest = a->params[i].count;
    float *values = mem_alloc((size_t)largest, sizeof *values);
    if (!values) return ERR_MEMORY;
    err e = ERR_OK;
    for (int64_t i = 0; i < a->n_params && e == ERR_OK; i++) {
        struct param *p = &a->params[i];
        p->value = plan_at(plan, a->value_at[i]);
        p->gradient = a->gradient_at && p->trained ? plan_at(plan, a->gradient_at[i]) : NULL;
        saved_or_fresh(a, i, values);
        e = a->compute->backend->upload(a->compute, p->value, values,
                                        (size_t)p->count * sizeof *values);
    }
    mem_free(values);
    return e;
}

bool adapter_site_trained(const struct projection *p) {
    const struct adapter_site *site = p->adapter_state;
    for (int i = 0; i < site->adapter->kind->n_tensors; i++)
        if (site->params[i].trained) return true;
    return false;
}

struct param *adapter_params(struct adapter *a, int64_t *out_n) {
    *out_n = a->n_params;
    return a->params;
}

const struct adapter_options *adapter_settings(const struct adapter *a) {
    return &a->options;
}

err adapter_values(const struct adapter *a, const struct param *p, float **out) {
    *out = mem_alloc((size_t)p->count, sizeof **out);
    if (!*out) return ERR_MEMORY;
    err e =
        a->compute->backend->download(a->compute, *out, p->value, (size_t)p->count * sizeof **out);
    if (e == ERR_OK) return e;
    mem_free(*out);
    *out = NULL;
    return e;
}
