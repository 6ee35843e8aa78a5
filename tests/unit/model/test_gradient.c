/* SPDX-License-Identifier: Apache-2.0
 * Where gradients are: taken in the backward pass they have the bits of those that are kept, each
 * element comes once, and weights that were spoilt by then are not read again; in bf16 they are the
 * fp32 ones rounded. Tied, untied and share-qk models, whose embedding takes several slices.
 * Under test: model/gradient.h. */
#include "base/par.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"
#include <math.h>

enum { TOKENS = 45, N_FORMS = 3 };

static const char *const forms[N_FORMS] = {
    "\"vocab_size\": 1300",
    "\"vocab_size\": 1300, \"tie_word_embeddings\": false",
    "\"vocab_size\": 1300, \"tie_word_embeddings\": false, \"use_shareqk\": true",
};

/* What was taken, beside what a model that keeps them has. */
struct taking {
    const struct model *kept;
    const struct model *model;
    int64_t n_taken; /* elements */
    bool spoil;      /* overwrites the weights with NaN at once */
};

static const struct param *same_param(const struct taking *t, const struct param *p) {
    return &t->kept->params[p - t->model->params];
}

static err take(void *ctx, struct param *p, int64_t begin, int64_t n, const float *values) {
    struct taking *t = ctx;
    const struct param *want = same_param(t, p);
    assert_true(begin >= 0 && n > 0 && begin + n <= p->count);
    if (memcmp(values, want->gradient + begin, (size_t)n * sizeof *values) != 0)
        fail_msg("the gradient of '%s' has other bits from %lld on", p->name, (long long)begin);
    t->n_taken += n;
    for (int64_t i = 0; i < n && t->spoil; i++) p->value[begin + i] = NAN;
    return ERR_OK;
}

static void open_with(struct small *s, const char *dir, const struct model_plan_options *o) {
    struct model_plan_options options = *o;
    options.max_tokens = TOKENS;
    options.train_base = options.backward = true;
    *s = (struct small){0};
    assert_ok(compute_open(&s->compute, "cpu"));
    assert_ok(model_open(&s->model, dir, &s->compute));
    assert_ok(model_plan(&s->model, &s->plan, &options));
    assert_ok(plan_allocate(&s->plan, &s->compute));
    assert_ok(model_start(&s->model, &s->plan));
}

/* One pass of a step: document `number`. */
static void run_pass(struct model *m, uint64_t number) {
    struct batch b;
    struct model_call call = {.batch = &b};
    int32_t ids[TOKENS], targets[TOKENS];
    double sum;
    int64_t trained;
    small_document(number, TOKENS, ids);
    for (int i = 0; i < TOKENS; i++)
        targets[i] = i + 1 < TOKENS && i % 4 ? ids[i + 1] + (i % 3) * 400 : TARGET_IGNORE;
    assert_ok(batch_init(&b, TOKENS));
    assert_ok(batch_add_row(&b, TOKENS, ids, targets, NULL, SMALL_EOD, ISOLATE_ALL));
    assert_ok(model_forward(m, &call));
    assert_ok(model_loss(m, &call, 1.0 / 32, &sum, &trained, NULL));
    assert_ok(model_backward(m, &call));
    batch_release(&b);
}

static void run_step(struct model *m, int n_passes) {
    assert_ok(model_zero_gradients(m));
    for (int i = 0; i < n_passes; i++) run_pass(m, (uint64_t)i);
    assert_ok(model_finish_gradients(m));
}

/* Elements of parameters that are kept whatever the plan says: of at most 8 C numbers. */
static bool is_few(const struct model *m, const struct param *p) {
    return p->count <= 8 * m->config.hidden_size;
}

static void check_taken(const char *form, enum dtype store, bool spoil) {
    const char *dir = small_model(folder, form, DTYPE_F32);
    struct small kept, taken;
    struct taking t = {.kept = &kept.model, .model = &taken.model, .spoil = spoil};
    int64_t want = 0;
    open_with(&kept, dir, &(struct model_plan_options){0});
    open_with(&taken, dir,
              &(struct model_plan_options){.gradient_dtype = store,
                                           .gradient_taker = {&t, take},
                                           .recompute = {.layers = spoil, .feed_forwards = spoil}});
    for (int step = 0; step < (spoil ? 1 : 2); step++) {
        run_step(&kept.model, 1);
        run_step(&taken.model, 1);
        for (int64_t i = 0; i < taken.model.n_params; i++) {
            const struct param *p = &taken.model.params[i], *k = &kept.model.params[i];
            if (is_few(&taken.model, p))
                assert_memory_equal(p->gradient, k->gradient, (size_t)p->count * sizeof(float));
            else
                want += p->count;
        }
        assert_int_equal(t.n_taken, want);
    }
    assert_true(plan_bytes(&taken.plan, PLAN_GRADIENTS) < plan_bytes(&kept.plan, PLAN_GRADIENTS));
    small_close(&taken);
    small_close(&kept);
}

/* The head's part of a tied embedding is kept until the lookup's is there: exactly in fp32. */
static void taken(void **state) {
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        par_set_threads(threads);
        for (int i = 0; i < N_FORMS; i++) check_taken(forms[i], DTYPE_F32, false);
        for (int i = 1; i < N_FORMS; i++) check_taken(forms[i], DTYPE_BF16, false);
    }
    par_set_threads(0);
}

static void updated_weights_are_not_read(void **state) {
    (void)state;
    for (int i = 0; i < N_FORMS; i++) check_taken(forms[i], DTYPE_F32, true);
}

static float rounded(float x) {
    uint16_t bits;
    dtype_from_f32(&x, 1, DTYPE_BF16, &bits);
    return bf16_to_f32(bits);
}

/* `roundings` of 2^-9 each, relative to the largest element: a part may be larger than the sum. */
static void compare_bf16(const struct param *got, const struct param *want, int roundings) {
    double most = 0;
    for (int64_t j = 0; j < want->count; j++) most = fmax(most, fabs((double)want->gradient[j]));
    assert_true(most > 0);
    for (int64_t j = 0; j < want->count; j++) {
        const float value = bf16_to_f32(got->gradient_bf16[j]);
        if (roundings == 1 && memcmp(&value, &(float){rounded(want->gradient[j])}, sizeof value))
            fail_msg("'%s'[%lld] is not the rounded gradient", got->name, (long long)j);
        if (fabs((double)(value - want->gradient[j])) > roundings * 0x1p-8 * most)
            fail_msg("'%s'[%lld] is %g, not %g", got->name, (long long)j, (double)value,
                     (double)want->gradient[j]);
    }
}

static size_t row_bytes(const struct plan *plan, const char *name) {
    for (int64_t i = 0; i < plan->n_rows; i++)
        if (strcmp(plan->rows[i].name, name) == 0) return plan->rows[i].bytes;
    fail_msg("the plan has no row '%s'", name);
    return 0;
}

static void check_bf16(const char *form, int n_passes) {
    const char *dir = small_model(folder, form, DTYPE_F32);
    struct small kept, half;
    open_with(&kept, dir, &(struct model_plan_options){0});
    open_with(&half, dir, &(struct model_plan_options){.gradient_dtype = DTYPE_BF16});
    for (int step = 0; step < 2; step++) {
        run_step(&kept.model, n_passes);
        run_step(&half.model, n_passes);
        for (int64_t i = 0; i < half.model.n_params; i++) {
            const struct param *p = &half.model.params[i], *k = &kept.model.params[i];
            const bool two_parts = half.model.config.tied_head && i == 0;
            if (is_few(&half.model, p))
                assert_memory_equal(p->gradient, k->gradient, (size_t)p->count * sizeof(float));
            else
                compare_bf16(p, k, n_passes + two_parts);
        }
    }
    assert_true(row_bytes(&half.plan, "gradients") +
                    2 * row_bytes(&half.plan, "gradients in bf16") <=
                row_bytes(&kept.plan, "gradients") + 64 * (size_t)kept.model.n_params);
    small_close(&half);
    small_close(&kept);
}

static void in_bf16(void **state) {
    (void)state;
    for (int i = 0; i < N_FORMS; i++)
        for (int n_passes = 1; n_passes <= 3; n_passes += 2) check_bf16(forms[i], n_passes);
}

/* A step in which the head or the lookup gave nothing leaves zeros, not the step before. */
static void what_is_not_written_is_zero(void **state) {
    (void)state;
    for (int i = 0; i < N_FORMS; i++)
        for (int dtype = DTYPE_F32; dtype <= DTYPE_BF16; dtype++) {
            struct small s;
            open_with(&s, small_model(folder, forms[i], DTYPE_F32),
                      &(struct model_plan_options){.gradient_dtype = (enum dtype)dtype});
            run_step(&s.model, 1);
            run_step(&s.model, 0);
            for (int64_t j = 0; j < s.model.n_params; j++) {
                const struct mat g = param_gradient(&s.model.params[j]);
                const char *bytes = g.data;
                for (int64_t k = 0; k < s.model.params[j].count * dtype_bytes(g.dtype); k++)
                    assert_true(bytes[k] == 0);
            }
            small_close(&s);
        }
}

/* A loss that is not finite hands nothing over. */
static void no_loss(void **state) {
    (void)state;
    for (int i = 0; i < N_FORMS; i++) {
        struct small s;
        struct taking t = {0};
        struct batch b;
        struct model_call call = {.batch = &b};
        int32_t ids[TOKENS];
        double sum;
        int64_t trained;
        open_with(&s, small_model(folder, forms[i], DTYPE_F32),
                  &(struct model_plan_options){.gradient_taker = {&t, take}});
        s.model.params[s.model.n_params - 1 - !s.model.config.tied_head].value[0] = NAN;
        small_document(1, TOKENS, ids);
        assert_ok(batch_init(&b, TOKENS));
        assert_ok(batch_add_row(&b, TOKENS - 1, ids, ids + 1, NULL, SMALL_EOD, ISOLATE_ALL));
        assert_ok(model_zero_gradients(&s.model));
        assert_ok(model_forward(&s.model, &call));
        assert_ok(model_loss(&s.model, &call, 1, &sum, &trained, NULL));
        assert_false(isfinite(sum));
        assert_int_equal(t.n_taken, 0);
        batch_release(&b);
        small_close(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(taken),   FOLDER_TEST(updated_weights_are_not_read),
        FOLDER_TEST(in_bf16), FOLDER_TEST(what_is_not_written_is_zero),
        FOLDER_TEST(no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
