/* SPDX-License-Identifier: Apache-2.0
 * An adapter from its options or its folder to a place in the plan and its first values. Which
 * projections it stands beside is in sites.c, what a kind of adapter computes in its own file.
 * Read next: adapters/adapter_int.h, adapters/lora.c, adapters/inits/init.h. */
#include "adapters/inits/init.h"

#include "base/mem.h"

#include <string.h>

/* The options with texts of the adapter's own. */
static err copy_options(struct adapter *a, const struct adapter_options *from) {
    const struct opt_table table = adapter_options_table();
    a->options = *from;
    for (size_t i = 0; i < table.n; i++) {
        char *field = (char *)&a->options + table.rows[i].offset;
        if (table.rows[i].type == OPT_STRING) {
            const char **text = (const char **)(void *)field;
            if (*text && !(*text = arena_strdup(&a->arena, *text))) return ERR_MEMORY;
        }
        if (table.rows[i].type != OPT_LIST) continue;
        struct opt_list *list = (struct opt_list *)(void *)field;
        const char **items = arena_alloc(&a->arena, (size_t)list->n + 1, sizeof *items);
        if (!items) return ERR_MEMORY;
        for (int64_t j = 0; j < list->n; j++)
            if (!(items[j] = arena_strdup(&a->arena, list->items[j]))) return ERR_MEMORY;
        list->items = items;
    }
    return ERR_OK;
}

/* A start that is taken out of the base must be one: r directions of W, scaled by s. */
static err check_start(const struct adapter *a) {
    for (int64_t i = 0; a->init->takes_out && i < a->n_sites; i++) {
        const struct adapter_site *s = &a->sites[i];
        const struct projection *p = s->projection;
        if (s->r > p->in || s->r > p->out)
            return fail(ERR_RANGE, "adapter: '%s' has no %ld singular vectors to start from",
                        p->module, (long)s->r);
        if (s->scale <= 0)
            return fail(ERR_RANGE, "adapter: '%s': 'init_lora_weights' '%s' needs a 'lora_alpha'",
                        p->module, a->options.init_lora_weights);
    }
    return ERR_OK;
}

static err fill_in(struct adapter *a, const struct adapter_options *options, bool fresh) {
    if (fresh) TRY(adapter_options_check(options));
    TRY(adapter_kind_find(options, &a->kind));
    TRY(adapter_init_find(fresh ? options->init_lora_weights : NULL, &a->init, &a->init_rounds));
    TRY(copy_options(a, options));
    TRY(adapter_make_sites(a, fresh));
    TRY(check_start(a));
    TRY(modules_mark(a));
    a->value_at = arena_alloc(&a->arena, (size_t)a->n_params, sizeof *a->value_at);
    a->gradient_at = arena_alloc(&a->arena, (size_t)a->n_params, sizeof *a->gradient_at);
    return a->value_at && a->gradient_at ? ERR_OK : ERR_MEMORY;
}

static err create(struct adapter **out, struct model *m, const struct adapter_options *options,
                  uint64_t seed, bool fresh) {
    *out = NULL;
    struct adapter *a = mem_zalloc(1, sizeof *a);
    if (!a) return ERR_MEMORY;
    a->model = m;
    a->compute = m->compute;
    a->seed = seed;
    err e = fill_in(a, options, fresh);
    if (e != ERR_OK) {
        adapter_free(a);
        return e;
    }
    for (int64_t i = 0; i < a->n_sites; i++) {
        a->sites[i].projection->adapter = &a->kind->ops;
        a->sites[i].projection->adapter_state = &a->sites[i];
    }
    *out = a;
    return ERR_OK;
}

err adapter_new(struct adapter **out, struct model *m, const struct adapter_options *options,
                uint64_t seed) {
    return create(out, m, options, seed, true);
}

/* Every parameter must be in the file, in its shape, and nothing else may be. */
static err check_saved(const struct adapter *a, const char *dir) {
    const int64_t n = adapter_n_tensors(a);
    const char *wanted;
    for (int64_t i = 0; i < n; i++) {
        const struct param *p = adapter_tensor(a, i, &wanted);
        const struct tensor *t;
        TRY(tensor_file_need(a->saved, wanted, p->n_dims, p->shape, &t));
        if (t->dtype != DTYPE_F32 && t->dtype != DTYPE_BF16 && t->dtype != DTYPE_F16 &&
            t->dtype != DTYPE_F64)
            return fail(ERR_UNSUPPORTED, "'%s': tensor '%s': values in %s are not handled",
                        tensor_file_path(a->saved, t), wanted, dtype_name(t->dtype));
    }
    for (int64_t i = 0; i < tensor_file_count(a->saved); i++) {
        const char *name = tensor_file_at(a->saved, i)->name;
        bool known = false;
        for (int64_t j = 0; j < n && !known; j++) {
            adapter_tensor(a, j, &wanted);
            known = !strcmp(name, wanted);
        }
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
    if (e == ERR_OK) {
        e = create(&a, m, &options, 0, false);
        if (e != ERR_OK) e = fail_in(e, "'%s'", dir);
    }
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
    modules_unmark(a);
    tensor_file_close(a->saved);
    arena_release(&a->arena);
    mem_free(a);
}

/* ---- memory ---- */

static size_t float_bytes(int64_t n) {
    return (size_t)n * sizeof(float);
}

static bool is_fresh(const struct adapter *a) {
    return !a->saved;
}

static void plan_sites(struct adapter *a, struct plan *plan) {
    size_t work = 0;
    for (int64_t i = 0; i < a->n_sites; i++) {
        struct adapter_site *s = &a->sites[i];
        for (int t = 0; a->init->takes_out && t < ADAPTER_PAIR; t++)
            s->start_at[t] =
                plan_add(plan, PLAN_ADAPTER, "adapter start", float_bytes(s->params[t].count));
        if (a->kind->has_norms)
            s->norms_at =
                plan_add(plan, PLAN_ADAPTER, "adapter norms", float_bytes(s->projection->out));
        size_t needed = is_fresh(a) && a->init->work_bytes ? a->init->work_bytes(s) : 0;
        if (needed > work) work = needed;
    }
    if (work > 0) a->work_at = plan_add(plan, PLAN_WORK, "adapter initialisation", work);
}

err adapter_plan(struct adapter *a, struct plan *plan, bool train) {
    TRY(modules_check(a));
    a->trains = train;
    for (int64_t i = 0; i < a->n_params; i++) {
        size_t bytes = float_bytes(a->params[i].count);
        a->value_at[i] = plan_add(plan, PLAN_ADAPTER, "adapter weights", bytes);
        if (train && a->params[i].trained)
            a->gradient_at[i] = plan_add(plan, PLAN_GRADIENTS, "adapter gradients", bytes);
    }
    plan_sites(a, plan);
    return ERR_OK;
}

static void place(struct adapter *a, const struct plan *plan) {
    for (int64_t i = 0; i < a->n_params; i++) {
        struct param *p = &a->params[i];
        p->value = plan_at(plan, a->value_at[i]);
        p->gradient = a->trains && p->trained ? plan_at(plan, a->gradient_at[i]) : NULL;
    }
    for (int64_t i = 0; i < a->n_sites; i++) {
        struct adapter_site *s = &a->sites[i];
        for (int t = 0; a->init->takes_out && t < ADAPTER_PAIR; t++)
            s->start[t] = plan_at(plan, s->start_at[t]);
        if (a->kind->has_norms) s->norms = plan_at(plan, s->norms_at);
    }
}

/* ---- first values ---- */

static err upload(const struct adapter *a, float *to, const float *from, int64_t n) {
    return a->compute->backend->upload(a->compute, to, from, float_bytes(n));
}

err adapter_read_tensor(const struct tensor_file *f, const struct tensor *t, float **out) {
    void *stored = mem_alloc((size_t)t->count, (size_t)dtype_bytes(t->dtype));
    *out = mem_alloc((size_t)t->count, sizeof **out);
    err e = stored && *out ? tensor_file_read(f, t, stored) : ERR_MEMORY;
    if (e == ERR_OK) dtype_to_f32(stored, t->dtype, t->count, *out);
    mem_free(stored);
    if (e == ERR_OK) return e;
    mem_free(*out);
    *out = NULL;
    return e;
}

static err read_saved(const struct adapter *a, int64_t i) {
    const char *name;
    float *values;
    const struct param *p = adapter_tensor(a, i, &name);
    TRY(adapter_read_tensor(a->saved, tensor_file_find(a->saved, name), &values));
    err e = upload(a, p->value, values, p->count);
    mem_free(values);
    return e;
}

static err fill_site(struct adapter_site *site, void *work) {
    const struct adapter *a = site->adapter;
    float *values[ADAPTER_PAIR] = {NULL};
    err e = model_enter_projection(a->model, site->projection);
    for (int t = 0; t < ADAPTER_PAIR; t++)
        if (!(values[t] = mem_zalloc((size_t)site->params[t].count, sizeof(float)))) e = ERR_MEMORY;
    if (e == ERR_OK) e = a->init->fill(site, work, values[ADAPTER_A], values[ADAPTER_B]);
    for (int t = 0; t < ADAPTER_PAIR; t++) {
        const struct param *p = &site->params[t];
        if (e == ERR_OK) e = upload(a, p->value, values[t], p->count);
        if (e == ERR_OK && site->start[t]) e = upload(a, site->start[t], values[t], p->count);
        mem_free(values[t]);
    }
    if (e == ERR_OK && a->kind->start) e = a->kind->start(site);
    return e == ERR_OK ? e : fail_in(e, "adapter of '%s'", site->projection->module);
}

err adapter_start(struct adapter *a, const struct plan *plan) {
    place(a, plan);
    for (int64_t i = 0; !is_fresh(a) && i < adapter_n_tensors(a); i++) TRY(read_saved(a, i));
    for (int64_t i = 0; is_fresh(a) && i < a->n_sites; i++)
        TRY(fill_site(&a->sites[i], plan_at(plan, a->work_at)));
    return ERR_OK;
}

/* ---- access ---- */

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

/* A x, B^T dy and both gradients; B (A x) and A^T (B^T dy). */
struct adapter_cost adapter_cost(const struct adapter *a) {
    struct adapter_cost c = {0};
    for (int64_t i = 0; i < a->n_sites; i++) {
        const struct adapter_site *site = &a->sites[i];
        const double sides = (double)(site->projection->in + site->projection->out);
        c.narrow += 2 * (double)site->r * sides;
        c.joined += (double)site->r * sides;
    }
    return c;
}

int64_t adapter_n_tensors(const struct adapter *a) {
    return a->n_params + a->n_modules;
}

const struct param *adapter_tensor(const struct adapter *a, int64_t i, const char **out_name) {
    const struct param *p = i < a->n_params ? &a->params[i] : a->modules[i - a->n_params].param;
    *out_name = i < a->n_params ? p->name : a->modules[i - a->n_params].name;
    return p;
}

const struct adapter_options *adapter_settings(const struct adapter *a) {
    return &a->options;
}

err adapter_download(const struct adapter *a, const float *from, int64_t n, float **out) {
    *out = mem_alloc((size_t)n, sizeof **out);
    if (!*out) return ERR_MEMORY;
    err e = a->compute->backend->download(a->compute, *out, from, float_bytes(n));
    if (e == ERR_OK) return e;
    mem_free(*out);
    *out = NULL;
    return e;
}
