/* SPDX-License-Identifier: Apache-2.0
 * The names of tensors and settings there and here, one row each, used in both directions, so that
 * what is written and what is read cannot come apart.
 * Read next: model/formats/gguf_names.h, the contract. */
#include "model/formats/gguf_names.h"
#include "base/str.h"
#include <stdio.h>
#include <string.h>

struct name_pair {
    const char *hf, *gguf;
};

static const struct name_pair outside[] = {
    {"model.embed_tokens.weight", "token_embd.weight"},
    {"model.norm.weight", "output_norm.weight"},
    {"lm_head.weight", "output.weight"},
};

/* Below "model.layers.{i}." there, "blk.{i}." here. */
static const struct name_pair inside[] = {
    {"input_layernorm.weight", "attn_norm.weight"},
    {"self_attn.q_proj.weight", "attn_q.weight"},
    {"self_attn.k_proj.weight", "attn_k.weight"},
    {"self_attn.v_proj.weight", "attn_v.weight"},
    {"self_attn.o_proj.weight", "attn_output.weight"},
    {"self_attn.lf_gate.conv1.weight", "conv1.weight"},
    {"self_attn.lf_gate.conv1.bias", "conv1.bias"},
    {"self_attn.lf_gate.conv2.weight", "conv2.weight"},
    {"self_attn.lf_gate.conv2.bias", "conv2.bias"},
    {"self_attn.lf_gate.output_layernorm.weight", "lf_output_norm.weight"},
    {"post_attention_layernorm.weight", "ffn_norm.weight"},
    {"mlp.gate_proj.weight", "ffn_gate.weight"},
    {"mlp.up_proj.weight", "ffn_up.weight"},
    {"mlp.down_proj.weight", "ffn_down.weight"},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* "PREFIX{number}.": the layer's number, written as such numbers are, and what follows; NULL:
 * another name. */
static const char *behind_layer(const char *name, const char *prefix, int64_t *out_layer) {
    if (!str_starts(name, prefix)) return NULL;
    const char *digits = name + strlen(prefix), *end = digits + strspn(digits, "0123456789");
    if (end == digits || *end != '.' || end - digits > 9 || (*digits == '0' && end - digits > 1))
        return NULL;
    *out_layer = 0;
    for (const char *c = digits; c < end; c++) *out_layer = 10 * *out_layer + (*c - '0');
    return end + 1;
}

/* The counterpart of `name` among the pairs, or NULL. */
static const char *counterpart(const struct name_pair *pairs, size_t n, const char *name,
                               bool to_hf) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(to_hf ? pairs[i].gguf : pairs[i].hf, name) == 0)
            return to_hf ? pairs[i].hf : pairs[i].gguf;
    return NULL;
}

static err translate(const char *name, bool to_hf, struct arena *a, const char **out) {
    const char *from = to_hf ? "blk." : "model.layers.", *to = to_hf ? "model.layers." : "blk.";
    int64_t layer = 0;
    const char *rest = behind_layer(name, from, &layer);
    const char *found = rest ? counterpart(inside, COUNT(inside), rest, to_hf)
                             : counterpart(outside, COUNT(outside), name, to_hf);
    if (!found)
        return fail(ERR_UNSUPPORTED,
                    to_hf ? "tensor '%s' is none of Yuan 2.0"
                          : "tensor '%s' has no name in a Yuan 2.0 GGUF file",
                    name);
    *out = rest ? arena_printf(a, "%s%lld.%s", to, (long long)layer, found) : found;
    return *out ? ERR_OK : ERR_MEMORY;
}

err gguf_name_from_hf(const char *hf, struct arena *a, const char **out) {
    return translate(hf, false, a, out);
}

err gguf_name_to_hf(const char *name, struct arena *a, const char **out) {
    return translate(name, true, a, out);
}

#define INT(suffix, hf, field, needed)                                                             \
    { suffix, false, hf, offsetof(struct model_config, field), false, needed }
#define NUMBER(suffix, hf, field)                                                                  \
    { suffix, false, hf, offsetof(struct model_config, field), true, false }
#define TOKEN(key, hf, field, needed)                                                              \
    { "tokenizer.ggml." key, true, hf, offsetof(struct model_config, field), false, needed }
const struct gguf_setting gguf_settings[] = {
    INT("vocab_size", "vocab_size", vocab_size, false),
    INT("context_length", "max_position_embeddings", max_positions, true),
    INT("embedding_length", "hidden_size", hidden_size, true),
    INT("block_count", "num_hidden_layers", n_layers, true),
    INT("feed_forward_length", "intermediate_size", intermediate_size, true),
    INT("rope.dimension_count", "head_dim", head_size, false),
    INT("attention.head_count", "num_attention_heads", n_heads, true),
    INT("attention.head_count_kv", "num_key_value_heads", n_heads, false),
    NUMBER("attention.layer_norm_rms_epsilon", "rms_norm_eps", rms_norm_eps),
    NUMBER("rope.freq_base", "rope_theta", rope_base),
    TOKEN("eos_token_id", "eod_token", eod, true),
    TOKEN("padding_token_id", "pad_token_id", pad, false),
    TOKEN("seperator_token_id", "sep_token", sep, false), /* spelt so in the files */
};
#undef TOKEN
#undef NUMBER
#undef INT
const int n_gguf_settings = COUNT(gguf_settings);

/* An F32 came from a decimal number: the nearest one of seven digits, 1e-06 and not
 * 9.9999999747524271e-07. */
static err read_number(const struct gguf *g, const char *key, json_t **out) {
    char text[32];
    double value = 0;
    TRY(gguf_need_number(g, key, &value));
    snprintf(text, sizeof text, "%.7g", value);
    if (str_to_double(text, &value)) return fail(ERR_RANGE, "key '%s' is %s", key, text);
    *out = json_real(value);
    return ERR_OK;
}

static err read_setting(const struct gguf *g, const char *architecture,
                        const struct gguf_setting *s, json_t *config) {
    char key[128];
    json_t *value = NULL;
    int64_t number = 0;
    snprintf(key, sizeof key, "%s%s%s", s->whole ? "" : architecture, s->whole ? "" : ".",
             s->suffix);
    if (!s->needed && !gguf_find(g, key)) return ERR_OK;
    if (s->number) {
        TRY(read_number(g, key, &value));
    } else {
        TRY(gguf_need_int(g, key, &number));
        value = json_integer(number);
    }
    return json_put(config, s->hf, value);
}

static const struct gguf_tensor *find_tensor(const struct gguf *g, const char *name) {
    for (int64_t i = 0; i < g->n_tensors; i++)
        if (strcmp(g->tensors[i].name, name) == 0) return &g->tensors[i];
    return NULL;
}

static err make_config(const struct gguf *g, const char *architecture, json_t *config) {
    TRY(json_put(config, "model_type", json_string("yuan")));
    const struct gguf_tensor *embedding = find_tensor(g, "token_embd.weight");
    if (embedding && embedding->n_dims == 2) /* the key, where there is one, replaces it */
        TRY(json_put(config, "vocab_size", json_integer(embedding->dims[1])));
    for (int i = 0; i < n_gguf_settings; i++)
        TRY(read_setting(g, architecture, &gguf_settings[i], config));
    const bool tied = !find_tensor(g, "output.weight");
    return json_put(config, "tie_word_embeddings", json_boolean(tied));
}

static err check_architecture(const struct gguf *g, const char **out) {
    const char *text = NULL;
    size_t n = 0;
    TRY(gguf_need_string(g, "general.architecture", &text, &n));
    if (n == strlen(GGUF_ARCHITECTURE) && !memcmp(text, GGUF_ARCHITECTURE, n))
        *out = GGUF_ARCHITECTURE;
    else if (n == 5 && !memcmp(text, "llama", n) && find_tensor(g, "blk.0.conv1.weight"))
        *out = "llama";
    else
        return fail(ERR_UNSUPPORTED, "the architecture is '%.*s'; only Yuan 2.0's is read",
                    n > 40 ? 40 : (int)n, text);
    return ERR_OK;
}

err gguf_config(const struct gguf *g, json_t **out) {
    const char *architecture = NULL, *text = NULL;
    size_t n = 0;
    TRY(check_architecture(g, &architecture));
    if (gguf_find(g, GGUF_CONFIG_KEY)) {
        TRY(gguf_need_string(g, GGUF_CONFIG_KEY, &text, &n));
        return json_parse(text, n, "key '" GGUF_CONFIG_KEY "'", out);
    }
    json_t *config = json_object();
    if (!config) return fail(ERR_MEMORY, "out of memory");
    err code = make_config(g, architecture, config);
    if (code)
        json_decref(config);
    else
        *out = config;
    return code;
}
