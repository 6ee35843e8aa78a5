/* SPDX-License-Identifier: Apache-2.0
 * pytorch_model.bin: what was saved comes back bit for bit, of every type, with strides, offsets
 * and shared storages, in one file or in shards, whatever wraps it; descriptions of tensors that do
 * not fit their storage are refused with file and tensor named.
 * Under test: model/formats/torch.c, model/formats/torch_archive.h. */
#include "base/mem.h"
#include "model/formats/tensor_file.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/torch_writer.h"

static char path[256];

static const char *in_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const float numbers[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

/* The tensor's values as numbers. */
static const float *values(const struct tensor_file *f, const char *name) {
    static float out[64];
    uint8_t bytes[64 * 8];
    const struct tensor *t = tensor_file_find(f, name);
    assert_non_null(t);
    assert_true(t->count <= 64);
    assert_ok(tensor_file_read(f, t, bytes));
    dtype_to_f32(bytes, t->dtype, t->count, out);
    return out;
}

/* Adds the storage "s" of twelve numbers to the archive. */
static void put_storage(struct torch_writer *w) {
    zip_put(&w->zip, "archive/data/s", numbers, sizeof numbers);
}

static void put_view(struct torch_writer *w, const char *name, const struct view *v) {
    struct view known = *v;
    if (!known.storage) known.storage = "FloatStorage";
    if (!known.key) known.key = "s";
    if (!known.count) known.count = 12;
    pickle_string(&w->pickle, name);
    pickle_tensor(&w->pickle, &known);
    put(&w->pickle, "s", 1);
}

static void every_type_comes_back(void **state) {
    (void)state;
    static const float some[3] = {1, 0, 3};
    struct torch_writer w;
    struct tensor_file *f;
    const int64_t shape[] = {3, 1};
    torch_begin(&w);
    put(&w.pickle, "}", 1);
    for (int type = 0; type < DTYPE_COUNT; type++) {
        if (!torch_storage_name((enum dtype)type)) continue;
        uint8_t bytes[3 * 8] = {0};
        const int64_t size = dtype_bytes((enum dtype)type);
        if (type == DTYPE_F32 || type == DTYPE_BF16 || type == DTYPE_F16)
            dtype_from_f32(some, 3, (enum dtype)type, bytes);
        else if (type == DTYPE_F64)
            memcpy(bytes, (const double[]){1, 0, 3}, 24);
        else
            for (int i = 0; i < 3; i++) bytes[i * size] = (uint8_t)some[i];
        pickle_string(&w.pickle, dtype_name((enum dtype)type));
        torch_put_tensor(&w, (enum dtype)type, 2, shape, bytes);
        put(&w.pickle, "s", 1);
    }
    torch_end(&w, in_folder("types.bin"));
    assert_ok(tensor_file_open(&f, path));
    assert_string_equal(tensor_file_format(f), "torch");
    assert_int_equal(tensor_file_count(f), 9);
    for (int64_t i = 0; i < tensor_file_count(f); i++) {
        const struct tensor *t = tensor_file_at(f, i);
        assert_string_equal(dtype_name(t->dtype), t->name);
        assert_non_null(t->data);
        assert_int_equal((uintptr_t)t->data % 64, 0);
        assert_true(t->n_dims == 2 && t->shape[0] == 3 && t->shape[1] == 1);
        const float *got = values(f, t->name);
        assert_true(got[0] == 1 && got[1] == 0 && (got[2] == 3 || t->dtype == DTYPE_BOOL));
    }
    tensor_file_close(f);
}

static void expect_values(const struct tensor_file *f, const char *name, bool mapped, int64_t n,
                          const float *wanted) {
    const struct tensor *t = tensor_file_find(f, name);
    assert_non_null(t);
    assert_int_equal(t->data != NULL, mapped);
    assert_int_equal(t->count, n);
    assert_memory_equal(values(f, name), wanted, (size_t)n * sizeof *wanted);
}

/* Twelve numbers seen as several tensors. */
static void views_share_a_storage(void **state) {
    (void)state;
    struct torch_writer w;
    struct tensor_file *f;
    torch_begin(&w);
    put_storage(&w);
    put(&w.pickle, "}", 1);
    put_view(&w, "whole", &(struct view){.n_dims = 2, .shape = {3, 4}, .stride = {4, 1}});
    put_view(&w, "rows",
             &(struct view){.offset = 4, .n_dims = 2, .shape = {2, 4}, .stride = {4, 1}});
    put_view(&w, "turned", &(struct view){.n_dims = 2, .shape = {4, 3}, .stride = {1, 4}});
    put_view(&w, "columns",
             &(struct view){.offset = 1, .n_dims = 2, .shape = {3, 2}, .stride = {4, 1}});
    put_view(&w, "every_fifth", &(struct view){.n_dims = 1, .shape = {3}, .stride = {5}});
    put_view(&w, "deep",
             &(struct view){.n_dims = 4, .shape = {2, 1, 2, 3}, .stride = {6, 99, 1, 2}});
    put_view(&w, "repeated", &(struct view){.n_dims = 2, .shape = {2, 2}, .stride = {0, 1}});
    put_view(&w, "scalar", &(struct view){.offset = 11, .n_dims = 0});
    put_view(&w, "none",
             &(struct view){.offset = 12, .n_dims = 2, .shape = {0, 5}, .stride = {5, 1}});
    torch_end(&w, in_folder("views.bin"));
    assert_ok(tensor_file_open(&f, path));
    expect_values(f, "whole", true, 12, numbers);
    expect_values(f, "rows", true, 8, numbers + 4);
    expect_values(f, "turned", false, 12, (float[]){0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
    expect_values(f, "columns", false, 6, (float[]){1, 2, 5, 6, 9, 10});
    expect_values(f, "every_fifth", false, 3, (float[]){0, 5, 10});
    expect_values(f, "deep", false, 12, (float[]){0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11});
    expect_values(f, "repeated", false, 4, (float[]){0, 1, 0, 1});
    expect_values(f, "scalar", true, 1, numbers + 11);
    assert_int_equal(tensor_file_find(f, "none")->count, 0);
    assert_ok(tensor_file_read(f, tensor_file_find(f, "none"), NULL));
    tensor_file_close(f);
}

/* Where NAME is saved with `before` and `after` around its dict. */
static void save_wrapped(const char *name, const char *before, const char *after) {
    struct torch_writer w;
    torch_begin(&w);
    put_storage(&w);
    put(&w.pickle, before, strlen(before));
    put(&w.pickle, "}", 1);
    put_view(&w, "a", &(struct view){.n_dims = 1, .shape = {12}, .stride = {1}});
    put(&w.pickle, after, strlen(after));
    torch_end(&w, in_folder(name));
}

static void state_dicts_are_unwrapped(void **state) {
    (void)state;
    struct tensor_file *f;
    save_wrapped("a.pt", "}U\012state_dict", "sU\005epochK\x03s");
    assert_ok(tensor_file_open(&f, path));
    assert_non_null(tensor_file_find(f, "a"));
    tensor_file_close(f);
    save_wrapped("b.pt", "}U\005model", "s");
    assert_ok(tensor_file_open(&f, path));
    tensor_file_close(f);
    save_wrapped("c.pt", "}U\003emaU\001", "");
    assert_fails(tensor_file_open(&f, path), ERR_PARSE, "c.pt': entry 'archive/data.pkl': byte");
    save_wrapped("d.pt", "}U\003ema", "s");
    assert_fails(tensor_file_open(&f, path), ERR_UNSUPPORTED,
                 "d.pt': the pickle is a dict without");
    save_wrapped("e.pt", "}U\005model}sU\012state_dict", "s");
    assert_fails(tensor_file_open(&f, path), ERR_UNSUPPORTED, "without tensors"); /* which one? */
    save_wrapped("f.pt", "]", "a");
    assert_fails(tensor_file_open(&f, path), ERR_UNSUPPORTED, "the pickle is a list");
}

/* Saves a state dict of one view and expects to be refused. */
static void refused(const struct view *v, err code, const char *part) {
    struct torch_writer w;
    struct tensor_file *f = NULL;
    torch_begin(&w);
    put_storage(&w);
    put(&w.pickle, "}", 1);
    put_view(&w, "bad.weight", v);
    torch_end(&w, in_folder("bad.bin"));
    assert_fails(tensor_file_open(&f, path), code, part);
    assert_null(f);
    assert_non_null(strstr(err_message(), "bad.bin': "));
}

static void tensors_that_do_not_fit(void **state) {
    (void)state;
    const int64_t huge = (int64_t)1 << 62;
    refused(&(struct view){.n_dims = 1, .shape = {13}, .stride = {1}}, ERR_MISMATCH,
            "tensor 'bad.weight': 13 elements of a storage of 12");
    refused(&(struct view){.offset = 1, .n_dims = 1, .shape = {12}, .stride = {1}}, ERR_MISMATCH,
            "tensor 'bad.weight': element 12 of a storage of 12");
    refused(&(struct view){.n_dims = 2, .shape = {3, 2}, .stride = {6, 1}}, ERR_MISMATCH,
            "element 13");
    refused(&(struct view){.offset = -1, .n_dims = 1, .shape = {2}, .stride = {1}}, ERR_PARSE,
            "tensor 'bad.weight': offset -1");
    refused(&(struct view){.offset = 13, .n_dims = 1, .shape = {0}, .stride = {1}}, ERR_MISMATCH,
            "of a storage of 12");
    refused(&(struct view){.n_dims = 1, .shape = {2}, .stride = {-1}}, ERR_PARSE,
            "stride -1 of dimension 0");
    refused(&(struct view){.n_dims = 1, .shape = {-2}, .stride = {1}}, ERR_PARSE,
            "dimension 0 is -2");
    refused(&(struct view){.n_dims = 2, .shape = {3, 3}, .stride = {huge, huge}}, ERR_RANGE,
            "strides beyond");
    refused(&(struct view){.offset = INT64_MAX, .n_dims = 1, .shape = {2}, .stride = {1}},
            ERR_RANGE, "strides beyond");
    refused(&(struct view){.n_dims = 2, .shape = {huge, 4}, .stride = {0, 0}}, ERR_RANGE,
            "too many elements");
    refused(&(struct view){.n_dims = 9, .shape = {1, 1, 1, 1, 1, 1, 1, 1, 1}}, ERR_LIMIT,
            "9 dimensions");
    refused(&(struct view){.key = "t", .n_dims = 1, .shape = {2}, .stride = {1}}, ERR_MISSING,
            "no entry 'archive/data/t'");
    refused(&(struct view){.key = "../data.pkl", .n_dims = 1, .shape = {2}, .stride = {1}},
            ERR_MISSING, "no entry");
    refused(&(struct view){.count = 11, .n_dims = 1, .shape = {2}, .stride = {1}}, ERR_MISMATCH,
            "entry 'archive/data/s': 48 bytes for 11 elements of F32");
    refused(&(struct view){.count = -12, .n_dims = 1, .shape = {2}, .stride = {1}}, ERR_MISMATCH,
            "48 bytes for -12 elements");
    refused(&(struct view){.storage = "DoubleStorage", .n_dims = 1, .shape = {2}, .stride = {1}},
            ERR_MISMATCH, "48 bytes for 12 elements of F64");
    refused(&(struct view){.storage = "QInt8Storage", .n_dims = 1, .shape = {2}, .stride = {1}},
            ERR_UNSUPPORTED, "global 'torch QInt8Storage' is refused");
}

/* Saves a state dict with this after its one tensor. */
static void refused_after(const char *more, size_t n, err code, const char *part) {
    struct torch_writer w;
    struct tensor_file *f = NULL;
    torch_begin(&w);
    put_storage(&w);
    put(&w.pickle, "}", 1);
    put_view(&w, "a", &(struct view){.n_dims = 1, .shape = {12}, .stride = {1}});
    put(&w.pickle, more, n);
    torch_end(&w, in_folder("bad.bin"));
    assert_fails(tensor_file_open(&f, path), code, part);
    assert_null(f);
}

static void members_that_are_no_tensors(void **state) {
    (void)state;
    refused_after("U\001bK\001s", 6, ERR_UNSUPPORTED, "tensor 'b': a whole number where a tensor");
    refused_after("K\001K\001s", 5, ERR_UNSUPPORTED, "a whole number where a tensor's name");
    refused_after("U\003b\0cNs", 7, ERR_PARSE, "tensor 'b': a name with NUL");
}

static void doubled_tensors(void **state) {
    (void)state;
    struct torch_writer w;
    struct tensor_file *f = NULL;
    const struct view v = {.n_dims = 1, .shape = {12}, .stride = {1}};
    torch_begin(&w);
    put_storage(&w);
    put(&w.pickle, "}", 1);
    put_view(&w, "a", &v);
    put_view(&w, "a", &v);
    torch_end(&w, in_folder("bad.bin"));
    assert_fails(tensor_file_open(&f, path), ERR_PARSE, "tensor 'a' is also in");
}

/* An archive of `n` entries with their names and texts. */
static void refused_archive(const char *const entries[][2], int n, err code, const char *part) {
    struct zip_writer z = {0};
    struct tensor_file *f = NULL;
    for (int i = 0; i < n; i++) zip_put(&z, entries[i][0], entries[i][1], strlen(entries[i][1]));
    zip_end(&z);
    assert_ok(file_write(in_folder("bad.bin"), z.bytes.data, z.bytes.len));
    zip_writer_release(&z);
    assert_fails(tensor_file_open(&f, path), code, part);
    assert_null(f);
}

static void archives_that_torch_did_not_write(void **state) {
    (void)state;
    static const char *const no_pickle[][2] = {{"a/other", "x"}, {"data.pkl", "\x80\x02}."}};
    refused_archive(no_pickle, 2, ERR_MISSING, "no entry data.pkl");
    static const char *const two[][2] = {{"a/data.pkl", "\x80\x02}."},
                                         {"b/data.pkl", "\x80\x02}."}};
    refused_archive(two, 2, ERR_PARSE, "two pickles: 'a/data.pkl' and 'b/data.pkl'");
    static const char *const big[][2] = {{"a/data.pkl", "\x80\x02}."}, {"a/byteorder", "big"}};
    refused_archive(big, 2, ERR_UNSUPPORTED, "entry 'a/byteorder': not 'little'");
    static const char *const empty[][2] = {{"a/data.pkl", "\x80\x02}."}};
    refused_archive(empty, 1, ERR_UNSUPPORTED, "a dict without tensors");
}

static void other_files_of_torch(void **state) {
    (void)state;
    struct tensor_file *f = NULL;
    assert_ok(file_write(in_folder("old.bin"), "\x80\x02\x8a\x0al\xfc", 6));
    assert_fails(tensor_file_open(&f, path), ERR_UNSUPPORTED, "before version 1.6");
    assert_non_null(strstr(err_hint(), "save it again"));
    assert_ok(file_write(in_folder("cut.bin"), "PK\3\4 and then nothing", 20));
    assert_fails(tensor_file_open(&f, path), ERR_PARSE, "cut.bin': ");
    assert_null(f);
}

/* A shard of one tensor. */
static void save_shard(const char *name, const char *tensor) {
    struct torch_writer w;
    const int64_t shape[] = {12};
    torch_begin(&w);
    put(&w.pickle, "}", 1);
    pickle_string(&w.pickle, tensor);
    torch_put_tensor(&w, DTYPE_F32, 1, shape, numbers);
    put(&w.pickle, "s", 1);
    torch_end(&w, in_folder(name));
}

static err open_index(const char *weight_map) {
    struct tensor_file *f = NULL;
    struct str text = {0};
    assert_ok(str_printf(&text, "{\"metadata\": {}, \"weight_map\": {%s}}", weight_map));
    assert_ok(file_write(in_folder("pytorch_model.bin.index.json"), text.data, text.len));
    str_release(&text);
    err code = tensor_file_open_dir(&f, folder, "model");
    if (code) {
        assert_null(f);
        return code;
    }
    assert_int_equal(tensor_file_count(f), 2);
    assert_string_equal(path_base(tensor_file_path(f, tensor_file_find(f, "b"))), "two.bin");
    assert_memory_equal(tensor_file_find(f, "b")->data, numbers, sizeof numbers);
    tensor_file_close(f);
    return ERR_OK;
}

static void shards(void **state) {
    (void)state;
    save_shard("one.bin", "a");
    save_shard("two.bin", "b");
    assert_ok(open_index("\"a\": \"one.bin\", \"b\": \"two.bin\""));
    assert_fails(open_index("\"a\": \"one.bin\", \"b\": \"gone.bin\""), ERR_IO, "gone.bin");
    assert_fails(open_index("\"a\": \"one.bin\", \"b\": \"../two.bin\""), ERR_PARSE, "tensor 'b'");
    assert_fails(open_index("\"a\": \"one.bin\", \"b\": \"one.bin\""), ERR_MISMATCH,
                 "tensor 'b' is not in 'one.bin'");
    assert_fails(open_index("\"a\": \"one.bin\", \"b\": \"two.bin\", \"c\": \"two.bin\""),
                 ERR_MISMATCH, "tensor 'c' is not in 'two.bin'");
    save_shard("two.bin", "a");
    assert_fails(open_index("\"a\": \"one.bin\", \"b\": \"two.bin\""), ERR_PARSE,
                 "tensor 'a' is also in");
}

static void files_of_a_folder(void **state) {
    (void)state;
    struct tensor_file *f = NULL;
    assert_fails(tensor_file_open_dir(&f, folder, "model"), ERR_MISSING, "holds no weights");
    save_shard("adapter_model.bin", "a");
    assert_fails(tensor_file_open_dir(&f, folder, "model"), ERR_MISSING, "holds no weights");
    assert_ok(tensor_file_open_dir(&f, folder, "adapter_model"));
    tensor_file_close(f);
    save_shard("pytorch_model.bin", "a");
    assert_ok(tensor_file_open_dir(&f, folder, "model"));
    assert_string_equal(path_base(tensor_file_path(f, tensor_file_at(f, 0))), "pytorch_model.bin");
    tensor_file_close(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(every_type_comes_back),
        FOLDER_TEST(views_share_a_storage),
        FOLDER_TEST(state_dicts_are_unwrapped),
        FOLDER_TEST(tensors_that_do_not_fit),
        FOLDER_TEST(members_that_are_no_tensors),
        FOLDER_TEST(doubled_tensors),
        FOLDER_TEST(archives_that_torch_did_not_write),
        FOLDER_TEST(other_files_of_torch),
        FOLDER_TEST(shards),
        FOLDER_TEST(files_of_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
