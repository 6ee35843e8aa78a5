/* SPDX-License-Identifier: Apache-2.0
 * Every id of the tokenizer in order: pieces with their scores, special tokens as control tokens
 * (text must not reach them by merging). bos is written though no text begins with it.
 * Read next: release/gguf_vocabulary.h, the contract. */
#include "release/gguf_vocabulary.h"
#include "base/file.h"
#include "base/mem.h"
#include "eval/fit.h"
#include "model/model.h"

static enum gguf_token_kind gguf_kind(enum token_kind kind) {
    switch (kind) {
    case TOKEN_UNKNOWN: return GGUF_TOKEN_UNKNOWN;
    case TOKEN_SPECIAL: return GGUF_TOKEN_CONTROL;
    case TOKEN_UNUSED: return GGUF_TOKEN_UNUSED;
    case TOKEN_BYTE: return GGUF_TOKEN_BYTE;
    default: return GGUF_TOKEN_NORMAL;
    }
}

static err list_tokens(struct gguf_vocabulary *v) {
    v->n = tokenizer_n_ids(v->tokenizer);
    v->tokens = mem_alloc((size_t)v->n, sizeof *v->tokens);
    if (!v->tokens) return ERR_MEMORY;
    for (int64_t id = 0; id < v->n; id++) {
        const struct token_info t = tokenizer_token(v->tokenizer, (int32_t)id);
        v->tokens[id] = (struct gguf_token){t.text, t.text_bytes, t.score, gguf_kind(t.kind)};
    }
    return ERR_OK;
}

static err check_fit(const struct gguf_vocabulary *v, const char *dir, const char *model) {
    struct model_config c;
    TRY(model_read_config(&c, model));
    err e = tokenizer_fits_model(v->tokenizer, &c);
    model_config_release(&c);
    return e ? fail_in(e, "'%s'", dir) : ERR_OK;
}

static err open_in(struct gguf_vocabulary *v, const char *dir, const char *model) {
    char *path = path_join(dir, "tokenizer_config.json");
    if (!path) return ERR_MEMORY;
    err e = tokenizer_open(&v->tokenizer, dir);
    if (!e) e = check_fit(v, dir, model);
    if (!e) e = list_tokens(v);
    if (!e && file_exists(path)) e = json_parse_file(path, &v->settings);
    mem_free(path);
    return e;
}

static err has_tokenizer(const char *dir, bool *out) {
    char *path = path_join(dir, tokenizer_files[0]);
    *out = path && file_exists(path);
    mem_free(path);
    return path ? ERR_OK : ERR_MEMORY;
}

err gguf_vocabulary_open(struct gguf_vocabulary *v, const char *dir, const char *model) {
    bool there = true;
    *v = (struct gguf_vocabulary){0};
    if (!dir) TRY(has_tokenizer(model, &there));
    if (!there) return ERR_OK;
    err e = open_in(v, dir ? dir : model, model);
    if (e) gguf_vocabulary_close(v);
    return e;
}

void gguf_vocabulary_close(struct gguf_vocabulary *v) {
    tokenizer_free(v->tokenizer);
    mem_free(v->tokens);
    json_decref(v->settings);
    *v = (struct gguf_vocabulary){0};
}

void gguf_vocabulary_describe(const struct gguf_vocabulary *v, struct gguf_notes *notes) {
    if (!v->tokens) return;
    notes->tokens = v->tokens;
    notes->n_tokens = v->n;
    notes->bos = tokenizer_special(v->tokenizer, SPECIAL_BOS);
    notes->unknown = tokenizer_special(v->tokenizer, SPECIAL_UNK);
    notes->chat_template = json_string_value(json_object_get(v->settings, "chat_template"));
}
