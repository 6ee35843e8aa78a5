/* SPDX-License-Identifier: Apache-2.0
 * safetensors: what is written comes back, in one file and in shards, the same bytes each time;
 * headers that lie are refused by name; and no damaged byte anywhere in a header does more than
 * that.
 * Under test: model/formats/safetensors.h. */
#include "base/mem.h"
#include "base/philox.h"
#include "model/formats/safetensors.h"
#include "tests/unit/folder_test.h"

static char path[256];

static const char *in_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A file of a header text and `data_bytes` zeros; the length field is `length`, or the text's when
 * 0. */
static const char *make_file(const char *header, uint64_t length, size_t data_bytes) {
    struct str bytes = {0};
    if (!length) length = strlen(header);
    for (int i = 0; i < 8; i++) assert_ok(str_append(&bytes, &(char){(char)(length >> 8 * i)}, 1));
    assert_ok(str_add(&bytes, header));
    for (size_t i = 0; i < data_bytes; i++) assert_ok(str_append(&bytes, "", 1));
    const char *name = in_folder("made.safetensors");
    assert_ok(file_write(name, bytes.data, bytes.len));
    str_release(&bytes);
    return name;
}

static void refused(const char *header, uint64_t length, size_t data_bytes, err code,
                    const char *part) {
    struct tensor_file *f = NULL;
    assert_fails(tensor_file_open(&f, make_file(header, length, data_bytes)), code, part);
    assert_non_null(strstr(err_message(), "made.safetensors"));
    assert_null(f);
}

#define ENTRY(name, dtype, shape, offsets)                                                         \
    "\"" name "\": {\"dtype\": \"" dtype "\", \"shape\": " shape ", \"data_offsets\": " offsets "}"

static void headers_that_lie(void **state) {
    (void)state;
    struct tensor_file *f;
    assert_ok(file_write(in_folder("made.safetensors"), "abc", 3));
    assert_fails(tensor_file_open(&f, path), ERR_PARSE, "3 bytes are too few");
    refused("{}", 1000, 0, ERR_PARSE, "header of 1000 bytes in a file of 10");
    refused("{}", UINT64_MAX, 0, ERR_PARSE, "header of 18446744073709551615 bytes");
    refused("{", 0, 0, ERR_PARSE, "header");
    refused("[]", 0, 0, ERR_PARSE, "not an object");
    refused("{} x", 0, 0, ERR_PARSE, "header");
    refused("{\"a\": 1}", 0, 0, ERR_PARSE, "tensor 'a': not an object");
    refused("{\"__metadata__\": {\"n\": 1}}", 0, 0, ERR_PARSE, "'n' is not a string");
    refused("{" ENTRY("a", "F32", "[2]", "[0, 8]") "}", 0, 7, ERR_PARSE, "ends at byte 8 of 7");
    refused("{" ENTRY("a", "F32", "[2]", "[0, 8]") "}", 0, 9, ERR_PARSE, "1 bytes after the last");
    refused("{" ENTRY("a", "F32", "[3]", "[0, 8]") "}", 0, 8, ERR_MISMATCH, "3 elements of F32");
    refused("{" ENTRY("a", "F32", "[2]", "[8, 0]") "}", 0, 8, ERR_PARSE, "ascending");
    refused("{" ENTRY("a", "F32", "[2]", "[0, 8, 8]") "}", 0, 8, ERR_PARSE, "two ascending");
    refused("{" ENTRY("a", "F32", "[2]", "[-8, 0]") "}", 0, 8, ERR_PARSE, "ascending");
    refused("{" ENTRY("a", "F32", "[-2]", "[0, 8]") "}", 0, 8, ERR_PARSE, "dimension 0");
    refused("{" ENTRY("a", "F32", "[2.0]", "[0, 8]") "}", 0, 8, ERR_PARSE, "dimension 0");
    refused("{" ENTRY("a", "X9", "[2]", "[0, 8]") "}", 0, 8, ERR_UNSUPPORTED, "X9");
    refused("{" ENTRY("a", "F32", "[4294967296, 4294967296]", "[0, 0]") "}", 0, 0, ERR_RANGE,
            "too many elements");
    refused("{" ENTRY("a", "F64", "[2305843009213693952]", "[0, 0]") "}", 0, 0, ERR_RANGE,
            "too many elements");
    refused("{" ENTRY("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0, 4]") "}", 0, 4, ERR_LIMIT,
            "9 dimensions");
}

static void tensors_that_do_not_cover_the_data(void **state) {
    (void)state;
    refused("{" ENTRY("a", "F32", "[2]", "[0, 8]") "," ENTRY("b", "F32", "[2]", "[4, 12]") "}", 0,
            12, ERR_PARSE, "overlap");
    refused("{" ENTRY("a", "F32", "[2]", "[0, 8]") "," ENTRY("b", "F32", "[1]", "[12, 16]") "}", 0,
            16, ERR_PARSE, "hole");
    refused("{" ENTRY("a", "F32", "[1]", "[4, 8]") "}", 0, 8, ERR_PARSE, "hole");
    refused("{" ENTRY("a", "F32", "[1]", "[0, 4]") "," ENTRY("a", "F32", "[1]", "[4, 8]") "}", 0, 8,
            ERR_PARSE, "made.safetensors");
}

static const float numbers[6] = {1, -2, 3.5f, 0, 1e-30f, 7};
static const uint16_t halves[3] = {0x3f80, 0xc000, 0};
static const struct tensor three[3] = {
    {.name = "z", .dtype = DTYPE_F32, .n_dims = 2, .shape = {2, 3}, .count = 6, .data = numbers},
    {.name = "a\"\xe6\xa8\xa1",
     .dtype = DTYPE_BF16,
     .n_dims = 1,
     .shape = {3},
     .count = 3,
     .data = halves},
    {.name = "none", .dtype = DTYPE_I64, .n_dims = 2, .shape = {0, 5}, .count = 0},
};

static void expect_three(const struct tensor_file *f) {
    assert_int_equal(tensor_file_count(f), 3);
    assert_string_equal(tensor_file_at(f, 0)->name, "a\"\xe6\xa8\xa1"); /* sorted */
    const struct tensor *z = NULL;
    assert_ok(tensor_file_need(f, "z", 2, (const int64_t[]){2, 3}, &z));
    assert_memory_equal(z->data, numbers, sizeof numbers);
    assert_memory_equal(tensor_file_at(f, 0)->data, halves, sizeof halves);
    assert_int_equal(tensor_file_find(f, "none")->count, 0);
    assert_null(tensor_file_find(f, "y"));
    assert_fails(tensor_file_need(f, "y", 1, (const int64_t[]){1}, &z), ERR_MISSING,
                 "no tensor 'y'");
    assert_fails(tensor_file_need(f, "z", 2, (const int64_t[]){3, 2}, &z), ERR_MISMATCH,
                 "has shape [2,3] where [3,2] is needed");
}

static void written_files_come_back(void **state) {
    (void)state;
    struct tensor_file *f;
    struct str first = {0}, second = {0};
    assert_ok(safetensors_write(in_folder("one.safetensors"), three, 3));
    assert_ok(tensor_file_open(&f, path));
    expect_three(f);
    tensor_file_close(f);
    assert_ok(file_read(path, 1 << 20, &first));
    assert_int_equal((8 + (uint8_t)first.data[0]) % 8, 0); /* data begins at a multiple of 8 */
    assert_non_null(strstr(first.data + 8, "\"format\":\"pt\""));
    assert_ok(safetensors_write(path, three, 3));
    assert_ok(file_read(path, 1 << 20, &second));
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    str_release(&first);
    str_release(&second);
    struct tensor twice[2] = {three[0], three[0]};
    assert_fails(safetensors_write(path, twice, 2), ERR_EXISTS, "two tensors are called 'z'");
}

static void shards_come_back(void **state) {
    (void)state;
    struct tensor_file *f;
    assert_ok(safetensors_write_dir(folder, "model", three, 3, 24, NULL));
    assert_true(file_exists(in_folder("model-00001-of-00002.safetensors")));
    assert_true(file_exists(in_folder("model-00002-of-00002.safetensors")));
    assert_false(file_exists(in_folder("model.safetensors")));
    assert_ok(tensor_file_open_dir(&f, folder, "model"));
    expect_three(f);
    assert_non_null(strstr(tensor_file_path(f, tensor_file_find(f, "z")), "00001"));
    tensor_file_close(f);
    assert_fails(tensor_file_open_dir(&f, folder, "adapter_model"), ERR_MISSING,
                 "no adapter_model.safetensors");
}

static void index_refused(const char *index, err code, const char *part) {
    struct tensor_file *f;
    assert_ok(file_write(in_folder("model.safetensors.index.json"), index, strlen(index)));
    assert_fails(tensor_file_open_dir(&f, folder, "model"), code, part);
}

static void an_index_that_lies(void **state) {
    (void)state;
    assert_ok(safetensors_write(in_folder("x.safetensors"), three, 1));
    assert_ok(safetensors_write(in_folder("y.safetensors"), three, 2));
    index_refused("{}", ERR_PARSE, "weight_map");
    index_refused("{\"weight_map\": {\"z\": 3}}", ERR_PARSE, "not the name of a file");
    index_refused("{\"weight_map\": {\"z\": \"../x.safetensors\"}}", ERR_PARSE,
                  "not the name of a file");
    index_refused("{\"weight_map\": {\"q\": \"x.safetensors\"}}", ERR_MISMATCH, "'q' is not in");
    index_refused("{\"weight_map\": {\"z\": \"y.safetensors\"}}", ERR_MISMATCH, "is not listed");
    index_refused("{\"weight_map\": {\"z\": \"x.safetensors\", \"none\": \"y.safetensors\"}}",
                  ERR_PARSE, "is also in");
    index_refused("{\"weight_map\": {\"z\": \"gone.safetensors\"}}", ERR_IO, "gone.safetensors");
}

/* Every header byte changed in three ways, and every length cut short: opens, or fails cleanly;
 * what opens can be read to its last byte. */
static void damaged_headers(void **state) {
    (void)state;
    struct str good = {0};
    struct tensor_file *f;
    const struct rng rng = {.seed = 1, .purpose = RNG_TEST};
    assert_ok(safetensors_write(in_folder("good.safetensors"), three, 3));
    assert_ok(file_read(path, 1 << 20, &good));
    const size_t header = good.len - sizeof numbers - sizeof halves;
    int64_t n_refused = 0;
    for (size_t i = 0; i < header * 4; i++) {
        struct str bad = {0};
        size_t at = i / 4, n = i % 4 == 3 ? at : good.len;
        assert_ok(str_append(&bad, good.data, n));
        if (i % 4 < 3) bad.data[at] = (char)(bad.data[at] ^ (1 + rng_below(&rng, i, 255)));
        assert_ok(file_write(in_folder("bad.safetensors"), str_text(&bad), n));
        err code = tensor_file_open(&f, path);
        n_refused += code != ERR_OK;
        for (int64_t k = 0; !code && k < tensor_file_count(f); k++) {
            const struct tensor *t = tensor_file_at(f, k);
            const volatile uint8_t *bytes = t->data;
            for (int64_t j = 0; j < t->count * dtype_bytes(t->dtype); j++) (void)bytes[j];
        }
        if (!code) tensor_file_close(f);
        str_release(&bad);
    }
    assert_true(n_refused > (int64_t)header * 2);
    str_release(&good);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(headers_that_lie),        FOLDER_TEST(tensors_that_do_not_cover_the_data),
        FOLDER_TEST(written_files_come_back), FOLDER_TEST(shards_come_back),
        FOLDER_TEST(an_index_that_lies),      FOLDER_TEST(damaged_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
