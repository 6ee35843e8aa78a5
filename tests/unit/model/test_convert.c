/* SPDX-License-Identifier: Apache-2.0
 * Conversion: what goes to GGUF and comes back has the same bytes, for every dtype that can; what
 * another dtype cannot hold is counted and never an infinity; what cannot be converted is refused
 * by name; and whichever allocation or write fails, nothing half-made is left.
 * Under test: model/convert.h. */
#include "model/convert.h"
#include "base/fault.h"
#include "model/formats/safetensors.h"
#include "tests/unit/model/small.h"
#include <math.h>

static const char *folder;
static const struct gguf_notes notes = {.name = "small"};

static const char *in_folder(const char *name) {
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

/* From and to are names in the folder. */
static err convert(const char *from, const char *to, const char *format, const char *type,
                   struct model_converted *done) {
    const struct model_conversion c = {.model = in_folder(from),
                                       .out = in_folder(to),
                                       .format = format,
                                       .type = type,
                                       .notes = &notes};
    return model_convert(&c, done);
}

static void expect_same(const char *a, const char *b) {
    struct str first = {0}, second = {0};
    assert_ok(file_read(in_folder(a), 1 << 24, &first));
    assert_ok(file_read(in_folder(b), 1 << 24, &second));
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        fail_msg("'%s' and '%s' differ", a, b);
    str_release(&first);
    str_release(&second);
}

/* FOLDER/model -> gguf -> safetensors of `type` -> the same files. */
static void expect_round_trip(const char *from, const char *type) {
    struct model_converted done;
    char path[64];
    assert_ok(convert(from, "there", "gguf", "keep", &done));
    assert_int_equal(done.n_changed, 0);
    assert_string_equal(done.from, "safetensors");
    assert_ok(convert("there", "back", "safetensors", type, &done));
    assert_int_equal(done.n_changed, 0);
    assert_string_equal(done.from, "gguf");
    snprintf(path, sizeof path, "%s/model.safetensors", from);
    expect_same(path, "back/model.safetensors");
    snprintf(path, sizeof path, "%s/config.json", from);
    expect_same(path, "back/config.json");
    assert_ok(dir_remove(in_folder("there")));
    assert_ok(dir_remove(in_folder("back")));
}

static void round_trips_keep_bits(void **state) {
    struct model_converted done;
    (void)state;
    small_model(folder, NULL, DTYPE_F32);
    expect_round_trip("model", "keep");
    assert_ok(convert("model", "half", "safetensors", "f16", &done));
    assert_true(done.n_changed > 0 && done.n_overflowed == 0);
    expect_round_trip("half", "f16");
    small_model(folder, "\"tie_word_embeddings\": false", DTYPE_BF16);
    expect_round_trip("model", "bf16");
    assert_ok(dir_remove(in_folder("half")));
}

/* A file alone is a checkpoint, without config.json beside it. */
static void a_single_file(void **state) {
    struct model_converted done;
    (void)state;
    small_model(folder, NULL, DTYPE_F32);
    assert_ok(convert("model", "alone/name.gguf", "gguf", "keep", &done));
    assert_int_equal(done.bytes_in, done.n_values * 4);
    assert_int_equal(done.bytes_out, done.bytes_in);
    assert_string_equal(done.types[0].name, "f32");
    assert_int_equal(done.types[0].n_tensors, done.n_tensors);
    assert_ok(convert("alone/name.gguf", "back", "safetensors", "keep", &done));
    expect_same("model/model.safetensors", "back/model.safetensors");
    expect_same("model/config.json", "back/config.json");
    assert_ok(dir_remove(in_folder("back")));
    assert_ok(dir_remove(in_folder("alone")));
}

static void shards(void **state) {
    struct model_converted done;
    struct tensor_file *f;
    (void)state;
    small_model(folder, NULL, DTYPE_BF16);
    const struct model_conversion c = {.model = in_folder("model"),
                                       .out = in_folder("many"),
                                       .format = "safetensors",
                                       .type = "f32",
                                       .shard_bytes = 10000};
    assert_ok(model_convert(&c, &done));
    assert_true(file_exists(in_folder("many/model.safetensors.index.json")));
    assert_ok(tensor_file_open_dir(&f, in_folder("many"), "model"));
    assert_int_equal(tensor_file_count(f), done.n_tensors);
    tensor_file_close(f);
    assert_ok(convert("many", "back", "safetensors", "bf16", &done));
    expect_same("model/model.safetensors", "back/model.safetensors");
    assert_ok(dir_remove(in_folder("many")));
    assert_ok(dir_remove(in_folder("back")));
}

/* FOLDER/model with the final norm in `dtype` beginning with these values. */
static void plant(enum dtype dtype, const double *values, int n) {
    struct tensor_file *f;
    struct tensor tensors[64];
    static double data[64];
    small_model(folder, NULL, DTYPE_F32);
    assert_ok(tensor_file_open_dir(&f, in_folder("model"), "model"));
    const int64_t n_tensors = tensor_file_count(f);
    for (int64_t i = 0; i < n_tensors; i++) {
        tensors[i] = *tensor_file_at(f, i);
        if (strcmp(tensors[i].name, "model.norm.weight") != 0) continue;
        float *single = (float *)data;
        for (int k = 0; k < 24; k++) {
            const double value = k < n ? values[k] : 1;
            if (dtype == DTYPE_F64)
                data[k] = value;
            else
                single[k] = (float)value;
        }
        tensors[i].dtype = dtype;
        tensors[i].data = data;
    }
    assert_ok(dir_remove(in_folder("planted")));
    assert_ok(dir_make(in_folder("planted")));
    assert_ok(safetensors_write(in_folder("planted/model.safetensors"), tensors, n_tensors));
    assert_ok(file_copy(in_folder("model/config.json"), in_folder("planted/config.json")));
    tensor_file_close(f);
}

/* The final norm of a written folder, in fp32. */
static void read_norm(const char *dir, float out[24]) {
    struct tensor_file *f;
    const struct tensor *t;
    uint64_t values[24];
    assert_ok(tensor_file_open_dir(&f, in_folder(dir), "model"));
    assert_ok(tensor_file_need(f, "model.norm.weight", 1, (const int64_t[]){24}, &t));
    assert_ok(tensor_file_read(f, t, values));
    dtype_to_f32(values, t->dtype, 24, out);
    tensor_file_close(f);
}

static int64_t changed_in_rest(const char *type) {
    const double ones[1] = {1};
    struct model_converted done;
    plant(DTYPE_F32, ones, 1);
    assert_ok(convert("planted", "out", "safetensors", type, &done));
    assert_ok(dir_remove(in_folder("out")));
    return done.n_changed;
}

static void what_does_not_fit_is_counted(void **state) {
    (void)state;
    const double values[] = {1e6, -1e30, 65504, 65519.996, INFINITY,
                             NAN, 0.75,  65520, 1e-9,      -1e-40};
    struct model_converted done;
    float back[24];
    const int64_t rest = changed_in_rest("f16");
    plant(DTYPE_F32, values, 10);
    assert_ok(convert("planted", "out", "safetensors", "f16", &done));
    assert_int_equal(done.n_overflowed, 3);
    assert_int_equal(done.n_vanished, 2);
    assert_int_equal(done.n_changed, rest + 6); /* and 65519.996, which rounds down */
    read_norm("out", back);
    assert_true(back[0] == 65504 && back[1] == -65504 && back[2] == 65504 && back[3] == 65504);
    assert_true(isinf(back[4]) && isnan(back[5]) && back[6] == 0.75f && back[7] == 65504);
    assert_ok(dir_remove(in_folder("out")));
    const double beyond[] = {3.4e38, -3.4e38, 3.38e38};
    plant(DTYPE_F32, beyond, 3);
    assert_ok(convert("planted", "out", "safetensors", "bf16", &done));
    assert_int_equal(done.n_overflowed, 2);
    read_norm("out", back);
    assert_true(back[0] == 0x1.fep127f && back[1] == -0x1.fep127f && isfinite(back[2]));
    assert_true(done.largest_error > 0 && done.largest_error <= 0x1p-8); /* half a step of 7 bits */
    assert_ok(dir_remove(in_folder("out")));
}

static void doubles_are_narrowed_only_when_asked(void **state) {
    (void)state;
    const double values[] = {0.1, 1e300, 0.5};
    struct model_converted done;
    float back[24];
    plant(DTYPE_F64, values, 3);
    assert_fails(convert("planted", "out", "gguf", "keep", &done), ERR_UNSUPPORTED,
                 "tensor 'model.norm.weight': GGUF files have no F64");
    assert_false(file_exists(in_folder("out")));
    assert_ok(convert("planted", "out", "safetensors", "keep", &done));
    assert_int_equal(done.n_changed, 0);
    assert_ok(dir_remove(in_folder("out")));
    assert_ok(convert("planted", "out", "safetensors", "f32", &done));
    assert_int_equal(done.n_changed, 2);
    assert_int_equal(done.n_overflowed, 1);
    read_norm("out", back);
    assert_true(back[0] == 0.1f && back[1] == 0x1.fffffep127f && back[2] == 0.5f);
    assert_ok(dir_remove(in_folder("out")));
}

static void what_cannot_be_converted(void **state) {
    (void)state;
    struct model_converted done;
    small_model(folder, "\"use_shareqk\": true", DTYPE_F32);
    assert_fails(convert("model", "out", "gguf", "f32", &done), ERR_UNSUPPORTED,
                 "self_attn.qk_proj.weight' has no name in a Yuan 2.0 GGUF file");
    assert_false(file_exists(in_folder("out")));
    assert_ok(convert("model", "out", "safetensors", "bf16", &done));
    assert_fails(convert("model", "out", "safetensors", "bf16", &done), ERR_EXISTS,
                 "is there already");
    assert_ok(dir_remove(in_folder("out")));
    const double infinite[] = {INFINITY};
    plant(DTYPE_F32, infinite, 1); /* a norm: f32 in every GGUF */
    assert_ok(convert("planted", "out.gguf", "gguf", "q8_0", &done));
    assert_ok(file_remove(in_folder("out.gguf")));
}

/* FOLDER/empty holds nothing, or, where only the last step failed (the folder's own entry may not
 * be on the disk yet), a whole checkpoint under its final name. */
static void expect_nothing_or_all(void) {
    struct name_list names;
    assert_ok(dir_list(in_folder("empty"), &names));
    for (size_t i = 0; i < names.n; i++) {
        struct model m;
        char path[256];
        snprintf(path, sizeof path, "%s/empty/%s", folder, names.names[i]);
        if (strstr(names.names[i], ".tmp-")) fail_msg("'%s' is left", path);
        assert_ok(model_open(&m, path, NULL));
        model_close(&m);
        assert_ok(dir_remove(path));
    }
    name_list_release(&names);
}

static void nothing_half_made_is_left(void **state) {
    struct model_converted done;
    (void)state;
    small_model(folder, NULL, DTYPE_BF16);
    assert_ok(dir_make(in_folder("empty")));
    for (int kind = FAULT_MEM; kind <= FAULT_IO; kind++) {
        err code = ERR_MEMORY;
        int64_t nth = 0;
        while (code && ++nth < 2000) {
            fault_arm((enum fault_kind)kind, FAULT_FAIL, nth);
            code = convert("model", nth % 2 ? "empty/out" : "empty/out.gguf",
                           nth % 2 ? "safetensors" : "gguf", "f16", &done);
            fault_arm((enum fault_kind)kind, FAULT_FAIL, 0);
            if (!code) break;
            assert_int_equal(code, kind == FAULT_MEM ? ERR_MEMORY : ERR_IO);
            expect_nothing_or_all();
        }
        assert_true(!code && nth > 3);
        assert_ok(dir_remove(in_folder("empty/out")));
        assert_ok(dir_remove(in_folder("empty/out.gguf")));
    }
    assert_int_equal(mem_stats().live_blocks, 0);
}

static int open_folder(void **state) {
    (void)state;
    folder = test_folder();
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    test_folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_keep_bits),
        cmocka_unit_test(a_single_file),
        cmocka_unit_test(shards),
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(doubles_are_narrowed_only_when_asked),
        cmocka_unit_test(what_cannot_be_converted),
        cmocka_unit_test(nothing_half_made_is_left),
    };
    return cmocka_run_group_tests(tests, open_folder, remove_folder);
}
