/* SPDX-License-Identifier: Apache-2.0
 * PiSSA: A and B are the R leading singular triples of W = U S V^T, and the base keeps the rest:
 *   A = sqrt(S_R / s) V_R^T,   B = U_R sqrt(S_R / s),   s B A = U_R S_R V_R^T
 * The triples by subspace iteration: an orthonormal Q (L,in), L a little over R, is taken through
 * Q W^T W and made orthonormal again; then those of Q W^T are W's as far as Q holds them. Both
 * products are the ones that the passes make, so any weight that can be trained on is good for it.
 * `pissa_niter_N` does N rounds from a random start, with 8 rows to spare; `pissa` goes on until
 * the R singular values stand still to 2^-20 (at most 256 rounds), with R + 8 to spare.
 * Convolutions are taken as the (out, 2 C) matrix that they are to the passes.
 * Source: Meng et al. 2024; Halko et al. 2011 for the iteration; PEFT for names and the factor s.
 * Read next: adapters/residual.c, adapters/svd.h. */
#include "adapters/inits/init.h"

#include "adapters/lora_int.h"
#include "adapters/svd.h"
#include "base/mem.h"
#include "base/philox.h"
#include "compute/ops/product.h"

#include <math.h>

enum { MAX_ROUNDS = 256, SPARE = 8 };
static const double still = 0x1p-20;

struct search {
    const struct adapter_site *site;
    int64_t rows; /* L */
    float *device_q, *device_t;
    float *q, *t;                 /* (L,in), (L,out) on the host */
    double *gram, *vectors;       /* (L,L) */
    double *values, *last, *work; /* (L): eigenvalues of the gram matrix */
};

static int64_t rows_of(const struct adapter_site *site) {
    const struct projection *p = site->projection;
    const int64_t wanted = site->r + SPARE + (site->adapter->init_rounds ? 0 : site->r);
    const int64_t most = p->in < p->out ? p->in : p->out;
    return wanted < most ? wanted : most;
}

static size_t work_bytes(const struct adapter_site *site) {
    const struct projection *p = site->projection;
    return (size_t)(rows_of(site) * (p->in + p->out)) * sizeof(float);
}

static void release(struct search *s) {
    mem_free(s->q);
    mem_free(s->t);
    mem_free(s->gram);
    mem_free(s->vectors);
    mem_free(s->values);
}

static err prepare(struct search *s, const struct adapter_site *site, void *work) {
    const struct projection *p = site->projection;
    const int64_t rows = rows_of(site);
    *s = (struct search){.site = site, .rows = rows, .device_q = work};
    s->device_t = s->device_q + rows * p->in;
    s->q = mem_alloc((size_t)(rows * p->in), sizeof *s->q);
    s->t = mem_alloc((size_t)(rows * p->out), sizeof *s->t);
    s->gram = mem_alloc((size_t)(rows * rows), sizeof *s->gram);
    s->vectors = mem_alloc((size_t)(rows * rows), sizeof *s->vectors);
    s->values = mem_zalloc((size_t)(3 * rows), sizeof *s->values);
    if (!s->q || !s->t || !s->gram || !s->vectors || !s->values) return ERR_MEMORY;
    s->last = s->values + rows;
    s->work = s->last + rows;
    const struct rng rng = {site->adapter->seed, RNG_INIT, (uint64_t)p->site};
    for (int64_t i = 0; i < rows * p->in; i++) s->q[i] = (float)rng_normal(&rng, (uint64_t)i);
    svd_orthonormalise(s->q, rows, p->in, s->work);
    return ERR_OK;
}

/* t = q W^T, on the device. */
static err forth(struct search *s) {
    const struct projection *p = s->site->projection;
    struct compute *c = s->site->adapter->compute;
    const struct product_args args = {
        .m = s->rows,
        .n = p->out,
        .k = p->in,
        .a = lora_rows(s->device_q, DTYPE_F32, p->in),
        .b = lora_transposed(p->weight),
        .c = s->device_t,
        .c_stride = p->out,
        .c_is_gradient = true,
    };
    TRY(c->backend->upload(c, s->device_q, s->q, (size_t)(s->rows * p->in) * sizeof *s->q));
    return c->backend->product(c, &args);
}

/* q = t W, made orthonormal. */
static err back(struct search *s) {
    const struct projection *p = s->site->projection;
    struct compute *c = s->site->adapter->compute;
    const struct product_args args = {
        .m = s->rows,
        .n = p->in,
        .k = p->out,
        .a = lora_rows(s->device_t, DTYPE_F32, p->out),
        .b = p->weight,
        .c = s->device_q,
        .c_stride = p->in,
        .c_is_gradient = true,
    };
    TRY(c->backend->product(c, &args));
    TRY(c->backend->download(c, s->q, s->device_q, (size_t)(s->rows * p->in) * sizeof *s->q));
    svd_orthonormalise(s->q, s->rows, p->in, s->work);
    return ERR_OK;
}

/* Squares of the singular values of t, and the rows of q and t that they belong to. */
static err decompose(struct search *s) {
    const struct projection *p = s->site->projection;
    struct compute *c = s->site->adapter->compute;
    TRY(c->backend->download(c, s->t, s->device_t, (size_t)(s->rows * p->out) * sizeof *s->t));
    svd_gram(s->t, s->rows, p->out, s->gram);
    svd_eigen(s->gram, s->rows, s->values, s->vectors);
    return ERR_OK;
}

/* Whether the leading values are those of the round before; remembers them. */
static bool stand_still(struct search *s) {
    bool result = true;
    for (int64_t k = 0; k < s->site->r; k++) {
        /* a square moves twice as far as its root */
        if (!(fabs(s->values[k] - s->last[k]) <= 2 * still * fabs(s->values[k]))) result = false;
        s->last[k] = s->values[k];
    }
    return result;
}

static err iterate(struct search *s) {
    const int64_t wanted = s->site->adapter->init_rounds;
    bool done = false;
    TRY(forth(s));
    for (int64_t round = 0; round < (wanted ? wanted : MAX_ROUNDS) && !done; round++) {
        TRY(back(s));
        TRY(forth(s));
        if (wanted) continue;
        TRY(decompose(s));
        done = stand_still(s);
    }
    return wanted ? decompose(s) : ERR_OK;
}

/* to[j] = factor * sum_i vector[i] rows[i][j], elements of `to` apart by `stride`. */
static void combine(const struct search *s, int64_t k, const float *rows, int64_t columns,
                    double factor, float *to, int64_t stride) {
    for (int64_t j = 0; j < columns; j++) {
        double sum = 0;
        for (int64_t i = 0; i < s->rows; i++)
            sum += s->vectors[k * s->rows + i] * (double)rows[i * columns + j];
        to[j * stride] = (float)(factor * sum);
    }
}

/* With t = U S V^T over q:  A = sqrt(S / s) V^T q,  B = U sqrt(S / s) = (t^T V) / sqrt(S s). */
static void fill_pair(const struct search *s, float *a, float *b) {
    const struct projection *p = s->site->projection;
    const int64_t r = s->site->r;
    for (int64_t k = 0; k < r; k++) {
        const double value = s->values[k] > 0 ? sqrt(s->values[k]) : 0;
        const double factor = value > 0 ? 1 / sqrt(value * s->site->scale) : 0;
        combine(s, k, s->q, p->in, sqrt(value / s->site->scale), a + k * p->in, 1);
        combine(s, k, s->t, p->out, factor, b + k, r);
    }
}

static err fill(const struct adapter_site *site, void *work, float *a, float *b) {
    struct search s;
    err e = prepare(&s, site, work);
    if (e == ERR_OK) e = iterate(&s);
    if (e == ERR_OK) fill_pair(&s, a, b);
    release(&s);
    return e;
}

extern const struct adapter_init pissa_init;
const struct adapter_init pissa_init = {
    .name = "pissa",
    .summary = "A and B from W's leading singular vectors, which leave the base",
    .counted = true,
    .takes_out = true,
    .work_bytes = work_bytes,
    .fill = fill,
};
