/* SPDX-License-Identifier: Apache-2.0
 * Checkpoints as Yuan's own training writes them (Megatron): tensors are cut over tensor-parallel
 * ranks, layers over pipeline stages of any size, and names are Megatron's. Each becomes the HF
 * tensors of the table below; layer numbers of a stage begin at 0 and are moved up by the stages
 * before it. What every rank holds whole must be the same bits on all of them; that is looked at
 * when a tensor is read, so that nothing is read twice.
 * Where a tensor lies in one piece it stays mapped, otherwise it is put together when it is read.
 * Source: the checkpoint of Yuan 2.0's training and its converter, as conversion to the HF form is
 * defined by: get_query_key's rows are cut in the middle, dense_h_to_4h is [up; gate] on each rank.
 * Read next: model/formats/megatron_ranks.c. */
#include "base/mem.h"
#include "base/str.h"
#include "model/formats/megatron_int.h"
#include <stdio.h>
#include <string.h>

static const char TRACKER[] = "latest_checkpointed_iteration.txt";
enum { MAX_LAYERS = 4096, VOCABULARY_STEP = 128 };

/* How a tensor lies on the tensor-parallel ranks. */
enum cut {
    CUT_NONE,    /* whole on each */
    CUT_ROWS,    /* rows one after another */
    CUT_TOKENS,  /* the same, with padding behind the last token */
    CUT_COLUMNS, /* columns one after another */
    CUT_MIDDLE,  /* rows one after another; the first half is one tensor, the rest another */
    CUT_HALVES,  /* on each rank rows of one tensor, then rows of another */
};

struct mapping {
    const char *from; /* Megatron's name, below "layers.{i}." in a layer */
    enum cut cut;
    const char *to, *second; /* the HF name, below "model.layers.{i}." in a layer */
};
static const struct mapping layer_mappings[] = {
    {"input_layernorm.weight", CUT_NONE, "input_layernorm.weight", NULL},
    {"self_attention.get_value.weight", CUT_ROWS, "self_attn.v_proj.weight", NULL},
    {"self_attention.get_query_key.weight", CUT_MIDDLE, "self_attn.q_proj.weight",
     "self_attn.k_proj.weight"},
    {"self_attention.lf_gate.conv1.weight", CUT_NONE, "self_attn.lf_gate.conv1.weight", NULL},
    {"self_attention.lf_gate.conv1.bias", CUT_NONE, "self_attn.lf_gate.conv1.bias", NULL},
    {"self_attention.lf_gate.conv2.weight", CUT_NONE, "self_attn.lf_gate.conv2.weight", NULL},
    {"self_attention.lf_gate.conv2.bias", CUT_NONE, "self_attn.lf_gate.conv2.bias", NULL},
    {"self_attention.lf_gate.output_layernorm.weight", CUT_NONE,
     "self_attn.lf_gate.output_layernorm.weight", NULL},
    {"self_attention.dense.weight", CUT_COLUMNS, "self_attn.o_proj.weight", NULL},
    {"post_attention_layernorm.weight", CUT_NONE, "post_attention_layernorm.weight", NULL},
    {"mlp.dense_h_to_4h.weight", CUT_HALVES, "mlp.up_proj.weight", "mlp.gate_proj.weight"},
    {"mlp.dense_4h_to_h.weight", CUT_COLUMNS, "mlp.down_proj.weight", NULL},
};
enum { N_LAYER_MAPPINGS = sizeof layer_mappings / sizeof layer_mappings[0] };
static const struct mapping embedding_mapping = {"weight", CUT_TOKENS, "model.embed_tokens.weight",
                                                 NULL};
static const struct mapping head_mapping = {"weight", CUT_TOKENS, "lm_head.weight", NULL};
static const struct mapping norm_mapping = {"final_layernorm.weight", CUT_NONE, "model.norm.weight",
                                            NULL};

/* The data of an entry that is not in one piece. */
struct assembly {
    bool replicas; /* each piece is the whole tensor */
    int64_t n;
    struct piece {
        int64_t file; /* it lies in */
        struct torch_view view;
        int64_t offset; /* of its first element in the tensor */
    } pieces[];
};

/* The tensor that each rank of a stage holds under one name. */
struct shards {
    struct megatron *m;
    int64_t stage;
    const char *from; /* for errors */
    struct torch_view views[MEGATRON_MAX_TENSOR_RANKS];
};

static const char *rank_path(const struct shards *s, int64_t tensor_rank) {
    return s->m->f->files[megatron_rank_at(s->m, s->stage, tensor_rank)->file].path;
}

static err read_shard(struct shards *s, int64_t rank, const struct pickle_value *dict) {
    const struct megatron_rank *r = megatron_rank_at(s->m, s->stage, rank);
    const struct torch_view *first = &s->views[0];
    struct torch_view *v = &s->views[rank];
    const struct pickle_value *value = pickle_get(dict, s->from);
    if (!value) return fail(ERR_MISSING, "it is not there");
    TRY(torch_archive_tensor(&r->archive, value, v));
    bool same = v->dtype == first->dtype && v->n_dims == first->n_dims;
    for (int i = 0; same && i < v->n_dims; i++) same = v->shape[i] == first->shape[i];
    if (!same) return fail(ERR_MISMATCH, "another shape or type than on tensor-parallel rank 0");
    return ERR_OK;
}

/* What `dict_of` gives of each rank holds one tensor `from`; all are of one shape. */
static err read_shards(struct shards *s,
                       const struct pickle_value *(*dict_of)(const struct megatron_rank *r)) {
    for (int64_t t = 0; t < s->m->n_tensor_ranks; t++) {
        err code = read_shard(s, t, dict_of(megatron_rank_at(s->m, s->stage, t)));
        if (code) return fail_in(code, "'%s': tensor '%s'", rank_path(s, t), s->from);
    }
    return ERR_OK;
}

/* Adds one tensor of `a`, which has its pieces, with the shape of the whole. */
static err add_assembly(const struct shards *s, const char *name, const struct assembly *a,
                        const int64_t *shape) {
    const struct torch_view *first = &a->pieces[0].view;
    struct tensor_entry *e;
    TRY(tensor_file_add(s->m->f, name, a->pieces[0].file, &e));
    TRY(tensor_set_shape(&e->tensor, first->n_dims, shape));
    e->tensor.dtype = first->dtype;
    e->origin = a;
    if (a->n == 1 && torch_view_contiguous(first)) e->tensor.data = first->data;
    return ERR_OK;
}

static struct assembly *assembly_new(const struct shards *s) {
    return arena_alloc(&s->m->f->arena, 1,
                       sizeof(struct assembly) +
                           (size_t)s->m->n_tensor_ranks * sizeof(struct piece));
}

/* The piece that tensor-parallel rank `t` holds. */
static void add_piece(const struct shards *s, struct assembly *a, int64_t t, struct torch_view view,
                      int64_t offset) {
    a->pieces[a->n++] = (struct piece){megatron_rank_at(s->m, s->stage, t)->file, view, offset};
}

static err add_replicas(const struct shards *s, const char *name) {
    struct assembly *a = assembly_new(s);
    if (!a) return ERR_MEMORY;
    a->replicas = true;
    for (int64_t t = 0; t < s->m->n_tensor_ranks; t++) add_piece(s, a, t, s->views[t], 0);
    return add_assembly(s, name, a, s->views[0].shape);
}

/* The rows [first, last) of the parts' rows one after another; parts are of one shape. */
static err add_rows(const struct shards *s, const char *name, const struct torch_view *parts,
                    int64_t first, int64_t last) {
    struct assembly *a = assembly_new(s);
    if (!a) return ERR_MEMORY;
    const int64_t rows = parts->shape[0], shape[2] = {last - first, parts->shape[1]};
    for (int64_t t = 0; t < s->m->n_tensor_ranks; t++) {
        const int64_t begin = t * rows < first ? first : t * rows,
                      end = (t + 1) * rows > last ? last : (t + 1) * rows;
        if (begin >= end) continue;
        add_piece(s, a, t, torch_view_rows(&parts[t], begin - t * rows, end - begin),
                  (begin - first) * shape[1]);
    }
    if (!a->n) return fail(ERR_PARSE, "it has no rows");
    return add_assembly(s, name, a, shape);
}

static err add_columns(const struct shards *s, const char *name) {
    struct assembly *a = assembly_new(s);
    if (!a) return ERR_MEMORY;
    const int64_t columns = s->views[0].shape[1],
                  shape[2] = {s->views[0].shape[0], columns * s->m->n_tensor_ranks};
    for (int64_t t = 0; t < s->m->n_tensor_ranks; t++) add_piece(s, a, t, s->views[t], t * columns);
    return add_assembly(s, name, a, shape);
}

/* Rows that two tensors share: cut in the middle, over all ranks or on each. */
static err add_pair(const struct shards *s, enum cut cut, const char *name, const char *second) {
    const int64_t T = s->m->n_tensor_ranks, rows = s->views[0].shape[0], all = rows * T;
    if ((cut == CUT_MIDDLE ? all : rows) % 2 != 0)
        return fail(ERR_MISMATCH, "%lld rows cannot be cut in the middle", (long long)rows);
    if (cut == CUT_MIDDLE) {
        TRY(add_rows(s, name, s->views, 0, all / 2));
        return add_rows(s, second, s->views, all / 2, all);
    }
    struct torch_view halves[MEGATRON_MAX_TENSOR_RANKS];
    for (int64_t t = 0; t < T; t++) halves[t] = torch_view_rows(&s->views[t], 0, rows / 2);
    TRY(add_rows(s, name, halves, 0, all / 2));
    for (int64_t t = 0; t < T; t++) halves[t] = torch_view_rows(&s->views[t], rows / 2, rows / 2);
    return add_rows(s, second, halves, 0, all / 2);
}

/* Rows of the vocabulary are padded so that the ranks can share them; where config.json asks for
 * fewer, as one that was made for another number of ranks does, the rest is that padding. */
static int64_t token_rows(struct megatron *m, int64_t rows) {
    const int64_t wanted = m->vocab_size, most = (int64_t)VOCABULARY_STEP * m->n_tensor_ranks;
    m->padded_vocab_size = rows;
    return wanted > 0 && wanted < rows && rows - wanted < most ? wanted : rows;
}

/* Adds the HF tensors of what the ranks hold. `to` and `second` are their whole names. */
static err add_shards(const struct shards *s, enum cut cut, const char *to, const char *second) {
    if (cut == CUT_NONE) return add_replicas(s, to);
    if (s->views[0].n_dims != 2 || s->views[0].count > INT64_MAX / MEGATRON_MAX_TENSOR_RANKS)
        return fail(ERR_MISMATCH, "%d dimensions, where a matrix was expected", s->views[0].n_dims);
    const int64_t rows = s->views[0].shape[0] * s->m->n_tensor_ranks;
    switch (cut) {
    case CUT_COLUMNS: return add_columns(s, to);
    case CUT_MIDDLE:
    case CUT_HALVES: return add_pair(s, cut, to, second);
    case CUT_TOKENS: return add_rows(s, to, s->views, 0, token_rows(s->m, rows));
    case CUT_ROWS:
    case CUT_NONE: break;
    }
    return add_rows(s, to, s->views, 0, rows);
}

static const struct pickle_value *encoder_of(const struct megatron_rank *r) {
    return r->encoder;
}

static const struct pickle_value *embedding_of(const struct megatron_rank *r) {
    return pickle_get(pickle_get(r->language_model, "embedding"), "word_embeddings");
}

static const struct pickle_value *head_of(const struct megatron_rank *r) {
    return pickle_get(r->model, "word_embeddings_for_head");
}

/* Adds the tensors of one mapping of a stage. `layer` is the stage's own number; -1: in none. */
static err add_mapping(struct megatron *m, int64_t stage, const struct mapping *map, int64_t layer,
                       const struct pickle_value *(*dict_of)(const struct megatron_rank *r)) {
    struct shards s = {.m = m, .stage = stage, .from = map->from};
    const char *to = map->to, *second = map->second;
    struct arena *arena = &m->f->arena;
    if (layer >= 0) {
        const long long number = m->n_layers + layer;
        s.from = arena_printf(arena, "layers.%lld.%s", (long long)layer, map->from);
        to = arena_printf(arena, "model.layers.%lld.%s", number, map->to);
        if (second) second = arena_printf(arena, "model.layers.%lld.%s", number, map->second);
        if (!s.from || !to || (map->second && !second)) return ERR_MEMORY;
    }
    TRY(read_shards(&s, dict_of));
    err code = add_shards(&s, map->cut, to, second);
    return code ? fail_in(code, "'%s': tensor '%s'", rank_path(&s, 0), s.from) : ERR_OK;
}

/* The layer that a name in `encoder` belongs to; -1: none, or none that is known. */
static int64_t layer_of(const char *name) {
    long long layer = -1;
    int end = 0;
    if (sscanf(name, "layers.%5lld.%n", &layer, &end) != 1 || !end || layer < 0) return -1;
    for (int i = 0; i < N_LAYER_MAPPINGS; i++)
        if (strcmp(name + end, layer_mappings[i].from) == 0) return layer;
    return -1;
}

/* Every name in a rank's encoder is known; counts its layers. */
static err check_encoder(const struct megatron_rank *r, bool last, int64_t *out_layers) {
    *out_layers = 0;
    for (int64_t i = 0; i < r->encoder->list.n; i += 2) {
        const struct pickle_value *key = r->encoder->list.items[i];
        if (key->kind != PICKLE_STRING)
            return fail(ERR_PARSE, "%s where a tensor's name was expected",
                        pickle_kind_name(key->kind));
        if (last && strcmp(key->text.data, norm_mapping.from) == 0) continue;
        const int64_t layer = layer_of(key->text.data);
        if (layer < 0 || layer >= MAX_LAYERS)
            return fail(ERR_MISMATCH, "tensor '%s' has no place in this model", key->text.data);
        if (layer >= *out_layers) *out_layers = layer + 1;
    }
    const int64_t wanted = *out_layers * N_LAYER_MAPPINGS + last;
    if (r->encoder->list.n / 2 > wanted)
        return fail(ERR_PARSE, "a tensor of the encoder is there twice");
    return ERR_OK;
}

/* Members of a dict are among the known ones. */
static err check_members(const struct pickle_value *dict, const char *one, const char *other) {
    for (int64_t i = 0; dict && dict->kind == PICKLE_DICT && i < dict->list.n; i += 2) {
        const struct pickle_value *key = dict->list.items[i];
        if (key->kind != PICKLE_STRING ||
            (strcmp(key->text.data, one) != 0 && strcmp(key->text.data, other) != 0))
            return fail(ERR_UNSUPPORTED, "'%s' has no place in this model",
                        key->kind == PICKLE_STRING ? key->text.data : pickle_kind_name(key->kind));
    }
    return ERR_OK;
}

static err check_rank(const struct megatron *m, int64_t stage, const struct megatron_rank *r,
                      int64_t *out_layers) {
    const bool first = stage == 0, last = stage == m->n_stages - 1;
    TRY(check_encoder(r, last, out_layers));
    TRY(check_members(r->model, "language_model", last ? "word_embeddings_for_head" : ""));
    TRY(check_members(r->language_model, "encoder", first ? "embedding" : ""));
    TRY(check_members(pickle_get(r->language_model, "embedding"), "word_embeddings", ""));
    TRY(check_members(embedding_of(r), "weight", ""));
    return check_members(head_of(r), "weight", "");
}

static err add_stage(struct megatron *m, int64_t stage) {
    int64_t n_layers = 0;
    for (int64_t t = 0; t < m->n_tensor_ranks; t++) {
        const struct megatron_rank *r = megatron_rank_at(m, stage, t);
        int64_t n = 0;
        err code = check_rank(m, stage, r, &n);
        if (!code && t > 0 && n != n_layers)
            code = fail(ERR_MISMATCH, "%lld layers, and %lld on tensor-parallel rank 0",
                        (long long)n, (long long)n_layers);
        if (code) return fail_in(code, "'%s'", m->f->files[r->file].path);
        n_layers = n;
    }
    if (stage == 0) TRY(add_mapping(m, stage, &embedding_mapping, -1, embedding_of));
    for (int64_t layer = 0; layer < n_layers; layer++)
        for (int i = 0; i < N_LAYER_MAPPINGS; i++)
            TRY(add_mapping(m, stage, &layer_mappings[i], layer, encoder_of));
    m->n_layers += n_layers;
    if (stage < m->n_stages - 1) return ERR_OK;
    TRY(add_mapping(m, stage, &norm_mapping, -1, encoder_of));
    return head_of(megatron_rank_at(m, stage, 0))
               ? add_mapping(m, stage, &head_mapping, -1, head_of)
               : ERR_OK;
}

static err read_vocab_size(struct megatron *m, const char *path) {
    char *dir = dir_exists(path) ? mem_strdup(path) : path_dir(path),
         *config = dir ? path_join(dir, "config.json") : NULL;
    json_t *json = NULL;
    err code = config ? ERR_OK : ERR_MEMORY;
    if (!code && file_exists(config)) code = json_parse_file(config, &json);
    if (!code) m->vocab_size = json_integer_value(json_object_get(json, "vocab_size"));
    json_decref(json);
    mem_free(config);
    mem_free(dir);
    return code;
}

static err open_all(struct tensor_file *f, const char *path) {
    struct megatron m = {.f = f};
    TRY(read_vocab_size(&m, path));
    TRY(megatron_open_ranks(&m, path));
    for (int64_t stage = 0; stage < m.n_stages; stage++) TRY(add_stage(&m, stage));
    err code = megatron_config(&m);
    return code ? fail_in(code, "'%s'", path) : ERR_OK;
}

static bool is_file(const char *path) {
    return strcmp(path_base(path), TRACKER) == 0;
}

/* The tracker file, or a folder of ranks itself. */
static err find(const char *dir, const char *stem, struct arena *arena, const char **out) {
    static const char *const names[] = {"mp_rank_00", "mp_rank_00_000"};
    *out = NULL;
    if (strcmp(stem, "model") != 0) return ERR_OK;
    const char *tracker = arena_printf(arena, "%s/%s", dir, TRACKER);
    if (!tracker) return ERR_MEMORY;
    if (file_exists(tracker)) *out = tracker;
    for (int i = 0; i < 2 && !*out; i++) {
        const char *rank = arena_printf(arena, "%s/%s", dir, names[i]);
        if (!rank) return ERR_MEMORY;
        if (dir_exists(rank)) *out = dir;
    }
    return ERR_OK;
}

static err read(const struct tensor_file *f, const struct tensor_entry *e, void *out) {
    const struct assembly *a = e->origin;
    int64_t stride[TENSOR_MAX_DIMS];
    (void)f;
    torch_row_major(e->tensor.n_dims, e->tensor.shape, stride);
    const size_t size = (size_t)dtype_bytes(e->tensor.dtype);
    for (int64_t i = 0; i < a->n; i++) {
        const struct piece *p = &a->pieces[i];
        if (!a->replicas || i == 0)
            torch_view_copy(&p->view, stride, (uint8_t *)out + (size_t)p->offset * size);
        else if (!torch_view_same(&p->view, stride, out))
            return fail(ERR_MISMATCH,
                        "every tensor-parallel rank holds it whole, and ranks 0 and "
                        "%lld differ",
                        (long long)i);
    }
    return ERR_OK;
}

extern const struct format megatron_format;
const struct format megatron_format = {
    .name = "megatron",
    .summary = "latest_checkpointed_iteration.txt and the folders it names, of any ranks",
    .is_file = is_file,
    .find = find,
    .open = open_all,
    .read = read,
};
