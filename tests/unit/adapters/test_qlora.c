/* SPDX-License-Identifier: Apache-2.0
 * QLoRA: every kind of adapter, trained on a base that is quantised in memory, on the folder that
 * `model quantize` would write, and on that folder's decoded weights in fp32, ends in the same
 * bits. The gradients over fp32 weights are held against finite differences elsewhere
 * (test_lora.c); that they go with the quantised base's loss is checked here once more along one
 * direction. Read next: tests/unit/model/test_quantised.c. */
#include "tests/unit/trainer/fixture.h"

#include "base/philox.h"
#include "compute/quant.h"
#include "model/quantise.h"

#include <math.h>

enum { STEPS = 3 };

static const char *folder;

/* FOLDER/TYPE, golden nano quantised, with its training rows. */
static const char *quantised(const struct quant *q) {
    static char dir[200];
    char rows[300];
    struct compute c;
    struct model m;
    struct quantise_report r;
    snprintf(dir, sizeof dir, "%s/%s", folder, q->name);
    snprintf(rows, sizeof rows, "%s/train_batches.safetensors", dir);
    if (file_exists(dir)) return dir;
    assert_ok(compute_open(&c, NULL));
    assert_ok(model_open(&m, GOLDEN_NANO, &c));
    assert_ok(model_quantise(&m, q, GOLDEN_NANO, dir, 0, &r));
    assert_ok(file_copy(GOLDEN_NANO "/train_batches.safetensors", rows));
    model_close(&m);
    compute_close(&c);
    return dir;
}

static void start(struct fixture *f, const char *kind, const char *model_dir,
                  const char *weight_dtype) {
    static char dir[200];
    snprintf(dir, sizeof dir, "%s/run", folder);
    assert_ok(dir_remove(dir));
    fixture_init(f, model_dir);
    f->run.dir = dir;
    f->adapter_options.type = kind;
    f->adapter_options.r = 4;
    f->options.weight_dtype = weight_dtype;
    f->n_steps = STEPS;
    fixture_start(f);
}

/* All trained values after a run, and its last loss. */
struct trained {
    double loss;
    int64_t n;
    float *values;
};

static void train(const char *kind, const char *model_dir, const char *weight_dtype,
                  struct trained *out) {
    struct fixture f;
    struct train_result result;
    start(&f, kind, model_dir, weight_dtype);
    assert_ok(trainer_run(&f.trainer, &result));
    *out = (struct trained){.loss = result.loss};
    for (int64_t i = 0; i < f.trainer.n_params; i++) out->n += f.trainer.params[i]->count;
    out->values = mem_alloc((size_t)out->n, sizeof *out->values);
    assert_non_null(out->values);
    for (int64_t i = 0, at = 0; i < f.trainer.n_params; at += f.trainer.params[i++]->count)
        memcpy(out->values + at, f.trainer.params[i]->value,
               (size_t)f.trainer.params[i]->count * sizeof *out->values);
    fixture_stop(&f);
}

static void assert_same(const struct trained *a, const struct trained *b) {
    assert_memory_equal(&a->loss, &b->loss, sizeof a->loss);
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->values, b->values, (size_t)a->n * sizeof *a->values);
}

static void same_training(void **state) {
    (void)state;
    const char *kind, *summary;
    for (int i = 0; (kind = adapter_kind_at(i, &summary)) != NULL; i++)
        for (int q = 0; q < n_quants; q++) {
            struct trained unquantised, memory, file, decoded;
            const char *dir = quantised(quants[q]);
            print_message("%s on %s\n", kind, quants[q]->name);
            train(kind, GOLDEN_NANO, "checkpoint", &unquantised);
            train(kind, GOLDEN_NANO, quants[q]->name, &memory);
            train(kind, dir, "checkpoint", &file);
            train(kind, dir, "f32", &decoded);
            assert_true(memory.loss != unquantised.loss);
            assert_same(&memory, &file);
            assert_same(&memory, &decoded);
            mem_free(unquantised.values);
            mem_free(memory.values);
            mem_free(file.values);
            mem_free(decoded.values);
        }
}

/* ---- gradients ---- */

static double mean_loss(struct fixture *f, const struct batch *batch, double gradient_scale) {
    const struct model_call call = {.batch = batch};
    double sum;
    int64_t trained;
    assert_ok(model_forward(&f->model, &call));
    assert_ok(model_loss(&f->model, &call, gradient_scale, &sum, &trained, NULL));
    if (gradient_scale > 0) assert_ok(model_backward(&f->model, &call));
    return sum / (double)trained;
}

/* Moves every trained value by h times its gradient over the gradient's norm. */
static void move(const struct fixture *f, double h, double norm) {
    for (int64_t i = 0; i < f->trainer.n_params; i++)
        for (int64_t j = 0; j < f->trainer.params[i]->count; j++)
            f->trainer.params[i]->value[j] +=
                (float)(h * (double)f->trainer.params[i]->gradient[j] / norm);
}

/* Along the gradient the derivative is its norm. From losses at +-h and +-2h, (8 (L(h) - L(-h)) -
 * (L(2h) - L(-2h))) / 12 h, the error is O(h^4) and 1.5 / h of a loss's noise of 1e-6: 2e-3 with
 * h = 1e-3, where the norm is above 1. Allowed: 1 % of it. */
static void along_the_gradient(void **state) {
    (void)state;
    const double h = 1e-3;
    for (int q = 0; q < n_quants; q++) {
        struct fixture f;
        struct batch batch;
        double norm = 0;
        start(&f, "lora", quantised(quants[q]), "checkpoint");
        assert_ok(batch_init(&batch, GOLDEN_TOKENS));
        assert_ok(batch_add_row(&batch, GOLDEN_TOKENS, f.data.ids[0], f.data.ids[1], NULL,
                                f.model.config.eod, ISOLATE_ALL));
        for (int64_t i = 0; i < f.trainer.n_params; i++) /* B away from 0, or A has no gradient */
            for (int64_t j = 0; j < f.trainer.params[i]->count; j++) {
                const struct rng rng = {.seed = 4, .purpose = RNG_TEST, .step = (uint64_t)i};
                f.trainer.params[i]->value[j] = (float)(0.1 * rng_normal(&rng, (uint64_t)j));
            }
        assert_ok(model_zero_gradients(&f.model));
        mean_loss(&f, &batch, 1.0 / GOLDEN_TOKENS);
        for (int64_t i = 0; i < f.trainer.n_params; i++)
            for (int64_t j = 0; j < f.trainer.params[i]->count; j++)
                norm += pow((double)f.trainer.params[i]->gradient[j], 2);
        norm = sqrt(norm);
        double loss[5];
        move(&f, -2 * h, norm);
        for (int i = 0; i < 5; i++) {
            loss[i] = mean_loss(&f, &batch, 0);
            move(&f, h, norm);
        }
        const double numeric = (8 * (loss[3] - loss[1]) - (loss[4] - loss[0])) / (12 * h);
        print_message("%s: %.5g, finite differences %.5g\n", quants[q]->name, norm, numeric);
        assert_true(norm > 1 && fabs(numeric - norm) < 0.01 * norm);
        batch_release(&batch);
        fixture_stop(&f);
    }
}

/* Where every weight is trained none would be held quantised. */
static void full_is_refused(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f, GOLDEN_NANO);
    f.options.weight_dtype = "int8";
    fixture_open(&f);
    assert_fails(trainer_init(&f.trainer, &f.run), ERR_RANGE, "'weight_dtype' is int8");
    fixture_stop(&f);
}

/* What is merged onto a quantised base is its decoded weights plus s B A, in bf16. */
static void merged(void **state) {
    (void)state;
    for (int q = 0; q < n_quants; q++) {
        struct fixture f;
        struct model after;
        char dir[200];
        snprintf(dir, sizeof dir, "%s/merged-%s", folder, quants[q]->name);
        start(&f, "lora", quantised(quants[q]), "checkpoint");
        struct param *a = f.trainer.params[0], *b = f.trainer.params[1];
        struct projection *p = NULL;
        for (int64_t j = 0; j < b->count; j++) b->value[j] = 0.01f * (float)(j % 13 - 6);
        for (int64_t i = 0; i < f.model.n_projections; i++)
            if (strstr(b->name, f.model.projections[i].module)) p = &f.model.projections[i];
        assert_non_null(p);
        assert_ok(adapter_save_merged(&f.model, f.adapter, f.model_dir, dir));
        assert_ok(model_open(&after, dir, &f.compute));
        assert_null(after.config.quant);
        for (int64_t i = 0; i < after.n_params; i++) {
            const struct param *was = &f.model.params[i], *is = &after.params[i];
            float w, m;
            assert_int_equal(is->dtype, DTYPE_BF16);
            const bool adapted = strncmp(was->name, p->module, strlen(p->module)) == 0 &&
                                 str_ends(was->name, ".weight");
            for (int64_t j = 0; j < was->count; j++) {
                weights_to_f32(was->stored, was->dtype, j, 1, &w);
                weights_to_f32(is->stored, is->dtype, j, 1, &m);
                double want = (double)w;
                for (int64_t r = 0; adapted && r < 4; r++)
                    want += f.adapter_options.lora_alpha / 4 * (double)b->value[j / p->in * 4 + r] *
                            (double)a->value[r * p->in + j % p->in];
                assert_true(fabs((double)m - want) <= 0x1p-8 * fabs(want) + 0x1p-20);
            }
        }
        model_close(&after);
        fixture_stop(&f);
    }
}

static int set_up(void **state) {
    (void)state;
    folder = test_folder();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    test_folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_training),
                                       cmocka_unit_test(along_the_gradient),
                                       cmocka_unit_test(full_is_refused), cmocka_unit_test(merged)};
    return cmocka_run_group_tests_name("qlora", tests, set_up, tear_down);
}
