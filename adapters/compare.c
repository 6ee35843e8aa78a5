/* SPDX-License-Identifier: Apache-2.0
 * Two models over the same texts (adapters/compare.h). Logits are taken a few rows at a time, so
 * that a text costs no more memory than those rows, whatever the vocabulary.
 * Read next: adapters/save.c for the merging itself. */
#include "adapters/compare.h"

#include "base/mem.h"

#include <math.h>

enum { BLOCK_ROWS = 16 };

static err forward(struct model *m, struct batch *batch, const int32_t *ids, int64_t n) {
    batch_clear(batch);
    TRY(batch_add_row(batch, n, ids, NULL, NULL, m->config.eod, ISOLATE_NONE));
    const struct model_call call = {.batch = batch};
    return model_forward(m, &call);
}

static int64_t likeliest(const float *logits, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

static void add_row(struct comparison *c, const float *a, const float *b, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const double logit = (double)a[i], difference = logit - (double)b[i];
        c->difference += difference * difference;
        c->logits += logit * logit;
        c->largest = fmax(c->largest, fabs(difference));
        c->largest_logit = fmax(c->largest_logit, fabs(logit));
    }
    c->positions++;
    c->same_greedy += likeliest(a, n) == likeliest(b, n);
}

err comparison_add(struct comparison *c, const struct compared *models, const int32_t *ids,
                   int64_t n) {
    const int64_t vocab = models->merged->config.vocab_size;
    float *a = mem_alloc(BLOCK_ROWS * (size_t)vocab, sizeof *a);
    float *b = mem_alloc(BLOCK_ROWS * (size_t)vocab, sizeof *b);
    err e = a && b ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) e = forward(models->adapted, models->batch, ids, n);
    if (e == ERR_OK) e = forward(models->merged, models->batch, ids, n);
    for (int64_t at = 0; at < n && e == ERR_OK; at += BLOCK_ROWS) {
        const int64_t end = at + BLOCK_ROWS < n ? at + BLOCK_ROWS : n;
        e = model_logits(models->adapted, at, end, a);
        if (e == ERR_OK) e = model_logits(models->merged, at, end, b);
        for (int64_t i = 0; e == ERR_OK && i < end - at; i++)
            add_row(c, a + i * vocab, b + i * vocab, vocab);
    }
    mem_free(a);
    mem_free(b);
    return e;
}

double comparison_relative(const struct comparison *c) {
    return c->logits > 0 ? sqrt(c->difference / c->logits) : 0;
}

static double unit_roundoff(enum dtype t) {
    switch (t) {
    case DTYPE_BF16: return ldexp(1.0, -8);
    case DTYPE_F16: return ldexp(1.0, -11);
    default: return ldexp(1.0, -24);
    }
}

double comparison_bound(const struct model *merged) {
    const struct model_config *config = &merged->config;
    double u = 0, longest = (double)config->intermediate_size;
    for (int64_t i = 0; i < merged->n_params; i++)
        u = fmax(u, unit_roundoff(merged->params[i].dtype));
    if (longest < 2.0 * (double)config->hidden_size) longest = 2.0 * (double)config->hidden_size;
    return 8.0 * sqrt(2.0 * (double)config->n_layers) * (u + 2.0 * sqrt(longest) * ldexp(1.0, -24));
}

err comparison_check(const struct comparison *c, double bound) {
    const double relative = comparison_relative(c);
    if (relative <= bound) return ERR_OK; /* NaN is not */
    return fail(ERR_MISMATCH,
                "merged weights and adapter disagree: logits differ by %.3g of their size over "
                "%lld positions (at most %.3g)",
                relative, (long long)c->positions, bound);
}
