/* SPDX-License-Identifier: Apache-2.0
 * Counting the work of model/block.c, model/loss.c and model/pass.c, layer by layer; what is wanted
 * of a layer is decided by model/reach.c.
 * Read next: model/cost.h. */
#include "model/cost.h"

#include "model/model_int.h"

/* Elements a token that the passes between the products of a layer read and write, forward:
 *   C: two norms (2 each, the filter's too: 2), pairs of rows (3 and 1.5), two residuals (3 each),
 *      the filter's (3), rotation of q and k (4)
 *   F: the activation (3)
 * and backward, where norms and the activation are also made again: norms' gradients (4 each),
 * rotation (4), sums (9), pairs of rows (4.5 again, 6 back); the activation's (5 and 3). */
static const double forward_c = 26.5, forward_f = 3, backward_c = 47.5, backward_f = 8;
/* Multiplications of attention for one pair of query and key and head element: scores and sums;
 * scores, d values, d scores, d queries, d keys. */
static const double attention_forward_terms = 2, attention_backward_terms = 5;
/* Passes of cross entropy over each logit: largest, sum, gradient (read and written). */
static const double loss_passes = 4;

static double least(int64_t a, int64_t b) {
    return (double)(a < b ? a : b);
}

static bool is_trained(const struct model *m, const struct layer *l, enum layer_projection i) {
    const struct projection_spec spec = projection_spec_at(&m->config, i);
    return m->params[param_number_layer(&m->config, l->number, spec.weight)].trained;
}

/* Whether the backward pass wants the gradient of the projection's input. */
static bool wants_input(const struct layer *l, enum layer_projection i) {
    switch (i) {
    case PROJECTION_conv1:
    case PROJECTION_v:
    case PROJECTION_qk: return l->wanted.normed;
    case PROJECTION_up:
    case PROJECTION_gate: return l->wanted.middle_normed;
    case PROJECTION_down: return l->wanted.out;
    default: return l->wanted.middle;
    }
}

/* Multiplications a token of the products that a layer's two halves make again. */
struct halves {
    double attention, feed_forward;
};

static struct halves add_layer(const struct model *m, const struct layer *l, double tokens,
                               struct cost *c) {
    struct halves again = {0};
    for (int i = 0; i < LAYER_PROJECTION_COUNT; i++) {
        const struct projection *p = l->projections[i];
        if (!p) continue;
        const double one = (double)p->in * (double)p->out, all = one * tokens;
        c->forward += all;
        if (i < PROJECTION_up)
            again.attention += one;
        else if (i != PROJECTION_down)
            again.feed_forward += one;
        if (wants_input(l, (enum layer_projection)i)) c->input_gradients += all;
        if (is_trained(m, l, (enum layer_projection)i)) c->weight_gradients += all;
    }
    return again;
}

/* Each layer but the last of those that share memory (model/workspace.c). */
static void add_again(const struct model *m, const struct cost_of *of, struct halves half,
                      int64_t entered, struct cost *c) {
    const double N = of->tokens, C = (double)m->config.hidden_size;
    const struct recompute *r = &of->recompute;
    const double layers = least(r->layers, entered),
                 both = layers + least(r->feed_forwards, entered - (int64_t)layers);
    const double halves = layers > 1 ? layers - 1 : 0, inner = both > 1 ? both - 1 : 0;
    c->again += N * (halves * half.attention + inner * half.feed_forward);
    c->attention_again += halves * N * of->keys * C * attention_forward_terms;
    c->bytes += halves * N * C * forward_c * sizeof(float);
    if (m->internal->loss.block_vocab < m->config.vocab_size)
        c->again += of->trained_tokens * C * (double)m->config.vocab_size;
}

static void add_head(const struct model *m, const struct cost_of *of, struct cost *c) {
    const double logits = of->trained_tokens * (double)m->config.vocab_size,
                 all = logits * (double)m->config.hidden_size;
    c->forward += all;
    if (m->internal->hidden_wanted) c->input_gradients += all;
    if (m->params[param_number_head(&m->config)].trained) c->weight_gradients += all;
    c->bytes += logits * loss_passes * sizeof(float);
}

struct cost model_cost(const struct model *m, const struct cost_of *of) {
    struct cost c = {0};
    const double N = of->tokens, C = (double)m->config.hidden_size,
                 F = (double)m->config.intermediate_size, pairs = N * of->keys * C;
    struct halves again = {0};
    int64_t entered = 0;
    for (int64_t i = 0; i < m->config.n_layers; i++) {
        const struct layer *l = &m->internal->layers[i];
        again = add_layer(m, l, N, &c);
        c.attention += pairs * attention_forward_terms;
        c.bytes += N * (forward_c * C + forward_f * F) * sizeof(float);
        if (!l->wanted.out) continue;
        entered++;
        c.bytes += N * backward_f * F * sizeof(float);
        if (!l->wanted.middle) continue;
        c.attention += pairs * attention_backward_terms;
        c.bytes += N * backward_c * C * sizeof(float);
    }
    add_again(m, of, again, entered, &c);
    add_head(m, of, &c);
    return c;
}

double cost_again(const struct cost *c) {
    return c->again + c->attention_again;
}

double cost_multiplications(const struct cost *c) {
    return c->forward + c->input_gradients + c->weight_gradients + c->attention + cost_again(c);
}
