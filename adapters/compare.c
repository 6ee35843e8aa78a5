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
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        const double logit = (double)a[i], difference = logit - (double)b[i];
        squares += difference * difference;
        c->logits += logit * logit;
        c->largest = fmax(c->largest, fabs(difference));
        c->largest_logit = fmax(c->largest_logit, fabs(logit));
    }
    c->difference += squares;
    c->positions++;
    const int64_t one = likeliest(a, n), other = likeliest(b, n);
    c->same_greedy += one == other;
    if (one == other) return;
    const double apart = (double)a[one] - (double)a[other], rms = sqrt(squares / (double)n);
    if (c->choice.rms > 0 && apart / rms <= c->choice.apart / c->choice.rms) return;
    c->choice.apart = apart;
    c->choice.rms = rms;
    c->choice.one = one;
    c->choice.other = other;
}

err comparison_add(struct comparison *c, const struct compared *models, const int32_t *ids,
                   int64_t n, int64_t first) {
    const int64_t vocab = models->one->config.vocab_size;
    float *a = mem_alloc(BLOCK_ROWS * (size_t)vocab, sizeof *a);
    float *b = mem_alloc(BLOCK_ROWS * (size_t)vocab, sizeof *b);
    err e = a && b ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK) e = forward(models->one, models->batch, ids, n);
    if (e == ERR_OK) e = forward(models->other, models->batch, ids, n);
    for (int64_t at = first; at < n && e == ERR_OK; at += BLOCK_ROWS) {
        const int64_t end = at + BLOCK_ROWS < n ? at + BLOCK_ROWS : n;
        e = model_logits(models->one, at, end, a);
        if (e == ERR_OK) e = model_logits(models->other, at, end, b);
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

double comparison_bound(const struct model *rounded) {
    double u = 0;
    for (int64_t i = 0; i < rounded->n_params; i++)
        u = fmax(u, unit_roundoff(rounded->params[i].dtype));
    return comparison_bound_of(&rounded->config, u);
}

double comparison_bound_of(const struct model_config *config, double u) {
    double longest = (double)config->intermediate_size;
    if (longest < 2.0 * (double)config->hidden_size) longest = 2.0 * (double)config->hidden_size;
    return 8.0 * sqrt(2.0 * (double)config->n_layers) * (u + 2.0 * sqrt(longest) * ldexp(1.0, -24));
}

err comparison_check(const struct comparison *c, double bound) {
    const double relative = comparison_relative(c);
    if (relative <= bound) return ERR_OK; /* NaN is not */
    return fail(ERR_MISMATCH,
                "logits differ by %.3g of their size over %lld positions (at most %.3g)", relative,
                (long long)c->positions, bound);
}

static const double tie_deviations = 12;

err comparison_check_choices(const struct comparison *c) {
    if (c->choice.apart <= tie_deviations * c->choice.rms) return ERR_OK; /* NaN is not */
    return fail(ERR_MISMATCH,
                "token %lld is chosen instead of %lld, whose logit is %.3g larger where logits "
                "differ by %.3g (a near tie: at most %g times that)",
                (long long)c->choice.other, (long long)c->choice.one, c->choice.apart,
                c->choice.rms, tie_deviations);
}
