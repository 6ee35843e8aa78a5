/* SPDX-License-Identifier: Apache-2.0
 * The loss of two golden rows and its slope along a direction of one parameter, for gradients that
 * no other program's golden files have. Static functions, so that each test program stays one file.
 * Read next: tests/unit/trainer/fixture.h. */
#ifndef COTRAIN_TESTS_UNIT_ADAPTERS_SLOPES_H
#define COTRAIN_TESTS_UNIT_ADAPTERS_SLOPES_H

#include "tests/unit/trainer/fixture.h"

#include "base/philox.h"

#include <math.h>

static inline void two_rows(struct fixture *f, struct batch *batch) {
    assert_ok(batch_init(batch, 2 * GOLDEN_TOKENS));
    for (int r = 0; r < 2; r++)
        assert_ok(batch_add_row(batch, GOLDEN_TOKENS, f->data.ids[r], f->data.targets[r], NULL,
                                f->data.source.eod, ISOLATE_ALL));
}

/* Mean loss of the first two golden rows; with gradients, adds them. */
static inline double mean_loss(struct fixture *f, const struct model_call *call, bool gradients) {
    double sum;
    int64_t trained;
    assert_ok(model_forward(&f->model, call));
    assert_ok(model_loss(&f->model, call, gradients ? 1 / (double)call->batch->n : 0, &sum,
                         &trained, NULL));
    if (gradients) assert_ok(model_backward(&f->model, call));
    assert_int_equal(trained, call->batch->n);
    return sum / (double)trained;
}

/* A random direction uphill: each number has its gradient's sign, so no derivative is near 0. */
static inline double uphill(const struct param *p, int64_t j) {
    const struct rng r = {11, RNG_TEST, (uint64_t)p->count};
    return copysign(rng_normal(&r, (uint64_t)j), (double)p->gradient[j]);
}

static inline void move(const struct param *p, const float *from, double by) {
    for (int64_t j = 0; j < p->count; j++) p->value[j] = from[j] + (float)(by * uphill(p, j));
}

/* The derivative along a random direction, from losses at +-h and +-2h:
 *   (8 (L(h) - L(-h)) - (L(2h) - L(-2h))) / 12 h,  error O(h^4) and a loss's noise times 1.5 / h.
 * A loss is the mean of 64 fp32 values near 10, each off by up to 1e-6, so by 1.2e-7; with h = 2e-3
 * that makes 1e-4, where uphill directions of unit variance give 0.3 and more. Allowed: 1 % of
 * it. */
static inline void check_direction(struct fixture *f, const struct model_call *call,
                                   const struct param *p) {
    const double h = 2e-3;
    float *start = mem_alloc((size_t)p->count, sizeof *start);
    double loss[4], analytic = 0;
    assert_non_null(start);
    memcpy(start, p->value, (size_t)p->count * sizeof *start);
    for (int64_t j = 0; j < p->count; j++) analytic += (double)p->gradient[j] * uphill(p, j);
    for (int i = 0; i < 4; i++) {
        static const double steps[] = {-2, -1, 1, 2};
        move(p, start, steps[i] * h);
        loss[i] = mean_loss(f, call, false);
    }
    memcpy(p->value, start, (size_t)p->count * sizeof *start);
    mem_free(start);
    double numeric = (8 * (loss[2] - loss[1]) - (loss[3] - loss[0])) / (12 * h);
    print_message("%s: %.5g, finite differences %.5g\n", p->name, analytic, numeric);
    assert_true(analytic > 0.3);
    assert_true(fabs(numeric - analytic) < 0.01 * fabs(analytic) + 1e-3);
}

#endif
