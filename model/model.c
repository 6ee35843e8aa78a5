/* SPDX-License-Identifier: Apache-2.0
 * Opening a checkpoint, reserving its memory and putting everything in place. Where each weight
 * lies is weights.c's to decide; quantised weights are opened by quantised.c; the passes are in
 * pass.c, the blocks in block.c.
 * Read next: model/model.h, the contract. */
#include "model/model.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "compute/ops/rope.h"
#include "model/model_int.h"
#include "model/quantised_int.h"
#include <string.h>

static err name_param(struct model *m, struct param *p, const struct param_spec *spec) {
    p->name = spec->layer < 0 ? arena_strdup(&m->arena, spec->suffix)
                              : arena_printf(&m->arena, "model.layers.%lld.%s",
                                             (long long)spec->layer, spec->suffix);
    if (!p->name) return ERR_MEMORY;
    p->n_dims = spec->n_dims;
    p->count = 1;
    for (int i = 0; i < 4; i++) {
        p->shape[i] = spec->shape[i];
        p->count *= spec->shape[i];
    }
    return ERR_OK;
}

/* What the files of a model that is only described will hold. */
static enum dtype described_dtype(const struct model *m, const struct param *p) {
    const json_t *named = json_object_get(m->config.json, "torch_dtype");
    const char *name = json_is_string(named) ? json_string_value(named) : "";
    if (m->config.quant && p->linear) return m->config.quant->dtype;
    if (strcmp(name, "float32") == 0) return DTYPE_F32;
    return strcmp(name, "float16") == 0 ? DTYPE_F16 : DTYPE_BF16;
}

static err make_params(struct model *m) {
    m->n_params = param_spec_count(&m->config);
    m->params = arena_alloc(&m->arena, (size_t)m->n_params, sizeof *m->params);
    if (!m->params) return ERR_MEMORY;
    for (int64_t i = 0; i < m->n_params; i++) {
        struct param_spec spec = param_spec_at(&m->config, i);
        struct param *p = &m->params[i];
        const struct tensor *t;
        TRY(name_param(m, p, &spec));
        p->linear = param_is_linear(&m->config, i);
        if (!m->internal->file) {
            p->dtype = described_dtype(m, p);
            continue;
        }
        if (quantised_is(m, p)) {
            TRY(quantised_open(m, p));
            continue;
        }
        TRY(tensor_file_need(m->internal->file, p->name, p->n_dims, p->shape, &t));
        if (t->dtype != DTYPE_F32 && t->dtype != DTYPE_BF16 && t->dtype != DTYPE_F16 &&
            t->dtype != DTYPE_F64)
            return fail(ERR_UNSUPPORTED, "'%s': tensor '%s': weights in %s are not handled",
                        tensor_file_path(m->internal->file, t), p->name, dtype_name(t->dtype));
        p->dtype = t->dtype;
        p->stored = t->data;
    }
    return ERR_OK;
}

bool tensor_unused(const struct model *m, const char *name) {
    return str_ends(name, ".rotary_emb.inv_freq") ||
           (m->config.tied_head && strcmp(name, "lm_head.weight") == 0);
}

static bool is_param(const struct model *m, const char *name) {
    for (int64_t i = 0; i < m->n_params; i++)
        if (strcmp(name, m->params[i].name) == 0 || quantised_is_part(&m->params[i], name))
            return true;
    return false;
}

static err check_others(const struct model *m) {
    const struct tensor_file *f = m->internal->file;
    int64_t n = tensor_file_count(f), known = 0;
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct quant *q = quant_of_dtype(m->params[i].dtype);
        known += q ? q->n_parts : 1;
    }
    for (int64_t i = 0; i < n; i++) known += tensor_unused(m, tensor_file_at(f, i)->name);
    for (int64_t i = 0; i < n && known < n; i++) {
        const struct tensor *t = tensor_file_at(f, i);
        if (!tensor_unused(m, t->name) && !is_param(m, t->name))
            return fail(ERR_MISMATCH, "'%s': tensor '%s' has no place in this model",
                        tensor_file_path(f, t), t->name);
    }
    return ERR_OK;
}

/* The model's projection number `site`. */
static err make_projection(struct model *m, struct layer *l, enum layer_projection which,
                           int64_t site) {
    struct projection_spec spec = projection_spec_at(&m->config, which);
    struct projection *p = &m->projections[site];
    l->projections[which] = p;
    *p = (struct projection){.site = site,
                             .in = spec.in,
                             .out = spec.out,
                             .y_stride = spec.y_stride,
                             .paired = spec.paired};
    p->module = arena_printf(&m->arena, "model.layers.%lld.%s", (long long)l->number, spec.module);
    return p->module ? ERR_OK : ERR_MEMORY;
}

static err make_layers(struct model *m) {
    const int64_t L = m->config.n_layers;
    int64_t site = 0;
    m->n_projections = L * projection_count(&m->config);
    m->projections = arena_alloc(&m->arena, (size_t)m->n_projections, sizeof *m->projections);
    m->internal->layers = arena_alloc(&m->arena, (size_t)L, sizeof *m->internal->layers);
    if (!m->projections || !m->internal->layers) return ERR_MEMORY;
    for (int64_t number = 0; number < L; number++) {
        struct layer *l = &m->internal->layers[number];
        l->number = number;
        for (int i = 0; i < LAYER_PROJECTION_COUNT; i++)
            if (projection_present(&m->config, (enum layer_projection)i))
                TRY(make_projection(m, l, (enum layer_projection)i, site++));
    }
    return ERR_OK;
}

/* Of a checkpoint folder, or beside a single weight file (mem_alloc). */
static char *config_path(const char *dir) {
    if (dir_exists(dir)) return path_join(dir, "config.json");
    char *folder = path_dir(dir), *path = folder ? path_join(folder, "config.json") : NULL;
    mem_free(folder);
    return path;
}

/* A folder's config.json counts before what its weights say themselves, and the other way round for
 * a single file. */
static err read_config(struct model_config *c, const char *dir, const struct tensor_file *f) {
    const json_t *own = tensor_file_config(f);
    char *path = config_path(dir);
    if (!path) return ERR_MEMORY;
    err code;
    if (own && !(dir_exists(dir) && file_exists(path))) {
        code = model_config_parse(c, (json_t *)own);
        if (code) {
            fail_in(code, "'%s': the settings in its %s files", dir, tensor_file_format(f));
            fail_hint(code, "where a config.json stands beside the weights, it counts instead");
        }
    } else {
        code = model_config_read(c, path);
    }
    mem_free(path);
    return code;
}

/* The weights are opened only where nothing else says what they are. */
err model_read_config(struct model_config *c, const char *dir) {
    char *path = config_path(dir);
    if (!path) return ERR_MEMORY;
    const bool alone = dir_exists(dir) && file_exists(path);
    err code = alone ? model_config_read(c, path) : ERR_OK;
    mem_free(path);
    if (alone || code) return code;
    struct tensor_file *f;
    TRY(tensor_file_open_dir(&f, dir, "model"));
    code = read_config(c, dir, f);
    tensor_file_close(f);
    return code;
}

static err describe_in(struct model *m, struct model_config *config) {
    m->config = *config;
    *config = (struct model_config){0};
    m->internal = arena_alloc(&m->arena, 1, sizeof *m->internal);
    if (!m->internal) return ERR_MEMORY;
    TRY(make_params(m));
    return make_layers(m);
}

err model_describe(struct model *m, struct model_config *config, struct compute *compute) {
    *m = (struct model){.compute = compute};
    err code = describe_in(m, config);
    if (code) model_close(m);
    return code;
}

static err open_in(struct model *m, const char *dir) {
    m->internal = arena_alloc(&m->arena, 1, sizeof *m->internal);
    if (!m->internal) return ERR_MEMORY;
    TRY(tensor_file_open_dir(&m->internal->file, dir, "model"));
    TRY(read_config(&m->config, dir, m->internal->file));
    TRY(make_params(m));
    TRY(check_others(m));
    return make_layers(m);
}

err model_open(struct model *m, const char *dir, struct compute *compute) {
    *m = (struct model){.compute = compute};
    err code = open_in(m, dir);
    if (code) model_close(m);
    return code;
}

void model_close(struct model *m) {
    if (m->internal) {
        loss_release(m);
        lookup_release(m);
        noise_release(m);
        workspace_release(&m->internal->workspace);
        tensor_file_close(m->internal->file);
    }
    model_config_release(&m->config);
    arena_release(&m->arena);
    *m = (struct model){0};
}

const char *model_format(const struct model *m) {
    return tensor_file_format(m->internal->file);
}

struct projection *model_projection(struct model *m, const char *module) {
    for (int64_t i = 0; i < m->n_projections; i++)
        if (strcmp(m->projections[i].module, module) == 0) return &m->projections[i];
    return NULL;
}

void scratch_plan(const struct model *m, struct plan *plan, int64_t n_tokens) {
    const struct model_config *c = &m->config;
    struct work_shape shape = {.rows = n_tokens, .heads = c->n_heads, .head_size = c->head_size};
    const int64_t widths[] = {c->vocab_size, c->intermediate_size, 2 * c->hidden_size};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        if (widths[i] > shape.columns) shape.columns = widths[i];
    plan_scratch(plan, m->compute->backend->scratch_bytes(&shape));
}

err model_plan(struct model *m, struct plan *plan, const struct model_plan_options *options) {
    struct model_internal *in = m->internal;
    BUG_IF(in->started);
    BUG_IF(options->max_tokens < 0 || options->max_tokens >= INT32_MAX);
    BUG_IF(options->recompute.layers < 0 || options->recompute.feed_forwards < 0);
    in->options = *options;
    in->planned = true;
    for (int64_t i = 0; i < m->n_params && options->train_base; i++) m->params[i].trained = true;
    reach_set(m);
    TRY(weights_plan(m, plan));
    TRY(gradients_plan(m, plan));
    const int64_t angles = m->config.max_positions * (m->config.head_size / 2);
    in->rope_at = plan_add(plan, PLAN_WORK, "rotary tables", 2 * plan_floats(angles));
    if (!options->max_tokens) return ERR_OK;
    struct workspace_shape shape = {.n_tokens = options->max_tokens,
                                    .stages = STAGES_LAYER | STAGE_LOSS,
                                    .logits_bytes = loss_plan(m, plan),
                                    .kept_from = reach_first_layer(m),
                                    .recompute = options->recompute};
    if (options->backward) shape.stages |= STAGES_BACK;
    TRY(workspace_plan(&in->workspace, m, plan, &shape));
    const int64_t N = options->max_tokens,
                  row = m->config.hidden_size * dtype_bytes(m->compute->backend->act_dtype);
    in->x_final_at = plan_add(plan, PLAN_ACTIVATIONS, "x_final", plan_size(N, row));
    in->rstd_at = plan_add(plan, PLAN_ACTIVATIONS, "final_rstd", plan_size(N, sizeof(float)));
    scratch_plan(m, plan, N);
    noise_plan(m, plan);
    return lookup_plan(m, plan);
}

static err place_rope(struct model *m, const struct plan *plan) {
    struct model_internal *in = m->internal;
    const int64_t P = m->config.max_positions, angles = P * (m->config.head_size / 2);
    const size_t bytes = plan_floats(angles);
    in->cos = plan_at(plan, in->rope_at);
    in->sin = in->cos + bytes / sizeof(float);
    float *tables = mem_zalloc(2, bytes);
    if (!tables) return ERR_MEMORY;
    rope_table(P, m->config.head_size, m->config.rope_base, tables, tables + bytes / sizeof(float));
    err code = m->compute->backend->upload(m->compute, in->cos, tables, 2 * bytes);
    mem_free(tables);
    return code;
}

static struct norm norm_of(const struct model *m, int64_t number, double eps) {
    const struct param *p = &m->params[number];
    return (struct norm){
        .w = weights_mat(p, p->count), .gradient = gradient_of(m, p), .eps = (float)eps};
}

static struct shareqk shareqk_of(const struct model *m, int64_t layer) {
    const struct model_config *c = &m->config;
    const struct param *w = &m->params[param_number_layer(c, layer, LAYER_qk_weight)];
    const struct param *b = &m->params[param_number_layer(c, layer, LAYER_qk_bias)];
    return (struct shareqk){.weight = weights_mat(w, c->hidden_size),
                            .bias = weights_mat(b, c->hidden_size),
                            .weight_gradient = gradient_of(m, w),
                            .bias_gradient = gradient_of(m, b)};
}

static void place_layer(struct model *m, struct layer *l) {
    const struct model_config *c = &m->config;
    l->input_norm = norm_of(m, param_number_layer(c, l->number, LAYER_input_norm), c->rms_norm_eps);
    l->post_norm = norm_of(m, param_number_layer(c, l->number, LAYER_post_norm), c->rms_norm_eps);
    if (c->shareqk)
        l->shareqk = shareqk_of(m, l->number);
    else
        l->filter_norm =
            norm_of(m, param_number_layer(c, l->number, LAYER_filter_norm), c->lfa_norm_eps);
    for (int i = 0; i < LAYER_PROJECTION_COUNT; i++) {
        struct projection_spec spec = projection_spec_at(c, (enum layer_projection)i);
        struct projection *p = l->projections[i];
        if (!p) continue;
        const struct param *w = &m->params[param_number_layer(c, l->number, spec.weight)];
        p->weight = weights_mat(w, p->in);
        p->weight_gradient = gradient_of(m, w);
        if (spec.bias == NO_PARAM) continue;
        const struct param *b = &m->params[param_number_layer(c, l->number, spec.bias)];
        p->bias = weights_mat(b, p->out);
        p->bias_gradient = gradient_of(m, b);
    }
}

err model_start(struct model *m, const struct plan *plan) {
    struct model_internal *in = m->internal;
    const struct model_config *c = &m->config;
    BUG_IF(!in->planned || in->started || !in->file);
    TRY(weights_place(m, plan));
    TRY(gradients_place(m, plan));
    TRY(place_rope(m, plan));
    for (int64_t l = 0; l < c->n_layers; l++) place_layer(m, &in->layers[l]);
    in->final_norm = norm_of(m, param_number_final_norm(c), c->rms_norm_eps);
    in->embedding = weights_mat(&m->params[PARAM_EMBEDDING], c->hidden_size);
    in->head = weights_mat(&m->params[param_number_head(c)], c->hidden_size);
    in->started = true;
    if (!in->options.max_tokens) return ERR_OK;
    workspace_place(&in->workspace, m, plan);
    in->x_final = plan_at(plan, in->x_final_at);
    in->final_rstd = plan_at(plan, in->rstd_at);
    TRY(loss_place(m, plan));
    TRY(noise_place(m, plan));
    return lookup_place(m, plan);
}
