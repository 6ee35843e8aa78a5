/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as config.json: refused with a reason, or the shape it gives can be walked parameter by
 * parameter and projection by projection, no product of sizes overflows, and the token ids lie
 * below the vocabulary.
 * Under test: model/config.c, model/params.c. */
#include "model/config.h"
#include "model/params_int.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { WALKED_LAYERS = 64 }; /* more say nothing new, and take time */

static int64_t expect_spec(const struct model_config *c, int64_t number) {
    const struct param_spec spec = param_spec_at(c, number);
    int64_t count = 1;
    FUZZ_EXPECT(spec.n_dims >= 1 && spec.n_dims <= 4 && *spec.suffix);
    FUZZ_EXPECT(spec.layer >= -1 && spec.layer < c->n_layers);
    for (int i = 0; i < 4; i++) {
        FUZZ_EXPECT(spec.shape[i] >= 1);
        FUZZ_EXPECT(i < spec.n_dims || spec.shape[i] == 1);
        FUZZ_EXPECT(!__builtin_mul_overflow(count, spec.shape[i], &count));
    }
    return count;
}

static void expect_parameters(const struct model_config *c) {
    int64_t total = 0, bytes;
    for (int64_t i = 0; i < param_spec_count(c); i++)
        FUZZ_EXPECT(!__builtin_add_overflow(total, expect_spec(c, i), &total));
    FUZZ_EXPECT(total == model_config_parameters(c));
    /* Weights, gradients and optimiser state of all of them can be counted in bytes. */
    FUZZ_EXPECT(!__builtin_mul_overflow(total, (int64_t)64, &bytes));
}

static void expect_projections(const struct model_config *c) {
    int64_t n = 0;
    for (int i = 0; i < LAYER_PROJECTION_COUNT; i++) {
        if (!projection_present(c, (enum layer_projection)i)) continue;
        const struct projection_spec spec = projection_spec_at(c, (enum layer_projection)i);
        FUZZ_EXPECT(spec.in >= 1 && spec.out >= 1 && *spec.module);
        FUZZ_EXPECT(param_number_layer(c, c->n_layers - 1, spec.weight) < param_spec_count(c));
        n++;
    }
    FUZZ_EXPECT(n == projection_count(c));
}

static void expect_config(const struct model_config *c) {
    FUZZ_EXPECT(c->n_heads * c->head_size == c->hidden_size && c->head_size % 2 == 0);
    FUZZ_EXPECT(c->eod >= 0 && c->eod < c->vocab_size);
    FUZZ_EXPECT(c->pad >= 0 && c->pad < c->vocab_size);
    FUZZ_EXPECT(c->sep >= -1 && c->sep < c->vocab_size);
    FUZZ_EXPECT(c->max_positions >= 1 && c->rms_norm_eps >= 0 && c->rms_norm_eps <= 1);
    FUZZ_EXPECT(json_is_object(c->json));
    expect_projections(c);
    if (c->n_layers <= WALKED_LAYERS) expect_parameters(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *json = NULL;
    struct model_config config = {0};
    const int64_t begun = fuzz_begin();
    err code = json_parse((const char *)data, size, "config.json", &json);
    if (!code) code = model_config_parse(&config, json);
    json_decref(json);
    if (code)
        fuzz_expect_refused(code);
    else
        expect_config(&config);
    model_config_release(&config);
    fuzz_end(begun);
    return 0;
}
