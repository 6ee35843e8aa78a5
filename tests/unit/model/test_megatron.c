/* SPDX-License-Identifier: Apache-2.0
 * Megatron checkpoints: whatever the ranks and stages, every tensor comes back under its HF name
 * with the bits it had before it was cut; a model opened from one computes the same bits; and what
 * is missing, doubled, of another shape, or not the same on ranks that must agree is refused with
 * file and tensor named.
 * Under test: model/formats/megatron.c, megatron_ranks.c, megatron_config.c. */
#include "base/fault.h"
#include "tests/unit/model/megatron_writer.h"
#include "tests/unit/model/small.h"

static const char *folder;
static struct tensor_file *whole; /* the same model in the HF form */
static char hf[256], megatron[256];

/* A model of four layers whose sizes can be cut by 2, 3 and 4; its head is the embedding. */
static void make_model(enum dtype dtype) {
    static const char config[] =
        "{\"model_type\": \"yuan\", \"vocab_size\": 96, \"hidden_size\": 24,"
        " \"intermediate_size\": 36, \"num_hidden_layers\": 4, \"num_attention_heads\": 3,"
        " \"max_position_embeddings\": 128, \"eod_token\": 3, \"initializer_range\": 0.3}";
    struct model_config c;
    char path[256];
    snprintf(path, sizeof path, "%s/given.json", folder);
    assert_ok(file_write(path, config, sizeof config - 1));
    assert_ok(model_config_read(&c, path));
    assert_ok(model_init_write(&c, 5, dtype, hf));
    model_config_release(&c);
    assert_ok(tensor_file_open_dir(&whole, hf, "model"));
}

static int begin(void **state) {
    (void)state;
    folder = test_folder();
    snprintf(hf, sizeof hf, "%s/hf", folder);
    snprintf(megatron, sizeof megatron, "%s/megatron", folder);
    make_model(DTYPE_BF16);
    return 0;
}

static int end(void **state) {
    (void)state;
    tensor_file_close(whole);
    test_folder_remove(folder);
    return 0;
}

static err open_layout(struct tensor_file **out, const struct megatron_layout *layout) {
    assert_ok(dir_remove(megatron));
    megatron_write(megatron, whole, layout);
    return tensor_file_open_dir(out, megatron, "model");
}

static void expect_same(const struct tensor_file *f, const struct tensor *want, const char *name) {
    const struct tensor *got = NULL;
    const size_t bytes = (size_t)(want->count * dtype_bytes(want->dtype));
    assert_ok(tensor_file_need(f, name, want->n_dims, want->shape, &got));
    assert_int_equal(got->dtype, want->dtype);
    void *values = mem_alloc(bytes, 1);
    assert_non_null(values);
    assert_ok(tensor_file_read(f, got, values));
    assert_memory_equal(values, want->data, bytes);
    mem_free(values);
}

/* Every tensor of the HF form, and with more than one stage the head's own copy. */
static void expect_whole(const struct tensor_file *f, int n_stages) {
    const int64_t n = tensor_file_count(whole);
    assert_int_equal(tensor_file_count(f), n_stages > 1 ? n + 1 : n);
    for (int64_t i = 0; i < n; i++)
        expect_same(f, tensor_file_at(whole, i), tensor_file_at(whole, i)->name);
    if (n_stages > 1)
        expect_same(f, tensor_file_find(whole, "model.embed_tokens.weight"), "lm_head.weight");
}

static const struct megatron_layout layouts[] = {
    {.T = 1, .P = 1, .blocks = {4}},
    {.T = 2, .P = 1, .blocks = {4}},
    {.T = 3, .P = 1, .blocks = {4}},
    {.T = 4, .P = 1, .blocks = {4}},
    {.T = 1, .P = 2, .blocks = {1, 3}},
    {.T = 2, .P = 3, .blocks = {1, 2, 1}},
    {.T = 4, .P = 2, .blocks = {3, 1}},
    {.T = 1, .P = 4, .blocks = {0, 2, 2, 0}},
    {.T = 1, .P = 1, .blocks = {4}, .folder = "release"},
    {.T = 2, .P = 1, .blocks = {4}, .skip_args = 1},
};

static void every_layout_comes_back(void **state) {
    (void)state;
    struct tensor_file *f;
    char ranks[300];
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        assert_ok(open_layout(&f, &layouts[i]));
        assert_string_equal(tensor_file_format(f), "megatron");
        expect_whole(f, layouts[i].P);
        tensor_file_close(f);
        snprintf(ranks, sizeof ranks, "%s/%s", megatron,
                 layouts[i].folder ? layouts[i].folder : "iter_0000007");
        assert_ok(tensor_file_open_dir(&f, ranks, "model"));
        expect_whole(f, layouts[i].P);
        tensor_file_close(f);
    }
    tensor_file_close(whole);
    assert_ok(dir_remove(hf));
    make_model(DTYPE_F32);
    assert_ok(open_layout(&f, &layouts[5]));
    expect_whole(f, 3);
    tensor_file_close(f);
}

/* One rank: nothing is copied. Two: what is whole on one of them is not. */
static void what_is_in_one_piece_is_mapped(void **state) {
    (void)state;
    struct tensor_file *f;
    assert_ok(open_layout(&f, &layouts[4]));
    for (int64_t i = 0; i < tensor_file_count(f); i++) assert_non_null(tensor_file_at(f, i)->data);
    tensor_file_close(f);
    assert_ok(open_layout(&f, &layouts[1]));
    assert_non_null(tensor_file_find(f, "model.layers.0.self_attn.q_proj.weight")->data);
    assert_null(tensor_file_find(f, "model.layers.0.self_attn.v_proj.weight")->data);
    assert_null(tensor_file_find(f, "model.norm.weight")->data); /* to be compared */
    tensor_file_close(f);
}

/* The logits of one document. */
static void run_model(const char *dir, float *out) {
    struct small s;
    int32_t ids[16];
    small_document(1, 16, ids);
    for (int i = 0; i < 16; i++) ids[i] %= 96;
    small_open(&s, dir, 16, false);
    struct batch batch = {0};
    assert_ok(batch_init(&batch, 16));
    assert_ok(batch_add_row(&batch, 16, ids, NULL, NULL, 3, ISOLATE_NONE));
    assert_ok(model_forward(&s.model, &(struct model_call){.batch = &batch}));
    assert_ok(model_logits(&s.model, 0, 16, out));
    batch_release(&batch);
    small_close(&s);
}

static void the_model_computes_the_same_bits(void **state) {
    (void)state;
    static float from_hf[16 * 96], from_megatron[16 * 96];
    struct tensor_file *f;
    char from[300], to[300];
    assert_ok(open_layout(&f, &layouts[5]));
    tensor_file_close(f);
    snprintf(from, sizeof from, "%s/config.json", hf);
    snprintf(to, sizeof to, "%s/config.json", megatron);
    assert_ok(file_copy(from, to));
    run_model(hf, from_hf);
    run_model(megatron, from_megatron);
    assert_memory_equal(from_hf, from_megatron, sizeof from_hf);
}

static int64_t config_int(const struct tensor_file *f, const char *key) {
    int64_t value = -1;
    assert_ok(json_need_int(tensor_file_config(f), key, &value));
    return value;
}

static void a_config_is_made_of_the_args(void **state) {
    (void)state;
    struct tensor_file *f;
    struct model_config c;
    assert_ok(
        open_layout(&f, &(struct megatron_layout){
                            .T = 2, .P = 1, .blocks = {4}, .args = "U\013kv_channelsK\010s"}));
    assert_int_equal(config_int(f, "vocab_size"), 96);
    assert_int_equal(config_int(f, "hidden_size"), 24);
    assert_int_equal(config_int(f, "intermediate_size"), 36);
    assert_int_equal(config_int(f, "num_hidden_layers"), 4);
    assert_int_equal(config_int(f, "num_attention_heads"), 3);
    assert_int_equal(config_int(f, "max_position_embeddings"), 128);
    assert_int_equal(config_int(f, "head_dim"), 8);
    tensor_file_close(f);
    /* No tokenizer of Yuan has 96 rows, so <eod> must be given. */
    assert_fails(model_read_config(&c, megatron), ERR_MISSING, "eod_token");
    assert_fails(open_layout(&f,
                             &(struct megatron_layout){
                                 .T = 1, .P = 1, .blocks = {4}, .args = "U\006swiglu\x89s"}),
                 ERR_UNSUPPORTED, "swiglu is false");
}

/* A config.json for fewer rows than the ranks share: the rest is padding. */
static void padding_of_the_vocabulary(void **state) {
    (void)state;
    static const char config[] = "{\"vocab_size\": 70}", larger[] = "{\"vocab_size\": 97}";
    const struct tensor *all = tensor_file_find(whole, "model.embed_tokens.weight"), *t = NULL;
    uint16_t values[70 * 24];
    char path[300];
    struct tensor_file *f;
    assert_ok(open_layout(&f, &layouts[6]));
    tensor_file_close(f);
    snprintf(path, sizeof path, "%s/config.json", megatron);
    assert_ok(file_write(path, config, sizeof config - 1));
    assert_ok(tensor_file_open_dir(&f, megatron, "model"));
    assert_ok(tensor_file_need(f, all->name, 2, (const int64_t[]){70, 24}, &t));
    assert_ok(tensor_file_read(f, t, values));
    assert_memory_equal(values, all->data, sizeof values);
    assert_ok(tensor_file_need(f, "lm_head.weight", 2, (const int64_t[]){70, 24}, &t));
    tensor_file_close(f);
    assert_ok(file_write(path, larger, sizeof larger - 1));
    assert_ok(tensor_file_open_dir(&f, megatron, "model"));
    expect_whole(f, 2);
    tensor_file_close(f);
}

/* Out of memory at any place: an error, and nothing is left behind. */
static void memory_may_end(void **state) {
    (void)state;
    struct tensor_file *f = NULL;
    assert_ok(open_layout(&f, &layouts[4]));
    tensor_file_close(f);
    f = NULL;
    const int64_t before = mem_stats().live_blocks;
    for (int64_t nth = 1;; nth++) {
        fault_arm(FAULT_MEM, FAULT_FAIL, nth);
        const err code = tensor_file_open_dir(&f, megatron, "model");
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        if (!code) break;
        assert_int_equal(code, ERR_MEMORY);
        assert_null(f);
        assert_int_equal(mem_stats().live_blocks, before);
        assert_true(nth < 10000);
    }
    expect_whole(f, 2);
    tensor_file_close(f);
}

static void refused(const struct megatron_layout *layout, err code, const char *part) {
    struct tensor_file *f = NULL;
    assert_fails(open_layout(&f, layout), code, part);
    assert_null(f);
}

/* A fault in one tensor of rank (t, p), of two ranks in two stages. */
static struct megatron_layout faulty(enum megatron_fault what, const char *tensor, int t, int p) {
    return (struct megatron_layout){.T = 2,
                                    .P = 2,
                                    .blocks = {1, 3},
                                    .fault = {.what = what, .tensor = tensor, .t = t, .p = p}};
}

static void faulty_tensors(void **state) {
    (void)state;
    static const char query_key[] = "layers.0.self_attention.get_query_key.weight";
    static const struct {
        enum megatron_fault what;
        const char *tensor;
        int t, p;
        err code;
        const char *part;
    } faults[] = {
        {TENSOR_MISSING, "layers.2.mlp.dense_4h_to_h.weight", 1, 1, ERR_MISSING,
         "mp_rank_01_001/model_optim_rng.pt': tensor 'layers.2.mlp.dense_4h_to_h.weight': it is "
         "not there"},
        {TENSOR_MISSING, query_key, 0, 0, ERR_MISSING,
         "mp_rank_00_000/model_optim_rng.pt': tensor"},
        {TENSOR_MISSING, "final_layernorm.weight", 1, 1, ERR_MISSING, "'final_layernorm.weight'"},
        {TENSOR_MISSING, "weight", 1, 0, ERR_MISSING, "tensor 'weight': it is not there"},
        {TENSOR_DOUBLED, query_key, 1, 1, ERR_PARSE, "there twice"},
        {TENSOR_RENAMED, query_key, 0, 1, ERR_MISMATCH, "'layers.0.mlp.bias' has no place"},
        {TENSOR_OF_OTHER_SHAPE, query_key, 1, 0, ERR_MISMATCH,
         "mp_rank_01_000/model_optim_rng.pt': tensor 'layers.0.self_attention.get_query_key.weight'"
         ": another shape"},
        {TENSOR_OF_OTHER_TYPE, query_key, 1, 0, ERR_MISMATCH, "another shape or type"},
        {TENSOR_OF_OTHER_SHAPE, "weight", 0, 0, ERR_MISMATCH, "mp_rank_01_000"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct megatron_layout l =
            faulty(faults[i].what, faults[i].tensor, faults[i].t, faults[i].p);
        refused(&l, faults[i].code, faults[i].part);
    }
}

static void shapes_that_cannot_be_cut(void **state) {
    (void)state;
    struct megatron_layout l = {.T = 1, .P = 1, .blocks = {4}};
    l.fault.tensor = "layers.1.self_attention.get_query_key.weight";
    l.fault.what = TENSOR_OF_OTHER_SHAPE;
    refused(&l, ERR_MISMATCH, "47 rows cannot be cut in the middle");
    l.fault.what = TENSOR_OF_ONE_DIMENSION;
    refused(&l, ERR_MISMATCH, "1 dimensions, where a matrix was expected");
    l.fault.tensor = "layers.1.mlp.dense_h_to_4h.weight";
    l.fault.what = TENSOR_OF_OTHER_SHAPE;
    refused(&l, ERR_MISMATCH, "71 rows cannot be cut");
}

/* What every rank holds whole: one bit of the second rank's differs. */
static void replicas_that_differ(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"layers.0.self_attention.lf_gate.conv1.weight",
         "model.layers.1.self_attn.lf_gate.conv1.weight"},
        {"layers.2.input_layernorm.weight", "model.layers.3.input_layernorm.weight"},
        {"final_layernorm.weight", "model.norm.weight"},
    };
    for (int i = 0; i < 3; i++) {
        struct tensor_file *f;
        struct small s;
        char from[300], to[300], part[200];
        const struct megatron_layout l = faulty(TENSOR_OF_OTHER_BITS, names[i][0], 1, 1);
        uint16_t values[24 * 24 * 2];
        assert_ok(open_layout(&f, &l));
        const struct tensor *t = tensor_file_find(f, names[i][1]);
        assert_true(t->count <= 24 * 24 * 2);
        snprintf(part, sizeof part,
                 "tensor '%s': every tensor-parallel rank holds it whole, and "
                 "ranks 0 and 1 differ",
                 names[i][1]);
        assert_fails(tensor_file_read(f, t, values), ERR_MISMATCH, part);
        tensor_file_close(f);
        /* A model is not started with it. */
        snprintf(from, sizeof from, "%s/config.json", hf);
        snprintf(to, sizeof to, "%s/config.json", megatron);
        assert_ok(file_copy(from, to));
        s = (struct small){0};
        assert_ok(compute_open(&s.compute, "cpu"));
        assert_ok(model_open(&s.model, megatron, &s.compute));
        assert_ok(model_plan(&s.model, &s.plan, &(struct model_plan_options){.max_tokens = 4}));
        assert_ok(plan_allocate(&s.plan, &s.compute));
        assert_fails(model_start(&s.model, &s.plan), ERR_MISMATCH, part);
        small_close(&s);
    }
}

static void ranks_that_are_missing(void **state) {
    (void)state;
    struct tensor_file *f = NULL;
    static const struct {
        const char *gone, *part;
        err code;
    } losses[] = {
        {"iter_0000007/mp_rank_01_000", "no mp_rank_01_000", ERR_MISSING},
        {"iter_0000007/mp_rank_00_001", "no mp_rank_00_001", ERR_MISSING},
        {"iter_0000007/mp_rank_01_001/model_optim_rng.pt",
         "mp_rank_01_001/model_optim_rng.pt' is not there", ERR_MISSING},
        {"iter_0000007", "iter_0000007' is not there", ERR_MISSING},
    };
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        char path[300];
        const struct megatron_layout l = faulty(TENSOR_AS_IT_IS, NULL, 0, 0);
        assert_ok(open_layout(&f, &l));
        tensor_file_close(f);
        f = NULL;
        snprintf(path, sizeof path, "%s/%s", megatron, losses[i].gone);
        assert_ok(dir_exists(path) ? dir_remove(path) : file_remove(path));
        assert_fails(tensor_file_open_dir(&f, megatron, "model"), losses[i].code, losses[i].part);
    }
}

/* A whole tensor-parallel rank, or the last stage, whose loss only the args show. */
static void ranks_that_the_args_miss(void **state) {
    (void)state;
    char path[300];
    struct tensor_file *f = NULL;
    assert_ok(open_layout(&f, &layouts[1]));
    tensor_file_close(f);
    snprintf(path, sizeof path, "%s/iter_0000007/mp_rank_01", megatron);
    assert_ok(dir_remove(path));
    assert_fails(tensor_file_open_dir(&f, megatron, "model"), ERR_MISMATCH,
                 "tensor_model_parallel_size is 2 in its args, and 1 by its files");
    assert_ok(open_layout(&f, &layouts[4]));
    tensor_file_close(f);
    snprintf(path, sizeof path, "%s/iter_0000007/mp_rank_00_001", megatron);
    assert_ok(dir_remove(path));
    assert_fails(tensor_file_open_dir(&f, megatron, "model"), ERR_MISMATCH,
                 "pipeline_model_parallel_size is 2 in its args, and 1");
    refused(&(struct megatron_layout){.T = 1, .P = 1, .blocks = {4}, .args = "U\012num_layersK\5s"},
            ERR_MISMATCH, "num_layers is 5 in its args, and 4 by its files");
    refused(
        &(struct megatron_layout){.T = 1, .P = 1, .blocks = {4}, .args = "U\013hidden_sizeK\5s"},
        ERR_MISMATCH, "hidden_size is 5 in its args, and 24");
}

static void folders_that_are_none(void **state) {
    (void)state;
    static const char *const names[] = {"mp_rank_x",
                                        "mp_rank_00_001x",
                                        "mp_rank_99",
                                        "mp_rank_",
                                        "mp_rank_99999999999999999999_000",
                                        "mp_rank_00_000"};
    struct tensor_file *f = NULL;
    char path[300];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_ok(open_layout(&f, &layouts[0]));
        tensor_file_close(f);
        f = NULL;
        snprintf(path, sizeof path, "%s/iter_0000007/%s", megatron, names[i]);
        assert_ok(dir_make(path));
        assert_fails(tensor_file_open_dir(&f, megatron, "model"), ERR_PARSE, "mp_rank_");
    }
    static const char *const trackers[] = {"", "seven", "-1", "7 8", "99999999999"};
    for (size_t i = 0; i < sizeof trackers / sizeof trackers[0]; i++) {
        snprintf(path, sizeof path, "%s/latest_checkpointed_iteration.txt", megatron);
        assert_ok(file_write(path, trackers[i], strlen(trackers[i])));
        assert_fails(tensor_file_open_dir(&f, megatron, "model"), ERR_PARSE, "neither the number");
    }
    assert_null(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_layout_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(what_is_in_one_piece_is_mapped, begin, end),
        cmocka_unit_test_setup_teardown(the_model_computes_the_same_bits, begin, end),
        cmocka_unit_test_setup_teardown(a_config_is_made_of_the_args, begin, end),
        cmocka_unit_test_setup_teardown(padding_of_the_vocabulary, begin, end),
        cmocka_unit_test_setup_teardown(memory_may_end, begin, end),
        cmocka_unit_test_setup_teardown(faulty_tensors, begin, end),
        cmocka_unit_test_setup_teardown(shapes_that_cannot_be_cut, begin, end),
        cmocka_unit_test_setup_teardown(replicas_that_differ, begin, end),
        cmocka_unit_test_setup_teardown(ranks_that_are_missing, begin, end),
        cmocka_unit_test_setup_teardown(ranks_that_the_args_miss, begin, end),
        cmocka_unit_test_setup_teardown(folders_that_are_none, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
