/* SPDX-License-Identifier: Apache-2.0
 * DoRA: the start is the base bit for bit; a pass is what the formula says of the weights in double
 * precision; the gradients of A, B and m agree with finite differences while the norms are held, as
 * the method wants, with and without dropout; frozen norms are not made again.
 * Read next: adapters/dora.c. */
#include "tests/unit/adapters/slopes.h"

#include "adapters/adapter_int.h"
#include "base/par.h"

static void start(struct fixture *f, const char *type, const char *target, double dropout) {
    fixture_init(f, GOLDEN_NANO);
    f->adapter_options.type = type;
    f->adapter_options.r = 4;
    f->adapter_options.lora_alpha = 6;
    f->adapter_options.lora_dropout = dropout;
    f->adapter_options.target_modules.items[0] = target;
    f->mask = LOSS_MASK_ALL;
    fixture_start(f);
}

/* Away from the start: B from 0 and m from the row norms. */
static void stir(struct fixture *f) {
    const struct rng values = {5, RNG_TEST, 0};
    for (int64_t i = 0; i < f->trainer.n_params; i++) {
        const struct param *p = f->trainer.params[i];
        for (int64_t j = 0; j < p->count; j++) {
            double value = rng_normal(&values, (uint64_t)(i * 100000 + j));
            if (strstr(p->name, "lora_B")) p->value[j] = (float)(0.1 * value);
            if (strstr(p->name, "magnitude")) p->value[j] *= (float)(1 + 0.2 * value);
        }
    }
}

static float *logits_of(struct fixture *f, const struct model_call *call) {
    const size_t n = (size_t)(call->batch->n * f->model.config.vocab_size);
    float *logits = mem_alloc(n, sizeof *logits);
    assert_non_null(logits);
    assert_ok(model_forward(&f->model, call));
    assert_ok(model_logits(&f->model, 0, call->batch->n, logits));
    return logits;
}

static void check_start(double dropout, bool training) {
    float *logits[2];
    size_t bytes = 0;
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        struct batch batch = {0};
        start(&f, i ? "dora" : "none", "all", dropout);
        two_rows(&f, &batch);
        const struct model_call call = {.batch = &batch, .training = training, .seed = 7};
        logits[i] = logits_of(&f, &call);
        bytes = (size_t)(batch.n * f.model.config.vocab_size) * sizeof(float);
        batch_release(&batch);
        fixture_stop(&f);
    }
    assert_memory_equal(logits[0], logits[1], bytes);
    mem_free(logits[0]);
    mem_free(logits[1]);
}

static void test_start(void **state) {
    (void)state;
    check_start(0, false);
    check_start(0.3, true);
}

/* use_dora is PEFT's spelling of the type. */
static void test_spelling(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f, GOLDEN_NANO);
    f.adapter_options.type = "lora";
    f.adapter_options.use_dora = "true";
    fixture_start(&f);
    assert_string_equal(f.adapter->kind->name, "dora");
    fixture_stop(&f);
}

/* Gradients with every site adapted; norms are held by taking the gradients away, which is how
 * frozen adapters keep theirs. */
static void check_gradients(double dropout) {
    struct fixture f;
    struct batch batch = {0};
    float *gradients[ADAPTER_MAX_TENSORS * 18];
    start(&f, "dora", "all", dropout);
    stir(&f);
    two_rows(&f, &batch);
    const struct model_call call = {.batch = &batch, .training = dropout > 0, .seed = 3, .step = 1};
    assert_ok(model_zero_gradients(&f.model));
    mean_loss(&f, &call, true);
    assert_int_equal(f.trainer.n_params, ADAPTER_MAX_TENSORS * 18);
    for (int64_t i = 0; i < f.trainer.n_params; i++) {
        gradients[i] = f.trainer.params[i]->gradient;
        f.trainer.params[i]->gradient = NULL;
    }
    for (int64_t i = 0; i < f.trainer.n_params; i++) {
        struct param *p = f.trainer.params[i];
        p->gradient = gradients[i];
        struct param held = *p;
        p->gradient = NULL;
        check_direction(&f, &call, &held);
    }
    batch_release(&batch);
    fixture_stop(&f);
}

static void test_gradients(void **state) {
    (void)state;
    check_gradients(0);
}

static void test_gradients_with_dropout(void **state) {
    (void)state;
    check_gradients(0.2);
}

/* The same gradients with any number of threads. */
static void test_threads(void **state) {
    (void)state;
    float *kept[2];
    size_t bytes = 0;
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        struct batch batch = {0};
        par_set_threads(i ? 3 : 1);
        start(&f, "dora", "all", 0.1);
        stir(&f);
        two_rows(&f, &batch);
        const struct model_call call = {.batch = &batch, .training = true};
        assert_ok(model_zero_gradients(&f.model));
        mean_loss(&f, &call, true);
        bytes = 0;
        for (int64_t p = 0; p < f.trainer.n_params; p++)
            bytes += (size_t)f.trainer.params[p]->count * sizeof(float);
        char *to = mem_alloc(bytes, 1);
        assert_non_null(to);
        kept[i] = (float *)(void *)to;
        for (int64_t p = 0; p < f.trainer.n_params; p++) {
            const size_t size = (size_t)f.trainer.params[p]->count * sizeof(float);
            memcpy(to, f.trainer.params[p]->gradient, size);
            to += size;
        }
        batch_release(&batch);
        fixture_stop(&f);
    }
    par_set_threads(2);
    assert_memory_equal(kept[0], kept[1], bytes);
    mem_free(kept[0]);
    mem_free(kept[1]);
}

/* A row of zeros has no direction: it stays one, and its magnitude has no gradient. */
static void test_zero_row(void **state) {
    (void)state;
    struct fixture f;
    struct batch batch = {0};
    start(&f, "dora", "q_proj", 0);
    const struct param *m =
        fixture_param(&f, "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector");
    assert_non_null(m);
    float *zeros = mem_zalloc((size_t)f.model.projections[2].in, sizeof *zeros);
    struct projection *q = model_projection(&f.model, "model.layers.0.self_attn.q_proj");
    const struct mat whole = q->weight;
    q->weight = (struct mat){zeros, DTYPE_F32, 0, 1}; /* every row the same row of zeros */
    two_rows(&f, &batch);
    const struct model_call call = {.batch = &batch};
    assert_ok(model_zero_gradients(&f.model));
    assert_true(isfinite(mean_loss(&f, &call, true)));
    for (int64_t j = 0; j < m->count; j++) assert_true(m->gradient[j] == 0);
    q->weight = whole;
    mem_free(zeros);
    batch_release(&batch);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),     cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_gradients_with_dropout),
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_zero_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
