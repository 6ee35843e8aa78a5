/* SPDX-License-Identifier: Apache-2.0
 * NEFTune noise: its size and its numbers as model/noise.c states them, the same bits for a
 * document packed or alone, in any micro-batch and with any number of threads; none outside
 * training; and gradients that take it for a constant.
 * Under test: model/noise.c. */
#include "base/par.h"
#include "model/model_int.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"

#include <math.h>

enum { N_DOCUMENTS = 3, N_TOKENS = 29 };
static const int64_t lengths[N_DOCUMENTS] = {9, 1, 19};
static const double alpha = 5;

static void open_noisy(struct small *s, double noise) {
    *s = (struct small){0};
    assert_ok(compute_open(&s->compute, "cpu"));
    assert_ok(model_open(&s->model, small_model(folder, NULL, DTYPE_F32), &s->compute));
    assert_ok(model_plan(&s->model, &s->plan,
                         &(struct model_plan_options){.max_tokens = N_TOKENS,
                                                      .train_base = true,
                                                      .backward = true,
                                                      .embedding_noise = noise}));
    assert_ok(plan_allocate(&s->plan, &s->compute));
    assert_ok(model_start(&s->model, &s->plan));
}

/* Documents [begin, end) of the step, packed into one row or one row each. */
static void add_documents(struct batch *b, int begin, int end, bool packed) {
    int32_t ids[N_TOKENS], targets[N_TOKENS];
    uint8_t starts[N_TOKENS] = {0};
    int64_t n = 0;
    for (int i = begin; i < end; i++) {
        starts[n] = 1;
        small_document((uint64_t)i, lengths[i], ids + n);
        for (int64_t t = 0; t < lengths[i]; t++)
            targets[n + t] = t + 1 == lengths[i] ? TARGET_IGNORE : ids[n + t + 1];
        if (!packed)
            assert_ok(
                batch_add_row(b, lengths[i], ids + n, targets + n, NULL, SMALL_EOD, ISOLATE_ALL));
        n += lengths[i];
    }
    if (packed) assert_ok(batch_add_row(b, n, ids, targets, starts, SMALL_EOD, ISOLATE_ALL));
}

static void run_batch(struct small *s, int begin, int end, bool packed, float *losses) {
    struct batch b;
    double sum;
    int64_t trained;
    const struct model_call call = {.batch = &b, .training = true, .seed = 42, .step = 3};
    assert_ok(batch_init(&b, N_TOKENS));
    for (int i = 0; i < begin; i++) b.row_base += lengths[i];
    add_documents(&b, begin, end, packed);
    assert_ok(model_forward(&s->model, &call));
    assert_ok(model_loss(&s->model, &call, 1, &sum, &trained, losses));
    assert_ok(model_backward(&s->model, &call));
    batch_release(&b);
}

/* Losses of a step cut into one micro-batch, or one per document; gradients stay in the model. */
static void run_step(struct small *s, bool cut, bool packed, float *losses) {
    assert_ok(model_zero_gradients(&s->model));
    if (!cut) run_batch(s, 0, N_DOCUMENTS, packed, losses);
    for (int i = 0; cut && i < N_DOCUMENTS; losses += lengths[i++])
        run_batch(s, i, i + 1, packed, losses);
    assert_ok(model_finish_gradients(&s->model));
}

static void same_bits(void **state) {
    (void)state;
    struct small want, got;
    float want_losses[N_TOKENS], losses[N_TOKENS];
    open_noisy(&want, alpha);
    open_noisy(&got, alpha);
    par_set_threads(1);
    run_step(&want, false, true, want_losses);
    for (int way = 0; way < 8; way++) {
        par_set_threads(1 + way % 2 * 2);
        run_step(&got, way & 2, way & 4, losses);
        assert_memory_equal(losses, want_losses, sizeof losses);
        for (int64_t i = 0; i < want.model.n_params; i++)
            assert_memory_equal(got.model.params[i].gradient, want.model.params[i].gradient,
                                (size_t)want.model.params[i].count * sizeof(float));
    }
    par_set_threads(0);
    small_close(&got);
    open_noisy(&got, 0);
    run_step(&got, false, true, losses);
    assert_memory_not_equal(losses, want_losses, sizeof losses);
    small_close(&got);
    small_close(&want);
}

/* x[t][j] - embedding = alpha / sqrt(T C) u, u from seed, step and the token's number. */
static void noise_is_as_stated(void **state) {
    (void)state;
    struct small s;
    float losses[N_TOKENS];
    const struct rng rng = {42, RNG_NOISE, 3};
    double squares = 0;
    open_noisy(&s, alpha);
    const int64_t C = s.model.config.hidden_size;
    const float *x = s.model.internal->workspace.layers[0].x;
    run_batch(&s, 1, N_DOCUMENTS, true, losses);
    for (int64_t t = 0; t < lengths[1] + lengths[2]; t++) {
        double T = (double)(t < lengths[1] ? lengths[1] : lengths[2]);
        int32_t ids[N_TOKENS];
        small_document(t < lengths[1] ? 1 : 2, (int64_t)T, ids);
        const float *embedded =
            s.model.params[0].value + ids[t < lengths[1] ? t : t - lengths[1]] * C;
        for (int64_t j = 0; j < C; j++) {
            uint32_t drawn = rng_u32(&rng, (uint64_t)((lengths[0] + t) * C + j));
            double u = (2 * (double)(drawn >> 8) + 1) * 0x1p-24 - 1;
            double wanted = (double)embedded[j] + alpha / sqrt(T * (double)C) * u;
            /* the scale rounds to fp32, then the multiply-add does */
            assert_true(fabs((double)x[t * C + j] - wanted) <= 0x1p-23 * (fabs(wanted) + 1));
            squares += u * u;
        }
    }
    /* 480 numbers whose squares have mean 1/3 and deviation 0.3: 0.014 for their mean, 5 of it */
    assert_true(fabs(squares / (double)(20 * C) - 1.0 / 3) < 0.07);
    small_close(&s);
}

static void only_in_training(void **state) {
    (void)state;
    struct small noisy, plain;
    struct batch b;
    float with[N_TOKENS], without[N_TOKENS];
    double sum;
    int64_t trained;
    const struct model_call call = {.batch = &b, .seed = 42, .step = 3};
    open_noisy(&noisy, alpha);
    open_noisy(&plain, 0);
    assert_ok(batch_init(&b, N_TOKENS));
    add_documents(&b, 0, N_DOCUMENTS, true);
    assert_ok(model_forward(&noisy.model, &call));
    assert_ok(model_loss(&noisy.model, &call, 0, &sum, &trained, with));
    assert_ok(model_forward(&plain.model, &call));
    assert_ok(model_loss(&plain.model, &call, 0, &sum, &trained, without));
    assert_memory_equal(with, without, sizeof with);
    batch_release(&b);
    small_close(&plain);
    small_close(&noisy);
}

/* The derivative along one embedding element, by central differences at h = 2^-7: exact to h^2
 * times third derivatives of order 10, 1e-3, and to the sum's noise of 30 * 2^-22 over 2 h. */
static void gradient_takes_it_for_a_constant(void **state) {
    (void)state;
    struct small s;
    float losses[N_TOKENS], gradient[8];
    int32_t ids[N_TOKENS];
    const double h = 0x1p-7;
    open_noisy(&s, alpha);
    small_document(2, lengths[2], ids);
    float *row = s.model.params[0].value + ids[0] * s.model.config.hidden_size;
    const float *dw = s.model.params[0].gradient + ids[0] * s.model.config.hidden_size;
    run_step(&s, false, true, losses);
    memcpy(gradient, dw, sizeof gradient);
    for (int j = 0; j < 8; j++) {
        const float at = row[j];
        double sum[2] = {0};
        for (int side = 0; side < 2; side++) {
            row[j] = at + (float)(side ? h : -h);
            run_step(&s, false, true, losses);
            for (int t = 0; t < N_TOKENS; t++) sum[side] += (double)losses[t];
        }
        row[j] = at;
        double slope = (sum[1] - sum[0]) / (2 * h);
        if (!(fabs(slope - (double)gradient[j]) < 5e-3 * (1 + fabs(slope))))
            fail_msg("element %d: gradient %g, slope %g", j, (double)gradient[j], slope);
    }
    small_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(same_bits),
        FOLDER_TEST(noise_is_as_stated),
        FOLDER_TEST(only_in_training),
        FOLDER_TEST(gradient_takes_it_for_a_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
