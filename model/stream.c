/* SPDX-License-Identifier: Apache-2.0
 * Frozen layers in pinned host memory. Layers take two places of the backend's memory by turns, so
 * a layer's weights always have the same address: while one is worked on, the next one's come in.
 * The layer in place at a pass's end is the first that the backward pass needs.
 * Read next: compute/compute.h for slots, model/weights.c. */
#include "model/model_int.h"

static int place_of(int64_t layer) {
    return (int)(layer % 2);
}

err stream_plan(struct model *m, struct plan *plan, const size_t *layer_bytes) {
    struct layer_stream *s = &m->internal->stream;
    const int64_t L = m->config.n_layers;
    size_t all = 0;
    s->place_bytes = 0;
    if (!s->bytes) s->bytes = arena_alloc(&m->arena, (size_t)L, sizeof *s->bytes);
    if (!s->bytes) return ERR_MEMORY;
    for (int64_t l = 0; l < L; l++) {
        s->bytes[l] = layer_bytes[l];
        if (layer_bytes[l] > s->place_bytes) s->place_bytes = layer_bytes[l];
        if (__builtin_add_overflow(all, layer_bytes[l], &all)) all = SIZE_MAX;
    }
    s->host_at = plan_add(plan, PLAN_HOST, "layers that are not trained", all);
    s->at = plan_add(plan, PLAN_WEIGHTS, "layers on their way", 2 * s->place_bytes);
    return ERR_OK;
}

void stream_place(struct model *m, const struct plan *plan) {
    struct layer_stream *s = &m->internal->stream;
    s->places = plan_at(plan, s->at);
    s->host = plan_host_at(plan, s->host_at);
    s->held[0] = s->held[1] = -1;
}

char *stream_at(const struct model *m, int64_t layer, size_t offset) {
    const struct layer_stream *s = &m->internal->stream;
    return s->places + (size_t)place_of(layer) * s->place_bytes + offset;
}

char *stream_host_at(const struct model *m, int64_t layer, size_t offset) {
    const struct layer_stream *s = &m->internal->stream;
    for (int64_t l = 0; l < layer; l++) offset += s->bytes[l];
    return s->host + offset;
}

/* Behind the operations so far, which may read what the place holds. */
static err fetch(const struct model *m, int64_t layer) {
    struct layer_stream *s = &m->internal->stream;
    struct compute *c = m->compute;
    const int place = place_of(layer);
    if (s->held[place] == layer) return ERR_OK;
    s->held[place] = layer;
    TRY(c->backend->give(c, SLOT_LAYERS + place));
    return c->backend->fetch(c, SLOT_LAYERS + place, stream_at(m, layer, 0),
                             stream_host_at(m, layer, 0), s->bytes[layer]);
}

err stream_enter(const struct model *m, int64_t layer, int64_t step) {
    struct compute *c = m->compute;
    const int64_t next = layer + step;
    if (!m->internal->stream.on) return ERR_OK;
    TRY(fetch(m, layer));
    TRY(c->backend->use(c, SLOT_LAYERS + place_of(layer)));
    return step != 0 && next >= 0 && next < m->config.n_layers ? fetch(m, next) : ERR_OK;
}

err model_enter_projection(const struct model *m, const struct projection *p) {
    return stream_enter(m, (p - m->projections) / projection_count(&m->config), 0);
}
