/* SPDX-License-Identifier: Apache-2.0
 * Opening a tokenizer folder and giving every special token its id; lists of ids. A folder in
 * which text could reach a special token is refused here, once, so that no caller has to think
 * of it. Encoding is data/tokens/encode.c, decoding data/tokens/decode.c; the contract is
 * data/tokens/tokenizer.h. */
#include "data/tokens/tokenizer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/tokens/tokenizer_int.h"
#include <string.h>

enum { TOKENIZER_MAX_BYTES = 256 << 20 };

const char *const tokenizer_files[] = {"tokenizer.model", "tokenizer_config.json",
                                       "special_tokens_map.json", "added_tokens.json", NULL};

const struct special_row special_rows[SPECIAL_COUNT] = {
#define SPECIAL(name, text, kind) {text, sizeof(text) - 1, SPECIAL_##kind},
#include "data/tokens/special.def"
#undef SPECIAL
};

err special_whitespace_parse(const char *name, enum special_whitespace *out) {
    if (strcmp(name, "strip") == 0)
        *out = WHITESPACE_STRIP;
    else if (strcmp(name, "keep") == 0)
        *out = WHITESPACE_KEEP;
    else
        return fail(ERR_USAGE, "unknown white space '%s' (strip or keep)", name);
    return ERR_OK;
}

err tokens_append(struct tokens *t, const int32_t *ids, int64_t n) {
    if (t->n + n > t->capacity) {
        int64_t capacity = t->capacity ? t->capacity : 64;
        while (capacity < t->n + n) capacity *= 2;
        int32_t *grown = mem_resize(t->ids, (size_t)capacity, sizeof *grown);
        if (!grown) return ERR_MEMORY;
        t->ids = grown;
        t->capacity = capacity;
    }
    if (n > 0) memcpy(t->ids + t->n, ids, (size_t)n * sizeof *ids);
    t->n += n;
    return ERR_OK;
}

err tokens_add(struct tokens *t, int32_t id) {
    return tokens_append(t, &id, 1);
}

void tokens_clear(struct tokens *t) {
    t->n = 0;
}

void tokens_release(struct tokens *t) {
    mem_free(t->ids);
    *t = (struct tokens){0};
}

static err load_pieces(struct tokenizer *t, const char *path) {
    struct str bytes = {0};
    err e = file_read(path, TOKENIZER_MAX_BYTES, &bytes);
    if (e == ERR_OK) {
        char why[SENTENCEPIECE_WHY];
        t->sp = sentencepiece_new(str_text(&bytes), bytes.len, why);
        if (!t->sp) e = fail(ERR_PARSE, "'%s' is not a sentencepiece model: %s", path, why);
    }
    str_release(&bytes);
    if (e == ERR_OK) t->n_pieces = sentencepiece_size(t->sp);
    return e;
}

static enum special_token special_named(const char *text) {
    int i = 0;
    while (i < SPECIAL_COUNT && strcmp(special_rows[i].text, text) != 0) i++;
    return (enum special_token)i;
}

/* One member of added_tokens.json. */
static err take_added(struct tokenizer *t, const char *name, const json_t *value) {
    enum special_token which = special_named(name);
    if (which == SPECIAL_COUNT)
        return fail(ERR_UNSUPPORTED, "added token '%s' is none that Yuan 2.0 has", name);
    int64_t id = json_is_integer(value) ? (int64_t)json_integer_value(value) : -1;
    if (id < 0 || id >= INT32_MAX)
        return fail(ERR_PARSE, "added token '%s' needs an id of 0 or more", name);
    if (id < t->n_pieces && sentencepiece_find(t->sp, name) != id) {
        size_t n;
        return fail(ERR_MISMATCH, "added token '%s' has id %lld, which is the piece '%s'", name,
                    (long long)id, sentencepiece_piece(t->sp, (int32_t)id, &n));
    }
    enum special_token other = special_of_id(t, (int32_t)id);
    if (other != SPECIAL_COUNT)
        return fail(ERR_MISMATCH, "added tokens '%s' and '%s' have the same id %lld",
                    special_rows[other].text, name, (long long)id);
    t->special[which] = (int32_t)id;
    if (id >= t->n_ids) t->n_ids = id + 1;
    return ERR_OK;
}

static err read_added(struct tokenizer *t, const char *path) {
    json_t *added = NULL;
    TRY(json_parse_file(path, &added));
    err e = json_is_object(added) ? ERR_OK : fail(ERR_PARSE, "not an object of names and ids");
    const char *name;
    json_t *value;
    json_object_foreach(added, name, value) {
        if (e == ERR_OK) e = take_added(t, name, value);
    }
    json_decref(added);
    return e == ERR_OK ? ERR_OK : fail_in(e, "'%s'", path);
}

static err number_specials(struct tokenizer *t) {
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        if (t->special[i] >= 0) continue;
        int32_t piece = sentencepiece_find(t->sp, special_rows[i].text);
        t->special[i] = piece >= 0 ? piece : (int32_t)t->n_ids++;
    }
    return ERR_OK;
}

/* Text from outside must not become a special token on its way through sentencepiece. */
static err check_unreachable(const struct tokenizer *t, const char *path) {
    struct tokens ids = {0};
    err e = ERR_OK;
    for (int i = 0; i < SPECIAL_COUNT && e == ERR_OK; i++) {
        tokens_clear(&ids);
        e = tokenizer_encode_plain(t, special_rows[i].text, special_rows[i].len, &ids);
        for (int64_t k = 0; k < ids.n && e == ERR_OK; k++)
            if (ids.ids[k] == t->special[i]) {
                e = fail(ERR_UNSUPPORTED, "'%s': the ordinary text '%s' reaches that special piece",
                         path, special_rows[i].text);
                (void)fail_hint(e, "make the special pieces control pieces, not user-defined ones");
            }
    }
    tokens_release(&ids);
    return e;
}

/* As sha256_dir over the tokenizer's own files, whatever else the folder holds. */
static err digest_files(struct tokenizer *t, const char *dir) {
    static const int by_name[] = {3, 2, 0, 1}; /* tokenizer_files in byte order */
    struct str lines = {0};
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof by_name / sizeof by_name[0] && e == ERR_OK; i++) {
        const char *name = tokenizer_files[by_name[i]];
        char hex[SHA256_HEX_SIZE];
        char *path = path_join(dir, name);
        if (!path)
            e = ERR_MEMORY;
        else if (file_exists(path)) {
            e = sha256_file(path, hex);
            if (e == ERR_OK) e = str_printf(&lines, "%s  %s\n", hex, name);
        }
        mem_free(path);
    }
    if (e == ERR_OK) e = sha256_bytes(str_text(&lines), lines.len, t->digest);
    str_release(&lines);
    return e;
}

static err open_folder(struct tokenizer *t, const char *dir) {
    char *model = path_join(dir, tokenizer_files[0]), *added = path_join(dir, "added_tokens.json");
    err e = model && added ? ERR_OK : ERR_MEMORY;
    for (int i = 0; i < SPECIAL_COUNT; i++) t->special[i] = -1;
    if (e == ERR_OK && !file_exists(model))
        e = fail(ERR_MISSING, "no tokenizer: '%s' is not there", model);
    if (e == ERR_OK) e = load_pieces(t, model);
    t->n_ids = t->n_pieces;
    if (e == ERR_OK && file_exists(added)) e = read_added(t, added);
    if (e == ERR_OK) e = number_specials(t);
    if (e == ERR_OK) e = check_unreachable(t, model);
    if (e == ERR_OK) e = digest_files(t, dir);
    mem_free(model);
    mem_free(added);
    return e;
}

err tokenizer_open(struct tokenizer **out, const char *dir) {
    struct tokenizer *t = mem_zalloc(1, sizeof *t);
    *out = NULL;
    if (!t) return ERR_MEMORY;
    err e = open_folder(t, dir);
    if (e == ERR_OK)
        *out = t;
    else
        tokenizer_free(t);
    return e;
}

void tokenizer_free(struct tokenizer *t) {
    if (!t) return;
    if (t->sp) sentencepiece_free(t->sp);
    mem_free(t);
}

int64_t tokenizer_n_pieces(const struct tokenizer *t) {
    return t->n_pieces;
}

int64_t tokenizer_n_ids(const struct tokenizer *t) {
    return t->n_ids;
}

int32_t tokenizer_special(const struct tokenizer *t, enum special_token which) {
    return t->special[which];
}

const char *tokenizer_special_text(enum special_token which) {
    return special_rows[which].text;
}

const char *tokenizer_digest(const struct tokenizer *t) {
    return t->digest;
}

static err same_token(const struct tokenizer *t, enum special_token which, int64_t id) {
    if (id == t->special[which]) return ERR_OK;
    return fail(ERR_MISMATCH, "%s is %lld in config.json and %d in the tokenizer",
                special_rows[which].text, (long long)id, t->special[which]);
}

err tokenizer_fits(const struct tokenizer *t, const struct vocabulary *v) {
    if (t->n_ids > v->n_rows)
        return fail(ERR_MISMATCH,
                    "the tokenizer has %lld ids (%lld pieces, the others added) but the model's "
                    "embedding %lld rows",
                    (long long)t->n_ids, (long long)t->n_pieces, (long long)v->n_rows);
    TRY(same_token(t, SPECIAL_EOD, v->eod));
    if (v->sep >= 0) TRY(same_token(t, SPECIAL_SEP, v->sep));
    return v->pad == t->special[SPECIAL_EOD] ? ERR_OK : same_token(t, SPECIAL_PAD, v->pad);
}

enum special_token special_of_id(const struct tokenizer *t, int32_t id) {
    int i = 0;
    while (i < SPECIAL_COUNT && t->special[i] != id) i++;
    return (enum special_token)i;
}

static enum token_kind kind_of_piece(const struct tokenizer *t, int32_t id) {
    switch (sentencepiece_kind(t->sp, id)) {
    case PIECE_UNKNOWN: return TOKEN_UNKNOWN;
    case PIECE_CONTROL: return TOKEN_SPECIAL;
    case PIECE_UNUSED: return TOKEN_UNUSED;
    case PIECE_BYTE: return TOKEN_BYTE;
    default: return TOKEN_NORMAL;
    }
}

struct token_info tokenizer_token(const struct tokenizer *t, int32_t id) {
    struct token_info info = {.kind = TOKEN_UNUSED};
    const enum special_token special = special_of_id(t, id);
    BUG_IF(id < 0 || id >= t->n_ids);
    if (id < t->n_pieces) {
        info.text = sentencepiece_piece(t->sp, id, &info.text_bytes);
        info.score = sentencepiece_score(t->sp, id);
        info.kind = kind_of_piece(t, id);
    } else if (special != SPECIAL_COUNT) {
        info.text = special_rows[special].text;
        info.text_bytes = special_rows[special].len;
    }
    if (special != SPECIAL_COUNT && info.kind != TOKEN_UNKNOWN) info.kind = TOKEN_SPECIAL;
    return info;
}
