/* SPDX-License-Identifier: Apache-2.0
 * Logits by blocks of the vocabulary: a run ends with the bits of one whose rows keep all of
 * theirs, with a vocabulary that no block divides, a head of its own or tied, weights trained or an
 * adapter, gradients kept, rounded or taken; and its plan is smaller.
 * Under test: model/loss.c, compute/cpu/cross_entropy.c. */
#include "tests/unit/folder_test.h"
#include "tests/unit/trainer/fixture.h"

#include "base/par.h"
#include "model/init.h"

enum { VOCABULARY = 9001, STEPS = 2 };

struct setting {
    bool tied, in_backward, logits;
    const char *adapter, *gradients;
};

static void make_model(bool tied, char *dir, size_t size) {
    char path[400];
    json_t *json;
    struct model_config config;
    snprintf(dir, size, "%s/%s", folder, tied ? "tied" : "untied");
    assert_ok(json_parse_file(GOLDEN_NANO "/config.json", &json));
    assert_int_equal(json_object_set_new(json, "tie_word_embeddings", json_boolean(tied)), 0);
    assert_int_equal(json_object_set_new(json, "vocab_size", json_integer(VOCABULARY)), 0);
    assert_ok(model_config_parse(&config, json));
    assert_ok(model_init_write(&config, 3, DTYPE_F32, dir));
    snprintf(path, sizeof path, "%s/train_batches.safetensors", dir);
    assert_ok(file_copy(GOLDEN_NANO "/train_batches.safetensors", path));
    model_config_release(&config);
    json_decref(json);
}

static size_t run(const struct setting *s, char digest[SHA256_HEX_SIZE], double *loss) {
    struct fixture f;
    struct train_result result;
    char dir[300], out[300];
    make_model(s->tied, dir, sizeof dir);
    snprintf(out, sizeof out, "%s/run", folder);
    fixture_init(&f, dir);
    f.run.dir = out;
    f.n_steps = STEPS;
    f.options.max_grad_norm = 0;
    f.options.gradient_dtype = s->gradients;
    f.options.optimizer_in_backward = s->in_backward;
    f.adapter_options.type = s->adapter;
    f.adapter_options.r = 4;
    fixture_open(&f);
    assert_ok(trainer_init(&f.trainer, &f.run));
    f.trainer.recompute.logits = s->logits;
    assert_ok(trainer_plan(&f.trainer, &f.plan));
    assert_ok(plan_allocate(&f.plan, &f.compute));
    assert_ok(trainer_start(&f.trainer, &f.plan));
    assert_ok(trainer_run(&f.trainer, &result));
    const size_t bytes = f.plan.total_bytes;
    memcpy(digest, result.digest, SHA256_HEX_SIZE);
    *loss = result.loss;
    fixture_stop(&f);
    assert_ok(dir_remove(out));
    assert_ok(dir_remove(dir));
    return bytes;
}

static void same_bits(void **state) {
    (void)state;
    static const struct setting settings[] = {
        {.adapter = "none"},
        {.adapter = "none", .tied = true},
        {.adapter = "lora"},
        {.adapter = "none", .in_backward = true},
        {.adapter = "none", .tied = true, .in_backward = true},
        {.adapter = "none", .gradients = "bf16"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct setting s = settings[i];
        char kept[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];
        double loss[2];
        par_set_threads(2);
        const size_t all = run(&s, kept, &loss[0]);
        s.logits = true;
        const size_t fewer = run(&s, again, &loss[1]);
        assert_string_equal(kept, again);
        assert_true(loss[0] == loss[1]);
        par_set_threads(1);
        run(&s, again, &loss[1]);
        assert_string_equal(kept, again);
        assert_true(loss[0] == loss[1]);
        assert_true(fewer < all);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {FOLDER_TEST(same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
