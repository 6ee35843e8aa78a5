/* SPDX-License-Identifier: Apache-2.0
 * Quantised models: the folder that model_quantise writes, what its tensors are called, that it
 * computes the bits of its decoded weights and of a model quantised in memory, what is saved from
 * it; and folders with a missing, misshapen or lying part, refused with the tensor named.
 * Read next: test_config.c, tests/unit/compute/test_quant.c. */
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"

#include "base/json.h"
#include "base/hash.h"
#include "base/par.h"
#include "compute/quant.h"
#include "model/formats/safetensors.h"
#include "model/quantise.h"
#include <math.h>

enum { N = 9, LINEAR = 7, LAYERS = 2, OTHERS = 7 * LAYERS + 2 };

static char quantised_dir[300];

static void open_plain(struct model *m, const char *dir, struct compute *c) {
    assert_ok(compute_open(c, "cpu"));
    assert_ok(model_open(m, dir, c));
}

/* FOLDER/quantised from FOLDER/model. */
static const char *quantise_as(const char *type, enum dtype dtype, struct quantise_report *report) {
    struct compute c;
    struct model m;
    struct quantise_report unused;
    const char *dir = small_model(folder, NULL, dtype);
    snprintf(quantised_dir, sizeof quantised_dir, "%s/quantised", folder);
    assert_ok(dir_remove(quantised_dir));
    open_plain(&m, dir, &c);
    assert_ok(
        model_quantise(&m, quant_named(type), dir, quantised_dir, 0, report ? report : &unused));
    model_close(&m);
    compute_close(&c);
    return quantised_dir;
}

/* Logits of one row, the weights that are not trained held as asked for. */
static void row_logits(const char *dir, const char *weight_dtype, float *out) {
    struct small s = {0};
    struct batch b;
    int32_t ids[N];
    open_plain(&s.model, dir, &s.compute);
    assert_ok(
        model_plan(&s.model, &s.plan,
                   &(struct model_plan_options){.max_tokens = N, .weight_dtype = weight_dtype}));
    assert_ok(plan_allocate(&s.plan, &s.compute));
    assert_ok(model_start(&s.model, &s.plan));
    assert_ok(batch_init(&b, N));
    small_document(1, N, ids);
    assert_ok(batch_add_row(&b, N, ids, NULL, NULL, SMALL_EOD, ISOLATE_ALL));
    assert_ok(model_forward(&s.model, &(struct model_call){.batch = &b}));
    assert_ok(model_logits(&s.model, 0, N, out));
    batch_release(&b);
    small_close(&s);
}

static void names_and_report(void **state) {
    (void)state;
    struct quantise_report r;
    struct tensor_file *f;
    struct model m;
    int64_t bytes = 0;
    const char *dir = quantise_as("nf4", DTYPE_F32, &r);
    assert_ok(tensor_file_open_dir(&f, dir, "model"));
    assert_int_equal(tensor_file_count(f), OTHERS + LAYERS * LINEAR * 6);
    static const char *const suffixes[] = {"",
                                           ".absmax",
                                           ".nested_absmax",
                                           ".nested_quant_map",
                                           ".quant_map",
                                           ".quant_state.bitsandbytes__nf4"};
    static const enum dtype dtypes[] = {DTYPE_U8,  DTYPE_U8,  DTYPE_F32,
                                        DTYPE_F32, DTYPE_F32, DTYPE_U8};
    static const int64_t counts[] = {24 * 36 / 2, 14, 1, 256, 16, 192};
    for (int i = 0; i < 6; i++) {
        char name[100];
        snprintf(name, sizeof name, "model.layers.1.mlp.down_proj.weight%s", suffixes[i]);
        const struct tensor *t = tensor_file_find(f, name);
        assert_non_null(t);
        assert_int_equal(t->dtype, dtypes[i]);
        assert_int_equal(t->count, counts[i]);
    }
    for (int64_t i = 0; i < tensor_file_count(f); i++)
        bytes += tensor_file_at(f, i)->count * dtype_bytes(tensor_file_at(f, i)->dtype);
    assert_int_equal(r.bytes_after, bytes);
    assert_int_equal(tensor_file_find(f, "model.embed_tokens.weight")->dtype, DTYPE_BF16);
    assert_int_equal(tensor_file_find(f, "model.layers.0.self_attn.lf_gate.conv1.weight")->dtype,
                     DTYPE_BF16);
    tensor_file_close(f);
    assert_int_equal(r.n_kinds, LINEAR);
    for (int i = 0; i < LINEAR; i++) {
        const double mean = r.kinds[i].sum_error / r.kinds[i].sum_weights;
        assert_true(mean > 0.05 && mean < 0.15 && r.kinds[i].largest < 0.17);
    }
    assert_ok(model_open(&m, dir, NULL));
    assert_string_equal(json_string_value(json_object_get(m.config.json, "torch_dtype")),
                        "bfloat16");
    assert_ptr_equal(m.config.quant, &nf4_quant);
    for (int64_t i = 0; i < m.n_params; i++)
        assert_int_equal(m.params[i].dtype, m.params[i].linear ? DTYPE_NF4 : DTYPE_BF16);
    model_close(&m);
}

/* The folder in place, its decoded weights in fp32, and the base quantised in memory. */
static void same_bits(void **state) {
    (void)state;
    static const enum dtype bases[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    float want[N * SMALL_V], got[N * SMALL_V], base[N * SMALL_V];
    for (int q = 0; q < n_quants; q++)
        for (int b = 0; b < 3; b++) {
            const char *dir = quantise_as(quants[q]->name, bases[b], NULL);
            row_logits(dir, NULL, want);
            row_logits(dir, "f32", got);
            assert_memory_equal(want, got, sizeof want);
            snprintf(quantised_dir, sizeof quantised_dir, "%s/model", folder);
            row_logits(quantised_dir, quants[q]->name, got);
            assert_memory_equal(want, got, sizeof want);
            row_logits(quantised_dir, NULL, base);
            assert_true(memcmp(base, want, sizeof base) != 0);
        }
}

static void narrowed_in_memory(void **state) {
    (void)state;
    float want[N * SMALL_V], got[N * SMALL_V];
    const char *dir = small_model(folder, NULL, DTYPE_F32);
    row_logits(dir, "bf16", got);
    /* The same weights as a bf16 checkpoint. */
    dir = small_model(folder, NULL, DTYPE_BF16);
    row_logits(dir, NULL, want);
    assert_memory_equal(want, got, sizeof want);
}

static void same_bytes(void **state) {
    (void)state;
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];
    for (int q = 0; q < n_quants; q++) {
        par_set_threads(1);
        assert_ok(sha256_dir(quantise_as(quants[q]->name, DTYPE_BF16, NULL), first));
        par_set_threads(3);
        assert_ok(sha256_dir(quantise_as(quants[q]->name, DTYPE_BF16, NULL), second));
        par_set_threads(2);
        assert_string_equal(first, second);
    }
}

static void not_trained(void **state) {
    (void)state;
    struct compute c;
    struct model m;
    struct plan plan = {0};
    const struct model_plan_options full = {.max_tokens = N, .train_base = true, .backward = true};
    const char *dir = quantise_as("nf4", DTYPE_BF16, NULL);
    open_plain(&m, dir, &c);
    assert_fails(model_plan(&m, &plan, &full), ERR_UNSUPPORTED,
                 "'model.layers.0.self_attn.q_proj.weight' is quantised (nf4) and cannot be");
    assert_non_null(strstr(err_hint(), "weight_dtype"));
    model_close(&m);
    plan_release(&plan);
    compute_close(&c);
}

/* Saved, a quantised weight is its decoded value in bf16, and the config says nothing of it. */
static void saved(void **state) {
    (void)state;
    char saved_dir[300];
    struct compute c;
    struct model m, after;
    const char *dir = quantise_as("nf4", DTYPE_BF16, NULL);
    snprintf(saved_dir, sizeof saved_dir, "%s/saved", folder);
    assert_ok(dir_make(saved_dir));
    open_plain(&m, dir, &c);
    assert_ok(model_save(&m, saved_dir, 0, NULL));
    assert_ok(model_open(&after, saved_dir, &c));
    assert_null(json_object_get(after.config.json, "quantization_config"));
    for (int64_t i = 0; i < m.n_params; i++) {
        const struct param *p = &m.params[i];
        float decoded[SMALL_V * 24];
        uint16_t want[SMALL_V * 24];
        assert_true(p->count <= SMALL_V * 24);
        weights_to_f32(p->stored, p->dtype, 0, p->count, decoded);
        dtype_from_f32(decoded, p->count, DTYPE_BF16, want);
        assert_int_equal(after.params[i].dtype, DTYPE_BF16);
        assert_memory_equal(after.params[i].stored, want, (size_t)p->count * sizeof *want);
    }
    model_close(&after);
    model_close(&m);
    compute_close(&c);
}

static void refused_to_quantise(void **state) {
    (void)state;
    struct compute c;
    struct model m;
    struct quantise_report r;
    char other[300];
    const char *dir = quantise_as("nf4", DTYPE_F32, NULL);
    snprintf(other, sizeof other, "%s/other", folder);
    open_plain(&m, dir, &c);
    assert_fails(model_quantise(&m, &int8_quant, dir, other, 0, &r), ERR_UNSUPPORTED,
                 "is quantised already (nf4)");
    model_close(&m);
    assert_ok(model_open(&m, small_model(folder, NULL, DTYPE_F32), &c));
    assert_fails(model_quantise(&m, &nf4_quant, dir, dir, 0, &r), ERR_EXISTS, "there already");
    float bad[24 * 24];
    const void *kept = NULL;
    for (int64_t i = 0; i < m.n_params; i++) {
        if (strcmp(m.params[i].name, "model.layers.1.self_attn.v_proj.weight") != 0) continue;
        kept = m.params[i].stored;
        memcpy(bad, kept, sizeof bad);
        bad[30] = NAN;
        m.params[i].stored = bad;
    }
    assert_non_null(kept);
    assert_fails(model_quantise(&m, &nf4_quant, dir, other, 0, &r), ERR_NUMERIC,
                 "'model.layers.1.self_attn.v_proj.weight': row 1, column 6 is nan");
    assert_false(file_exists(other));
    model_close(&m);
    compute_close(&c);
}

/* ---- folders that lie ---- */

struct damage {
    const char *what;     /* tensor */
    const char *new_name; /* NULL: it is left out */
    enum dtype dtype;     /* DTYPE_COUNT: as it is */
    int64_t cut;          /* elements that it has less */
    err code;
    const char *message;
};
#define DOWN "model.layers.1.mlp.down_proj.weight"
#define STATE ".quant_state.bitsandbytes__nf4"

static void write_damaged(const struct damage *d) {
    struct tensor_file *f;
    struct tensor list[200];
    char file[400];
    int64_t n = 0;
    assert_ok(tensor_file_open_dir(&f, quantised_dir, "model"));
    for (int64_t i = 0; i < tensor_file_count(f); i++) {
        struct tensor *t = &list[n];
        *t = *tensor_file_at(f, i);
        if (strcmp(t->name, d->what) == 0) {
            if (!d->new_name) continue;
            t->name = d->new_name;
            if (d->dtype != DTYPE_COUNT) t->dtype = d->dtype;
            t->shape[0] -= d->cut;
            t->count -= d->cut;
        }
        n++;
    }
    snprintf(file, sizeof file, "%s/model.safetensors", quantised_dir);
    assert_ok(safetensors_write(file, list, n));
    tensor_file_close(f);
}

static void damaged_parts(void **state) {
    (void)state;
    static const struct damage cases[] = {
        {DOWN ".absmax", NULL, DTYPE_COUNT, 0, ERR_MISSING, "no tensor '" DOWN ".absmax'"},
        {DOWN ".quant_map", NULL, DTYPE_COUNT, 0, ERR_MISSING, "no tensor '" DOWN ".quant_map'"},
        {DOWN STATE, NULL, DTYPE_COUNT, 0, ERR_MISSING, "no tensor '" DOWN STATE "'"},
        {DOWN, NULL, DTYPE_COUNT, 0, ERR_MISSING, "no tensor '" DOWN "'"},
        {DOWN, DOWN, DTYPE_COUNT, 1, ERR_MISMATCH, "'" DOWN "' has shape [431,1] where [432,1]"},
        {DOWN ".absmax", DOWN ".absmax", DTYPE_COUNT, 1, ERR_MISMATCH,
         "'" DOWN ".absmax' has shape [13] where [14]"},
        {DOWN ".absmax", DOWN ".absmax", DTYPE_BOOL, 0, ERR_MISMATCH,
         "'" DOWN ".absmax' is BOOL where U8 is needed"},
        {DOWN ".nested_absmax", DOWN ".nested_absmax", DTYPE_I32, 0, ERR_MISMATCH,
         "'" DOWN ".nested_absmax' is I32 where F32 is needed"},
        {DOWN STATE, DOWN STATE, DTYPE_COUNT, 150, ERR_PARSE, "'" DOWN "'"},
        {DOWN ".absmax", DOWN ".absmin", DTYPE_COUNT, 0, ERR_MISSING, ".absmax'"},
        {"model.norm.weight", "model.norm.weight.absmax", DTYPE_COUNT, 0, ERR_MISSING,
         "no tensor 'model.norm.weight'"},
    };
    struct model m;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        quantise_as("nf4", DTYPE_BF16, NULL);
        write_damaged(&cases[i]);
        assert_fails(model_open(&m, quantised_dir, NULL), cases[i].code, cases[i].message);
        assert_non_null(strstr(err_message(), "model.safetensors"));
    }
}

/* One more part where no quantised weight is, and a config that does not say what the file holds.
 * */
static void parts_without_a_place(void **state) {
    (void)state;
    char file[400];
    struct tensor_file *f;
    struct tensor list[200];
    struct model m;
    int64_t n = 0;
    quantise_as("nf4", DTYPE_BF16, NULL);
    assert_ok(tensor_file_open_dir(&f, quantised_dir, "model"));
    for (; n < tensor_file_count(f); n++) list[n] = *tensor_file_at(f, n);
    list[n] = *tensor_file_find(f, DOWN ".absmax");
    list[n++].name = "model.norm.weight.absmax";
    snprintf(file, sizeof file, "%s/model.safetensors", quantised_dir);
    assert_ok(safetensors_write(file, list, n));
    tensor_file_close(f);
    assert_fails(model_open(&m, quantised_dir, NULL), ERR_MISMATCH,
                 "'model.norm.weight.absmax' has no place");
    quantise_as("nf4", DTYPE_BF16, NULL);
    snprintf(file, sizeof file, "%s/config.json", quantised_dir);
    small_config(file, NULL);
    assert_fails(model_open(&m, quantised_dir, NULL), ERR_MISMATCH,
                 "'model.layers.0.self_attn.q_proj.weight' has shape [288,1]");
}

static void configs(void **state) {
    (void)state;
#define BNB "\"quant_method\": \"bitsandbytes\", \"load_in_4bit\": true, "
#define NF4 "\"bnb_4bit_quant_type\": \"nf4\", \"bnb_4bit_use_double_quant\": true"
    static const struct {
        const char *config, *message;
        err code;
    } cases[] = {
        {"{" BNB NF4 "}", NULL, ERR_OK},
        {"{" BNB NF4 ", \"bnb_4bit_compute_dtype\": \"float16\", \"llm_int8_skip_modules\": null, "
         "\"load_in_8bit\": false}",
         NULL, ERR_OK},
        {"{\"quant_method\": \"cotrain\", \"type\": \"int8\", \"block_size\": 64}", NULL, ERR_OK},
        {"null", NULL, ERR_OK},
        {"{" BNB NF4 ", \"load_in_8bit\": true}", "'load_in_8bit': only false", ERR_UNSUPPORTED},
        {"{" BNB NF4 ", \"bnb_4bit_quant_storage\": \"bfloat16\"}", "'bnb_4bit_quant_storage'",
         ERR_UNSUPPORTED},
        {"{" BNB "\"bnb_4bit_quant_type\": \"nf4\"}", "no 'bnb_4bit_use_double_quant'",
         ERR_MISSING},
        {"{" BNB "\"bnb_4bit_quant_type\": \"fp4\", \"bnb_4bit_use_double_quant\": true}",
         "'bnb_4bit_quant_type': only \"nf4\"", ERR_UNSUPPORTED},
        {"{" BNB NF4 ", \"zeros\": 1}", "'zeros' is not handled", ERR_UNSUPPORTED},
        {"{\"quant_method\": \"gptq\", \"bits\": 4}", "'quant_method' is 'gptq'", ERR_UNSUPPORTED},
        {"{\"bits\": 4}", "quant_method", ERR_PARSE},
        {"{\"quant_method\": \"cotrain\", \"type\": \"int8\", \"block_size\": 32}",
         "'block_size': only 64", ERR_UNSUPPORTED},
        {"\"nf4\"", "not an object", ERR_PARSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[300], change[400];
        struct model_config c;
        snprintf(path, sizeof path, "%s/given.json", folder);
        snprintf(change, sizeof change, "\"quantization_config\": %s", cases[i].config);
        small_config(path, change);
        if (cases[i].code == ERR_OK) {
            assert_ok(model_config_read(&c, path));
            model_config_release(&c);
            continue;
        }
        assert_fails(model_config_read(&c, path), cases[i].code, cases[i].message);
        assert_non_null(strstr(err_message(), "'quantization_config'"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(names_and_report),      FOLDER_TEST(same_bits),
        FOLDER_TEST(narrowed_in_memory),    FOLDER_TEST(same_bytes),
        FOLDER_TEST(not_trained),           FOLDER_TEST(saved),
        FOLDER_TEST(refused_to_quantise),   FOLDER_TEST(damaged_parts),
        FOLDER_TEST(parts_without_a_place), FOLDER_TEST(configs)};
    return cmocka_run_group_tests_name("quantised", tests, NULL, NULL);
}
