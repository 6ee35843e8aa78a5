/* SPDX-License-Identifier: Apache-2.0
 * How far back gradients have to go. A row's gradient is wanted when something that the row was
 * made from is trained; in the order of the forward pass:
 *   embedding, input norm, (normed) filter and attention, (middle) post norm, (middle_normed)
 *   feed-forward, (out) ... final norm, (hidden) head
 * Where nothing is wanted the backward pass ends. No bit of a gradient depends on what else is
 * trained. Read next: model/block.c, which leaves out what is not wanted. */
#include "model/model_int.h"

static bool trains(const struct model *m, const struct layer *l, enum layer_param p) {
    return param_present(&m->config, p) &&
           m->params[param_number_layer(&m->config, l->number, p)].trained;
}

/* Weight, bias or adapter of one of the layer's projections [first, end). */
static bool trains_projection(const struct model *m, const struct layer *l,
                              enum layer_projection first, enum layer_projection end) {
    for (enum layer_projection i = first; i < end; i++) {
        const struct projection *p = l->projections[i];
        if (!p) continue;
        const struct projection_spec spec = projection_spec_at(&m->config, i);
        if (trains(m, l, spec.weight) || (spec.bias != NO_PARAM && trains(m, l, spec.bias)))
            return true;
        if (p->adapter && (!p->adapter->trained || p->adapter->trained(p))) return true;
    }
    return false;
}

void reach_set(struct model *m) {
    bool wanted = m->params[PARAM_EMBEDDING].trained;
    for (int64_t i = 0; i < m->config.n_layers; i++) {
        struct layer *l = &m->internal->layers[i];
        l->wanted.normed = wanted || trains(m, l, LAYER_input_norm);
        l->wanted.middle = l->wanted.normed || trains(m, l, LAYER_filter_norm) ||
                           trains(m, l, LAYER_qk_weight) || trains(m, l, LAYER_qk_bias) ||
                           trains_projection(m, l, PROJECTION_conv1, PROJECTION_up);
        l->wanted.middle_normed = l->wanted.middle || trains(m, l, LAYER_post_norm);
        l->wanted.out = l->wanted.middle_normed ||
                        trains_projection(m, l, PROJECTION_up, LAYER_PROJECTION_COUNT);
        wanted = l->wanted.out;
    }
    m->internal->hidden_wanted = wanted || m->params[param_number_final_norm(&m->config)].trained;
}

int64_t reach_first_layer(const struct model *m) {
    int64_t first = 0;
    while (first < m->config.n_layers && !m->internal->layers[first].wanted.out) first++;
    return first;
}
