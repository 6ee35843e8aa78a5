/* SPDX-License-Identifier: Apache-2.0
 * A model brought up for a golden test, and comparison with the tensors of a golden file. Folders:
 * tests/golden/nano is in this repository; the shared folder has more (tests/golden/shared.h).
 * Each comparison prints its worst error, so that the margin to the tolerance is in the log. */
#ifndef COTRAIN_TESTS_GOLDEN_GOLDEN_H
#define COTRAIN_TESTS_GOLDEN_GOLDEN_H

#include "base/mem.h"
#include "model/formats/tensor_file.h"
#include "model/generate.h"
#include "model/model.h"
#include "tests/golden/shared.h"
#include "tests/unit/test.h"
#include <math.h>

#define NANO SOURCE_DIR "/tests/golden/nano"

struct bench {
    struct compute compute;
    struct model model;
    struct plan plan;
    struct batch batch;
};

static inline void bench_open(struct bench *b, const char *dir,
                              const struct model_plan_options *o) {
    *b = (struct bench){0};
    assert_ok(compute_open(&b->compute, "cpu"));
    assert_ok(model_open(&b->model, dir, &b->compute));
    assert_ok(model_plan(&b->model, &b->plan, o));
    assert_ok(plan_allocate(&b->plan, &b->compute));
    assert_ok(model_start(&b->model, &b->plan));
    assert_ok(batch_init(&b->batch, o->max_tokens ? o->max_tokens : 1));
}

static inline void bench_close(struct bench *b) {
    batch_release(&b->batch);
    model_close(&b->model);
    plan_release(&b->plan);
    compute_close(&b->compute);
}

/* Path of a file in a golden folder, in static storage. */
static inline const char *golden_path(const char *dir, const char *name) {
    static char path[4][1024];
    static int turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", dir, name);
    return out;
}

static inline struct tensor_file *golden_open(const char *dir, const char *name) {
    struct tensor_file *f;
    assert_ok(tensor_file_open(&f, golden_path(dir, name)));
    return f;
}

static inline const struct tensor *golden_tensor(const struct tensor_file *f, const char *name) {
    const struct tensor *t = tensor_file_find(f, name);
    if (!t) fail_msg("no tensor '%s'", name);
    return t;
}

/* Element of an F64, F32 or I64 tensor. */
static inline double golden_at(const struct tensor *t, int64_t i) {
    if (t->dtype == DTYPE_F64) return ((const double *)t->data)[i];
    if (t->dtype == DTYPE_I64) return (double)((const int64_t *)t->data)[i];
    assert_int_equal(t->dtype, DTYPE_F32);
    return (double)((const float *)t->data)[i];
}

/* The largest difference over the elements the caller walks; NaN is the worst of all. */
struct worst {
    double error, scale;
};
static inline void worst_add(struct worst *w, double got, double want) {
    double d = fabs(got - want);
    if (!(d <= w->error)) w->error = isnan(d) ? (double)INFINITY : d;
    if (fabs(want) > w->scale) w->scale = fabs(want);
}
static inline void worst_check(const char *what, double error, double tolerance) {
    print_message("%-44s %.3g (at most %g)\n", what, error, tolerance);
    if (!(error <= tolerance)) fail_msg("%s: %g is over %g", what, error, tolerance);
}

/* The (B,T) input of a golden file as a batch, one row each. `targets` may be NULL; `mask` (B,T)
 * takes out targets where it is 0 (NULL: none). */
static inline void golden_batch(struct bench *b, const struct tensor_file *f, const char *mask,
                                enum isolate isolate) {
    const struct tensor *ids = golden_tensor(f, "input_ids"), *labels = golden_tensor(f, "labels");
    const struct tensor *trained = mask ? golden_tensor(f, mask) : NULL;
    const int64_t B = ids->shape[0], T = ids->shape[1];
    int32_t row[512], target[512];
    assert_true(T <= 512);
    batch_clear(&b->batch);
    for (int64_t i = 0; i < B; i++) {
        for (int64_t t = 0; t < T; t++) {
            const int64_t at = i * T + t;
            row[t] = (int32_t)golden_at(ids, at);
            bool out = trained && golden_at(trained, at) == 0;
            target[t] = out ? TARGET_IGNORE : (int32_t)golden_at(labels, at);
        }
        assert_ok(batch_add_row(&b->batch, T, row, target, NULL, b->model.config.eod, isolate));
    }
}

static inline int64_t golden_tokens(const char *dir) {
    struct tensor_file *f = golden_open(dir, "forward.f32.safetensors");
    int64_t n = golden_tensor(f, "input_ids")->count;
    tensor_file_close(f);
    return n;
}

/* Where the larger golden model is, or NULL with a message. */
static inline const char *golden_micro(void) {
    return shared_path("golden/micro");
}

#endif
