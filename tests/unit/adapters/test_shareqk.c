/* SPDX-License-Identifier: Apache-2.0
 * LoRA on a share-qk model, whose queries and keys come from one module, qk_proj: what the targets
 * stand for, the loss and the gradients of every A and B against a plain model in double precision
 * with W + s B A for each W, and the folder that PEFT reads.
 * Tolerances are the golden files': loss 1e-4, LoRA gradients 1e-4 of each tensor's largest.
 * Read next: tests/unit/model/plain.h, adapters/lora.c. */
#include "adapters/adapter.h"
#include "base/json.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/plain.h"
#include "tests/unit/model/small.h"

enum { N = 16, CHECKED = 12, RANK = 3 };
static const double ALPHA = 6;

struct subject {
    struct small s;
    struct adapter *adapter;
    struct param *params;
    int64_t n_params;
};

static void subject_open(struct subject *k, const char *target) {
    const char *dir = small_model(folder, "\"use_shareqk\": true", DTYPE_F32);
    const char *targets[] = {target};
    const struct adapter_options options = {
        .type = "lora", .r = RANK, .lora_alpha = ALPHA, .target_modules = {targets, 1}};
    struct model *m = &k->s.model;
    *k = (struct subject){0};
    assert_ok(compute_open(&k->s.compute, NULL));
    assert_ok(model_open(m, dir, &k->s.compute));
    assert_ok(adapter_new(&k->adapter, m, &options, 1));
    assert_ok(model_plan(
        m, &k->s.plan,
        &(struct model_plan_options){.max_tokens = N, .backward = true, .train_base = true}));
    assert_ok(adapter_plan(k->adapter, &k->s.plan, true));
    assert_ok(plan_allocate(&k->s.plan, &k->s.compute));
    assert_ok(model_start(m, &k->s.plan));
    assert_ok(adapter_start(k->adapter, &k->s.plan));
    k->params = adapter_params(k->adapter, &k->n_params);
    for (int64_t i = 0; i < k->n_params; i++) { /* B away from 0, or A has no gradient */
        const struct rng rng = {.seed = 3, .purpose = RNG_TEST, .step = (uint64_t)i};
        for (int64_t j = 0; j < k->params[i].count; j++)
            k->params[i].value[j] = (float)(0.3 * rng_normal(&rng, (uint64_t)j));
    }
}

static void subject_close(struct subject *k) {
    adapter_free(k->adapter);
    small_close(&k->s);
}

/* The plain weights with the adapter added; `values` are the A and B of each site. */
static void merge(const struct subject *k, double *const *values, struct plain *plain) {
    const size_t before = strlen("base_model.model."), behind = strlen(".lora_A.weight");
    for (int64_t i = 0; i < k->n_params; i += 2) {
        const struct param *a = &k->params[i], *b = &k->params[i + 1];
        char name[200];
        snprintf(name, sizeof name, "%.*s.weight", (int)(strlen(a->name) - before - behind),
                 a->name + before);
        double *w = plain_at(plain, name);
        const int64_t in = a->shape[1], out = b->shape[0];
        for (int64_t j = 0; j < plain->model->n_params; j++) /* as it was */
            for (int64_t e = 0; plain->values[j] == w && e < out * in; e++)
                w[e] = (double)plain->model->params[j].value[e];
        for (int64_t o = 0; o < out; o++)
            for (int64_t r = 0; r < RANK; r++)
                for (int64_t e = 0; e < in; e++)
                    w[o * in + e] +=
                        ALPHA / RANK * values[i + 1][o * RANK + r] * values[i][r * in + e];
    }
}

static double merged_loss(const struct subject *k, double *const *values, struct plain *plain,
                          const int32_t *text) {
    merge(k, values, plain);
    return plain_loss(plain, text, text + 1, N, NULL);
}

static double run_step(struct subject *k, const int32_t *text) {
    struct batch batch;
    const struct model_call call = {.batch = &batch};
    double sum;
    int64_t trained;
    assert_ok(batch_init(&batch, N));
    assert_ok(batch_add_row(&batch, N, text, text + 1, NULL, SMALL_EOD, ISOLATE_ALL));
    assert_ok(model_zero_gradients(&k->s.model));
    assert_ok(model_forward(&k->s.model, &call));
    assert_ok(model_loss(&k->s.model, &call, 1.0 / N, &sum, &trained, NULL));
    assert_ok(model_backward(&k->s.model, &call));
    assert_ok(model_finish_gradients(&k->s.model));
    batch_release(&batch);
    return sum / N;
}

static void numbers(void **state) {
    (void)state;
    struct subject k;
    struct plain plain;
    double *values[64];
    int32_t text[N + 1];
    const double step = 1e-5;
    subject_open(&k, "all");
    plain_open(&plain, &k.s.model);
    small_document(1, N + 1, text);
    assert_int_equal(k.n_params, 2 * 2 * 6);
    for (int64_t i = 0; i < k.n_params; i++) {
        values[i] = plain_room(&plain.arena, k.params[i].count);
        for (int64_t j = 0; j < k.params[i].count; j++) values[i][j] = (double)k.params[i].value[j];
    }
    double loss = run_step(&k, text);
    assert_true(fabs(loss - merged_loss(&k, values, &plain, text)) < 1e-4);
    for (int64_t i = 0; i < k.n_params; i++) {
        const struct param *p = &k.params[i];
        double largest = 0, worst = 0;
        for (int64_t j = 0; j < p->count; j++)
            largest = fmax(largest, fabs((double)p->gradient[j]));
        for (int64_t j = 0; j < p->count; j += p->count / CHECKED + 1) {
            double at = values[i][j];
            values[i][j] = at + step;
            double above = merged_loss(&k, values, &plain, text);
            values[i][j] = at - step;
            double below = merged_loss(&k, values, &plain, text);
            values[i][j] = at;
            worst = fmax(worst, fabs((above - below) / (2 * step) - (double)p->gradient[j]));
        }
        if (!(largest > 1e-5 && worst <= 1e-4 * largest))
            fail_msg("%s: the gradient is off by %.3g, its largest number is %.3g", p->name, worst,
                     largest);
    }
    plain_close(&plain);
    subject_close(&k);
}

static int64_t n_params_of(const char *target) {
    struct subject k;
    subject_open(&k, target);
    int64_t n = k.n_params;
    subject_close(&k);
    return n;
}

/* Two layers, two tensors a site; without a filter `all` is `linear`. */
static void targets(void **state) {
    (void)state;
    assert_int_equal(n_params_of("all"), 2 * 2 * 6);
    assert_int_equal(n_params_of("linear"), 2 * 2 * 6);
    assert_int_equal(n_params_of("qk_proj"), 2 * 2);
    struct small s;
    const char *const names[] = {"q_proj"};
    const struct adapter_options options = {
        .type = "lora", .r = 2, .lora_alpha = 2, .target_modules = {(const char **)names, 1}};
    struct adapter *a;
    small_open(&s, small_model(folder, "\"use_shareqk\": true", DTYPE_F32), 0, false);
    assert_fails(adapter_new(&a, &s.model, &options, 1), ERR_MISSING, "'q_proj'");
    small_close(&s);
}

/* The folder names the modules that the model has, and comes back. */
static void saved_folder(void **state) {
    (void)state;
    struct subject k;
    struct adapter *again;
    char path[300];
    json_t *config, *list;
    subject_open(&k, "all");
    snprintf(path, sizeof path, "%s/adapter", folder);
    assert_ok(dir_make(path));
    assert_ok(adapter_save(k.adapter, path, "base"));
    adapter_free(k.adapter);
    k.adapter = NULL;
    assert_ok(adapter_open(&again, &k.s.model, path));
    adapter_free(again);
    snprintf(path, sizeof path, "%s/adapter/adapter_config.json", folder);
    assert_ok(json_parse_file(path, &config));
    assert_ok(json_need_array(config, "target_modules", &list));
    static const char *const want[] = {"qk_proj",   "v_proj",  "o_proj",
                                       "gate_proj", "up_proj", "down_proj"};
    assert_int_equal(json_array_size(list), 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(json_string_value(json_array_get(list, i)), want[i]);
    json_decref(config);
    subject_close(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {FOLDER_TEST(numbers), FOLDER_TEST(targets),
                                       FOLDER_TEST(saved_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
