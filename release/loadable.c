/* SPDX-License-Identifier: Apache-2.0
 * tokenizer_config.json and its neighbours (release/loadable.h). added_tokens.json must list the
 * ids after the last piece and no others: transformers before 4.34 refuses a slow tokenizer's
 * added token whose id is not the next free one; later versions read added_tokens_decoder, which
 * lists all.
 * Read next: data/tokens/tokenizer.h for where the ids come from. */
#include "release/loadable.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

/* A turn of the user is followed by <sep>, an answer by <eod>; earlier turns are joined by newlines
 * and only the last prompt is followed by <sep>, as Yuan was fine-tuned. */
static const char chat_template[] =
    "{% for message in messages %}{% if not loop.first %}{{ '\\n' }}{% endif %}"
    "{{ message['content'] }}{% endfor %}{% if add_generation_prompt %}{{ '<sep>' }}{% endif %}";

static err read_object(const char *path, json_t **out) {
    if (!file_exists(path)) {
        *out = json_object();
        return *out != NULL ? ERR_OK : fail(ERR_MEMORY, "out of memory for '%s'", path);
    }
    TRY(json_parse_file(path, out));
    if (json_is_object(*out)) return ERR_OK;
    json_decref(*out);
    *out = NULL;
    return fail(ERR_PARSE, "'%s' is no JSON object", path);
}

/* Reads dir/name (or starts anew), lets `fill` change it, writes it. */
struct editing {
    const struct tokenizer *tokenizer;
    const struct model_config *config;
};
static err edit(const char *dir, const char *name, const struct editing *e,
                err (*fill)(const struct editing *e, json_t *object)) {
    json_t *object = NULL;
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = read_object(path, &object);
    if (result == ERR_OK) result = fill(e, object);
    if (result == ERR_OK) result = json_write_file(path, object);
    json_decref(object);
    mem_free(path);
    return result;
}

static json_t *token_text(enum special_token which) {
    return json_string(tokenizer_special_text(which));
}

/* The config's pad id as a token; it is <eod> in the released models. */
static enum special_token pad_token(const struct editing *e) {
    for (int i = 0; i < SPECIAL_COUNT; i++)
        if (tokenizer_special(e->tokenizer, (enum special_token)i) == e->config->pad)
            return (enum special_token)i;
    return SPECIAL_EOD;
}

static bool has_a_role(enum special_token which) {
    return which == SPECIAL_EOD || which == SPECIAL_BOS || which == SPECIAL_UNK ||
           which == SPECIAL_SEP;
}

/* The names both files share. */
static err put_roles(const struct editing *e, json_t *object) {
    json_t *others = json_array();
    TRY(json_put(object, "additional_special_tokens", others));
    for (int i = 0; i < SPECIAL_COUNT; i++)
        if (!has_a_role((enum special_token)i))
            TRY(json_push(others, token_text((enum special_token)i)));
    TRY(json_put(object, "bos_token", token_text(SPECIAL_BOS)));
    TRY(json_put(object, "eos_token", token_text(SPECIAL_EOD)));
    TRY(json_put(object, "unk_token", token_text(SPECIAL_UNK)));
    TRY(json_put(object, "sep_token", token_text(SPECIAL_SEP)));
    return json_put(object, "pad_token", token_text(pad_token(e)));
}

static err put_decoder(const struct editing *e, json_t *object) {
    json_t *decoder = json_object();
    TRY(json_put(object, "added_tokens_decoder", decoder));
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        char id[16];
        enum special_token which = (enum special_token)i;
        snprintf(id, sizeof id, "%d", (int)tokenizer_special(e->tokenizer, which));
        TRY(json_put(decoder, id,
                     json_pack("{s:s, s:b, s:b, s:b, s:b, s:b}", "content",
                               tokenizer_special_text(which), "lstrip", 0, "normalized", 0,
                               "rstrip", 0, "single_word", 0, "special", 1)));
    }
    return ERR_OK;
}

static err fill_tokenizer_config(const struct editing *e, json_t *object) {
    TRY(json_put(object, "tokenizer_class", json_string("LlamaTokenizer")));
    TRY(json_put(object, "add_bos_token", json_false()));
    TRY(json_put(object, "add_eos_token", json_false()));
    TRY(json_put(object, "clean_up_tokenization_spaces", json_false()));
    TRY(json_put(object, "legacy", json_true()));
    TRY(json_put(object, "model_max_length", json_integer(e->config->max_positions)));
    TRY(put_roles(e, object));
    TRY(put_decoder(e, object));
    if (json_object_get(object, "chat_template") != NULL) return ERR_OK;
    return json_put(object, "chat_template", json_string(chat_template));
}

static err fill_added_tokens(const struct editing *e, json_t *object) {
    if (json_object_size(object) > 0) return ERR_OK;
    int64_t pieces = tokenizer_n_pieces(e->tokenizer);
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        enum special_token which = (enum special_token)i;
        int32_t id = tokenizer_special(e->tokenizer, which);
        if (id >= pieces) TRY(json_put(object, tokenizer_special_text(which), json_integer(id)));
    }
    return ERR_OK;
}

static err fill_generation_config(const struct editing *e, json_t *object) {
    if (json_object_size(object) > 0) return ERR_OK;
    TRY(json_put(object, "_from_model_config", json_true()));
    TRY(json_put(object, "bos_token_id", json_integer(e->config->eod)));
    TRY(json_put(object, "do_sample", json_false()));
    TRY(json_put(object, "eos_token_id", json_integer(e->config->eod)));
    return json_put(object, "pad_token_id", json_integer(e->config->pad));
}

const char *const loadable_files[LOADABLE_FILES] = {"tokenizer_config.json",
                                                    "special_tokens_map.json", "added_tokens.json",
                                                    "generation_config.json"};
static err (*const fills[LOADABLE_FILES])(const struct editing *e, json_t *object) = {
    fill_tokenizer_config, put_roles, fill_added_tokens, fill_generation_config};

err loadable_check(const char *dir) {
    for (int i = 0; i < LOADABLE_FILES; i++) {
        json_t *object = NULL;
        char *path = path_join(dir, loadable_files[i]);
        if (path == NULL) return ERR_MEMORY;
        err result = read_object(path, &object);
        mem_free(path);
        json_decref(object);
        TRY(result);
    }
    return ERR_OK;
}

err loadable_write(const char *dir, const struct tokenizer *t, const struct model_config *config) {
    struct editing e = {.tokenizer = t, .config = config};
    for (int i = 0; i < LOADABLE_FILES; i++) TRY(edit(dir, loadable_files[i], &e, fills[i]));
    return ERR_OK;
}
