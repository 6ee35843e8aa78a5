/* SPDX-License-Identifier: Apache-2.0
 * The folders that other programs read, spelled out: every key of adapter_config.json with its
 * value, every tensor with its shape, nothing more and nothing less, for a DoRA, an rsLoRA, an
 * adapter of the convolutions, one with patterns and one that started as PiSSA.
 * Read next: adapters/peft.c, adapters/stored.c. */
#include "tests/unit/trainer/fixture.h"

struct wanted_tensor {
    const char *name; /* below "base_model.model.model.layers.<layer>." */
    int n_dims;
    int64_t shape[4];
};

/* The keys in the order they are written; "%" stands where a case says otherwise. */
static const char *const every_key[] = {
    "alpha_pattern: {}",
    "auto_mapping: null",
    "base_model_name_or_path: \"base\"",
    "bias: \"none\"",
    "exclude_modules: null",
    "fan_in_fan_out: false",
    "inference_mode: true",
    "init_lora_weights: true",
    "layer_replication: null",
    "layers_pattern: null",
    "layers_to_transform: null",
    "loftq_config: {}",
    "lora_alpha: 8.0",
    "lora_bias: false",
    "lora_dropout: 0.0",
    "megatron_config: null",
    "megatron_core: \"megatron.core\"",
    "modules_to_save: null",
    "peft_type: \"LORA\"",
    "peft_version: \"0.17.0\"",
    "r: 4",
    "rank_pattern: {}",
    "revision: null",
    "target_modules: ",
    "target_parameters: null",
    "task_type: \"CAUSAL_LM\"",
    "trainable_token_indices: null",
    "use_dora: false",
    "use_qalora: false",
    "use_rslora: false",
};
enum { N_KEYS = sizeof every_key / sizeof every_key[0], MAX_CHANGED = 8 };

static const char *wanted_line(const char *const *changed, const char *line) {
    const size_t n = strcspn(line, ":") + 1;
    for (int i = 0; i < MAX_CHANGED && changed[i]; i++)
        if (!strncmp(changed[i], line, n)) return changed[i];
    return line;
}

static void check_config(const char *dir, const char *const *changed) {
    char path[200];
    json_t *config, *value;
    const char *key;
    int n = 0;
    snprintf(path, sizeof path, "%s/adapter_config.json", dir);
    assert_ok(json_parse_file(path, &config));
    json_object_foreach(config, key, value) {
        struct str line = {0};
        assert_true(n < N_KEYS);
        assert_ok(str_printf(&line, "%s: ", key));
        assert_ok(json_text(value, 0, &line));
        assert_string_equal(str_text(&line), wanted_line(changed, every_key[n++]));
        str_release(&line);
    }
    assert_int_equal(n, N_KEYS);
    json_decref(config);
}

/* Both layers hold the same; the file is sorted by name, and so is the list. */
static void check_tensors(const char *dir, const struct wanted_tensor *wanted, int n) {
    struct tensor_file *f;
    assert_ok(tensor_file_open_dir(&f, dir, "adapter_model"));
    assert_int_equal(tensor_file_count(f), 2 * n);
    for (int i = 0; i < 2 * n; i++) {
        const struct tensor *t = tensor_file_at(f, i);
        const struct wanted_tensor *w = &wanted[i % n];
        char name[200];
        snprintf(name, sizeof name, "base_model.model.model.layers.%d.%s", i / n, w->name);
        assert_string_equal(t->name, name);
        assert_int_equal(t->dtype, DTYPE_F32);
        assert_int_equal(t->n_dims, w->n_dims);
        for (int d = 0; d < w->n_dims; d++)
            if (t->shape[d] != w->shape[d])
                fail_msg("%s: size %d is %ld", name, d, (long)t->shape[d]);
    }
    tensor_file_close(f);
}

/* Writes a fresh adapter with these options and compares. Nothing else is in the folder. */
static void check_folder(const struct adapter_options *options, const char *const *changed,
                         const struct wanted_tensor *wanted, int n) {
    struct fixture f;
    struct name_list names = {0};
    const char *dir = test_folder();
    fixture_init(&f, GOLDEN_NANO);
    f.adapter_options = *options;
    f.adapter_options.r = 4;
    f.adapter_options.lora_alpha = 8;
    fixture_start(&f);
    assert_ok(adapter_save(f.adapter, dir, "base"));
    fixture_stop(&f);
    assert_ok(dir_list(dir, &names));
    assert_int_equal(names.n, 2);
    name_list_release(&names);
    check_config(dir, changed);
    check_tensors(dir, wanted, n);
    test_folder_remove(dir);
}
#define TARGETS(...)                                                                               \
    { (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *) }

static void test_dora(void **state) {
    (void)state;
    static const struct wanted_tensor wanted[] = {
        {"mlp.gate_proj.lora_A.weight", 2, {4, 64}},
        {"mlp.gate_proj.lora_B.weight", 2, {128, 4}},
        {"mlp.gate_proj.lora_magnitude_vector", 1, {128}},
        {"self_attn.lf_gate.conv1.lora_A.weight", 4, {4, 64, 2, 1}},
        {"self_attn.lf_gate.conv1.lora_B.weight", 4, {32, 4, 1, 1}},
        {"self_attn.lf_gate.conv1.lora_magnitude_vector", 4, {1, 32, 1, 1}}};
    const struct adapter_options options = {.type = "dora",
                                            .target_modules = TARGETS("gate_proj", "conv1")};
    const char *const changed[MAX_CHANGED] = {"target_modules: [\"gate_proj\",\"conv1\"]",
                                              "use_dora: true"};
    check_folder(&options, changed, wanted, 6);
}

static void test_rslora(void **state) {
    (void)state;
    static const struct wanted_tensor wanted[] = {{"mlp.down_proj.lora_A.weight", 2, {4, 128}},
                                                  {"mlp.down_proj.lora_B.weight", 2, {64, 4}},
                                                  {"mlp.gate_proj.lora_A.weight", 2, {4, 64}},
                                                  {"mlp.gate_proj.lora_B.weight", 2, {128, 4}},
                                                  {"mlp.up_proj.lora_A.weight", 2, {4, 64}},
                                                  {"mlp.up_proj.lora_B.weight", 2, {128, 4}},
                                                  {"self_attn.k_proj.lora_A.weight", 2, {4, 64}},
                                                  {"self_attn.k_proj.lora_B.weight", 2, {64, 4}},
                                                  {"self_attn.o_proj.lora_A.weight", 2, {4, 64}},
                                                  {"self_attn.o_proj.lora_B.weight", 2, {64, 4}},
                                                  {"self_attn.q_proj.lora_A.weight", 2, {4, 64}},
                                                  {"self_attn.q_proj.lora_B.weight", 2, {64, 4}},
                                                  {"self_attn.v_proj.lora_A.weight", 2, {4, 64}},
                                                  {"self_attn.v_proj.lora_B.weight", 2, {64, 4}}};
    const struct adapter_options options = {.type = "lora",
                                            .use_rslora = true,
                                            .lora_dropout = 0.5,
                                            .target_modules = TARGETS("linear")};
    const char *const changed[MAX_CHANGED] = {
        "lora_dropout: 0.5", "use_rslora: true",
        "target_modules: [\"q_proj\",\"k_proj\",\"v_proj\",\"o_proj\",\"gate_proj\",\"up_proj\","
        "\"down_proj\"]"};
    check_folder(&options, changed, wanted, 14);
}

static const struct wanted_tensor convolutions[] = {
    {"self_attn.lf_gate.conv1.lora_A.weight", 4, {4, 64, 2, 1}},
    {"self_attn.lf_gate.conv1.lora_B.weight", 4, {32, 4, 1, 1}},
    {"self_attn.lf_gate.conv2.lora_A.weight", 4, {4, 32, 2, 1}},
    {"self_attn.lf_gate.conv2.lora_B.weight", 4, {64, 4, 1, 1}}};

static void test_convolutions(void **state) {
    (void)state;
    const struct adapter_options options = {
        .type = "lora", .target_modules = TARGETS("lf_gate.conv1", "lf_gate.conv2")};
    const char *const changed[MAX_CHANGED] = {
        "target_modules: [\"lf_gate.conv1\",\"lf_gate.conv2\"]"};
    check_folder(&options, changed, convolutions, 4);
}

static void test_patterns(void **state) {
    (void)state;
    static const struct wanted_tensor wanted[] = {{"self_attn.k_proj.lora_A.weight", 2, {2, 64}},
                                                  {"self_attn.k_proj.lora_B.weight", 2, {64, 2}},
                                                  {"self_attn.q_proj.lora_A.weight", 2, {4, 64}},
                                                  {"self_attn.q_proj.lora_B.weight", 2, {64, 4}}};
    const struct adapter_options options = {.type = "lora",
                                            .target_modules = TARGETS("q_proj", "k_proj"),
                                            .rank_pattern = TARGETS("k_proj: 2"),
                                            .alpha_pattern =
                                                TARGETS(".*\\.1\\..*: 16", "q_proj: 1"),
                                            .modules_to_save = TARGETS("model.norm")};
    const char *const changed[MAX_CHANGED] = {
        "target_modules: [\"q_proj\",\"k_proj\"]", "rank_pattern: {\"k_proj\":2}",
        "alpha_pattern: {\".*\\\\.1\\\\..*\":16.0,\"q_proj\":1.0}",
        "modules_to_save: [\"model.norm\"]"};
    struct fixture f;
    struct tensor_file *file;
    const char *dir = test_folder();
    fixture_init(&f, GOLDEN_NANO);
    f.adapter_options = options;
    f.adapter_options.r = 4;
    f.adapter_options.lora_alpha = 8;
    fixture_start(&f);
    assert_ok(adapter_save(f.adapter, dir, "base"));
    fixture_stop(&f);
    check_config(dir, changed);
    assert_ok(tensor_file_open_dir(&file, dir, "adapter_model"));
    assert_int_equal(tensor_file_count(file), 2 * 4 + 1);
    for (int i = 0; i < 8; i++) {
        char name[200];
        const struct tensor *t;
        snprintf(name, sizeof name, "base_model.model.model.layers.%d.%s", i / 4,
                 wanted[i % 4].name);
        assert_ok(tensor_file_need(file, name, wanted[i % 4].n_dims, wanted[i % 4].shape, &t));
    }
    assert_string_equal(tensor_file_at(file, 8)->name, "base_model.model.model.norm.weight");
    tensor_file_close(file);
    test_folder_remove(dir);
}

/* A plain LoRA of twice the rank; nothing in it says how it started. */
static void test_pissa(void **state) {
    (void)state;
    static const struct wanted_tensor wanted[] = {
        {"self_attn.lf_gate.conv2.lora_A.weight", 4, {8, 32, 2, 1}},
        {"self_attn.lf_gate.conv2.lora_B.weight", 4, {64, 8, 1, 1}},
        {"self_attn.q_proj.lora_A.weight", 2, {8, 64}},
        {"self_attn.q_proj.lora_B.weight", 2, {64, 8}}};
    const struct adapter_options options = {.type = "lora",
                                            .init_lora_weights = "pissa_niter_2",
                                            .target_modules = TARGETS("q_proj", "conv2")};
    const char *const changed[MAX_CHANGED] = {"target_modules: [\"q_proj\",\"conv2\"]",
                                              "lora_alpha: 16.0", "r: 8"};
    check_folder(&options, changed, wanted, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dora), cmocka_unit_test(test_rslora),
                                       cmocka_unit_test(test_convolutions),
                                       cmocka_unit_test(test_patterns),
                                       cmocka_unit_test(test_pissa)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
