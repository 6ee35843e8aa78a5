/* SPDX-License-Identifier: Apache-2.0
 * A model's digest changes with any byte of its weights, whatever format they are in, and with
 * nothing else that lies in the folder.
 * Under test: eval/digest.h. */
#include "eval/digest.h"
#include "base/mem.h"
#include "tests/unit/test.h"

static const char *folder;

static void put(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *dir = path_dir(path);
    assert_ok(dir_make(dir));
    mem_free(dir);
    assert_ok(file_write(path, text, strlen(text)));
}

static void model_digest(char out[SHA256_HEX_SIZE]) {
    assert_ok(digest_model(folder, out));
}

static void every_format_counts(void **state) {
    static const char *const weights[] = {"model.safetensors",
                                          "model.safetensors.index.json",
                                          "pytorch_model.bin",
                                          "pytorch_model.bin.index.json",
                                          "model.gguf",
                                          "latest_checkpointed_iteration.txt",
                                          "release/mp_rank_00/a_b.pt",
                                          "iter_0000001/mp_rank_01/a_b.pt",
                                          "config.json",
                                          "tokenizer.model"};
    static const char *const others[] = {"README.md", "notes.txt", "adapter/model.safetensors",
                                         "generation_config.json"};
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    (void)state;
    folder = test_folder();
    assert_fails(digest_model(folder, before), ERR_MISSING, "holds no weights");
    put("config.json", "{}");
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        put(weights[i], "first");
        model_digest(before);
        put(weights[i], "other");
        model_digest(after);
        assert_string_not_equal(before, after);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) put(others[i], "more");
    model_digest(before);
    assert_string_equal(before, after);
    test_folder_remove(folder);
}

static void a_single_file(void **state) {
    char path[256], digest[SHA256_HEX_SIZE], hash[SHA256_HEX_SIZE];
    (void)state;
    folder = test_folder();
    put("name.gguf", "weights");
    snprintf(path, sizeof path, "%s/name.gguf", folder);
    assert_ok(digest_model(path, digest));
    assert_ok(sha256_file(path, hash));
    assert_string_equal(digest, hash);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_counts),
        cmocka_unit_test(a_single_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
