/* SPDX-License-Identifier: Apache-2.0
 * The head of the file is made in memory from names and shapes alone; then the tensors stream
 * through, a piece of each at a time, and are cut into blocks on the way. The bytes depend on
 * nothing but what is handed over.
 * Read next: model/formats/gguf_write.h, the contract; gguf_storage.c for the blocks. */
#include "model/formats/gguf_write.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "model/formats/gguf_names.h"
#include <stdio.h>
#include <string.h>

enum { QUANTIZATION_VERSION = 2, PIECE = 1 << 18 };

struct out_tensor {
    const char *name;
    const struct tensor *from;
    const struct gguf_storage *storage;
    uint64_t offset, bytes;
};

struct writer {
    const struct tensor_output *o;
    struct arena arena;
    struct str head;
    uint64_t n_keys;
    struct out_tensor *tensors;
    int64_t n;
    void *blocks; /* a piece, encoded */
    struct file_writer file;
};

static const struct gguf_storage *storage_of(const char *type, const struct tensor *t) {
    const struct gguf_storage *f32 = gguf_storage_named("f32"), *f16 = gguf_storage_named("f16");
    if (t->n_dims < 2) return f32;
    if (strcmp(type, "keep") == 0) return t->dtype == DTYPE_F16 ? f16 : f32;
    const struct gguf_storage *wanted = gguf_storage_named(type);
    return t->shape[t->n_dims - 1] % wanted->block ? f16 : wanted;
}

err gguf_plan(const char *type, struct tensor *t, struct tensor_stored *out) {
    if (t->dtype == DTYPE_F64 && strcmp(type, "keep") == 0) {
        err code = fail(ERR_UNSUPPORTED, "tensor '%s': GGUF files have no F64", t->name);
        return fail_hint(code, "ask for f32");
    }
    const struct gguf_storage *storage = storage_of(type, t);
    t->dtype = storage->dtype;
    *out = (struct tensor_stored){storage->name, t->count / storage->block * storage->block_bytes};
    return ERR_OK;
}

static err put_uint(struct str *s, uint64_t value, int n_bytes) {
    uint8_t bytes[8];
    bytes_put_little(bytes, n_bytes, value);
    return str_append(s, bytes, (size_t)n_bytes);
}

static err put_float(struct str *s, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_uint(s, bits, sizeof bits);
}

static err put_text(struct str *s, const char *text, size_t n) {
    TRY(put_uint(s, n, 8));
    return str_append(s, text, n);
}

static err put_key(struct writer *w, const char *key, enum gguf_type type) {
    w->n_keys++;
    TRY(put_text(&w->head, key, strlen(key)));
    return put_uint(&w->head, type, 4);
}

static err put_array(struct writer *w, const char *key, enum gguf_type type, int64_t n) {
    TRY(put_key(w, key, GGUF_ARRAY));
    TRY(put_uint(&w->head, type, 4));
    return put_uint(&w->head, (uint64_t)n, 8);
}

static err put_u32_key(struct writer *w, const char *key, int64_t value) {
    if (value < 0 || value > UINT32_MAX)
        return fail(ERR_RANGE, "key '%s' cannot be %lld", key, (long long)value);
    TRY(put_key(w, key, GGUF_U32));
    return put_uint(&w->head, (uint64_t)value, 4);
}

static err put_string_key(struct writer *w, const char *key, const char *text) {
    TRY(put_key(w, key, GGUF_STRING));
    return put_text(&w->head, text, strlen(text));
}

static err put_note(struct writer *w, const struct gguf_note *note) {
    if (note->text) return put_string_key(w, note->key, note->text);
    if (!note->texts) return put_u32_key(w, note->key, note->n);
    TRY(put_array(w, note->key, GGUF_STRING, note->n));
    for (int64_t i = 0; i < note->n; i++)
        TRY(put_text(&w->head, note->texts[i], strlen(note->texts[i])));
    return ERR_OK;
}

/* "2.1B", "340M" or "52K" parameters. */
static err put_size_label(struct writer *w) {
    const double n = (double)model_config_parameters(w->o->config);
    char text[32];
    if (n >= 1e9)
        snprintf(text, sizeof text, "%.1fB", n / 1e9);
    else if (n >= 1e6)
        snprintf(text, sizeof text, "%.0fM", n / 1e6);
    else
        snprintf(text, sizeof text, "%.0fK", n / 1e3);
    return put_string_key(w, "general.size_label", text);
}

/* What most weights are in: the embedding, like all matrices. */
static int64_t file_type(const struct writer *w) {
    return w->n ? w->tensors[0].storage->file_type : 0;
}

static err put_general(struct writer *w) {
    const struct gguf_notes *notes = w->o->notes;
    TRY(put_string_key(w, "general.architecture", GGUF_ARCHITECTURE));
    TRY(put_string_key(w, "general.type", "model"));
    if (notes->name) TRY(put_string_key(w, "general.name", notes->name));
    TRY(put_string_key(w, "general.description", GGUF_NOTE));
    TRY(put_size_label(w));
    for (int64_t i = 0; i < notes->n_further; i++) TRY(put_note(w, &notes->further[i]));
    TRY(put_u32_key(w, "general.alignment", GGUF_ALIGNMENT));
    TRY(put_u32_key(w, "general.quantization_version", QUANTIZATION_VERSION));
    return put_u32_key(w, "general.file_type", file_type(w));
}

static err put_setting(struct writer *w, const struct gguf_setting *s) {
    const char *field = (const char *)w->o->config + s->offset;
    char key[128];
    snprintf(key, sizeof key, "%s%s", s->whole ? "" : GGUF_ARCHITECTURE ".", s->suffix);
    if (s->number) {
        double value;
        memcpy(&value, field, sizeof value);
        TRY(put_key(w, key, GGUF_F32));
        return put_float(&w->head, (float)value);
    }
    int64_t value;
    memcpy(&value, field, sizeof value);
    return value < 0 ? ERR_OK : put_u32_key(w, key, value); /* -1: there is none */
}

static err put_config(struct writer *w) {
    struct str text = {0};
    for (int i = 0; i < n_gguf_settings; i++) TRY(put_setting(w, &gguf_settings[i]));
    err code = json_text(w->o->config->json, 0, &text);
    if (!code) code = put_string_key(w, GGUF_CONFIG_KEY, str_text(&text));
    str_release(&text);
    return code;
}

/* The row's token, or one of its own that stands for nothing. */
static struct gguf_token token_at(const struct gguf_notes *notes, int64_t id, char spare[32]) {
    if (id < notes->n_tokens && notes->tokens[id].text) return notes->tokens[id];
    const int n = snprintf(spare, 32, "<dummy%05lld>", (long long)id);
    return (struct gguf_token){spare, (size_t)n, 0, GGUF_TOKEN_UNUSED};
}

static err put_tokens(struct writer *w) {
    const struct gguf_notes *notes = w->o->notes;
    const int64_t V = w->o->config->vocab_size;
    char spare[32];
    if (!notes->tokens) return ERR_OK;
    if (notes->n_tokens > V)
        return fail(ERR_MISMATCH, "the tokenizer has %lld ids, the embedding only %lld rows",
                    (long long)notes->n_tokens, (long long)V);
    TRY(put_string_key(w, "tokenizer.ggml.model", "llama"));
    TRY(put_array(w, "tokenizer.ggml.tokens", GGUF_STRING, V));
    for (int64_t id = 0; id < V; id++) {
        const struct gguf_token token = token_at(notes, id, spare);
        TRY(put_text(&w->head, token.text, token.text_bytes));
    }
    TRY(put_array(w, "tokenizer.ggml.scores", GGUF_F32, V));
    for (int64_t id = 0; id < V; id++) TRY(put_float(&w->head, token_at(notes, id, spare).score));
    TRY(put_array(w, "tokenizer.ggml.token_type", GGUF_I32, V));
    for (int64_t id = 0; id < V; id++) TRY(put_uint(&w->head, token_at(notes, id, spare).kind, 4));
    TRY(put_u32_key(w, "tokenizer.ggml.bos_token_id", notes->bos));
    TRY(put_u32_key(w, "tokenizer.ggml.unknown_token_id", notes->unknown));
    TRY(put_key(w, "tokenizer.ggml.add_bos_token", GGUF_BOOL));
    TRY(put_uint(&w->head, 0, 1));
    return notes->chat_template ? put_string_key(w, "tokenizer.chat_template", notes->chat_template)
                                : ERR_OK;
}

static err add_tensor(struct writer *w, const struct tensor *t, const char *hf) {
    struct out_tensor *out = &w->tensors[w->n];
    struct tensor planned = *t; /* as gguf_plan left it: it decides the same again */
    struct tensor_stored stored;
    if (t->n_dims < 1 || t->n_dims > GGUF_MAX_DIMS)
        return fail(ERR_UNSUPPORTED, "tensor '%s' has %d dimensions", hf, t->n_dims);
    TRY(gguf_name_from_hf(hf, &w->arena, &out->name));
    TRY(gguf_plan(w->o->type, &planned, &stored));
    out->from = t;
    out->storage = gguf_storage_named(stored.type);
    out->bytes = (uint64_t)stored.bytes;
    if (w->n) {
        const struct out_tensor *before = out - 1;
        out->offset =
            (before->offset + before->bytes + GGUF_ALIGNMENT - 1) & ~(uint64_t)(GGUF_ALIGNMENT - 1);
    }
    w->n++;
    return ERR_OK;
}

static err add_tensors(struct writer *w) {
    const struct tensor_output *o = w->o;
    const struct tensor *embedding = NULL;
    bool head = false;
    w->tensors = arena_alloc(&w->arena, (size_t)o->n + 1, sizeof *w->tensors);
    if (!w->tensors) return ERR_MEMORY;
    for (int64_t i = 0; i < o->n; i++) {
        TRY(add_tensor(w, &o->tensors[i], o->tensors[i].name));
        if (strcmp(o->tensors[i].name, "model.embed_tokens.weight") == 0)
            embedding = &o->tensors[i];
        if (strcmp(o->tensors[i].name, "lm_head.weight") == 0) head = true;
    }
    return embedding && !head ? add_tensor(w, embedding, "lm_head.weight") : ERR_OK;
}

static err put_tensors(struct writer *w) {
    for (int64_t i = 0; i < w->n; i++) {
        const struct out_tensor *t = &w->tensors[i];
        TRY(put_text(&w->head, t->name, strlen(t->name)));
        TRY(put_uint(&w->head, (uint64_t)t->from->n_dims, 4));
        for (int d = t->from->n_dims - 1; d >= 0; d--)
            TRY(put_uint(&w->head, (uint64_t)t->from->shape[d], 8));
        TRY(put_uint(&w->head, t->storage->number, 4));
        TRY(put_uint(&w->head, t->offset, 8));
    }
    return ERR_OK;
}

static err make_head(struct writer *w) {
    struct str keys = {0};
    TRY(add_tensors(w));
    TRY(put_general(w));
    TRY(put_config(w));
    TRY(put_tokens(w));
    keys = w->head; /* how many there are stands before them */
    w->head = (struct str){0};
    err code = str_append(&w->head, "GGUF", 4);
    if (!code) code = put_uint(&w->head, GGUF_VERSION, 4);
    if (!code) code = put_uint(&w->head, (uint64_t)w->n, 8);
    if (!code) code = put_uint(&w->head, w->n_keys, 8);
    if (!code) code = str_append(&w->head, keys.data, keys.len);
    str_release(&keys);
    return code ? code : put_tensors(w);
}

static err pad(struct writer *w) {
    static const uint8_t zeros[GGUF_ALIGNMENT];
    const size_t over = (size_t)(w->file.offset_bytes % GGUF_ALIGNMENT);
    return over ? file_writer_write(&w->file, zeros, GGUF_ALIGNMENT - over) : ERR_OK;
}

static err write_piece(struct writer *w, const struct out_tensor *t, const void *data, int64_t n) {
    const struct gguf_storage *s = t->storage;
    BUG_IF(n % s->block);
    if (s->encode) {
        TRY(s->encode(data, n, w->blocks));
        data = w->blocks;
    }
    return file_writer_write(&w->file, data, (size_t)(n / s->block * s->block_bytes));
}

static err write_tensor(struct writer *w, const struct out_tensor *t) {
    const struct tensor_source *source = w->o->source;
    int64_t n;
    for (int64_t at = 0; at < t->from->count; at += n) {
        const int64_t left = t->from->count - at;
        const void *data = NULL;
        n = left < PIECE ? left : PIECE;
        err code = source->piece(source->ctx, t->from, at, &n, &data);
        if (!code) code = write_piece(w, t, data, n);
        if (code) return fail_in(code, "from element %lld", (long long)at);
    }
    return pad(w);
}

static err write_file(struct writer *w) {
    err code = file_writer_write(&w->file, w->head.data, w->head.len);
    if (!code) code = pad(w);
    for (int64_t i = 0; i < w->n && !code; i++) {
        code = write_tensor(w, &w->tensors[i]);
        if (code) fail_in(code, "tensor '%s'", w->tensors[i].from->name);
    }
    return code;
}

/* Bytes of the whole file, but for its padding; a model has tensors. */
static int64_t file_bytes(const struct writer *w) {
    const struct out_tensor *last = &w->tensors[w->n - 1];
    return (int64_t)(w->head.len + last->offset + last->bytes);
}

err gguf_write(const struct tensor_output *o) {
    struct writer w = {.o = o};
    err code = make_head(&w);
    BUG_IF(!code && !w.n);
    if (!code) code = dir_need_room(o->dir, file_bytes(&w));
    const char *path = code ? NULL : arena_printf(&w.arena, "%s/%s.gguf", o->dir, o->stem);
    if (!code) {
        w.blocks = mem_alloc(PIECE, sizeof(float));
        code = path && w.blocks ? file_writer_open(&w.file, path) : ERR_MEMORY;
    }
    if (!code) {
        code = write_file(&w);
        if (!code)
            code = file_writer_commit(&w.file);
        else
            file_writer_abort(&w.file);
    }
    mem_free(w.blocks);
    str_release(&w.head);
    arena_release(&w.arena);
    return code;
}
