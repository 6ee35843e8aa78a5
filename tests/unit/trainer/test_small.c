/* SPDX-License-Identifier: Apache-2.0
 * Full fine-tuning in less memory: the optimiser in the backward pass, gradients in bf16, weights
 * in bf16, states in 8 bits. A run that keeps no gradient ends with the bits of one that keeps
 * them, whatever is frozen, made again or trained by an adapter; all resume and see no threads;
 * what cannot be is refused by name; and a gradient that is not finite says what was spoilt by
 * then. Under test: trainer/update.c, trainer/optim/adamw_8bit.c,
 * trainer/methods/optimizer_in_backward.c, bf16_gradients.c and bf16_weights.c. */
#include "tests/unit/folder_test.h"
#include "tests/unit/trainer/fixture.h"

#include "base/par.h"
#include "model/init.h"
#include <math.h>

enum { STEPS = 4 };

struct setting {
    bool in_backward, untied;
    const char *dtype;   /* of gradients; NULL: not given */
    const char *weights; /* dtype of trained weights; NULL: not given */
    bool states_8bit;
    const char *adapter, *modules_to_save;
    int64_t trainable_layers;
    struct recompute recompute;
    int64_t stop_at; /* 0: never */
    bool resume;
};

static char untied_dir[256];

/* Golden nano's shape with a head of its own, and its batches. */
static void make_untied(void) {
    char path[300];
    json_t *json;
    struct model_config config;
    snprintf(untied_dir, sizeof untied_dir, "%s/untied", folder);
    assert_ok(json_parse_file(GOLDEN_NANO "/config.json", &json));
    assert_int_equal(json_object_set_new(json, "tie_word_embeddings", json_false()), 0);
    assert_ok(model_config_parse(&config, json));
    assert_ok(model_init_write(&config, 3, DTYPE_F32, untied_dir));
    snprintf(path, sizeof path, "%s/train_batches.safetensors", untied_dir);
    assert_ok(file_copy(GOLDEN_NANO "/train_batches.safetensors", path));
    model_config_release(&config);
    json_decref(json);
}

static void set_list(struct fixture *f, struct opt_table table, void *options, const char *name,
                     const char *text) {
    if (text) assert_ok(opt_set(opt_find(table, name, NULL), options, text, &f->arena));
}

static void prepare(struct fixture *f, const struct setting *s) {
    static char dir[300];
    fixture_init(f, s->untied ? untied_dir : GOLDEN_NANO);
    snprintf(dir, sizeof dir, "%s/run", folder);
    f->run.dir = dir;
    f->run.resume = s->resume;
    f->n_steps = STEPS;
    f->options.save_steps = 2;
    f->options.warmup_steps = 0;
    f->options.max_grad_norm = 0;
    f->options.gradient_dtype = s->dtype;
    f->options.trained_weight_dtype = s->weights;
    if (s->states_8bit) f->options.optimizer = "adamw_8bit";
    f->options.optimizer_in_backward = s->in_backward;
    f->options.trainable_layers = s->trainable_layers;
    f->adapter_options.type = s->adapter ? s->adapter : "none";
    f->adapter_options.r = 4;
    set_list(f, adapter_options_table(), &f->adapter_options, "modules_to_save",
             s->modules_to_save);
}

static void start(struct fixture *f, const struct setting *s) {
    prepare(f, s);
    fixture_open(f);
    assert_ok(trainer_init(&f->trainer, &f->run));
    f->trainer.recompute = s->recompute;
    assert_ok(trainer_plan(&f->trainer, &f->plan));
    assert_ok(plan_allocate(&f->plan, &f->compute));
    assert_ok(trainer_start(&f->trainer, &f->plan));
}

struct watch {
    int64_t stop_at, seen;
    double norm; /* of the last step */
};

static void on_step(void *ctx, const struct train_report *report) {
    struct watch *w = ctx;
    w->seen = report->step;
    w->norm = report->gradient_norm;
}

static bool should_stop(void *ctx) {
    const struct watch *w = ctx;
    return w->seen == w->stop_at;
}

struct end {
    char digest[SHA256_HEX_SIZE];
    double loss, norm;
    size_t bytes[PLAN_KIND_COUNT];
};

/* A run into a folder of its own, or going on in the one that is there. */
static struct end run(const struct setting *s) {
    struct fixture f;
    struct train_result result = {0};
    struct watch watch = {.stop_at = s->stop_at};
    start(&f, s);
    if (!s->resume) assert_ok(dir_remove(f.run.dir));
    f.trainer.run.ctx = &watch;
    f.trainer.run.on_step = on_step;
    f.trainer.run.should_stop = should_stop;
    const err e = trainer_run(&f.trainer, &result);
    assert_int_equal(e, s->stop_at ? ERR_STOPPED : ERR_OK);
    struct end end = {.loss = result.loss, .norm = watch.norm};
    for (int k = 0; k < PLAN_KIND_COUNT; k++) end.bytes[k] = plan_bytes(&f.plan, (enum plan_kind)k);
    memcpy(end.digest, result.digest, sizeof end.digest);
    fixture_stop(&f);
    return end;
}

/* The chain covers the run's settings, every loss and every weight after every step. */
static void same_end(const struct end *want, const struct setting *s) {
    const struct end end = run(s);
    assert_string_equal(end.digest, want->digest);
    assert_true(fabs(end.norm - want->norm) <= 1e-12 * want->norm); /* double sums, cut otherwise */
}

static void same_bits(void **state) {
    (void)state;
    make_untied();
    for (int untied = 0; untied < 2; untied++) {
        struct setting s = {.untied = untied};
        const struct end all = run(&s);
        s.trainable_layers = 1;
        const struct end one_layer = run(&s);
        s.in_backward = true;
        same_end(&one_layer, &s);
        s.trainable_layers = 0;
        same_end(&all, &s);
        s.dtype = "f32";
        s.recompute = (struct recompute){.layers = 1, .feed_forwards = 1};
        same_end(&all, &s);
    }
}

/* Slices of 8-bit states and rounding by an element's number: the same wherever it is updated. */
static void same_bits_when_small(void **state) {
    (void)state;
    make_untied();
    for (int i = 0; i < 8; i++) {
        struct setting s = {
            .untied = i % 2, .states_8bit = true, .weights = i / 2 % 2 ? "bf16" : "f32"};
        s.trainable_layers = i / 4;
        const struct end kept = run(&s);
        s.in_backward = true;
        same_end(&kept, &s);
    }
}

/* Less memory, near the exact loss and not on it. */
static void small(void **state) {
    (void)state;
    const struct end exact = run(&(struct setting){0});
    const struct end states = run(&(struct setting){.states_8bit = true});
    const struct end weights = run(&(struct setting){.weights = "bf16"});
    const struct end both = run(&(struct setting){.weights = "bf16", .states_8bit = true});
    assert_true(states.bytes[PLAN_OPTIMIZER] < exact.bytes[PLAN_OPTIMIZER] * 27 / 100);
    assert_true(weights.bytes[PLAN_WEIGHTS] < exact.bytes[PLAN_WEIGHTS] * 51 / 100);
    assert_int_equal(both.bytes[PLAN_OPTIMIZER], states.bytes[PLAN_OPTIMIZER]);
    assert_int_equal(both.bytes[PLAN_WEIGHTS], weights.bytes[PLAN_WEIGHTS]);
    assert_true(states.loss != exact.loss && weights.loss != exact.loss);
    assert_true(fabs(states.loss - exact.loss) < 0.001 * exact.loss);
    assert_true(fabs(weights.loss - exact.loss) < 0.01 * exact.loss);
    assert_true(fabs(both.loss - exact.loss) < 0.01 * exact.loss);
}

static void beside_an_adapter(void **state) {
    (void)state;
    make_untied();
    struct setting s = {
        .untied = true, .adapter = "lora", .modules_to_save = "embed_tokens,lm_head"};
    const struct end kept = run(&s);
    s.in_backward = true;
    same_end(&kept, &s);
}

/* In bf16 the bits are others, near the exact ones, and the record knows. */
static void in_bf16(void **state) {
    (void)state;
    make_untied();
    for (int i = 0; i < 4; i++) {
        const struct setting exact = {.untied = i % 2};
        const struct setting s = {.untied = i % 2, .dtype = "bf16", .in_backward = i / 2};
        const struct end a = run(&exact), b = run(&s);
        assert_string_not_equal(a.digest, b.digest);
        assert_true(fabs(a.loss - b.loss) < 0.01 * a.loss);
        assert_true(b.norm > 0 && fabs(a.norm - b.norm) < 0.05 * a.norm);
        assert_true(s.untied && s.in_backward ? a.loss == b.loss : a.loss != b.loss);
        assert_true(b.bytes[PLAN_GRADIENTS] < a.bytes[PLAN_GRADIENTS]);
    }
}

static void threads(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct end ends[2];
        for (int n = 0; n < 2; n++) {
            par_set_threads(n + 1);
            ends[n] = run(&(struct setting){.in_backward = i % 2,
                                            .dtype = i / 2 ? "bf16" : NULL,
                                            .weights = i / 2 ? "bf16" : NULL,
                                            .states_8bit = i / 2});
        }
        assert_string_equal(ends[0].digest, ends[1].digest);
    }
    par_set_threads(1);
}

/* Also from one way into the other, where both have the same bits. */
static void resumed(void **state) {
    (void)state;
    static const struct setting ways[][2] = {
        {{.in_backward = true}, {.in_backward = true}},
        {{.in_backward = true}, {.in_backward = false}},
        {{.in_backward = false}, {.in_backward = true, .dtype = "f32"}},
        {{.dtype = "bf16"}, {.dtype = "bf16"}},
        {{.dtype = "bf16", .in_backward = true}, {.dtype = "bf16", .in_backward = true}},
        {{.weights = "bf16", .states_8bit = true},
         {.weights = "bf16", .states_8bit = true, .in_backward = true}},
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct setting first = ways[i][0], second = ways[i][1];
        const struct end want = run(&first);
        first.stop_at = 2;
        run(&first);
        second.resume = true;
        assert_string_equal(run(&second).digest, want.digest);
    }
}

static void not_into_another_mode(void **state) {
    (void)state;
    static const struct setting others[] = {
        {.resume = true, .in_backward = true, .dtype = "bf16"},
        {.resume = true, .in_backward = true, .weights = "bf16"},
        {.resume = true, .in_backward = true, .states_8bit = true},
    };
    run(&(struct setting){.in_backward = true, .stop_at = 2});
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct fixture f;
        struct train_result result;
        start(&f, &others[i]);
        assert_fails(trainer_run(&f.trainer, &result), ERR_MISMATCH, "settings other than now");
        fixture_stop(&f);
    }
}

static void refused(const struct setting *s, float max_grad_norm, int64_t accumulation,
                    int64_t rows, const char *words) {
    struct fixture f;
    prepare(&f, s);
    f.options.max_grad_norm = (double)max_grad_norm;
    f.options.gradient_accumulation_steps = accumulation;
    f.rows_per_step = rows;
    fixture_open(&f);
    assert_fails(trainer_init(&f.trainer, &f.run), ERR_RANGE, words);
    fixture_stop(&f);
}

static void refusals(void **state) {
    (void)state;
    const struct setting full = {.in_backward = true},
                         lora = {.in_backward = true, .adapter = "lora"},
                         half = {.dtype = "bf16", .adapter = "lora"},
                         narrow = {.weights = "bf16", .adapter = "lora"};
    refused(&full, 1, 1, 2, "'optimizer_in_backward' with 'max_grad_norm' 1");
    refused(&full, 0, 2, 2, "'gradient_accumulation_steps' 2");
    refused(&full, 0, 1, 4, "steps of 4 rows in passes of 2");
    refused(&lora, 0, 1, 2, "'optimizer_in_backward' is given, and no parameter of the model");
    refused(&half, 0, 1, 2, "'gradient_dtype' is given, and no parameter of the model");
    refused(&narrow, 0, 1, 2, "'trained_weight_dtype' is given, and no parameter of the model");
}

static void fill(struct fixture *f, const char *name, float factor) {
    const struct param *p = fixture_param(f, name);
    for (int64_t i = 0; i < p->count; i++) p->value[i] *= factor;
}

/* Makes the first layer's feed-forward add nothing, from huge numbers, and the last norm's gradient
 * large: the loss is finite, and one gradient is not, when the last layer was updated already. */
static void not_finite(void **state) {
    (void)state;
    for (int in_backward = 0; in_backward < 2; in_backward++) {
        struct fixture f;
        struct train_result result;
        start(&f, &(struct setting){.in_backward = in_backward});
        fill(&f, "model.layers.0.mlp.up_proj.weight", 1e17f);
        fill(&f, "model.layers.0.mlp.gate_proj.weight", 1e17f);
        fill(&f, "model.layers.0.mlp.down_proj.weight", 0);
        fill(&f, "model.norm.weight", 1e8f);
        const float *last = fixture_param(&f, "model.layers.1.mlp.up_proj.weight")->value;
        const float before = *last;
        assert_fails(trainer_run(&f.trainer, &result), ERR_NUMERIC,
                     in_backward ? "the gradient of 'model.layers.0.mlp.down_proj.weight'"
                                 : "the gradient is not finite");
        assert_true((strstr(err_hint(), "spoilt") != NULL) == in_backward);
        assert_non_null(strstr(err_hint(), "no checkpoint yet"));
        assert_true((*last != before) == in_backward);
        fixture_stop(&f);
        assert_ok(dir_remove(f.run.dir));
    }
}

/* ctx: the weight that becomes NaN after step 3. */
static void spoil(void *ctx, const struct train_report *report) {
    if (report->step == 3) *(float *)ctx = NAN;
}

/* A loss that is not finite is found before anything is updated. */
static void loss_not_finite(void **state) {
    (void)state;
    make_untied();
    for (int untied = 0; untied < 2; untied++) {
        struct fixture f;
        struct train_result result;
        start(&f, &(struct setting){.in_backward = true, .untied = untied});
        float *head =
            fixture_param(&f, untied ? "lm_head.weight" : "model.embed_tokens.weight")->value;
        f.trainer.run.ctx = fixture_param(&f, "model.norm.weight")->value;
        f.trainer.run.on_step = spoil;
        assert_fails(trainer_run(&f.trainer, &result), ERR_NUMERIC, "step 4: the loss is not");
        assert_null(strstr(err_hint(), "spoilt"));
        assert_non_null(strstr(err_hint(), "the checkpoint of step 2 in "));
        assert_true(isfinite(*head));
        fixture_stop(&f);
        assert_ok(dir_remove(f.run.dir));
    }
}

int main(void) {
    par_set_threads(1);
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(same_bits),       FOLDER_TEST(same_bits_when_small),
        FOLDER_TEST(small),           FOLDER_TEST(beside_an_adapter),
        FOLDER_TEST(in_bf16),         FOLDER_TEST(threads),
        FOLDER_TEST(resumed),         FOLDER_TEST(not_into_another_mode),
        FOLDER_TEST(refusals),        FOLDER_TEST(not_finite),
        FOLDER_TEST(loss_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
