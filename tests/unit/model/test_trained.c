/* SPDX-License-Identifier: Apache-2.0
 * Training some of the parameters: each one trained alone gets the gradient bits that it gets where
 * all are trained, nothing else gets a value or a gradient, and the plan is smaller by what is
 * left out.
 * Under test: model/reach.c, and param.trained of model/model.h. */
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"

enum { N_TOKENS = 24, N_CUTS = 2 };

struct partial {
    struct small s;
    const char *only; /* the one parameter; NULL: all */
};

static void open_partial(struct partial *p, const char *dir) {
    struct small *s = &p->s;
    *s = (struct small){0};
    assert_ok(compute_open(&s->compute, "cpu"));
    assert_ok(model_open(&s->model, dir, &s->compute));
    for (int64_t i = 0; i < s->model.n_params; i++)
        s->model.params[i].trained = !p->only || !strcmp(s->model.params[i].name, p->only);
    assert_ok(model_plan(&s->model, &s->plan,
                         &(struct model_plan_options){.max_tokens = N_TOKENS, .backward = true}));
    assert_ok(plan_allocate(&s->plan, &s->compute));
    assert_ok(model_start(&s->model, &s->plan));
}

/* A step of two micro-batches; token losses of both. */
static void run_step(struct small *s, float losses[N_CUTS][N_TOKENS]) {
    struct batch b;
    int32_t ids[N_TOKENS], targets[N_TOKENS];
    double sum;
    int64_t trained;
    const struct model_call call = {.batch = &b};
    assert_ok(batch_init(&b, N_TOKENS));
    assert_ok(model_zero_gradients(&s->model));
    for (int cut = 0; cut < N_CUTS; cut++) {
        batch_clear(&b);
        b.row_base = cut * N_TOKENS;
        small_document((uint64_t)cut, N_TOKENS, ids);
        for (int t = 0; t < N_TOKENS; t++)
            targets[t] = t % 3 == 2 || t + 1 == N_TOKENS ? TARGET_IGNORE : ids[t + 1];
        assert_ok(batch_add_row(&b, N_TOKENS, ids, targets, NULL, SMALL_EOD, ISOLATE_ALL));
        assert_ok(model_forward(&s->model, &call));
        assert_ok(model_loss(&s->model, &call, 1.0 / 31, &sum, &trained, losses[cut]));
        assert_ok(model_backward(&s->model, &call));
    }
    assert_ok(model_finish_gradients(&s->model));
    batch_release(&b);
}

static bool any_nonzero(const struct param *p) {
    for (int64_t i = 0; i < p->count; i++)
        if (p->gradient[i] != 0) return true;
    return false;
}

static void check_each_alone(const char *changes, enum dtype dtype) {
    struct partial all = {.only = NULL};
    const char *dir = small_model(folder, changes, dtype);
    float want[N_CUTS][N_TOKENS], losses[N_CUTS][N_TOKENS];
    open_partial(&all, dir);
    run_step(&all.s, want);
    for (int64_t i = 0; i < all.s.model.n_params; i++) {
        const struct param *expected = &all.s.model.params[i];
        struct partial one = {.only = expected->name};
        open_partial(&one, dir);
        run_step(&one.s, losses);
        assert_memory_equal(losses, want, sizeof want);
        assert_true(any_nonzero(expected));
        for (int64_t j = 0; j < one.s.model.n_params; j++) {
            const struct param *p = &one.s.model.params[j];
            assert_true((p->gradient != NULL) == (j == i) && (p->value != NULL) == (j == i));
        }
        if (memcmp(one.s.model.params[i].gradient, expected->gradient,
                   (size_t)expected->count * sizeof(float)) != 0)
            fail_msg("the gradient of '%s' has other bits when it is trained alone", one.only);
        small_close(&one.s);
    }
    small_close(&all.s);
}

static void each_alone_tied(void **state) {
    (void)state;
    check_each_alone(NULL, DTYPE_F32);
}

static void each_alone_own_head_in_bf16(void **state) {
    (void)state;
    check_each_alone("\"tie_word_embeddings\": false", DTYPE_BF16);
}

static void each_alone_share_qk(void **state) {
    (void)state;
    check_each_alone("\"use_shareqk\": true", DTYPE_F32);
}

static size_t rounded(int64_t bytes) {
    return ((size_t)bytes + 63) / 64 * 64;
}

static size_t row_bytes(const struct plan *p, const char *name) {
    size_t bytes = 0;
    for (int64_t i = 0; i < p->n_rows; i++)
        if (!strcmp(p->rows[i].name, name)) bytes += p->rows[i].bytes;
    return bytes;
}

/* Weights and gradients are those of the one parameter, and the layers before it keep no
 * activations but share one layer's. */
static void check_plan(const char *dir, const char *name, int64_t count, int64_t n_kept) {
    struct partial one = {.only = name};
    open_partial(&one, dir);
    const struct plan *p = &one.s.plan;
    const int64_t C = one.s.model.config.hidden_size, F = one.s.model.config.intermediate_size;
    assert_int_equal(plan_bytes(p, PLAN_WEIGHTS), rounded(count * 4));
    assert_int_equal(plan_bytes(p, PLAN_GRADIENTS), rounded(count * 4));
    assert_int_equal(row_bytes(p, "qk"), (size_t)n_kept * rounded(N_TOKENS * 2 * C * 4));
    assert_int_equal(row_bytes(p, "up"), (size_t)n_kept * rounded(N_TOKENS * F * 4));
    small_close(&one.s);
}

/* The small model with four layers. */
static const char *deeper_model(void) {
    static char dir[300];
    char path[300];
    struct model_config config;
    snprintf(path, sizeof path, "%s/deeper.json", folder);
    snprintf(dir, sizeof dir, "%s/deeper", folder);
    small_config(path, "\"tie_word_embeddings\": false");
    assert_ok(model_config_read(&config, path));
    config.n_layers = 4;
    assert_ok(json_put(config.json, "num_hidden_layers", json_integer(4)));
    assert_ok(model_init_write(&config, 11, DTYPE_BF16, dir));
    model_config_release(&config);
    return dir;
}

static void plan_shows_what_is_left_out(void **state) {
    (void)state;
    const char *dir = deeper_model();
    check_plan(dir, "lm_head.weight", SMALL_V * 24, 1); /* one memory that all layers share */
    check_plan(dir, "model.norm.weight", 24, 1);
    check_plan(dir, "model.layers.3.mlp.down_proj.weight", 24 * 36, 2);
    check_plan(dir, "model.layers.2.self_attn.q_proj.weight", 24 * 24, 3);
    check_plan(dir, "model.layers.0.input_layernorm.weight", 24, 4);
    check_plan(dir, "model.embed_tokens.weight", SMALL_V * 24, 4);
}

static void nothing_trained_has_no_gradient(void **state) {
    (void)state;
    struct partial none = {.only = ""};
    float losses[N_CUTS][N_TOKENS];
    open_partial(&none, small_model(folder, NULL, DTYPE_F32));
    assert_int_equal(plan_bytes(&none.s.plan, PLAN_GRADIENTS), 0);
    run_step(&none.s, losses);
    small_close(&none.s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(each_alone_tied),
        FOLDER_TEST(each_alone_own_head_in_bf16),
        FOLDER_TEST(each_alone_share_qk),
        FOLDER_TEST(plan_shows_what_is_left_out),
        FOLDER_TEST(nothing_trained_has_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
