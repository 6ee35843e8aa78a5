/* SPDX-License-Identifier: Apache-2.0
 * A config in HF keys from what a Megatron checkpoint holds: sizes from its tensors, the rest from
 * `args`, the settings of the training that wrote it. Used where no config.json stands beside it.
 * Facts that neither says are Yuan 2.0's own: norms of 1e-6 are written into its training, and
 * <eod>, <sep> and <pad> have their places in its tokenizer.
 * Read next: model/config.def, the keys. */
#include "model/formats/megatron_int.h"
#include <string.h>

enum { YUAN_EOD = 77185, YUAN_SEP = 77187 };

static const struct tensor *find_tensor(const struct tensor_file *f, const char *name) {
    for (int64_t i = 0; i < f->n; i++) /* not sorted yet */
        if (strcmp(f->entries[i].tensor.name, name) == 0) return &f->entries[i].tensor;
    return NULL;
}

/* A switch of the args must be as Yuan has it, where they say. */
static err check_switch(const struct megatron *m, const char *name, bool wanted) {
    const struct pickle_value *arg = pickle_get(m->args, name);
    if (!arg || arg->kind != PICKLE_BOOL || arg->truth == wanted) return ERR_OK;
    return fail(ERR_UNSUPPORTED, "%s is %s in its args, which is another model", name,
                wanted ? "false" : "true");
}

static err put_int_arg(const struct megatron *m, json_t *config, const char *key, const char *arg) {
    const struct pickle_value *v = pickle_get(m->args, arg);
    if (!v || v->kind != PICKLE_INT) return ERR_OK;
    return json_put(config, key, json_integer(v->integer));
}

static err put_sizes(const struct megatron *m, json_t *config, const struct tensor *embedding,
                     const struct tensor *up) {
    const struct {
        const char *key, *arg;
        int64_t value;
    } sizes[] = {
        {"vocab_size", "padded_vocab_size", m->padded_vocab_size},
        {"hidden_size", "hidden_size", embedding->shape[1]},
        {"intermediate_size", "ffn_hidden_size", up->shape[0]},
        {"num_hidden_layers", "num_layers", m->n_layers},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        TRY(megatron_check_arg(m, sizes[i].arg, sizes[i].value));
        TRY(json_put(config, sizes[i].key, json_integer(sizes[i].value)));
    }
    return ERR_OK;
}

static err put_args(const struct megatron *m, json_t *config) {
    const struct pickle_value *std = pickle_get(m->args, "init_method_std");
    TRY(put_int_arg(m, config, "num_attention_heads", "num_attention_heads"));
    TRY(put_int_arg(m, config, "head_dim", "kv_channels"));
    TRY(put_int_arg(m, config, "max_position_embeddings", "max_position_embeddings"));
    TRY(put_int_arg(m, config, "model_max_length", "seq_length"));
    if (std && std->kind == PICKLE_FLOAT)
        TRY(json_put(config, "initializer_range", json_real(std->number)));
    return ERR_OK;
}

static err put_facts(json_t *config, int64_t vocab_size, enum dtype dtype) {
    const char *names[DTYPE_COUNT] = {[DTYPE_F32] = "float32",
                                      [DTYPE_BF16] = "bfloat16",
                                      [DTYPE_F16] = "float16",
                                      [DTYPE_F64] = "float64"};
    TRY(json_put(config, "hidden_act", json_string("silu")));
    TRY(json_put(config, "rms_norm_eps", json_real(1e-6)));
    TRY(json_put(config, "causal_mask", json_true()));
    TRY(json_put(config, "tie_word_embeddings", json_true()));
    if (names[dtype]) TRY(json_put(config, "torch_dtype", json_string(names[dtype])));
    if (vocab_size <= YUAN_SEP) return ERR_OK; /* another tokenizer: a config.json has to say */
    TRY(json_put(config, "eod_token", json_integer(YUAN_EOD)));
    TRY(json_put(config, "sep_token", json_integer(YUAN_SEP)));
    return json_put(config, "pad_token_id", json_integer(YUAN_EOD));
}

err megatron_config(struct megatron *m) {
    const struct tensor *embedding = find_tensor(m->f, "model.embed_tokens.weight");
    const struct tensor *up = find_tensor(m->f, "model.layers.0.mlp.up_proj.weight");
    if (!embedding || !up) return fail(ERR_MISSING, "it has no layers");
    m->f->config =
        json_pack("{s:[s], s:s}", "architectures", "YuanForCausalLM", "model_type", "yuan");
    if (!m->f->config) return fail(ERR_MEMORY, "out of memory");
    TRY(check_switch(m, "swiglu", true));
    TRY(check_switch(m, "use_lf_gate", true));
    TRY(check_switch(m, "untie_embeddings_and_output_weights", false));
    TRY(put_sizes(m, m->f->config, embedding, up));
    TRY(put_args(m, m->f->config));
    return put_facts(m->f->config, embedding->shape[0], embedding->dtype);
}
