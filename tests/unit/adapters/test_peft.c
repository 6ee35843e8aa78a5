/* SPDX-License-Identifier: Apache-2.0
 * PEFT folders: written, read and written again with the same bytes; the names and shapes of every
 * tensor; and what is refused, by name: settings that are on and not handled, tensors that are
 * missing, of another shape, or of no target.
 * Read next: adapters/peft.c. */
#include "tests/unit/trainer/fixture.h"

static void start(struct fixture *f, const char *adapter_dir, const char *target) {
    fixture_init(f, GOLDEN_NANO);
    f->adapter_dir = adapter_dir;
    f->adapter_options.type = "lora";
    f->adapter_options.r = 3;
    f->adapter_options.lora_alpha = 7;
    f->adapter_options.lora_dropout = 0.25;
    f->adapter_options.target_modules.items[0] = target;
    fixture_start(f);
}

static void assert_same_file(const char *a_dir, const char *b_dir, const char *name) {
    char a[300], b[300], a_digest[SHA256_HEX_SIZE], b_digest[SHA256_HEX_SIZE];
    snprintf(a, sizeof a, "%s/%s", a_dir, name);
    snprintf(b, sizeof b, "%s/%s", b_dir, name);
    assert_ok(sha256_file(a, a_digest));
    assert_ok(sha256_file(b, b_digest));
    assert_string_equal(a_digest, b_digest);
}

static void check_round_trip(const char *target, bool rslora) {
    struct fixture f;
    char first[100], second[100];
    const char *dir = test_folder();
    snprintf(first, sizeof first, "%s/first", dir);
    snprintf(second, sizeof second, "%s/second", dir);
    assert_ok(dir_make(first));
    assert_ok(dir_make(second));
    start(&f, NULL, target);
    ((struct adapter_options *)adapter_settings(f.adapter))->use_rslora = rslora;
    for (int64_t i = 0; i < f.trainer.n_params; i++) /* B too is something to keep */
        for (int64_t j = 0; j < f.trainer.params[i]->count; j++)
            f.trainer.params[i]->value[j] += 0.125f * (float)((i + j) % 7);
    assert_ok(adapter_save(f.adapter, first, "base"));
    fixture_stop(&f);
    start(&f, first, target);
    const struct adapter_options *o = adapter_settings(f.adapter);
    assert_int_equal(o->r, 3);
    assert_true(o->lora_alpha == 7 && o->lora_dropout == 0.25 && o->use_rslora == rslora);
    assert_ok(adapter_save(f.adapter, second, "base"));
    fixture_stop(&f);
    assert_same_file(first, second, "adapter_model.safetensors");
    assert_same_file(first, second, "adapter_config.json");
    test_folder_remove(dir);
}

static void test_round_trip(void **state) {
    (void)state;
    check_round_trip("all", false);
    check_round_trip("linear", true);
    check_round_trip("conv2", false);
}

/* Spelled out, since other programs read these. */
static void test_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int n_dims;
        int64_t shape[4];
    } wanted[] = {
        {"self_attn.q_proj.lora_A.weight", 2, {3, 64}},
        {"self_attn.q_proj.lora_B.weight", 2, {64, 3}},
        {"mlp.down_proj.lora_A.weight", 2, {3, 128}},
        {"mlp.down_proj.lora_B.weight", 2, {64, 3}},
        {"self_attn.lf_gate.conv1.lora_A.weight", 4, {3, 64, 2, 1}},
        {"self_attn.lf_gate.conv1.lora_B.weight", 4, {32, 3, 1, 1}},
        {"self_attn.lf_gate.conv2.lora_A.weight", 4, {3, 32, 2, 1}},
        {"self_attn.lf_gate.conv2.lora_B.weight", 4, {64, 3, 1, 1}},
    };
    struct fixture f;
    start(&f, NULL, "all");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char name[200];
        snprintf(name, sizeof name, "base_model.model.model.layers.1.%s", wanted[i].name);
        const struct param *p = fixture_param(&f, name);
        if (!p) fail_msg("no parameter '%s'", name);
        assert_int_equal(p->n_dims, wanted[i].n_dims);
        for (int d = 0; d < p->n_dims; d++) assert_int_equal(p->shape[d], wanted[i].shape[d]);
    }
    fixture_stop(&f);
}

/* ---- refusals ---- */

struct opened {
    struct compute compute;
    struct model model;
    char dir[64];
};

/* A copy of the golden adapter to spoil. */
static void open_copy(struct opened *o) {
    static const char *const names[] = {"adapter_config.json", "adapter_model.safetensors"};
    snprintf(o->dir, sizeof o->dir, "%s", test_folder());
    for (int i = 0; i < 2; i++) {
        char from[300], to[300];
        snprintf(from, sizeof from, GOLDEN_NANO "/lora/%s", names[i]);
        snprintf(to, sizeof to, "%s/%s", o->dir, names[i]);
        assert_ok(file_copy(from, to));
    }
    assert_ok(compute_open(&o->compute, NULL));
    assert_ok(model_open(&o->model, GOLDEN_NANO, &o->compute));
}

static void close_copy(struct opened *o) {
    model_close(&o->model);
    compute_close(&o->compute);
    test_folder_remove(o->dir);
}

static void set_key(const struct opened *o, const char *key, const char *text) {
    char path[300];
    json_t *config, *value;
    snprintf(path, sizeof path, "%s/adapter_config.json", o->dir);
    assert_ok(json_parse_file(path, &config));
    assert_ok(json_parse(text, strlen(text), key, &value));
    assert_ok(json_put(config, key, value));
    assert_ok(json_write_file(path, config));
    json_decref(config);
}

static void test_settings(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *off; /* off: a value under which it opens again */
        err code;
    } cases[] = {
        {"use_qalora", "true", "false", ERR_UNSUPPORTED},
        {"bias", "\"all\"", "\"none\"", ERR_UNSUPPORTED},
        {"fan_in_fan_out", "true", "false", ERR_UNSUPPORTED},
        {"modules_to_save", "[\"lm_head\"]", "null", ERR_MISSING}, /* tied */
        {"modules_to_save", "[\"embed_tokens\"]", "null", ERR_UNSUPPORTED},
        {"modules_to_save", "[\"q_proj\"]", "null", ERR_UNSUPPORTED}, /* adapted */
        {"modules_to_save", "[\"norm\"]", "[]", ERR_MISSING},         /* not in the file */
        {"modules_to_save", "\"norm\"", "null", ERR_PARSE},
        {"modules_to_save", "[1]", "null", ERR_PARSE},
        {"rank_pattern", "{\"q_proj\": 0}", "{}", ERR_RANGE},
        {"rank_pattern", "{\"q_proj\": 2.5}", "{}", ERR_RANGE},
        {"rank_pattern", "{\"q_proj\": \"8\"}", "{}", ERR_PARSE},
        {"rank_pattern", "{\"q_proj(?=x)\": 8}", "{}", ERR_UNSUPPORTED},
        {"rank_pattern", "[\"q_proj\"]", "{}", ERR_PARSE},
        {"alpha_pattern", "{\"q_proj\": -1}", "{}", ERR_RANGE},
        {"layers_to_transform", "[0]", "null", ERR_UNSUPPORTED},
        {"something_new", "3", "null", ERR_UNSUPPORTED},
        {"init_lora_weights", "\"pissa\"", "\"gaussian\"", ERR_UNSUPPORTED},
        {"peft_type", "\"LOHA\"", "\"LORA\"", ERR_UNSUPPORTED},
        {"lora_dropout", "1", "0", ERR_RANGE},
        {"r", "0", "4", ERR_RANGE},
        {"target_modules", "\".*proj\"", "\"all-linear\"", ERR_UNSUPPORTED},
    };
    struct opened o;
    struct adapter *a;
    open_copy(&o);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_key(&o, cases[i].key, cases[i].value);
        err e = adapter_open(&a, &o.model, o.dir);
        if (e != cases[i].code || !strstr(err_message(), o.dir))
            fail_msg("%s: %s (%s)", cases[i].key, err_name(e), err_message());
        if (cases[i].code == ERR_UNSUPPORTED) assert_non_null(strstr(err_message(), cases[i].key));
        assert_null(a);
        set_key(&o, cases[i].key, cases[i].off);
        assert_ok(adapter_open(&a, &o.model, o.dir));
        adapter_free(a);
    }
    close_copy(&o);
}

static void test_tensors(void **state) {
    (void)state;
    struct opened o;
    struct adapter *a;
    char path[300];
    open_copy(&o);
    set_key(&o, "r", "5"); /* every tensor has rank 4 */
    assert_fails(adapter_open(&a, &o.model, o.dir), ERR_MISMATCH, "lora_A.weight");
    set_key(&o, "r", "4");
    set_key(&o, "target_modules", "[\"q_proj\"]"); /* the others' tensors belong to no target */
    assert_fails(adapter_open(&a, &o.model, o.dir), ERR_UNSUPPORTED, "no target module");
    set_key(&o, "target_modules", "[\"q_proj\", \"conv1\"]");
    assert_fails(adapter_open(&a, &o.model, o.dir), ERR_MISSING, "lf_gate.conv1.lora_A.weight");
    set_key(&o, "target_modules", "[\"query_key_value\"]");
    assert_fails(adapter_open(&a, &o.model, o.dir), ERR_MISSING, "'query_key_value'");
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", o.dir);
    set_key(&o, "target_modules", "\"all-linear\"");
    assert_ok(file_remove(path));
    assert_int_not_equal(adapter_open(&a, &o.model, o.dir), ERR_OK);
    assert_non_null(strstr(err_message(), "adapter_model.safetensors"));
    close_copy(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_names),
        cmocka_unit_test(test_settings), cmocka_unit_test(test_tensors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
