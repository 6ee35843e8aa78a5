/* SPDX-License-Identifier: Apache-2.0
 * A golden PEFT adapter on a golden model: loss, logits and the gradient of every lora_A and lora_B
 * against the released code with PEFT's arithmetic; and the same logits from the merged model.
 * Tolerances are the ones that the golden files suggest: logits 3e-4, gradients 1e-4 of each
 * tensor's largest. Merging into fp32 weights rounds each once, 2^-24 relative, which a forward
 * pass of the model shows as no more than the fp32 noise of its logits, 2e-4.
 * Read next: adapters/lora.c. */
#include "tests/unit/test.h"

#include "adapters/adapter.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/formats/tensor_file.h"

#include <math.h>

#define NANO SOURCE_DIR "/tests/golden/nano"

struct subject {
    struct compute compute;
    struct model model;
    struct adapter *adapter;
    struct plan plan;
    struct batch batch;
    struct tensor_file *forward;
    int64_t n_rows, n_tokens; /* of the golden batch */
};

static struct tensor_file *open_file(const char *dir, const char *name) {
    struct tensor_file *f;
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(tensor_file_open(&f, path));
    return f;
}

static const struct recompute all_made_again = {.layers = INT64_MAX, .logits = true};

static void subject_open(struct subject *s, const char *model_dir, const char *golden_dir,
                         const char *adapter_dir, struct recompute recompute) {
    *s = (struct subject){0};
    s->forward = open_file(golden_dir, "forward.f32.safetensors");
    const struct tensor *ids = tensor_file_find(s->forward, "input_ids");
    const struct tensor *labels = tensor_file_find(s->forward, "labels");
    s->n_rows = ids->shape[0];
    s->n_tokens = ids->shape[1];
    assert_ok(compute_open(&s->compute, NULL));
    assert_ok(model_open(&s->model, model_dir, &s->compute));
    if (adapter_dir) assert_ok(adapter_open(&s->adapter, &s->model, adapter_dir));
    const struct model_plan_options options = {
        .max_tokens = ids->count, .backward = true, .recompute = recompute};
    assert_ok(model_plan(&s->model, &s->plan, &options));
    if (s->adapter) assert_ok(adapter_plan(s->adapter, &s->plan, true));
    assert_ok(plan_allocate(&s->plan, &s->compute));
    assert_ok(model_start(&s->model, &s->plan));
    if (s->adapter) assert_ok(adapter_start(s->adapter, &s->plan));
    assert_ok(batch_init(&s->batch, ids->count));
    for (int64_t r = 0; r < s->n_rows; r++) {
        int32_t row[512], next[512];
        assert_true(s->n_tokens <= 512);
        for (int64_t i = 0; i < s->n_tokens; i++) {
            row[i] = (int32_t)((const int64_t *)ids->data)[r * s->n_tokens + i];
            next[i] = (int32_t)((const int64_t *)labels->data)[r * s->n_tokens + i];
        }
        assert_ok(batch_add_row(&s->batch, s->n_tokens, row, next, NULL, s->model.config.eod,
                                ISOLATE_ATTENTION));
    }
}

static void subject_close(struct subject *s) {
    batch_release(&s->batch);
    adapter_free(s->adapter);
    model_close(&s->model);
    plan_release(&s->plan);
    compute_close(&s->compute);
    tensor_file_close(s->forward);
}

static double largest_difference(const float *got, const float *want, int64_t n) {
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)got[i] - (double)want[i]);
        if (!(difference <= worst)) worst = difference;
    }
    return worst;
}

/* Logits at the golden positions of every row. */
static double compare_logits(struct subject *s, const char *dir) {
    struct tensor_file *f = open_file(dir, "lora/forward.f32.safetensors");
    const struct tensor *want = tensor_file_find(f, "logits_at_positions");
    const struct tensor *positions = tensor_file_find(f, "positions");
    int64_t v = s->model.config.vocab_size;
    float *row = mem_alloc((size_t)v, sizeof *row);
    double worst = 0;
    assert_non_null(row);
    for (int64_t r = 0; r < s->n_rows; r++)
        for (int64_t i = 0; i < positions->count; i++) {
            int64_t at = r * s->n_tokens + ((const int64_t *)positions->data)[i];
            assert_ok(model_logits(&s->model, at, at + 1, row));
            const float *wanted = (const float *)want->data + (r * positions->count + i) * v;
            double found = largest_difference(row, wanted, v);
            if (!(found <= worst)) worst = found;
        }
    mem_free(row);
    tensor_file_close(f);
    return worst;
}

/* Each gradient against its own largest value. */
static double compare_gradients(struct subject *s, const char *dir) {
    char path[600];
    snprintf(path, sizeof path, "%s/lora/grads.f64.safetensors", dir);
    bool f64 = file_exists(path);
    struct tensor_file *f =
        open_file(dir, f64 ? "lora/grads.f64.safetensors" : "lora/grads.f32.safetensors");
    int64_t n_params;
    const struct param *params = adapter_params(s->adapter, &n_params);
    double worst = 0;
    assert_int_equal(tensor_file_count(f), n_params);
    for (int64_t i = 0; i < n_params; i++) {
        const struct tensor *t;
        assert_ok(tensor_file_need(f, params[i].name, params[i].n_dims, params[i].shape, &t));
        double largest = 0, difference = 0;
        for (int64_t j = 0; j < t->count; j++) {
            double want = f64 ? ((const double *)t->data)[j] : (double)((const float *)t->data)[j];
            largest = fmax(largest, fabs(want));
            difference = fmax(difference, fabs((double)params[i].gradient[j] - want));
        }
        worst = fmax(worst, difference / largest);
    }
    tensor_file_close(f);
    return worst;
}

static void check_golden(const char *dir, struct recompute recompute) {
    struct subject s;
    char path[600];
    json_t *losses;
    double want, sum;
    int64_t trained;
    snprintf(path, sizeof path, "%s/lora", dir);
    subject_open(&s, dir, dir, path, recompute);
    snprintf(path, sizeof path, "%s/lora/loss.json", dir);
    assert_ok(json_parse_file(path, &losses));
    assert_ok(json_need_number(losses, "loss_mean_f64", &want));
    const struct model_call call = {.batch = &s.batch};
    assert_ok(model_zero_gradients(&s.model));
    assert_ok(model_forward(&s.model, &call));
    double logits = compare_logits(&s, dir);
    assert_ok(model_loss(&s.model, &call, 1 / (double)s.batch.n, &sum, &trained, NULL));
    assert_ok(model_backward(&s.model, &call));
    assert_ok(model_finish_gradients(&s.model));
    double gradients = compare_gradients(&s, dir);
    double loss = fabs(sum / (double)trained - want);
    print_message("%s lora: loss %.2g, logits %.2g, gradients %.2g of the largest\n",
                  strrchr(dir, '/') + 1, loss, logits, gradients);
    assert_int_equal(trained, s.batch.n);
    assert_true(loss < 1e-4);
    assert_true(logits < 3e-4);
    assert_true(gradients < 1e-4);
    json_decref(losses);
    subject_close(&s);
}

/* The merged folder, opened without an adapter, against the same golden logits. */
static void check_merged(const char *dir) {
    struct subject s;
    char path[600], merged[100];
    const char *folder = test_folder();
    snprintf(path, sizeof path, "%s/lora", dir);
    snprintf(merged, sizeof merged, "%s/merged", folder);
    subject_open(&s, dir, dir, path, (struct recompute){0});
    assert_ok(adapter_save_merged(&s.model, s.adapter, dir, merged));
    assert_fails(adapter_save_merged(&s.model, s.adapter, dir, merged), ERR_EXISTS, "merged");
    subject_close(&s);
    subject_open(&s, merged, dir, NULL, (struct recompute){0});
    const struct model_call call = {.batch = &s.batch};
    assert_ok(model_forward(&s.model, &call));
    double logits = compare_logits(&s, dir);
    print_message("%s merged: logits %.2g\n", strrchr(dir, '/') + 1, logits);
    subject_close(&s);
    test_folder_remove(folder);
    assert_true(logits < 5e-4); /* 3e-4 and 2e-4 */
}

static void test_nano(void **state) {
    (void)state;
    check_golden(NANO, (struct recompute){0});
    check_golden(NANO, all_made_again);
    check_merged(NANO);
}

static void test_micro(void **state) {
    (void)state;
    char path[600];
    const char *set = getenv("COTRAIN_SHARED");
    snprintf(path, sizeof path, "%s/golden/micro", set && *set ? set : SOURCE_DIR "/../shared");
    if (!dir_exists(path)) {
        print_message("skipped: no folder of shared golden files\n");
        skip();
    }
    check_golden(path, all_made_again);
    check_golden(
        path, (struct recompute){0}); /* its weights are bf16, so merging rounds: see test_merge */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nano), cmocka_unit_test(test_micro)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
