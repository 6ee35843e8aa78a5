/* SPDX-License-Identifier: Apache-2.0
 * The table of methods, LoRA+ and NEFTune in whole runs: a ratio of 1 is plain LoRA bit for bit, a
 * step of LoRA+ is what one computes by hand, and noise has the same bits with any number of
 * threads and in any micro-batches.
 * Read next: trainer/methods/method.h. */
#include "tests/unit/trainer/fixture.h"

#include "base/par.h"
#include "trainer/methods/method.h"
#include "trainer/trainer_int.h"

#include <math.h>

/* Every key that turns a method on is a row of the section it names. */
static void test_keys(void **state) {
    (void)state;
    for (int i = 0; i < n_methods; i++) {
        char keys[200], *end = NULL;
        assert_true(strlen(methods[i]->keys) < sizeof keys);
        memcpy(keys, methods[i]->keys, strlen(methods[i]->keys) + 1);
        for (char *key = strtok_r(keys, ", ", &end); key; key = strtok_r(NULL, ", ", &end)) {
            struct opt_table table = train_options_table();
            if (str_starts(key, "adapter.")) table = adapter_options_table();
            char *name = strchr(key, '.');
            if (!name) continue; /* a value: "none" */
            name[1 + strcspn(name + 1, ":")] = '\0';
            if (!opt_find(table, name + 1, NULL))
                fail_msg("method '%s': no key '%s'", methods[i]->name, key);
        }
    }
}

/* The digest of settings that older releases hold: a row of options without a preset adds nothing
 * to it where it is not given. */
static void test_identity(void **state) {
    (void)state;
    static const struct {
        const char *type, *digest;
    } runs[] = {{"none", "2953829a661f1b2b7e7b5b46fee325ab520feb2efde4b19e09fa2b6bcf5c863a"},
                {"lora", "7c930a83ceed22c4a7e55a9883627037cff6540456bb2f504ad1e4d288e45e48"}};
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        fixture_init(&f, GOLDEN_NANO);
        f.adapter_options.type = runs[i].type;
        fixture_start(&f);
        assert_string_equal(f.trainer.internal->progress.identity.options, runs[i].digest);
        fixture_stop(&f);
    }
}

struct outcome {
    float *values; /* of the trained parameters, one after the other */
    int64_t n;
    double loss;
    char digest[SHA256_HEX_SIZE];
};

struct setting {
    double ratio, noise;
    bool lora;
    int64_t n_steps, micro_batch_size;
};

static void start(struct fixture *f, const struct setting *s) {
    fixture_init(f, GOLDEN_NANO);
    f->adapter_options.type = s->lora ? "lora" : "none";
    f->adapter_options.r = 4;
    f->rows_per_step = 4;
    f->n_steps = s->n_steps;
    f->options.warmup_steps = 0;
    f->options.weight_decay = 0;
    f->options.isolate = "all";
    f->options.micro_batch_size = s->micro_batch_size;
    f->options.loraplus_lr_ratio = s->ratio;
    f->options.neftune_noise_alpha = s->noise;
    f->run.dir = test_folder();
    fixture_start(f);
}

static void stop(struct fixture *f) {
    fixture_stop(f);
    test_folder_remove(f->run.dir);
}

static struct outcome run(const struct setting *s) {
    struct fixture f;
    struct train_result result;
    struct outcome out = {0};
    start(&f, s);
    assert_ok(trainer_run(&f.trainer, &result));
    for (int64_t i = 0; i < f.trainer.n_params; i++) out.n += f.trainer.params[i]->count;
    out.values = mem_alloc((size_t)out.n, sizeof *out.values);
    assert_non_null(out.values);
    int64_t at = 0;
    for (int64_t i = 0; i < f.trainer.n_params; at += f.trainer.params[i++]->count)
        memcpy(out.values + at, f.trainer.params[i]->value,
               (size_t)f.trainer.params[i]->count * sizeof *out.values);
    out.loss = result.loss;
    memcpy(out.digest, result.digest, sizeof out.digest);
    stop(&f);
    return out;
}

static bool same_values(const struct outcome *a, const struct outcome *b) {
    assert_int_equal(a->n, b->n);
    return memcmp(a->values, b->values, (size_t)a->n * sizeof *a->values) == 0;
}

static void test_ratio_of_one(void **state) {
    (void)state;
    struct outcome plain = run(&(struct setting){0, 0, true, 4, 2}),
                   one = run(&(struct setting){1, 0, true, 4, 2}),
                   other = run(&(struct setting){1.5, 0, true, 4, 2});
    assert_true(same_values(&plain, &one));
    assert_true(plain.loss == one.loss);
    assert_string_not_equal(plain.digest, one.digest); /* the settings are part of the record */
    assert_false(same_values(&plain, &other));
    mem_free(plain.values);
    mem_free(one.values);
    mem_free(other.values);
}

/* After one step from zero moments AdamW has moved by lr g / (|g| + eps), g the clipped mean
 * gradient: m / (1 - b1) = g and v / (1 - b2) = g^2. B starts at 0 and moves with lr * ratio. A's
 * gradient is 0, since B is. Eight fp32 roundings: 2^-21. */
static void test_step_by_hand(void **state) {
    (void)state;
    struct fixture f;
    struct train_result result;
    const double ratio = 16;
    int64_t checked = 0;
    start(&f, &(struct setting){ratio, 0, true, 1, 4});
    f.options.max_grad_norm = 0;
    assert_ok(trainer_run(&f.trainer, &result));
    for (int64_t i = 0; i < f.trainer.n_params; i++) {
        const struct param *p = f.trainer.params[i];
        bool is_b = strstr(p->name, ".lora_B.") != NULL;
        for (int64_t j = 0; j < p->count; j++) {
            double g = (double)p->gradient[j] / (double)result.trained_tokens;
            if (!is_b) assert_true(g == 0);
            if (!is_b) continue;
            double moved = -f.options.learning_rate * ratio * g / (fabs(g) + 1e-8);
            assert_true(fabs((double)p->value[j] - moved) <= 0x1p-21 * fabs(moved));
            checked += g != 0;
        }
    }
    assert_true(checked > 1000);
    stop(&f);
}

/* Beside an adapter the embedding learns at a rate of its own, and vectors as fast as B. */
static void test_rates(void **state) {
    (void)state;
    struct fixture f;
    start(&f, &(struct setting){16, 0, true, 1, 4});
    struct param embedding = {.name = "model.embed_tokens.weight", .n_dims = 2},
                 head = {.name = "lm_head.weight", .n_dims = 2},
                 norm = {.name = "model.norm.weight", .n_dims = 1};
    f.options.learning_rate = 1e-3;
    assert_true(fabs(methods_rate(&f.run, &embedding) - 1e-3) < 1e-15);
    f.options.loraplus_lr_embedding = 5e-4;
    assert_true(methods_rate(&f.run, &embedding) == 0.5);
    assert_true(methods_rate(&f.run, &head) == 1);
    assert_true(methods_rate(&f.run, &norm) == 16);
    f.options.loraplus_lr_ratio = 0;
    assert_true(methods_rate(&f.run, &norm) == 1);
    stop(&f);
}

static void test_ratio_wants_an_adapter(void **state) {
    (void)state;
    struct fixture f;
    fixture_init(&f, GOLDEN_NANO);
    f.options.loraplus_lr_ratio = 16;
    fixture_open(&f);
    assert_fails(trainer_init(&f.trainer, &f.run), ERR_RANGE, "'loraplus_lr_ratio'");
    fixture_stop(&f);
    fixture_init(&f, GOLDEN_NANO);
    f.options.loraplus_lr_embedding = 1e-5;
    assert_fails(train_options_check(&f.options), ERR_RANGE, "without 'loraplus_lr_ratio'");
    arena_release(&f.arena);
}

static void test_noise(void **state) {
    (void)state;
    for (int lora = 0; lora < 2; lora++) {
        par_set_threads(1);
        struct outcome quiet = run(&(struct setting){0, 0, lora, 3, 4}),
                       noisy = run(&(struct setting){0, 5, lora, 3, 4});
        assert_false(same_values(&quiet, &noisy));
        for (int64_t micro = 1; micro <= 2; micro++) {
            par_set_threads(1 + (int)micro);
            struct outcome again = run(&(struct setting){0, 5, lora, 3, micro});
            assert_true(same_values(&again, &noisy));
            assert_true(again.loss == noisy.loss);
            mem_free(again.values);
        }
        mem_free(quiet.values);
        mem_free(noisy.values);
    }
    par_set_threads(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_ratio_of_one),
        cmocka_unit_test(test_step_by_hand),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_ratio_wants_an_adapter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
