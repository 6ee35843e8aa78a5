/* SPDX-License-Identifier: Apache-2.0
 * The hash of a checkpoint's content: the bytes that its header promises, the same for one file and
 * for shards, and another one for another value, dtype or shape.
 * Under test: model/content.h. */
#include "model/content.h"
#include "model/formats/safetensors.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"

static void hash_of(const char *dir, char out[SHA256_HEX_SIZE]) {
    struct model m;
    assert_ok(model_open(&m, dir, NULL));
    assert_ok(model_content_hash(&m, out));
    model_close(&m);
}

/* The weights of `dir` written anew after `change`. */
static void rewrite(const char *dir, int64_t shard_bytes,
                    void (*change)(struct tensor *list, int64_t *n)) {
    struct tensor_file *f;
    struct tensor list[64];
    int64_t n;
    char path[300];
    assert_ok(tensor_file_open_dir(&f, dir, "model"));
    for (n = 0; n < tensor_file_count(f); n++) list[n] = *tensor_file_at(f, n);
    if (change) change(list, &n);
    snprintf(path, sizeof path, "%s/new", dir);
    assert_ok(dir_make(path));
    assert_ok(safetensors_write_dir(path, "model", list, n, shard_bytes, NULL));
    tensor_file_close(f);
    char config[300], copy[300];
    snprintf(config, sizeof config, "%s/config.json", dir);
    snprintf(copy, sizeof copy, "%s/new/config.json", dir);
    assert_ok(file_copy(config, copy));
}

static void as_promised(void **state) {
    (void)state;
    struct tensor_file *f;
    struct sha256 h;
    char want[SHA256_HEX_SIZE], got[SHA256_HEX_SIZE];
    const char *dir = small_model(folder, NULL, DTYPE_BF16);
    hash_of(dir, got);
    assert_ok(tensor_file_open_dir(&f, dir, "model"));
    assert_ok(sha256_init(&h));
    for (int64_t i = 0; i < tensor_file_count(f); i++) {
        const struct tensor *t = tensor_file_at(f, i);
        char line[200];
        int at = snprintf(line, sizeof line, "%s BF16 [%d", t->name, (int)t->shape[0]);
        for (int d = 1; d < t->n_dims; d++)
            at += snprintf(line + at, sizeof line - (size_t)at, ",%d", (int)t->shape[d]);
        at += snprintf(line + at, sizeof line - (size_t)at, "]\n");
        assert_ok(sha256_add(&h, line, (size_t)at));
        assert_ok(sha256_add(&h, t->data, (size_t)t->count * 2));
    }
    assert_ok(sha256_final(&h, want));
    assert_string_equal(got, want);
    tensor_file_close(f);
}

/* Another order, rotary buffers and a copy of the tied head beside the weights. */
static void reversed_with_unused(struct tensor *list, int64_t *n) {
    for (int64_t i = 0; i < *n / 2; i++) {
        struct tensor t = list[i];
        list[i] = list[*n - 1 - i];
        list[*n - 1 - i] = t;
    }
    list[*n] = list[0];
    list[(*n)++].name = "lm_head.weight";
    list[*n] = list[0];
    list[(*n)++].name = "model.layers.0.self_attn.rotary_emb.inv_freq";
}

static float changed[1 << 16];

static void one_value(struct tensor *list, int64_t *n) {
    struct tensor *t = &list[*n - 1];
    assert_true(t->count <= 1 << 16);
    memcpy(changed, t->data, (size_t)t->count * sizeof(float));
    changed[t->count - 1] += 1;
    t->data = changed;
}

static void one_dtype(struct tensor *list, int64_t *n) {
    struct tensor *t = &list[*n - 1];
    static uint16_t rounded[1 << 16];
    dtype_from_f32(t->data, t->count, DTYPE_BF16, rounded);
    t->dtype = DTYPE_BF16;
    t->data = rounded;
}

static void same_and_other(void **state) {
    (void)state;
    static const struct {
        int64_t shard_bytes;
        void (*change)(struct tensor *list, int64_t *n);
        bool same;
    } cases[] = {{4000, NULL, true},
                 {0, reversed_with_unused, true},
                 {5000, reversed_with_unused, true},
                 {0, one_value, false},
                 {0, one_dtype, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE], path[300];
        const char *dir = small_model(folder, NULL, DTYPE_F32);
        hash_of(dir, first);
        rewrite(dir, cases[i].shard_bytes, cases[i].change);
        snprintf(path, sizeof path, "%s/new", dir);
        hash_of(path, second);
        assert_int_equal(strcmp(first, second) == 0, cases[i].same);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {FOLDER_TEST(as_promised), FOLDER_TEST(same_and_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
