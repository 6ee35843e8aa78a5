/* SPDX-License-Identifier: Apache-2.0
 * Adapters side by side (adapters/combine.h). The parts are opened one on top of the other: each
 * finds its sites and checks its file, only the combination is ever started.
 * Read next: adapters/stored.c, which writes it. */
#include "adapters/combine.h"

#include "adapters/adapter_int.h"
#include "base/file.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

struct combining {
    struct model *model;
    const struct adapter_part *parts;
    int64_t n;
    struct adapter **opened;
    struct adapter *whole;
    struct arena arena;
    struct plan plan;
};

static err open_part(struct combining *c, int64_t i) {
    const char *dir = c->parts[i].dir;
    TRY(adapter_open(&c->opened[i], c->model, dir));
    const struct adapter *a = c->opened[i];
    if (!a->kind->adds)
        return fail(
            ERR_UNSUPPORTED,
            "adapter '%s': type '%s' depends on the weight it stands on and cannot be summed", dir,
            a->kind->name);
    if (a->n_modules > 0)
        return fail(ERR_UNSUPPORTED,
                    "adapter '%s': 'modules_to_save' has '%s', and whole modules cannot be summed",
                    dir, a->options.modules_to_save.items[0]);
    return ERR_OK;
}

/* The part's site beside a projection, or NULL. */
static const struct adapter_site *site_beside(const struct adapter *a, const struct projection *p) {
    for (int64_t i = 0; i < a->n_sites; i++)
        if (a->sites[i].projection == p) return &a->sites[i];
    return NULL;
}

static int64_t rank_beside(const struct combining *c, const struct projection *p) {
    int64_t r = 0;
    for (int64_t i = 0; i < c->n; i++) {
        const struct adapter_site *site = site_beside(c->opened[i], p);
        r += site ? site->r : 0;
    }
    return r;
}

/* Every name that one of the parts targets, once. */
static err join_targets(struct combining *c, struct opt_list *out) {
    int64_t most = 0;
    for (int64_t i = 0; i < c->n; i++) most += c->opened[i]->options.target_modules.n;
    out->items = arena_alloc(&c->arena, (size_t)most, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    for (int64_t i = 0; i < c->n; i++) {
        const struct opt_list *from = &c->opened[i]->options.target_modules;
        for (int64_t j = 0; j < from->n; j++) {
            bool there = false;
            for (int64_t k = 0; k < out->n && !there; k++)
                there = !strcmp(out->items[k], from->items[j]);
            if (!there) out->items[out->n++] = from->items[j];
        }
    }
    return ERR_OK;
}

/* The first site's rank is the rule; the others' are patterns. The scale is 1 everywhere. */
static err join_ranks(struct combining *c, struct adapter_options *out) {
    struct opt_list *ranks = &out->rank_pattern;
    ranks->items = arena_alloc(&c->arena, (size_t)c->model->n_projections, sizeof *ranks->items);
    if (!ranks->items) return ERR_MEMORY;
    for (int64_t i = 0; i < c->model->n_projections; i++) {
        const struct projection *p = &c->model->projections[i];
        const int64_t r = rank_beside(c, p);
        if (out->r == 0) out->r = r;
        if (r == 0 || r == out->r) continue;
        const char *item = arena_printf(&c->arena, "%s: %" PRId64, p->module, r);
        if (!item) return ERR_MEMORY;
        ranks->items[ranks->n++] = item;
    }
    out->lora_alpha = (double)out->r;
    out->alpha_pattern = *ranks;
    return ERR_OK;
}

static err make_whole(struct combining *c) {
    struct adapter_options options = {.type = "lora"};
    TRY(join_targets(c, &options.target_modules));
    TRY(join_ranks(c, &options));
    TRY(adapter_new(&c->whole, c->model, &options, 0));
    TRY(adapter_plan(c->whole, &c->plan, false));
    TRY(plan_allocate(&c->plan, c->model->compute));
    return adapter_start(c->whole, &c->plan);
}

/* Puts a part's A or B beside the others', `at` ranks in: rows of A, columns of B. */
static err put_part(const struct adapter_site *site, int which, double factor, int64_t at,
                    const struct adapter_site *whole, float *to) {
    const struct tensor_file *f = site->adapter->saved;
    float *from;
    TRY(adapter_read_tensor(f, tensor_file_find(f, site->params[which].name), &from));
    const int64_t in = site->projection->in, out = site->projection->out;
    for (int64_t i = 0; which == ADAPTER_A && i < site->r * in; i++)
        to[at * in + i] = (float)(factor * (double)from[i]);
    for (int64_t i = 0; which == ADAPTER_B && i < out * site->r; i++)
        to[i / site->r * whole->r + at + i % site->r] = from[i];
    mem_free(from);
    return ERR_OK;
}

static err fill_tensor(const struct combining *c, const struct adapter_site *whole, int which) {
    const struct param *p = &whole->params[which];
    float *values = mem_zalloc((size_t)p->count, sizeof *values);
    err e = values ? ERR_OK : ERR_MEMORY;
    int64_t at = 0;
    for (int64_t i = 0; i < c->n && e == ERR_OK; i++) {
        const struct adapter_site *site = site_beside(c->opened[i], whole->projection);
        if (!site) continue;
        e = put_part(site, which, c->parts[i].weight * site->scale, at, whole, values);
        at += site->r;
    }
    if (e == ERR_OK)
        e = c->model->compute->backend->upload(c->model->compute, p->value, values,
                                               (size_t)p->count * sizeof *values);
    mem_free(values);
    return e;
}

/* The public name of the base, as the first part has it. */
static err save(const struct combining *c, const char *dir) {
    char *path = path_join(c->parts[0].dir, "adapter_config.json");
    json_t *config = NULL;
    err e = path ? json_parse_file(path, &config) : ERR_MEMORY;
    if (e == ERR_OK) {
        const char *base = json_string_value(json_object_get(config, "base_model_name_or_path"));
        e = adapter_save(c->whole, dir, base ? base : "");
    }
    json_decref(config);
    mem_free(path);
    return e;
}

static err combine(struct combining *c, const char *dir) {
    c->opened = arena_alloc(&c->arena, (size_t)c->n, sizeof *c->opened);
    if (!c->opened) return ERR_MEMORY;
    for (int64_t i = 0; i < c->n; i++) TRY(open_part(c, i));
    TRY(make_whole(c));
    for (int64_t i = 0; i < c->whole->n_sites; i++)
        for (int which = 0; which < ADAPTER_PAIR; which++)
            TRY(fill_tensor(c, &c->whole->sites[i], which));
    return save(c, dir);
}

err adapter_combine(struct model *m, const struct adapter_part *parts, int64_t n, const char *dir) {
    struct combining c = {.model = m, .parts = parts, .n = n};
    err e = combine(&c, dir);
    adapter_free(c.whole);
    for (int64_t i = 0; c.opened && i < n; i++) adapter_free(c.opened[i]);
    plan_release(&c.plan);
    arena_release(&c.arena);
    return e;
}
