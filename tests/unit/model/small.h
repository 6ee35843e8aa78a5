/* SPDX-License-Identifier: Apache-2.0
 * A small model with fresh weights for tests that compare the program with itself: two layers, odd
 * sizes where the architecture allows them, weights large enough that everything matters.
 * Read next: model/init.h, which makes the weights. */
#ifndef COTRAIN_TESTS_UNIT_MODEL_SMALL_H
#define COTRAIN_TESTS_UNIT_MODEL_SMALL_H

#include "base/json.h"
#include "base/mem.h"
#include "base/philox.h"
#include "model/init.h"
#include "model/model.h"
#include "tests/unit/test.h"

enum { SMALL_V = 97, SMALL_EOD = 3, SMALL_SEP = 4 };

/* `changes` are members that replace or extend the config's: "\"tie_word_embeddings\": false". */
static inline void small_config(const char *path, const char *changes) {
    struct str text = {0};
    json_t *config, *changed;
    assert_ok(str_printf(&text,
                         "{\"model_type\": \"yuan\", \"vocab_size\": %d, \"hidden_size\": 24,"
                         " \"intermediate_size\": 36, \"num_hidden_layers\": 2,"
                         " \"num_attention_heads\": 3, \"max_position_embeddings\": 128,"
                         " \"eod_token\": %d, \"sep_token\": %d, \"pad_token_id\": %d,"
                         " \"initializer_range\": 0.3}",
                         SMALL_V, SMALL_EOD, SMALL_SEP, SMALL_EOD));
    assert_ok(json_parse(text.data, text.len, "small", &config));
    str_clear(&text);
    assert_ok(str_printf(&text, "{%s}", changes ? changes : ""));
    assert_ok(json_parse(text.data, text.len, "changes", &changed));
    assert_int_equal(json_object_update(config, changed), 0);
    assert_ok(json_write_file(path, config));
    json_decref(config);
    json_decref(changed);
    str_release(&text);
}

/* PARENT/model with fresh weights. */
static inline const char *small_model(const char *parent, const char *changes, enum dtype dtype) {
    static char dir[256];
    char path[256];
    struct model_config config;
    snprintf(path, sizeof path, "%s/given.json", parent);
    snprintf(dir, sizeof dir, "%s/model", parent);
    small_config(path, changes);
    assert_ok(model_config_read(&config, path));
    assert_ok(dir_remove(dir));
    assert_ok(model_init_write(&config, 11, dtype, dir));
    model_config_release(&config);
    return dir;
}

struct small {
    struct compute compute;
    struct model model;
    struct plan plan;
};

static inline void small_open(struct small *s, const char *dir, int64_t max_tokens, bool train) {
    *s = (struct small){0};
    assert_ok(compute_open(&s->compute, "cpu"));
    assert_ok(model_open(&s->model, dir, &s->compute));
    assert_ok(model_plan(&s->model, &s->plan,
                         &(struct model_plan_options){
                             .max_tokens = max_tokens, .train_base = train, .backward = train}));
    assert_ok(plan_allocate(&s->plan, &s->compute));
    assert_ok(model_start(&s->model, &s->plan));
}

static inline void small_close(struct small *s) {
    model_close(&s->model);
    plan_release(&s->plan);
    compute_close(&s->compute);
}

/* Document `number`: `n` tokens ending in <eod>, the same each time. */
static inline void small_document(uint64_t number, int64_t n, int32_t *ids) {
    const struct rng rng = {.seed = 5, .purpose = RNG_TEST, .step = number};
    for (int64_t i = 0; i < n; i++) ids[i] = 5 + (int32_t)rng_below(&rng, (uint64_t)i, SMALL_V - 5);
    ids[n - 1] = SMALL_EOD;
}

#endif
