/* SPDX-License-Identifier: Apache-2.0
 * Twenty AdamW steps against the golden trajectories: full fine-tuning with both weight-decay
 * rules, without a mask, and LoRA. Losses and norms are compared with the double precision run of
 * the released code; tolerances are those that the golden files suggest (losses 1e-3, gradient
 * norms 2e-3 relative), and the worst values found are printed.
 *     test_golden_trajectory [DEVICE]
 * Read next: tests/unit/trainer/fixture.h. */
#include "tests/unit/trainer/fixture.h"

#include <math.h>

struct golden_run {
    const char *name;
    bool full, masked;
    const char *decay_rule;
};
static const struct golden_run golden_runs[] = {
    {"full_2d_only", true, true, "2d"},
    {"full_megatron", true, true, "megatron"},
    {"full_2d_only_unmasked", true, false, "2d"},
    {"lora_2d_only", false, true, "2d"},
};

static const char *device; /* NULL: this processor */

struct worst {
    double lr, loss, gradient, norm, value;
};

static double at(const json_t *list, int64_t i) {
    return json_number_value(json_array_get(list, (size_t)i));
}

static void larger(double *worst, double found) {
    if (!(found <= *worst)) *worst = found;
}

struct watch {
    const json_t *run;
    struct worst *worst;
};

static void watch_step(void *ctx, const struct train_report *report) {
    struct watch *w = ctx;
    const json_t *f64 = json_object_get(w->run, "f64");
    int64_t i = report->step - 1;
    double norm = at(json_object_get(f64, "grad_norm"), i);
    larger(&w->worst->lr, fabs(report->lr - at(json_object_get(w->run, "lr"), i)));
    larger(&w->worst->loss, fabs(report->loss - at(json_object_get(f64, "loss"), i)));
    larger(&w->worst->gradient, fabs(report->gradient_norm - norm) / norm);
}

/* A parameter's numbers, the caller's to free. */
static float *values_of(const struct fixture *f, const struct param *p) {
    float *values = mem_alloc((size_t)p->count, sizeof *values);
    assert_non_null(values);
    assert_ok(f->compute.backend->download((struct compute *)&f->compute, values, p->value,
                                           (size_t)p->count * sizeof *values));
    return values;
}

static double norm_of(const struct fixture *f, const struct param *p) {
    float *values = values_of(f, p);
    double sum = 0;
    for (int64_t i = 0; i < p->count; i++) sum += (double)values[i] * (double)values[i];
    mem_free(values);
    return sqrt(sum);
}

static void compare_norms(const struct fixture *f, const json_t *norms, struct worst *worst) {
    const char *key;
    json_t *value;
    assert_int_equal(json_object_size(norms), f->trainer.n_params);
    json_object_foreach((json_t *)norms, key, value) {
        char name[256];
        snprintf(name, sizeof name, f->adapter ? "base_model.model.%s.weight" : "%s", key);
        const struct param *p = fixture_param(f, name);
        if (!p) fail_msg("no parameter '%s'", name);
        larger(&worst->norm,
               fabs(norm_of(f, p) - json_number_value(value)) / json_number_value(value));
    }
}

/* Loss of each of the four batches with the final weights. */
static void compare_final_losses(struct fixture *f, const json_t *losses, struct worst *worst) {
    struct batch batch = {0};
    assert_ok(batch_init(&batch, 2 * GOLDEN_TOKENS));
    for (int64_t b = 0; b < 4; b++) {
        const struct model_call call = {.batch = &batch};
        double sum;
        int64_t trained;
        batch_clear(&batch);
        for (int64_t r = 2 * b; r < 2 * b + 2; r++)
            assert_ok(batch_add_row(&batch, GOLDEN_TOKENS, f->data.ids[r], f->data.targets[r], NULL,
                                    f->data.source.eod, ISOLATE_ATTENTION));
        assert_ok(model_forward(&f->model, &call));
        assert_ok(model_loss(&f->model, &call, 0, &sum, &trained, NULL));
        larger(&worst->loss, fabs(sum / (double)trained - at(losses, b)));
    }
    batch_release(&batch);
}

static void compare_values(const struct fixture *f, const char *path, struct worst *worst) {
    struct tensor_file *file;
    assert_ok(tensor_file_open(&file, path));
    for (int64_t i = 0; i < tensor_file_count(file); i++) {
        const struct tensor *t = tensor_file_at(file, i);
        const struct param *p = fixture_param(f, t->name);
        const double *want = t->data;
        double largest = 0, difference = 0;
        assert_non_null(p);
        float *values = values_of(f, p);
        for (int64_t j = 0; j < t->count; j++) {
            larger(&largest, fabs(want[j]));
            larger(&difference, fabs((double)values[j] - want[j]));
        }
        mem_free(values);
        larger(&worst->value, difference / largest);
    }
    tensor_file_close(file);
}

static void run_one(const char *model_dir, const struct golden_run *g, const json_t *run) {
    struct fixture f;
    struct worst worst = {0};
    struct watch watch = {run, &worst};
    struct train_result result;
    char adapter_dir[600], final_path[600];
    fixture_init(&f, model_dir);
    snprintf(adapter_dir, sizeof adapter_dir, "%s/lora", model_dir);
    if (!g->full) f.adapter_dir = adapter_dir;
    f.device = device;
    f.options.learning_rate = json_number_value(json_object_get(run, "max_lr"));
    f.options.weight_decay_rule = g->decay_rule;
    f.mask = g->masked ? LOSS_MASK_YUAN_HF : LOSS_MASK_ALL;
    f.run.dir = test_folder();
    f.run.ctx = &watch;
    f.run.on_step = watch_step;
    fixture_start(&f);
    assert_ok(trainer_run(&f.trainer, &result));
    assert_int_equal(result.n_steps, 20);
    compare_final_losses(&f, json_object_get(json_object_get(run, "f64"), "final_loss_per_batch"),
                         &worst);
    compare_norms(&f, json_object_get(run, "final_param_norm_f64"), &worst);
    snprintf(final_path, sizeof final_path, "%s/train_final_selected.f64.safetensors", model_dir);
    if (!strcmp(g->name, "full_2d_only") && file_exists(final_path))
        compare_values(&f, final_path, &worst);
    print_message("%s %s: loss %.2g, gradient norm %.2g relative, final norms %.2g relative, "
                  "final values %.2g of the largest\n",
                  strrchr(model_dir, '/') + 1, g->name, worst.loss, worst.gradient, worst.norm,
                  worst.value);
    fixture_stop(&f);
    test_folder_remove(f.run.dir);
    assert_true(worst.lr < 1e-15);
    assert_true(worst.loss < 1e-3);
    assert_true(worst.gradient < 2e-3);
    assert_true(worst.norm < 1e-4);
    assert_true(worst.value < 1e-3);
}

static void run_all(const char *model_dir) {
    char path[600];
    json_t *trajectory;
    int n_found = 0;
    snprintf(path, sizeof path, "%s/trajectory.json", model_dir);
    assert_ok(json_parse_file(path, &trajectory));
    for (size_t i = 0; i < sizeof golden_runs / sizeof golden_runs[0]; i++) {
        const json_t *run =
            json_object_get(json_object_get(trajectory, "runs"), golden_runs[i].name);
        if (!run) continue;
        run_one(model_dir, &golden_runs[i], run);
        n_found++;
    }
    assert_int_equal(n_found, json_object_size(json_object_get(trajectory, "runs")));
    json_decref(trajectory);
}

static void test_nano(void **state) {
    (void)state;
    run_all(GOLDEN_NANO);
}

static void test_micro(void **state) {
    (void)state;
    char path[600];
    if (!golden_shared()) {
        print_message("skipped: no folder of shared golden files\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/micro", golden_shared());
    run_all(path);
}

int main(int argc, char **argv) {
    if (argc > 1) device = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nano), cmocka_unit_test(test_micro)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
