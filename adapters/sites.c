/* SPDX-License-Identifier: Apache-2.0
 * Which projections an adapter stands beside, with what rank and scale, and what its parameters are
 * called. Targets are matched by PEFT's rule for lists (a whole path or its last components),
 * patterns by its rule for rank_pattern and alpha_pattern (the first key that matches counts).
 * Read next: adapters/adapter_int.h, adapters/pattern.h. */
#include "adapters/adapter_int.h"
#include "adapters/pattern.h"
#include "base/str.h"

#include <math.h>
#include <string.h>

const char *const adapter_linear_targets[] = {"q_proj", "k_proj",    "qk_proj", "v_proj",
                                              "o_proj", "gate_proj", "up_proj", "down_proj"};
const int n_adapter_linear_targets = 8;
const char *const adapter_filter_targets[] = {"lf_gate.conv1", "lf_gate.conv2"};
const int n_adapter_filter_targets = 2;

/* ---- targets ---- */

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

/* ---- patterns ---- */

struct pattern_list {
    const char *option;
    double min, max;
    bool whole; /* numbers without a fraction */
    int64_t n;
    const char **keys;
    double *values;
    bool *used;
};

err adapter_pattern_parts(struct arena *arena, const char *item, const char **out_key,
                          double *out_value) {
    const char *colon = strstr(item, ": ");
    if (!colon || colon == item) return fail(ERR_PARSE, "'%s' is not 'module: number'", item);
    *out_key = arena_strndup(arena, item, (size_t)(colon - item));
    return *out_key ? str_to_double(colon + 2, out_value) : ERR_MEMORY;
}

static err read_pattern(struct arena *arena, const struct pattern_list *list, const char *item,
                        const char **out_key, double *out_value) {
    bool matches;
    TRY(adapter_pattern_parts(arena, item, out_key, out_value));
    TRY(pattern_matches(*out_key, "", &matches)); /* whether it can be read */
    const double value = *out_value;
    if (value >= list->min && value <= list->max && (!list->whole || value == floor(value)))
        return ERR_OK;
    return fail(ERR_RANGE, "'%s' has %g, not %s from %g to %g", *out_key, value,
                list->whole ? "a whole number" : "a number", list->min, list->max);
}

static err read_patterns(struct arena *arena, const struct opt_list *from,
                         struct pattern_list *out) {
    out->n = from->n;
    out->keys = arena_alloc(arena, (size_t)from->n + 1, sizeof *out->keys);
    out->values = arena_alloc(arena, (size_t)from->n + 1, sizeof *out->values);
    out->used = arena_alloc(arena, (size_t)from->n + 1, sizeof *out->used);
    if (!out->keys || !out->values || !out->used) return ERR_MEMORY;
    for (int64_t i = 0; i < from->n; i++) {
        err e = read_pattern(arena, out, from->items[i], &out->keys[i], &out->values[i]);
        if (e != ERR_OK) return fail_in(e, "adapter: '%s'", out->option);
    }
    return ERR_OK;
}

static err read_both(struct arena *arena, const struct adapter_options *o,
                     struct pattern_list *ranks, struct pattern_list *alphas) {
    *ranks = (struct pattern_list){.option = "rank_pattern", .min = 1, .max = 65536, .whole = true};
    *alphas = (struct pattern_list){.option = "alpha_pattern", .max = 1e6};
    TRY(read_patterns(arena, &o->rank_pattern, ranks));
    return read_patterns(arena, &o->alpha_pattern, alphas);
}

err adapter_check_patterns(const struct adapter_options *o) {
    struct arena arena = {0};
    struct pattern_list ranks, alphas;
    err e = read_both(&arena, o, &ranks, &alphas);
    arena_release(&arena);
    return e;
}

/* Sets *value where a key means the module. */
static err look_up(const struct pattern_list *patterns, const char *module, double *value) {
    for (int64_t i = 0; i < patterns->n; i++) {
        bool matches;
        err e = pattern_matches(patterns->keys[i], module, &matches);
        if (e != ERR_OK) return fail_in(e, "adapter: '%s'", patterns->option);
        if (!matches) continue;
        patterns->used[i] = true;
        *value = patterns->values[i];
        return ERR_OK;
    }
    return ERR_OK;
}

/* A key whose modules all have an earlier key counts as unused too: it says nothing. */
static err check_used(const struct pattern_list *patterns) {
    for (int64_t i = 0; i < patterns->n; i++)
        if (!patterns->used[i])
            return fail(ERR_MISSING,
                        "adapter: '%s': '%s' means no adapted module that no earlier key means",
                        patterns->option, patterns->keys[i]);
    return ERR_OK;
}

/* ---- sites ---- */

static err name_param(struct adapter *a, const struct adapter_site *site, int which,
                      struct param *out) {
    a->kind->shape(site, which, out);
    out->count = 1;
    for (int d = 0; d < out->n_dims; d++) out->count *= out->shape[d];
    out->dtype = DTYPE_F32;
    out->trained = true;
    out->name = arena_printf(&a->arena, "base_model.model.%s%s", site->projection->module,
                             a->kind->suffixes[which]);
    return out->name ? ERR_OK : ERR_MEMORY;
}

static err make_site(struct adapter *a, struct projection *p, const struct pattern_list *ranks,
                     const struct pattern_list *alphas) {
    struct adapter_site *site = &a->sites[a->n_sites++];
    double r = (double)a->options.r, alpha = a->options.lora_alpha;
    *site = (struct adapter_site){.adapter = a, .projection = p, .params = &a->params[a->n_params]};
    TRY(look_up(ranks, p->module, &r));
    TRY(look_up(alphas, p->module, &alpha));
    site->r = (int64_t)r;
    site->scale = alpha / (a->options.use_rslora ? sqrt(r) : r);
    for (int which = 0; which < a->kind->n_tensors; which++)
        TRY(name_param(a, site, which, &a->params[a->n_params++]));
    return ERR_OK;
}

err adapter_make_sites(struct adapter *a, bool strict) {
    struct model *m = a->model;
    struct pattern_list ranks, alphas;
    TRY(check_targets(a));
    TRY(read_both(&a->arena, &a->options, &ranks, &alphas));
    a->sites = arena_alloc(&a->arena, (size_t)m->n_projections, sizeof *a->sites);
    a->params = arena_alloc(&a->arena, (size_t)m->n_projections * (size_t)a->kind->n_tensors,
                            sizeof *a->params);
    if (!a->sites || !a->params) return ERR_MEMORY;
    for (int64_t i = 0; i < m->n_projections; i++) {
        bool wanted = false;
        for (int64_t t = 0; t < a->options.target_modules.n && !wanted; t++)
            wanted = target_matches(m->projections[i].module, a->options.target_modules.items[t]);
        if (wanted) TRY(make_site(a, &m->projections[i], &ranks, &alphas));
    }
    if (strict) TRY(check_used(&ranks));
    return strict ? check_used(&alphas) : ERR_OK;
}
