/* SPDX-License-Identifier: Apache-2.0
 * Sampling. What top-k and top-p keep is popped off a heap of the whole vocabulary: making the heap
 * is linear, and few tokens are popped. Sums run in one order in double precision, so the choice is
 * the same on every machine.
 * Read next: model/sample.h, the contract and the formulas. */
#include "model/sample.h"
#include "base/mem.h"
#include "base/philox.h"
#include "compute/math64.h"
#include <math.h>
#include <string.h>

struct sampler {
    int64_t n;      /* V */
    double *z;      /* after the penalty */
    double *weight; /* of each token */
    int32_t *ids;   /* a heap in [0, n_heap), what was popped from n - 1 downwards */
    int64_t n_heap;
    uint8_t *seen; /* zero between calls */
};

err sampler_new(struct sampler **out, int64_t vocab_size) {
    const size_t n = (size_t)vocab_size;
    struct sampler *s = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    s->n = vocab_size;
    s->z = mem_alloc(n, sizeof *s->z);
    s->weight = mem_alloc(n, sizeof *s->weight);
    s->ids = mem_alloc(n, sizeof *s->ids);
    s->seen = mem_zalloc(n, sizeof *s->seen);
    if (!s->z || !s->weight || !s->ids || !s->seen) {
        sampler_free(s);
        return ERR_MEMORY;
    }
    *out = s;
    return ERR_OK;
}

void sampler_free(struct sampler *s) {
    if (!s) return;
    mem_free(s->z);
    mem_free(s->weight);
    mem_free(s->ids);
    mem_free(s->seen);
    mem_free(s);
}

static void penalise(struct sampler *s, double penalty, const int32_t *ids, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double *z = &s->z[ids[i]];
        if (s->seen[ids[i]]) continue;
        s->seen[ids[i]] = 1;
        *z = *z > 0 ? *z / penalty : *z * penalty;
    }
}

static void forget(struct sampler *s, const int32_t *ids, int64_t n) {
    for (int64_t i = 0; i < n; i++) s->seen[ids[i]] = 0;
}

/* z, and the most likely token. */
static err adjust(struct sampler *s, const struct sample_call *call, int32_t *best) {
    const double penalty = call->sampling->repetition_penalty;
    for (int64_t i = 0; i < s->n; i++) {
        if (!isfinite(call->logits[i]))
            return fail(ERR_NUMERIC, "the logit of token %lld is not finite", (long long)i);
        s->z[i] = (double)call->logits[i];
    }
    if (penalty != 0 && penalty != 1) {
        penalise(s, penalty, call->prompt, call->n_prompt);
        penalise(s, penalty, call->answer, call->n_answer);
        forget(s, call->prompt, call->n_prompt);
        forget(s, call->answer, call->n_answer);
    }
    double most = s->z[0];
    *best = 0;
    for (int64_t i = 1; i < s->n; i++) {
        if (!(s->z[i] > most)) continue;
        most = s->z[i];
        *best = (int32_t)i;
    }
    return ERR_OK;
}

static bool before(const struct sampler *s, int32_t a, int32_t b) {
    return s->z[a] != s->z[b] ? s->z[a] > s->z[b] : a < b;
}

static void sift(struct sampler *s, int64_t at) {
    int32_t *heap = s->ids;
    const int32_t id = heap[at];
    for (int64_t child; (child = 2 * at + 1) < s->n_heap; at = child) {
        if (child + 1 < s->n_heap && before(s, heap[child + 1], heap[child])) child++;
        if (!before(s, heap[child], id)) break;
        heap[at] = heap[child];
    }
    heap[at] = id;
}

static int32_t pop(struct sampler *s) {
    const int32_t top = s->ids[0];
    s->ids[0] = s->ids[--s->n_heap];
    s->ids[s->n_heap] = top;
    sift(s, 0);
    return top;
}

/* The tokens that top-k and top-p keep: ids[n - 1], ids[n - 2], ... by falling z. */
static int64_t keep(struct sampler *s, const struct sampling *o) {
    double total = 0, sum = 0;
    int64_t n = 0;
    s->n_heap = s->n;
    for (int64_t i = s->n / 2 - 1; i >= 0; i--) sift(s, i);
    if (o->top_k > 0 && o->top_k < s->n) {
        for (; n < o->top_k; n++) total += s->weight[pop(s)];
    } else {
        for (int64_t i = 0; i < s->n; i++) total += s->weight[i];
    }
    if (o->top_p == 0 || o->top_p == 1) return n;
    const int64_t most = n ? n : s->n;
    for (n = 0; n < most && sum < o->top_p * total; n++)
        sum += s->weight[s->n_heap + n < s->n ? s->ids[s->n - 1 - n] : pop(s)];
    return n;
}

/* The first of n tokens whose running sum exceeds u times the whole. */
static int32_t draw(const struct sampler *s, int64_t n, bool from_behind, double u) {
    double total = 0, sum = 0;
    int32_t id = 0, chosen = -1;
    for (int64_t i = 0; i < n; i++) total += s->weight[s->ids[from_behind ? s->n - 1 - i : i]];
    for (int64_t i = 0; i < n && sum <= u * total; i++) {
        id = s->ids[from_behind ? s->n - 1 - i : i];
        sum += s->weight[id];
        if (s->weight[id] > 0) chosen = id; /* rounding may leave the last sum at u times total */
    }
    return chosen;
}

err sampler_next(struct sampler *s, const struct sample_call *call, int32_t *out) {
    const struct sampling *o = call->sampling;
    const struct rng rng = {o->seed, RNG_SAMPLE, call->text};
    int32_t best = 0;
    TRY(adjust(s, call, &best));
    *out = best;
    if (o->temperature == 0) return ERR_OK;
    for (int64_t i = 0; i < s->n; i++) {
        s->weight[i] = math_exp((s->z[i] - s->z[best]) / o->temperature);
        s->ids[i] = (int32_t)i;
    }
    const bool some = (o->top_k > 0 && o->top_k < s->n) || (o->top_p > 0 && o->top_p < 1);
    const int64_t n = some ? keep(s, o) : s->n;
    *out = draw(s, n, some, rng_uniform(&rng, (uint64_t)call->n_answer));
    return ERR_OK;
}

double log_probability(const float *z, int64_t V, int32_t id) {
    float most = z[0];
    double sum = 0.0;
    for (int64_t i = 1; i < V; i++)
        if (z[i] > most) most = z[i];
    for (int64_t i = 0; i < V; i++) sum += exp((double)z[i] - (double)most);
    return (double)z[id] - (double)most - log(sum);
}
