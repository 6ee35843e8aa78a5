/* SPDX-License-Identifier: Apache-2.0
 * The cache of encoded rows: keys, one source's file read (mapped, hash checked, rows in a table by
 * key) and written (rows as they come, index and hash behind them). The contract and the file's
 * format are data/tokens/token_cache.h. */
#include "data/tokens/token_cache.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/par.h"
#include "data/text/text_map.h"
#include <stdio.h>
#include <string.h>

/* Raised whenever the same texts would give other tokens or flags: part of every key. */
#define ENCODER_VERSION "1"
enum { MAGIC_BYTES = 16, KEY_BYTES = 32, TAIL_BYTES = 8 + KEY_BYTES };
static const char magic[MAGIC_BYTES + 1] = "cotrain tokens 1";

struct key {
    uint8_t bytes[KEY_BYTES];
};
struct cached_row {
    struct key key;
    int64_t offset; /* of its ids in the file */
    int64_t n_tokens;
};
_Static_assert(sizeof(struct cached_row) == KEY_BYTES + 16, "rows of the index have no padding");

struct token_cache {
    struct token_cache_options options;
    bool off; /* something went wrong with the folder */
    struct token_cache_counts counts;
    /* Of the source that was begun last. */
    char *path;
    const struct row_text *rows;
    struct key *keys;
    int64_t n, n_put;
    err *code; /* of each row's key */
    struct file_map map;
    const struct cached_row *index; /* within the map, or NULL */
    int64_t n_index;
    struct text_map table; /* key -> number in the index; empty: nothing is there to be used */
    bool writing;
    struct file_writer writer;
    struct sha256 hash;
    struct cached_row *written;
};

/* Memory is the caller's trouble; anything else ends the use of the cache. */
static err give_up(struct token_cache *c, err e) {
    if (e == ERR_OK || e == ERR_MEMORY) return e;
    if (!c->off)
        LOG(DATA, WARN, "no cache of encoded rows in '%s': %s", c->options.dir, err_message());
    err_clear();
    c->off = true;
    if (c->writing) file_writer_abort(&c->writer);
    c->writing = false;
    return ERR_OK;
}

/* ---- keys ---- */

static err add_text(struct sha256 *h, const char *text, size_t n) {
    const uint64_t size = text ? n : UINT64_MAX;
    TRY(sha256_add(h, &size, sizeof size));
    return text ? sha256_add(h, text, n) : ERR_OK;
}

/* Whoever gives one of these a field: where encoding depends on it, it belongs to the key. */
_Static_assert(sizeof(struct turn) == 2 * sizeof(struct span) + 24, "see add_turn");
_Static_assert(sizeof(struct segment) == sizeof(struct span) + 8, "see add_content");
_Static_assert(sizeof(struct sample_ids) == 24, "see add_content");
_Static_assert(sizeof(struct row_text) == 16, "see add_content");

static err add_turn(struct sha256 *h, const struct turn *turn) {
    TRY(add_text(h, turn->prompt.text, turn->prompt.n));
    TRY(add_text(h, turn->answer.text, turn->answer.n));
    TRY(sha256_add(h, &turn->trained, sizeof turn->trained));
    return add_text(h, (const char *)turn->ranges, (size_t)turn->n_ranges * sizeof *turn->ranges);
}

static err add_content(struct sha256 *h, const struct row_text *row) {
    const struct sample *s = row->sample;
    const int32_t head[2] = {(int32_t)s->kind, row->part};
    TRY(sha256_add(h, head, sizeof head));
    if (s->kind == SAMPLE_IDS) {
        size_t n = (size_t)s->ids->n;
        TRY(add_text(h, (const char *)s->ids->ids, n * sizeof *s->ids->ids));
        return add_text(h, (const char *)s->ids->trained, n);
    }
    int64_t n = s->kind == SAMPLE_TURNS && row->part > 0 ? row->part : s->n;
    for (int64_t i = 0; i < n; i++) {
        if (s->kind == SAMPLE_SEGMENTS) {
            TRY(add_text(h, s->segments[i].text.text, s->segments[i].text.n));
            TRY(sha256_add(h, &s->segments[i].trained, sizeof s->segments[i].trained));
            continue;
        }
        TRY(add_turn(h, &s->turns[i]));
    }
    return ERR_OK;
}

static uint8_t hex_digit(char c) {
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void key_of_hex(const char hex[SHA256_HEX_SIZE], struct key *out) {
    for (int i = 0; i < KEY_BYTES; i++)
        out->bytes[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
}

static err finish_key(struct sha256 *h, err e, struct key *out) {
    char hex[SHA256_HEX_SIZE];
    if (e == ERR_OK) e = sha256_final(h, hex);
    sha256_release(h);
    if (e == ERR_OK) key_of_hex(hex, out);
    return e;
}

static err start_key(const struct token_cache *c, struct sha256 *h) {
    TRY(sha256_init(h));
    err e = sha256_add(h, ENCODER_VERSION, sizeof ENCODER_VERSION);
    const char *digest = tokenizer_digest(c->options.tokenizer);
    if (e == ERR_OK) e = sha256_add(h, digest, SHA256_HEX_SIZE);
    const uint8_t rules[2] = {(uint8_t)c->options.whitespace, c->options.all_turns};
    if (e == ERR_OK) e = sha256_add(h, rules, sizeof rules);
    if (e != ERR_OK) sha256_release(h);
    return e;
}

static void make_keys(void *ctx, int64_t begin, int64_t end, int thread) {
    struct token_cache *c = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        struct sha256 h;
        c->code[i] = start_key(c, &h);
        if (c->code[i] == ERR_OK)
            c->code[i] = finish_key(&h, add_content(&h, &c->rows[i]), &c->keys[i]);
    }
}

static err make_all_keys(struct token_cache *c) {
    c->keys = mem_alloc((size_t)c->n + 1, sizeof *c->keys);
    c->code = mem_alloc((size_t)c->n + 1, sizeof *c->code);
    if (!c->keys || !c->code) return ERR_MEMORY;
    par_for(c->n, 64, make_keys, c);
    for (int64_t i = 0; i < c->n; i++)
        if (c->code[i] != ERR_OK) return fail(c->code[i], "a row's hash cannot be taken");
    return ERR_OK;
}

/* ---- reading ---- */

static struct span span_of(const struct key *key) {
    return (struct span){(const char *)key->bytes, sizeof key->bytes};
}

/* Number in the index of row i of the source, or -1. */
static int64_t find(const struct token_cache *c, int64_t i) {
    if (c->table.n == 0 || i >= c->n) return -1;
    return text_map_get(&c->table, span_of(&c->keys[i]), -1);
}

/* Equal rows have equal tokens: one of them in the table is enough. */
static err fill_table(struct token_cache *c) {
    int64_t *at;
    for (int64_t i = 0; i < c->n_index; i++)
        TRY(text_map_add(&c->table, span_of(&c->index[i].key), i, &at));
    return ERR_OK;
}

/* Whether every row of the index lies before it. */
static bool index_fits(const struct token_cache *c, size_t index_at) {
    for (int64_t i = 0; i < c->n_index; i++) {
        const struct cached_row *row = &c->index[i];
        if (row->offset < MAGIC_BYTES || row->offset % 4 != 0 || row->n_tokens < 0 ||
            row->n_tokens > INT32_MAX || (size_t)row->offset + 5 * (size_t)row->n_tokens > index_at)
            return false;
    }
    return true;
}

/* Whether the mapped file is what was written, by its hash; then the index is found. */
static err check_map(struct token_cache *c, bool *out_good) {
    const uint8_t *data = c->map.data;
    size_t size = c->map.size_bytes;
    char hex[SHA256_HEX_SIZE];
    struct key key;
    *out_good = false;
    if (size < MAGIC_BYTES + TAIL_BYTES || memcmp(data, magic, MAGIC_BYTES) != 0) return ERR_OK;
    TRY(sha256_bytes(data, size - KEY_BYTES, hex));
    key_of_hex(hex, &key);
    if (memcmp(&key, data + size - KEY_BYTES, KEY_BYTES) != 0) return ERR_OK;
    memcpy(&c->n_index, data + size - TAIL_BYTES, sizeof c->n_index);
    size_t room = size - TAIL_BYTES - MAGIC_BYTES;
    if (c->n_index < 0 || (size_t)c->n_index > room / sizeof *c->index) return ERR_OK;
    size_t index_at = size - TAIL_BYTES - (size_t)c->n_index * sizeof *c->index;
    if (index_at % 8 != 0) return ERR_OK;
    c->index = (const struct cached_row *)(const void *)(data + index_at);
    *out_good = index_fits(c, index_at);
    return ERR_OK;
}

static err open_file(struct token_cache *c) {
    bool good;
    if (!file_exists(c->path)) return ERR_OK;
    TRY(file_map_open(&c->map, c->path));
    TRY(check_map(c, &good));
    if (good) return fill_table(c);
    LOG(DATA, WARN, "'%s' is damaged or of another version; it is written again", c->path);
    return ERR_OK;
}

/* ---- writing ---- */

static err write_hashed(struct token_cache *c, const void *data, size_t n) {
    TRY(sha256_add(&c->hash, data, n));
    return file_writer_write(&c->writer, data, n);
}

static err start_file(struct token_cache *c) {
    c->written = mem_alloc((size_t)c->n + 1, sizeof *c->written);
    if (!c->written) return ERR_MEMORY;
    TRY(dir_make(c->options.dir));
    TRY(sha256_init(&c->hash));
    TRY(file_writer_open(&c->writer, c->path));
    c->writing = true;
    return write_hashed(c, magic, MAGIC_BYTES);
}

static err write_row(struct token_cache *c, const struct row_tokens *row) {
    static const char zeros[4] = {0};
    size_t n = (size_t)row->ids.n, bytes = n * sizeof *row->ids.ids;
    c->written[c->n_put] = (struct cached_row){
        .key = c->keys[c->n_put],
        .offset = c->n_put == 0 ? MAGIC_BYTES : c->written[c->n_put].offset,
        .n_tokens = row->ids.n,
    };
    TRY(write_hashed(c, row->ids.ids, bytes));
    TRY(write_hashed(c, str_text(&row->answer), n));
    TRY(write_hashed(c, zeros, -n % 4));
    c->written[c->n_put + 1].offset = c->written[c->n_put].offset + (int64_t)(bytes + n + -n % 4);
    return ERR_OK;
}

/* The index begins at a multiple of 8, as the reader takes it where it lies. */
static err finish_file(struct token_cache *c) {
    static const char zeros[8] = {0};
    char hex[SHA256_HEX_SIZE];
    struct key key;
    size_t end = c->n > 0 ? (size_t)c->written[c->n].offset : MAGIC_BYTES;
    TRY(write_hashed(c, zeros, -end % 8));
    TRY(write_hashed(c, c->written, (size_t)c->n * sizeof *c->written));
    TRY(write_hashed(c, &c->n, sizeof c->n));
    TRY(sha256_final(&c->hash, hex));
    key_of_hex(hex, &key);
    TRY(file_writer_write(&c->writer, &key, sizeof key));
    c->writing = false;
    return file_writer_commit(&c->writer);
}

/* ---- one source after the other ---- */

static void forget_source(struct token_cache *c) {
    if (c->writing) file_writer_abort(&c->writer);
    sha256_release(&c->hash);
    file_map_close(&c->map);
    mem_free(c->path);
    mem_free(c->keys);
    mem_free(c->code);
    text_map_release(&c->table);
    mem_free(c->written);
    *c = (struct token_cache){.options = c->options, .off = c->off, .counts = c->counts};
}

static int64_t text_bytes(const struct row_text *rows, int64_t n) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < n; i++) {
        const struct sample *s = rows[i].sample;
        for (int64_t k = 0; k < s->n && s->kind == SAMPLE_TURNS; k++)
            bytes += (int64_t)(s->turns[k].prompt.n + s->turns[k].answer.n);
        for (int64_t k = 0; k < s->n && s->kind == SAMPLE_SEGMENTS; k++)
            bytes += (int64_t)s->segments[k].text.n;
    }
    return bytes;
}

static err find_path(struct token_cache *c, const char *source_sha256) {
    struct sha256 h;
    char hex[SHA256_HEX_SIZE], name[SHA256_HEX_SIZE + 8];
    TRY(start_key(c, &h));
    err e = sha256_add(&h, source_sha256, SHA256_HEX_SIZE);
    if (e == ERR_OK) e = sha256_final(&h, hex);
    sha256_release(&h);
    TRY(e);
    snprintf(name, sizeof name, "%s.tokens", hex);
    c->path = path_join(c->options.dir, name);
    return c->path ? ERR_OK : ERR_MEMORY;
}

static err begin_source(struct token_cache *c, const char *source_sha256) {
    int64_t n_found = 0;
    TRY(find_path(c, source_sha256));
    TRY(make_all_keys(c));
    TRY(open_file(c));
    for (int64_t i = 0; i < c->n; i++) n_found += find(c, i) >= 0;
    c->counts.n_found += n_found;
    return n_found < c->n ? start_file(c) : ERR_OK;
}

err token_cache_open(struct token_cache **out, const struct token_cache_options *o) {
    *out = mem_zalloc(1, sizeof **out);
    if (!*out) return ERR_MEMORY;
    (*out)->options = *o;
    return ERR_OK;
}

void token_cache_close(struct token_cache *c) {
    if (!c) return;
    forget_source(c);
    mem_free(c);
}

err token_cache_begin(struct token_cache *c, const char *source_sha256, const struct row_text *rows,
                      int64_t n) {
    TRY(token_cache_end(c));
    c->counts.n_asked += n;
    if (c->off || text_bytes(rows, n) < TOKEN_CACHE_LEAST_BYTES) return ERR_OK;
    c->rows = rows;
    c->n = n;
    return give_up(c, begin_source(c, source_sha256));
}

err token_cache_get(const struct token_cache *c, int64_t i, struct row_tokens *out,
                    bool *out_found) {
    int64_t at = find(c, i); /* not by `off`, which another thread's put may be setting */
    *out_found = at >= 0;
    if (at < 0) return ERR_OK;
    const struct cached_row *row = &c->index[at];
    const uint8_t *data = c->map.data + row->offset;
    size_t n = (size_t)row->n_tokens;
    tokens_clear(&out->ids);
    str_clear(&out->answer);
    TRY(tokens_append(&out->ids, (const int32_t *)(const void *)data, row->n_tokens));
    return str_append(&out->answer, (const char *)data + n * sizeof(int32_t), n);
}

err token_cache_put(struct token_cache *c, const struct row_tokens *row) {
    if (!c->writing) return ERR_OK;
    err e = write_row(c, row);
    c->n_put++;
    return give_up(c, e);
}

err token_cache_end(struct token_cache *c) {
    err e = c->writing && c->n_put == c->n ? finish_file(c) : ERR_OK;
    e = give_up(c, e);
    forget_source(c);
    return e;
}

struct token_cache_counts token_cache_counts(const struct token_cache *c) {
    return c->counts;
}
