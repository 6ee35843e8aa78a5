/* SPDX-License-Identifier: Apache-2.0
 * Presets: the published parameter counts, tied and with a head of their own; configs with every
 * key that the released code needs; the nearest one of a shape (72.9e9 parameters lie between the
 * larger two).
 * Under test: model/preset.h. */
#include "model/preset.h"
#include "tests/unit/model/small.h"

/* Totals with the tied head, and what an own head adds, as published (spec of the architecture). */
static const struct {
    const char *name;
    int64_t layer, embedding, total;
} published[] = {
    {"yuan2-2b", 75506688, 276561920, 2088724480},
    {"yuan2-51b", 1207996416, 1106247680, 51842105344},
    {"yuan2-102b", 1207996416, 1106247680, 102577954816},
};

static void published_parameter_counts(void **state) {
    (void)state;
    assert_int_equal(n_presets, 3);
    for (int i = 0; i < n_presets; i++) {
        const struct preset *p;
        struct model_config c;
        assert_ok(preset_find(published[i].name, &p));
        assert_true(p == &presets[i]);
        assert_ok(preset_config(p, &c));
        assert_int_equal(model_config_parameters(&c), published[i].total);
        assert_int_equal(published[i].embedding + c.n_layers * published[i].layer + c.hidden_size,
                         published[i].total);
        c.tied_head = false;
        assert_int_equal(model_config_parameters(&c), published[i].total + published[i].embedding);
        model_config_release(&c);
    }
}

/* The keys that the released code reads without a default, and those that say how to load it. */
static void whole_configs(void **state) {
    (void)state;
    static const char *const needed[] = {"architectures",
                                         "auto_map",
                                         "model_type",
                                         "vocab_size",
                                         "hidden_size",
                                         "intermediate_size",
                                         "num_hidden_layers",
                                         "num_attention_heads",
                                         "hidden_act",
                                         "max_position_embeddings",
                                         "model_max_length",
                                         "initializer_range",
                                         "rms_norm_eps",
                                         "dropout",
                                         "tie_word_embeddings",
                                         "torch_dtype",
                                         "transformers_version",
                                         "use_cache",
                                         "causal_mask",
                                         "use_flash_attention",
                                         "reset_attention_mask",
                                         "reset_position_ids",
                                         "use_loss_mask",
                                         "eod_token",
                                         "sep_token",
                                         "pad_token_id",
                                         "bos_token_id",
                                         "eos_token_id",
                                         "eod_token_id",
                                         "mask_token_id"};
    for (int i = 0; i < n_presets; i++) {
        struct model_config c;
        assert_ok(preset_config(&presets[i], &c));
        for (size_t k = 0; k < sizeof needed / sizeof needed[0]; k++)
            if (!json_object_get(c.json, needed[k])) fail_msg("no '%s'", needed[k]);
        assert_int_equal(c.vocab_size, 135040);
        assert_int_equal(c.head_size, i == 0 ? 64 : 128);
        assert_int_equal(c.max_positions, i == 0 ? 8192 : 4096);
        assert_int_equal(c.eod, 77185);
        assert_int_equal(c.sep, 77187);
        assert_int_equal(c.pad, 77185);
        assert_true(c.tied_head && !c.shareqk && c.rms_norm_eps == 1e-6);
        model_config_release(&c);
    }
}

static void nearest(void **state) {
    (void)state;
    static const struct {
        int64_t layers, hidden;
        const char *name;
    } shapes[] = {{1, 64, "yuan2-2b"},     {24, 2048, "yuan2-2b"},   {20, 8192, "yuan2-51b"},
                  {59, 8192, "yuan2-51b"}, {60, 8192, "yuan2-102b"}, {4096, 8192, "yuan2-102b"}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct model_config c;
        const struct preset *p;
        assert_ok(preset_config(&presets[0], &c));
        c.n_layers = shapes[i].layers;
        c.hidden_size = shapes[i].hidden;
        c.intermediate_size = 4 * shapes[i].hidden;
        assert_ok(preset_nearest(&c, &p));
        assert_string_equal(p->name, shapes[i].name);
        model_config_release(&c);
    }
}

static void unknown_name(void **state) {
    (void)state;
    const struct preset *p;
    assert_fails(preset_find("yuan2-2", &p), ERR_USAGE, "no preset 'yuan2-2'");
    assert_non_null(strstr(err_hint(), "'yuan2-2b'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_parameter_counts),
        cmocka_unit_test(whole_configs),
        cmocka_unit_test(nearest),
        cmocka_unit_test(unknown_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
