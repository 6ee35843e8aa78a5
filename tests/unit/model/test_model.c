/* SPDX-License-Identifier: Apache-2.0
 * Opening, fresh weights, saving and decoding of whole models: files that do not fit their config,
 * ids that do not fit the vocabulary, folders that come back the same, decoders side by side.
 * Under test: model/model.h. */
#include "base/hash.h"
#include "base/par.h"
#include "model/formats/safetensors.h"
#include "model/generate.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"
#include <math.h>

static char path[300];

static const char *in_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void same_files(const char *a, const char *b) {
    char one[SHA256_HEX_SIZE], two[SHA256_HEX_SIZE];
    assert_ok(sha256_file(a, one));
    assert_ok(sha256_file(b, two));
    assert_string_equal(one, two);
}

static void fresh_weights(void **state) {
    (void)state;
    struct model m;
    const char *dir = small_model(folder, NULL, DTYPE_F32);
    assert_ok(model_open(&m, dir, NULL));
    for (int64_t i = 0; i < m.n_params; i++) {
        const struct param *p = &m.params[i];
        const float *w = p->stored;
        double squares = 0;
        bool norm = strstr(p->name, "norm.weight") != NULL, bias = strstr(p->name, ".bias") != NULL;
        bool output = strstr(p->name, "o_proj") != NULL || strstr(p->name, "down_proj") != NULL;
        for (int64_t k = 0; k < p->count; k++) {
            if (norm) assert_true(w[k] == 1);
            if (bias) assert_true(w[k] == 0);
            squares += (double)w[k] * (double)w[k];
        }
        if (norm || bias) continue;
        double deviation = sqrt(squares / (double)p->count), want = output ? 0.3 / 2 : 0.3;
        if (fabs(deviation / want - 1) > 5 / sqrt(2.0 * (double)p->count))
            fail_msg("%s: deviation %g", p->name, deviation);
    }
    model_close(&m);
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];
    assert_ok(sha256_dir(dir, first));
    assert_ok(sha256_dir(small_model(folder, NULL, DTYPE_F32), second)); /* made again */
    assert_string_equal(first, second);
    struct model_config config;
    assert_ok(model_config_read(&config, in_folder("given.json")));
    assert_fails(model_init_write(&config, 11, DTYPE_F32, dir), ERR_EXISTS, "model");
    assert_ok(model_init_write(&config, 12, DTYPE_F32, in_folder("other")));
    assert_ok(sha256_dir(in_folder("other"), second));
    assert_string_not_equal(first, second);
    model_config_release(&config);
}

/* A parameter larger than what is made at once, 80000 x 60: each number is its index's draw,
 * rounded, whatever the threads. */
static const char *large_embedding(enum dtype dtype, int threads) {
    json_t *json =
        json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f}", "vocab_size", 80000, "hidden_size",
                  60, "intermediate_size", 8, "num_hidden_layers", 1, "num_attention_heads", 3,
                  "max_position_embeddings", 8, "eod_token", 1, "initializer_range", 0.3);
    struct model_config config;
    const char *dir = in_folder("large");
    assert_ok(model_config_parse(&config, json));
    json_decref(json);
    assert_ok(dir_remove(dir));
    par_set_threads(threads);
    assert_ok(model_init_write(&config, 11, dtype, dir));
    par_set_threads(0);
    model_config_release(&config);
    return dir;
}

static void fresh_weights_in_pieces(void **state) {
    (void)state;
    static const enum dtype dtypes[] = {DTYPE_BF16, DTYPE_F16};
    static const char *const names[] = {"bfloat16", "float16"};
    const struct rng rng = {.seed = 11, .purpose = RNG_INIT, .step = 0}; /* the embedding's */
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];
    struct model m;
    for (int d = 0; d < 2; d++) {
        assert_ok(model_open(&m, large_embedding(dtypes[d], 3), NULL));
        assert_int_equal(m.params[0].count, 80000 * 60);
        for (int64_t i = 0; i < m.params[0].count; i += 997) {
            float want = (float)(0.3 * rng_normal(&rng, (uint64_t)i));
            uint16_t stored;
            dtype_from_f32(&want, 1, dtypes[d], &stored);
            assert_int_equal(((const uint16_t *)m.params[0].stored)[i], stored);
        }
        assert_string_equal(json_string_value(json_object_get(m.config.json, "torch_dtype")),
                            names[d]);
        model_close(&m);
    }
    assert_ok(sha256_dir(in_folder("large"), first));
    assert_ok(sha256_dir(large_embedding(DTYPE_F16, 1), second));
    assert_string_equal(first, second);
}

/* Writes model.safetensors anew with tensor `changed` left out, renamed or of another shape. */
static void damage(const char *dir, const char *changed, const char *new_name, int64_t rows) {
    struct tensor_file *f;
    struct tensor list[64];
    int64_t n = 0;
    char file[300];
    assert_ok(tensor_file_open_dir(&f, dir, "model"));
    for (int64_t i = 0; i < tensor_file_count(f); i++) {
        list[n] = *tensor_file_at(f, i);
        if (strcmp(list[n].name, changed) == 0) {
            if (!new_name) continue;
            list[n].name = new_name;
            list[n].count = list[n].count / list[n].shape[0] * rows;
            list[n].shape[0] = rows;
        }
        n++;
    }
    snprintf(file, sizeof file, "%s/model.safetensors", dir);
    assert_ok(safetensors_write(file, list, n));
    tensor_file_close(f);
}

static void weights_that_do_not_fit(void **state) {
    (void)state;
    struct model m;
    const char *norm = "model.norm.weight", *up = "model.layers.1.mlp.up_proj.weight";
    const char *dir = small_model(folder, NULL, DTYPE_F32);
    damage(dir, norm, NULL, 0);
    assert_fails(model_open(&m, dir, NULL), ERR_MISSING, "no tensor 'model.norm.weight'");
    dir = small_model(folder, NULL, DTYPE_F32);
    damage(dir, up, up, 35);
    assert_fails(model_open(&m, dir, NULL), ERR_MISMATCH, "[35,24] where [36,24]");
    dir = small_model(folder, NULL, DTYPE_F32);
    damage(dir, norm, "model.nrom.weight", 24);
    assert_fails(model_open(&m, dir, NULL), ERR_MISSING, norm);
    dir = small_model(folder, "\"tie_word_embeddings\": false", DTYPE_F32);
    damage(dir, "lm_head.weight", "lm_tail.weight", SMALL_V);
    assert_fails(model_open(&m, dir, NULL), ERR_MISSING, "lm_head.weight");
    dir = small_model(folder, NULL, DTYPE_F32);
    assert_ok(file_remove(in_folder("model/config.json")));
    assert_fails(model_open(&m, dir, NULL), ERR_IO, "config.json");
    assert_ok(dir_remove(dir));
    assert_fails(model_open(&m, dir, NULL), ERR_MISSING, "is not there");
}

/* Rotary buffers and a copy of the tied head are in converted files, and nothing else is. */
static void other_tensors(void **state) {
    (void)state;
    struct model m;
    struct tensor_file *f;
    struct tensor list[64];
    const char *dir = small_model(folder, NULL, DTYPE_F32);
    const char *const names[] = {"model.layers.0.self_attn.rotary_emb.inv_freq", "lm_head.weight",
                                 "model.extra.weight"};
    for (int i = 0; i < 3; i++) {
        char file[300];
        int64_t n = 0;
        assert_ok(tensor_file_open_dir(&f, dir, "model"));
        for (; n < tensor_file_count(f); n++) list[n] = *tensor_file_at(f, n);
        list[n] = *tensor_file_find(f, "model.norm.weight");
        list[n++].name = names[i];
        snprintf(file, sizeof file, "%s/model.safetensors", dir);
        assert_ok(safetensors_write(file, list, n));
        tensor_file_close(f);
        if (i < 2) {
            assert_ok(model_open(&m, dir, NULL));
            model_close(&m);
        }
    }
    assert_fails(model_open(&m, dir, NULL), ERR_MISMATCH, "'model.extra.weight' has no place");
}

/* Logits of one row of the model in `dir`. */
static void row_logits(const char *dir, const char *weight_dtype, float *out) {
    struct small s;
    struct batch b;
    int32_t ids[9];
    assert_ok(compute_open(&s.compute, "cpu"));
    assert_ok(model_open(&s.model, dir, &s.compute));
    s.plan = (struct plan){0};
    assert_ok(
        model_plan(&s.model, &s.plan,
                   &(struct model_plan_options){.max_tokens = 9, .weight_dtype = weight_dtype}));
    assert_int_equal(plan_bytes(&s.plan, PLAN_GRADIENTS), 0);
    assert_ok(plan_allocate(&s.plan, &s.compute));
    assert_ok(model_start(&s.model, &s.plan));
    assert_ok(batch_init(&b, 9));
    small_document(1, 9, ids);
    assert_ok(batch_add_row(&b, 9, ids, NULL, NULL, SMALL_EOD, ISOLATE_ALL));
    assert_ok(model_forward(&s.model, &(struct model_call){.batch = &b}));
    assert_ok(model_logits(&s.model, 0, 9, out));
    batch_release(&b);
    small_close(&s);
}

/* Rewrites the weights in F64, or behind one byte so that none is aligned. */
static void rewrite(const char *dir, bool wide) {
    struct tensor_file *f;
    struct tensor list[64];
    void *data[64] = {0};
    char file[300];
    int64_t n = 0;
    assert_ok(tensor_file_open_dir(&f, dir, "model"));
    if (!wide)
        list[n++] = (struct tensor){.name = "model.layers.0.self_attn.rotary_emb.inv_freq",
                                    .dtype = DTYPE_U8,
                                    .n_dims = 1,
                                    .shape = {1},
                                    .count = 1,
                                    .data = "x"};
    for (int64_t i = 0; i < tensor_file_count(f); i++) {
        struct tensor *t = &list[n++];
        *t = *tensor_file_at(f, i);
        if (!wide) continue;
        float *value = mem_alloc((size_t)t->count, sizeof *value);
        data[i] = mem_alloc((size_t)t->count, sizeof(double));
        assert_true(value && data[i]);
        dtype_to_f32(t->data, t->dtype, t->count, value);
        dtype_from_f32(value, t->count, DTYPE_F64, data[i]);
        mem_free(value);
        t->dtype = DTYPE_F64;
        t->data = data[i];
    }
    snprintf(file, sizeof file, "%s/model.safetensors", dir);
    assert_ok(safetensors_write(file, list, n));
    for (int i = 0; i < 64; i++) mem_free(data[i]);
    tensor_file_close(f);
}

/* In place as bf16, copied to fp32, misaligned in the file, or stored wider: the same numbers. */
static void weights_in_any_form_give_the_same_bits(void **state) {
    (void)state;
    float want[9 * SMALL_V], got[9 * SMALL_V];
    const char *dir = small_model(folder, NULL, DTYPE_BF16);
    row_logits(dir, NULL, want);
    row_logits(dir, "f32", got);
    assert_memory_equal(got, want, sizeof want);
    rewrite(dir, false);
    row_logits(dir, NULL, got);
    assert_memory_equal(got, want, sizeof want);
    dir = small_model(folder, NULL, DTYPE_BF16);
    rewrite(dir, true);
    row_logits(dir, NULL, got);
    assert_memory_equal(got, want, sizeof want);
}

static bool is_norm(void *ctx, const struct param *p) {
    (void)ctx;
    return strstr(p->name, "norm.weight");
}

static err halve(void *ctx, const struct param *p, float *value) {
    int64_t *n = ctx;
    (*n)++;
    for (int64_t i = 0; i < p->count; i++) value[i] *= 0.5f;
    return ERR_OK;
}

static void saving(void **state) {
    (void)state;
    struct small s;
    char again[300], weights[300];
    const char *dir = small_model(folder, NULL, DTYPE_BF16);
    snprintf(weights, sizeof weights, "%s/model.safetensors", dir);
    small_open(&s, dir, 8, true);
    assert_ok(dir_make(in_folder("again")));
    snprintf(again, sizeof again, "%s/again/model.safetensors", folder);
    assert_ok(model_save(&s.model, in_folder("again"), 0, NULL)); /* from the fp32 copies */
    same_files(weights, again);
    int64_t n = 0;
    const struct model_change change = {is_norm, halve, &n};
    assert_ok(dir_make(in_folder("halved")));
    assert_ok(model_save(&s.model, in_folder("halved"), 9000, &change));
    assert_int_equal(n, 7); /* three a layer, and the last */
    small_close(&s);
    struct model m;
    assert_ok(model_open(&m, in_folder("halved"), NULL)); /* shards, and a config that fits */
    const struct param *norm = &m.params[m.n_params - 1];
    assert_string_equal(norm->name, "model.norm.weight");
    assert_int_equal(norm->dtype, DTYPE_BF16);
    assert_true(bf16_to_f32(*(const uint16_t *)norm->stored) == 0.5f);
    model_close(&m);
}

static void ids_and_positions_out_of_range(void **state) {
    (void)state;
    struct small s;
    struct batch b;
    struct decoder *d;
    struct model_call call = {.batch = &b};
    int32_t ids[3] = {1, 2, 3};
    double sum;
    int64_t trained;
    small_open(&s, small_model(folder, NULL, DTYPE_F32), 3, false);
    assert_ok(batch_init(&b, 4));
    assert_fails(model_forward(&s.model, &call), ERR_RANGE, "without tokens");
    assert_ok(batch_add_row(&b, 3, ids, ids, NULL, SMALL_EOD, ISOLATE_NONE));
    b.ids[2] = SMALL_V;
    assert_fails(model_forward(&s.model, &call), ERR_RANGE, "token 2: id 97 is not below");
    b.ids[2] = -1;
    assert_fails(model_forward(&s.model, &call), ERR_RANGE, "token 2: id -1");
    b.ids[2] = 3;
    b.position[1] = 128;
    assert_fails(model_forward(&s.model, &call), ERR_RANGE, "token 1: position 128");
    b.position[1] = 1;
    b.targets[0] = SMALL_V;
    assert_ok(model_forward(&s.model, &call));
    assert_fails(model_loss(&s.model, &call, 0, &sum, &trained, NULL), ERR_RANGE,
                 "token 0: target 97");
    for (int i = 0; i < 3; i++) b.targets[i] = TARGET_IGNORE;
    assert_ok(model_loss(&s.model, &call, 0, &sum, &trained, NULL));
    assert_true(sum == 0 && trained == 0);
    assert_ok(batch_add_row(&b, 1, ids, ids, NULL, SMALL_EOD, ISOLATE_NONE));
    assert_fails(model_forward(&s.model, &call), ERR_LIMIT, "planned for 3");
    struct decoder_part part = {.ids = ids, .n = 2};
    assert_ok(decoder_new(&d, &s.model, &(struct decoder_options){1, 200, ISOLATE_NONE}));
    ids[1] = SMALL_V;
    assert_fails(decoder_feed(d, &part, 1), ERR_RANGE, "token 1: id 97");
    ids[1] = 2;
    for (int i = 0; i < 64; i++) assert_ok(decoder_feed(d, &part, 1));
    part.n = 1;
    assert_fails(decoder_feed(d, &part, 1), ERR_RANGE, "token 128: position 128");
    part.n = 0;
    assert_fails(decoder_feed(d, &part, 1), ERR_RANGE, "no tokens");
    decoder_free(d);
    batch_release(&b);
    small_close(&s);
}

/* Decoders side by side in the pieces of a par_for answer as each does alone. */
enum { N_JOBS = 6, ANSWER = 40 };
struct job {
    struct model *model;
    int32_t prompt[4], answer[ANSWER];
    err code;
};
static void decode(struct job *j) {
    struct decoder *d;
    const struct generate_options options = {.ignore_eod = true};
    struct generate_text text = {
        .prompt = j->prompt, .n_prompt = 4, .max_new_tokens = ANSWER, .out = j->answer};
    j->code = decoder_new(&d, j->model, &(struct decoder_options){1, 4 + ANSWER, ISOLATE_ALL});
    if (j->code) return;
    j->code = generate(d, &text, 1, &options);
    decoder_free(d);
}
static void decode_jobs(void *ctx, int64_t begin, int64_t end, int thread) {
    (void)thread;
    for (int64_t i = begin; i < end; i++) decode((struct job *)ctx + i);
}
static void decoders_side_by_side(void **state) {
    (void)state;
    struct small s;
    struct job alone[N_JOBS] = {0}, together[N_JOBS] = {0};
    small_open(&s, small_model(folder, NULL, DTYPE_BF16), 0, false);
    for (int i = 0; i < N_JOBS; i++) {
        alone[i].model = together[i].model = &s.model;
        small_document((uint64_t)i, 4, alone[i].prompt);
        small_document((uint64_t)i, 4, together[i].prompt);
        decode(&alone[i]);
    }
    par_set_threads(3);
    par_for(N_JOBS, 1, decode_jobs, together);
    par_set_threads(0);
    for (int i = 0; i < N_JOBS; i++) {
        assert_int_equal(alone[i].code, ERR_OK);
        assert_int_equal(together[i].code, ERR_OK);
        assert_memory_equal(together[i].answer, alone[i].answer, sizeof alone[i].answer);
    }
    assert_memory_not_equal(alone[0].answer, alone[1].answer, sizeof alone[0].answer);
    small_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(fresh_weights),
        FOLDER_TEST(fresh_weights_in_pieces),
        FOLDER_TEST(weights_that_do_not_fit),
        FOLDER_TEST(other_tensors),
        FOLDER_TEST(saving),
        FOLDER_TEST(decoders_side_by_side),
        FOLDER_TEST(ids_and_positions_out_of_range),

        FOLDER_TEST(weights_in_any_form_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
