/* SPDX-License-Identifier: Apache-2.0
 * Presets as configs. The keys and their order are those of the released 2B config; keys that name
 * files of model code (auto_map) are there because the folder loads elsewhere only with them.
 * Attention is set to the released code's eager form, which every machine can run.
 * Source: the published config.json of Yuan2-2B and the paper's table of sizes. */
#include "model/preset.h"
#include "base/str.h"
#include <math.h>
#include <string.h>

const struct preset presets[] = {
#define PRESET(...) {__VA_ARGS__},
#include "model/presets.def"
#undef PRESET
};
const int n_presets = sizeof presets / sizeof presets[0];

err preset_find(const char *name, const struct preset **out) {
    const char *names[sizeof presets / sizeof presets[0]];
    for (int i = 0; i < n_presets; i++) {
        names[i] = presets[i].name;
        if (strcmp(name, names[i]) == 0) {
            *out = &presets[i];
            return ERR_OK;
        }
    }
    const char *nearest = str_nearest(name, names, n_presets);
    err code = fail(ERR_USAGE, "no preset '%s'", name);
    if (nearest) return fail_hint(code, "did you mean '%s'?", nearest);
    return fail_hint(code, "'cotrain list presets' shows them");
}

/* Ids of the released tokenizer: <eod> 77185, which stands under every other key as well, and <sep>
 * 77187. */
static const char form[] =
    "{\"architectures\": [\"YuanForCausalLM\"],"
    " \"auto_map\": {\"AutoConfig\": \"configuration_yuan.YuanConfig\","
    " \"AutoModelForCausalLM\": \"yuan_hf_model.YuanForCausalLM\"},"
    " \"model_type\": \"yuan\", \"vocab_size\": 135040, \"hidden_size\": %lld,"
    " \"intermediate_size\": %lld, \"num_hidden_layers\": %lld, \"num_attention_heads\": %lld,"
    " \"hidden_act\": \"silu\", \"max_position_embeddings\": %lld, \"model_max_length\": %lld,"
    " \"initializer_range\": 0.02, \"rms_norm_eps\": 1e-6, \"dropout\": 0.1,"
    " \"tie_word_embeddings\": true, \"torch_dtype\": \"bfloat16\","
    " \"transformers_version\": \"4.31.0\", \"use_cache\": true, \"causal_mask\": true,"
    " \"use_flash_attention\": false, \"reset_attention_mask\": true,"
    " \"reset_position_ids\": true, \"use_loss_mask\": false, \"eod_token\": 77185,"
    " \"sep_token\": 77187, \"pad_token_id\": 77185, \"bos_token_id\": 77185,"
    " \"eos_token_id\": 77185, \"eod_token_id\": 77185, \"mask_token_id\": 77185,"
    " \"sep_token_id\": 77185}";

err preset_json(const struct preset *p, json_t **out) {
    struct str text = {0};
    err code = str_printf(&text, form, (long long)p->hidden_size, (long long)p->intermediate_size,
                          (long long)p->n_layers, (long long)p->n_heads,
                          (long long)p->max_positions, (long long)p->max_positions);
    if (!code) code = json_parse(str_text(&text), text.len, p->name, out);
    str_release(&text);
    return code;
}

err preset_config(const struct preset *p, struct model_config *out) {
    json_t *json;
    TRY(preset_json(p, &json));
    err code = model_config_parse(out, json);
    json_decref(json);
    return code;
}

/* Nearness counts in ratios: 1.0B is nearer to 2.1B than to nothing. */
err preset_nearest(const struct model_config *c, const struct preset **out) {
    const double here = log((double)model_config_parameters(c));
    double least = INFINITY;
    for (int i = 0; i < n_presets; i++) {
        struct model_config config;
        TRY(preset_config(&presets[i], &config));
        double distance = fabs(here - log((double)model_config_parameters(&config)));
        model_config_release(&config);
        if (distance >= least) continue;
        least = distance;
        *out = &presets[i];
    }
    return ERR_OK;
}
