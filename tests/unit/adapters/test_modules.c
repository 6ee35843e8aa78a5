/* SPDX-License-Identifier: Apache-2.0
 * modules_to_save: which parameters a name means, that they are trained beside the adapter with the
 * gradients of full fine-tuning, travel in its folder under plain names, take the place of the
 * base's when it is opened, go into what is merged, and come back bit for bit when a run goes on;
 * and what is refused.
 * Read next: adapters/modules.c. */
#include "tests/unit/adapters/slopes.h"

#include "adapters/adapter_int.h"
#include "model/init.h"

static const char *folder;
static char base_dir[100];

/* A fresh model of golden nano's shape with a head of its own, and nano's training rows. */
static int before(void **state) {
    struct model_config config;
    char to[200];
    json_t *value;
    (void)state;
    folder = test_folder();
    snprintf(base_dir, sizeof base_dir, "%s/base", folder);
    snprintf(to, sizeof to, "%s/config.json", folder);
    assert_ok(json_parse_file(GOLDEN_NANO "/config.json", &value));
    assert_ok(json_put(value, "tie_word_embeddings", json_false()));
    assert_ok(json_put(value, "initializer_range", json_real(0.2)));
    assert_ok(json_write_file(to, value));
    json_decref(value);
    assert_ok(model_config_read(&config, to));
    assert_ok(model_init_write(&config, 1, DTYPE_BF16, base_dir));
    model_config_release(&config);
    snprintf(to, sizeof to, "%s/train_batches.safetensors", base_dir);
    assert_ok(file_copy(GOLDEN_NANO "/train_batches.safetensors", to));
    return 0;
}

static int after(void **state) {
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static const char *const some[] = {"lm_head", "embed_tokens", "lf_gate.output_layernorm"};

static void settings(struct fixture *f, const char *const *modules, int64_t n) {
    fixture_init(f, base_dir);
    f->adapter_options.type = "lora";
    f->adapter_options.r = 2;
    f->adapter_options.target_modules.items[0] = "q_proj";
    f->adapter_options.modules_to_save = (struct opt_list){(const char **)modules, n};
    f->mask = LOSS_MASK_ALL;
}

static int64_t n_marked(const char *name) {
    struct fixture f;
    settings(&f, &name, 1);
    fixture_start(&f);
    const int64_t n = f.adapter->n_modules;
    assert_int_equal(f.trainer.n_params, 2 * 2 + n);
    fixture_stop(&f);
    return n;
}

/* A path's end, as PEFT has it; two layers. */
static void test_names(void **state) {
    (void)state;
    assert_int_equal(n_marked("lm_head"), 1);
    assert_int_equal(n_marked("embed_tokens"), 1);
    assert_int_equal(n_marked("model.norm"), 1);
    assert_int_equal(n_marked("norm"), 1 + 2 * 3); /* the layers' norms end so too */
    assert_int_equal(n_marked("conv1"), 2 * 2);    /* weight and bias */
    assert_int_equal(n_marked("lf_gate"), 2 * 5);
    assert_int_equal(n_marked("layers.1.mlp"), 3);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool tied;
        err code;
        const char *part;
    } cases[] = {
        {"q_proj", false, ERR_UNSUPPORTED, "adapts 'model.layers.0.self_attn.q_proj'"},
        {"self_attn", false, ERR_UNSUPPORTED, "adapts"},
        {"layers.0", false, ERR_UNSUPPORTED, "adapts"},
        {"classifier", false, ERR_MISSING, "'classifier', which is not in the model"},
        {"q_proj.weight", false, ERR_MISSING, "'q_proj.weight'"}, /* no module */
        {"embed_tokens", true, ERR_UNSUPPORTED, "which is the head too"},
        {"lm_head", true, ERR_MISSING, "'lm_head'"},
    };
    struct compute compute;
    assert_ok(compute_open(&compute, NULL));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model model;
        struct adapter *a;
        const char *targets[] = {"q_proj"}, *modules[] = {cases[i].name};
        const struct adapter_options o = {.type = "lora",
                                          .r = 2,
                                          .lora_alpha = 2,
                                          .target_modules = {targets, 1},
                                          .modules_to_save = {modules, 1}};
        assert_ok(model_open(&model, cases[i].tied ? GOLDEN_NANO : base_dir, &compute));
        assert_fails(adapter_new(&a, &model, &o, 1), cases[i].code, cases[i].part);
        assert_null(a);
        for (int64_t p = 0; p < model.n_params; p++) assert_false(model.params[p].trained);
        model_close(&model);
    }
    compute_close(&compute);
}

/* What train.freeze takes away cannot be saved as trained. */
static void test_frozen(void **state) {
    (void)state;
    struct fixture f;
    struct plan plan = {0};
    settings(&f, some, 3);
    fixture_start(&f);
    f.adapter->modules[0].param->trained = false;
    assert_fails(adapter_plan(f.adapter, &plan, true), ERR_UNSUPPORTED, "modules_to_save");
    plan_release(&plan);
    fixture_stop(&f);
}

/* The gradient of a saved module is the one of full fine-tuning at the start, where the adapter
 * adds nothing. */
static void test_gradients(void **state) {
    (void)state;
    struct fixture full, with;
    struct batch batch = {0};
    settings(&full, NULL, 0);
    full.adapter_options.type = "none";
    fixture_start(&full);
    settings(&with, some, 3);
    fixture_start(&with);
    two_rows(&full, &batch);
    const struct model_call call = {.batch = &batch};
    assert_ok(model_zero_gradients(&full.model));
    assert_ok(model_zero_gradients(&with.model));
    mean_loss(&full, &call, true);
    mean_loss(&with, &call, true);
    assert_int_equal(with.adapter->n_modules, 4);
    for (int64_t i = 0; i < with.adapter->n_modules; i++) {
        const struct param *p = with.adapter->modules[i].param;
        const struct param *q = &full.model.params[p - with.model.params];
        assert_memory_equal(p->gradient, q->gradient, (size_t)p->count * sizeof(float));
    }
    batch_release(&batch);
    fixture_stop(&full);
    fixture_stop(&with);
}

/* ---- a run, and what is left of it ---- */

struct stopper {
    int64_t at, seen;
};

static void count_step(void *ctx, const struct train_report *report) {
    ((struct stopper *)ctx)->seen = report->step;
}

static bool stop_there(void *ctx) {
    const struct stopper *s = ctx;
    return s->at > 0 && s->seen == s->at;
}

struct left {
    char digest[SHA256_HEX_SIZE];
    char adapter[200], merged[200];
    float *logits; /* of two rows, after the last step */
    int64_t n;
};

static float *two_row_logits(struct fixture *f, int64_t *out_n) {
    struct batch batch = {0};
    two_rows(f, &batch);
    const struct model_call call = {.batch = &batch};
    *out_n = batch.n * f->model.config.vocab_size;
    float *logits = mem_alloc((size_t)*out_n, sizeof *logits);
    assert_non_null(logits);
    assert_ok(model_forward(&f->model, &call));
    assert_ok(model_logits(&f->model, 0, batch.n, logits));
    batch_release(&batch);
    return logits;
}

static void run(const char *name, int64_t stop_at, bool resume, struct left *left) {
    struct fixture f;
    struct stopper stopper = {stop_at, 0};
    struct train_result result = {0};
    char dir[160];
    snprintf(dir, sizeof dir, "%s/%s", folder, name);
    settings(&f, some, 3);
    f.n_steps = 4;
    f.options.warmup_steps = 1;
    f.run.dir = dir;
    f.run.resume = resume;
    f.run.ctx = &stopper;
    f.run.on_step = count_step;
    f.run.should_stop = stop_there;
    fixture_start(&f);
    err e = trainer_run(&f.trainer, &result);
    if (e != (stop_at ? ERR_STOPPED : ERR_OK)) fail_msg("%s: %s", err_name(e), err_message());
    if (left) {
        memcpy(left->digest, result.digest, sizeof left->digest);
        snprintf(left->adapter, sizeof left->adapter, "%s/adapter", dir);
        snprintf(left->merged, sizeof left->merged, "%s/merged", dir);
        left->logits = two_row_logits(&f, &left->n);
        assert_ok(dir_make(left->adapter));
        assert_ok(adapter_save(f.adapter, left->adapter, "base"));
        assert_ok(adapter_save_merged(&f.model, f.adapter, base_dir, left->merged));
    }
    fixture_stop(&f);
}

static void check_folder(const char *dir) {
    static const char *const wanted[] = {
        "base_model.model.lm_head.weight",
        "base_model.model.model.embed_tokens.weight",
        "base_model.model.model.layers.0.self_attn.lf_gate.output_layernorm.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
        "base_model.model.model.layers.1.self_attn.lf_gate.output_layernorm.weight",
        "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"};
    struct tensor_file *f;
    char path[300];
    json_t *config, *list;
    assert_ok(tensor_file_open_dir(&f, dir, "adapter_model"));
    assert_int_equal(tensor_file_count(f), 8);
    for (int i = 0; i < 8; i++) assert_string_equal(tensor_file_at(f, i)->name, wanted[i]);
    tensor_file_close(f);
    snprintf(path, sizeof path, "%s/adapter_config.json", dir);
    assert_ok(json_parse_file(path, &config));
    assert_ok(json_need_array(config, "modules_to_save", &list));
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(json_string_value(json_array_get(list, 0)), "lm_head");
    json_decref(config);
}

static void test_run(void **state) {
    (void)state;
    struct fixture f;
    struct left whole, resumed;
    int64_t n;
    run("whole", 0, false, &whole);
    run("parts", 2, false, NULL);
    run("parts", 0, true, &resumed);
    assert_string_equal(whole.digest, resumed.digest);
    assert_memory_equal(whole.logits, resumed.logits, (size_t)whole.n * sizeof(float));
    check_folder(whole.adapter);
    for (int merged = 0; merged < 2; merged++) {
        fixture_init(&f, base_dir);
        if (merged)
            f.model_dir = whole.merged;
        else
            f.adapter_dir = whole.adapter;
        f.mask = LOSS_MASK_ALL;
        if (merged) { /* the rows that golden_source_open reads */
            char to[300];
            snprintf(to, sizeof to, "%s/train_batches.safetensors", whole.merged);
            if (!file_exists(to))
                assert_ok(file_copy(GOLDEN_NANO "/train_batches.safetensors", to));
        }
        fixture_start(&f);
        float *logits = two_row_logits(&f, &n);
        double worst = 0, largest = 0;
        for (int64_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs((double)logits[i] - (double)whole.logits[i]));
            largest = fmax(largest, fabs((double)logits[i]));
        }
        print_message("%s: off by %.2g where logits reach %.2g\n", merged ? "merged" : "opened",
                      worst, largest);
        if (!merged) assert_true(worst == 0);
        /* every weight that changed was rounded to bf16 */
        assert_true(worst < 0x1p-8 * 8 * largest);
        mem_free(logits);
        fixture_stop(&f);
    }
    mem_free(whole.logits);
    mem_free(resumed.logits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_refused), cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_run)};
    return cmocka_run_group_tests(tests, before, after);
}
