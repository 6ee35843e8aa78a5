/* SPDX-License-Identifier: Apache-2.0
 * Writes a checkpoint in the HF form as Megatron would have: cut over tensor-parallel ranks, laid
 * out in pipeline stages, under Megatron's names. The cuts are written here from their description,
 * and a fault can be put into any one tensor of any one rank.
 * Read next: tests/unit/model/test_megatron.c. */
#ifndef COTRAIN_TESTS_UNIT_MODEL_MEGATRON_WRITER_H
#define COTRAIN_TESTS_UNIT_MODEL_MEGATRON_WRITER_H

#include "base/mem.h"
#include "model/formats/tensor_file.h"
#include "tests/unit/model/torch_writer.h"
#include <stdbool.h>

enum { MEGATRON_STAGES = 4 };

enum megatron_fault {
    TENSOR_AS_IT_IS,
    TENSOR_MISSING,
    TENSOR_DOUBLED,
    TENSOR_OF_OTHER_BITS,    /* one bit of its data differs */
    TENSOR_OF_OTHER_SHAPE,   /* a row less */
    TENSOR_OF_OTHER_TYPE,    /* the same bytes, as F16 */
    TENSOR_OF_ONE_DIMENSION, /* of one dimension */
    TENSOR_RENAMED,
};

struct megatron_layout {
    int T, P, blocks[MEGATRON_STAGES]; /* ranks, stages, layers of each */
    const char *folder;                /* of the ranks; NULL: "iter_0000007" */
    const char *args;                  /* more members of the args, as opcodes; NULL: none */
    int skip_args;                     /* 1: there are none */
    struct {
        enum megatron_fault what;
        const char *tensor; /* Megatron's name */
        int t, p;
    } fault;
};

struct megatron_write {
    const struct megatron_layout *layout;
    const struct tensor_file *from;
    struct torch_writer w;
    int t, p, first_layer; /* the rank that is written */
};

/* Rows [part, part + 1) of `parts` of the matrix, appended. */
static inline void put_rows(struct str *out, const struct tensor *m, int part, int parts) {
    const size_t bytes = (size_t)(m->count * dtype_bytes(m->dtype)) / (size_t)parts;
    put(out, (const char *)m->data + bytes * (size_t)part, bytes);
}

static inline void put_columns(struct str *out, const struct tensor *m, int part, int parts) {
    const size_t row = (size_t)(m->shape[1] * dtype_bytes(m->dtype)), bytes = row / (size_t)parts;
    for (int64_t i = 0; i < m->shape[0]; i++)
        put(out, (const char *)m->data + (size_t)i * row + bytes * (size_t)part, bytes);
}

/* One tensor of the rank under Megatron's name, with its fault if it has one. */
static inline void put_named(struct megatron_write *m, const char *name, const struct tensor *like,
                             int64_t rows, int64_t columns, struct str *data) {
    const struct megatron_layout *l = m->layout;
    enum megatron_fault what = TENSOR_AS_IT_IS;
    int64_t shape[TENSOR_MAX_DIMS], n_dims = like->n_dims;
    memcpy(shape, like->shape, sizeof shape);
    shape[0] = rows;
    if (columns) shape[1] = columns;
    if (l->fault.what && l->fault.t == m->t && l->fault.p == m->p &&
        strcmp(l->fault.tensor, name) == 0)
        what = l->fault.what;
    if (what == TENSOR_OF_OTHER_BITS) data->data[data->len / 2] ^= 1;
    if (what == TENSOR_OF_OTHER_SHAPE) shape[0]--;
    if (what == TENSOR_OF_ONE_DIMENSION) {
        shape[0] *= shape[1];
        n_dims = 1;
    }
    for (int i = what == TENSOR_MISSING ? 1 : 0; i < (what == TENSOR_DOUBLED ? 2 : 1); i++) {
        pickle_string(&m->w.pickle, what == TENSOR_RENAMED ? "layers.0.mlp.bias" : name);
        torch_put_tensor(&m->w, what == TENSOR_OF_OTHER_TYPE ? DTYPE_F16 : like->dtype, n_dims,
                         shape, data->data);
        put(&m->w.pickle, "s", 1);
    }
    str_release(data);
}

static inline const struct tensor *hf_tensor(const struct megatron_write *m, int layer,
                                             const char *name) {
    char full[128];
    snprintf(full, sizeof full, "model.layers.%d.%s", m->first_layer + layer, name);
    const struct tensor *t = tensor_file_find(m->from, layer < 0 ? name : full);
    assert_non_null(t);
    return t;
}

static inline void put_whole(struct megatron_write *m, const char *name, const struct tensor *t) {
    struct str data = {0};
    put_rows(&data, t, 0, 1);
    put_named(m, name, t, t->shape[0], 0, &data);
}

static inline void put_layer(struct megatron_write *m, int layer) {
    static const char *const whole[][2] = {
        {"input_layernorm.weight", "input_layernorm.weight"},
        {"post_attention_layernorm.weight", "post_attention_layernorm.weight"},
        {"self_attention.lf_gate.conv1.weight", "self_attn.lf_gate.conv1.weight"},
        {"self_attention.lf_gate.conv1.bias", "self_attn.lf_gate.conv1.bias"},
        {"self_attention.lf_gate.conv2.weight", "self_attn.lf_gate.conv2.weight"},
        {"self_attention.lf_gate.conv2.bias", "self_attn.lf_gate.conv2.bias"},
        {"self_attention.lf_gate.output_layernorm.weight",
         "self_attn.lf_gate.output_layernorm.weight"},
    };
    static const char *const columns[][2] = {
        {"self_attention.dense.weight", "self_attn.o_proj.weight"},
        {"mlp.dense_4h_to_h.weight", "mlp.down_proj.weight"},
    };
    const int T = m->layout->T;
    char name[128];
    struct str data = {0};
#define NAMED(text) (snprintf(name, sizeof name, "layers.%d.%s", layer, text), name)
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        put_whole(m, NAMED(whole[i][0]), hf_tensor(m, layer, whole[i][1]));
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const struct tensor *t = hf_tensor(m, layer, columns[i][1]);
        put_columns(&data, t, m->t, T);
        put_named(m, NAMED(columns[i][0]), t, t->shape[0], t->shape[1] / T, &data);
    }
    const struct tensor *v = hf_tensor(m, layer, "self_attn.v_proj.weight");
    put_rows(&data, v, m->t, T);
    put_named(m, NAMED("self_attention.get_value.weight"), v, v->shape[0] / T, 0, &data);
    /* Queries and keys: both under each other, then cut over the ranks. */
    const struct tensor *q = hf_tensor(m, layer, "self_attn.q_proj.weight");
    struct str both = {0};
    put_rows(&both, q, 0, 1);
    put_rows(&both, hf_tensor(m, layer, "self_attn.k_proj.weight"), 0, 1);
    put(&data, both.data + both.len / (size_t)T * (size_t)m->t, both.len / (size_t)T);
    str_release(&both);
    put_named(m, NAMED("self_attention.get_query_key.weight"), q, 2 * q->shape[0] / T, 0, &data);
    /* Up and gate: each cut over the ranks, then under each other. */
    const struct tensor *up = hf_tensor(m, layer, "mlp.up_proj.weight");
    put_rows(&data, up, m->t, T);
    put_rows(&data, hf_tensor(m, layer, "mlp.gate_proj.weight"), m->t, T);
    put_named(m, NAMED("mlp.dense_h_to_4h.weight"), up, 2 * up->shape[0] / T, 0, &data);
#undef NAMED
}

static inline void put_embedding(struct megatron_write *m) {
    const struct tensor *t = hf_tensor(m, -1, "model.embed_tokens.weight");
    struct str data = {0};
    put(&m->w.pickle, "}", 1);
    put_rows(&data, t, m->t, m->layout->T);
    put_named(m, "weight", t, t->shape[0] / m->layout->T, 0, &data);
}

static inline void put_int_member(struct str *s, const char *name, int64_t value) {
    pickle_string(s, name);
    pickle_int(s, value);
    put(s, "s", 1);
}

static inline void put_args(struct megatron_write *m) {
    struct str *s = &m->w.pickle;
    int n_layers = 0;
    for (int i = 0; i < m->layout->P; i++) n_layers += m->layout->blocks[i];
    pickle_string(s, "args");
    pickle_global(s, "argparse", "Namespace");
    put(s, ")\x81}", 3);
    put_int_member(s, "num_layers", n_layers);
    put_int_member(s, "hidden_size", 24);
    put_int_member(s, "num_attention_heads", 3);
    put_int_member(s, "max_position_embeddings", 128);
    put_int_member(s, "tensor_model_parallel_size", m->layout->T);
    put_int_member(s, "pipeline_model_parallel_size", m->layout->P);
    if (m->layout->args) put(s, m->layout->args, strlen(m->layout->args));
    put(s, "bs", 2);
}

/* model_optim_rng.pt of one rank, in `dir`. */
static inline void write_rank(struct megatron_write *m, const char *dir) {
    const bool last = m->p == m->layout->P - 1;
    char path[512];
    struct str *s = &m->w.pickle;
    torch_begin(&m->w);
    put(s, "}", 1);
    if (!m->layout->skip_args) put_args(m);
    pickle_string(s, "checkpoint_version");
    put(s, "G@\x08\0\0\0\0\0\0s", 10); /* 3.0 */
    put_int_member(s, "iteration", 7);
    pickle_string(s, "model");
    put(s, "}", 1);
    pickle_string(s, "language_model");
    put(s, "}", 1);
    if (m->p == 0) {
        pickle_string(s, "embedding");
        put(s, "}", 1);
        pickle_string(s, "word_embeddings");
        put_embedding(m);
        put(s, "ss", 2);
    }
    pickle_string(s, "encoder");
    put(s, "}", 1);
    for (int layer = 0; layer < m->layout->blocks[m->p]; layer++) put_layer(m, layer);
    if (last) put_whole(m, "final_layernorm.weight", hf_tensor(m, -1, "model.norm.weight"));
    put(s, "ss", 2);
    if (last && m->p > 0) {
        pickle_string(s, "word_embeddings_for_head");
        put_embedding(m);
        put(s, "s", 1);
    }
    put(s, "s", 1);
    snprintf(path, sizeof path, "%s/model_optim_rng.pt", dir);
    torch_end(&m->w, path);
}

/* The checkpoint in `dir`, which must not exist, from the tensors of `from`. */
static inline void megatron_write(const char *dir, const struct tensor_file *from,
                                  const struct megatron_layout *layout) {
    struct megatron_write m = {.layout = layout, .from = from};
    const char *folder = layout->folder ? layout->folder : "iter_0000007";
    char path[400];
    assert_ok(dir_make(dir));
    snprintf(path, sizeof path, "%s/latest_checkpointed_iteration.txt", dir);
    assert_ok(strcmp(folder, "release") == 0 ? file_write(path, "release", 7)
                                             : file_write(path, "7\n", 2));
    for (m.p = 0; m.p < layout->P; m.first_layer += layout->blocks[m.p++])
        for (m.t = 0; m.t < layout->T; m.t++) {
            const int n = snprintf(path, sizeof path, "%s/%s/mp_rank_%02d", dir, folder, m.t);
            if (layout->P > 1) snprintf(path + n, sizeof path - (size_t)n, "_%03d", m.p);
            assert_ok(dir_make(path));
            write_rank(&m, path);
        }
}

#endif
