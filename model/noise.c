/* SPDX-License-Identifier: Apache-2.0
 * NEFTune: noise on the embedded tokens, in training only.
 *   x[t][j] = embedding[id[t]][j] + alpha / sqrt(T C) * u,  u uniform in (-1,1)
 * T is the length of the token's document, whatever row it was packed into, and u is a function of
 * seed, step and the token's number in the step (compute/ops/noise.h): the same document gets the
 * same noise packed or alone. The released implementations take T from the padded row. The noise
 * is a constant for the gradient.
 * Source: Jain et al., "NEFTune: Noisy Embeddings Improve Instruction Finetuning", 2023. */
#include "base/mem.h"
#include "compute/ops/noise.h"
#include "model/model_int.h"
#include <math.h>

void noise_plan(struct model *m, struct plan *plan) {
    struct model_internal *in = m->internal;
    if (in->options.embedding_noise > 0)
        in->noise.at = plan_add(plan, PLAN_WORK, "scale of the embedding's noise",
                                plan_size(in->options.max_tokens, sizeof(float)));
}

err noise_place(struct model *m, const struct plan *plan) {
    struct noise *k = &m->internal->noise;
    if (!(m->internal->options.embedding_noise > 0)) return ERR_OK;
    k->scale = plan_at(plan, k->at);
    k->host = mem_alloc((size_t)m->internal->options.max_tokens, sizeof *k->host);
    return k->host ? ERR_OK : ERR_MEMORY;
}

void noise_release(struct model *m) {
    mem_free(m->internal->noise.host);
}

err noise_add(const struct pass *p, void *x) {
    const struct model_internal *in = p->model->internal;
    const int64_t C = p->model->config.hidden_size;
    if (!p->call->training || !(in->options.embedding_noise > 0)) return ERR_OK;
    for (int64_t t = 0; t < p->n; t++) {
        double elements = (double)(p->call->batch->length[t] * C);
        in->noise.host[t] = (float)(in->options.embedding_noise / sqrt(elements));
    }
    TRY(p->compute->backend->upload(p->compute, in->noise.scale, in->noise.host,
                                    (size_t)p->n * sizeof(float)));
    return p->compute->backend->noise(p->compute,
                                      &(struct noise_args){.n = p->n,
                                                           .c = C,
                                                           .seed = p->call->seed,
                                                           .step = p->call->step,
                                                           .row = p->workspace->batch.row,
                                                           .scale = in->noise.scale,
                                                           .x = x,
                                                           .y = x});
}
