/* SPDX-License-Identifier: Apache-2.0
 * Prompts from a file or from nothing (cli/prompts.h). The tokenizer is opened when a text wants
 * it, so a folder without one will do for ids.
 * Read next: data/tokens/tokenizer.h. */
#include "cli/prompts.h"
#include "base/file.h"
#include "base/json.h"
#include "base/philox.h"
#include "eval/fit.h"

#include <string.h>

enum { LINE_MAX_BYTES = 16 << 20, MAX_ROWS = 1024, MADE_UP_ROWS = 4, MADE_UP_TOKENS = 32 };

struct reading {
    struct prompts *out;
    const struct model_config *config;
    const char *model_dir;
    struct arena *arena;
    struct tokenizer *tokenizer;
    struct tokens tokens;
};

static err make_up(struct reading *r) {
    const struct rng rng = {1, RNG_SAMPLE, 0};
    const int64_t most = r->config->max_positions;
    const int64_t n = most < MADE_UP_TOKENS ? most : MADE_UP_TOKENS;
    for (int row = 0; row < MADE_UP_ROWS; row++) {
        int32_t *ids = arena_alloc(r->arena, (size_t)n, sizeof *ids);
        if (!ids) return ERR_MEMORY;
        for (int64_t i = 0; i < n; i++)
            ids[i] = (int32_t)rng_below(&rng, (uint64_t)(row * MADE_UP_TOKENS + i),
                                        (uint64_t)r->config->vocab_size);
        r->out->rows[r->out->n++] = (struct prompt){ids, n};
    }
    r->out->longest = n;
    return ERR_OK;
}

static err read_ids(struct reading *r, const json_t *list) {
    int32_t *ids = arena_alloc(r->arena, json_array_size(list) + 1, sizeof *ids);
    int64_t n = 0;
    size_t i;
    json_t *item;
    if (!ids) return ERR_MEMORY;
    json_array_foreach((json_t *)list, i, item) {
        const json_int_t id = json_is_integer(item) ? json_integer_value(item) : -1;
        if (id < 0 || id >= r->config->vocab_size)
            return fail(ERR_RANGE, "'ids' item %zu is no token of the model's %lld", i + 1,
                        (long long)r->config->vocab_size);
        ids[n++] = (int32_t)id;
    }
    r->out->rows[r->out->n] = (struct prompt){ids, n};
    return ERR_OK;
}

static err open_tokenizer(struct reading *r) {
    TRY(tokenizer_open(&r->tokenizer, r->model_dir));
    err e = tokenizer_fits_model(r->tokenizer, r->config);
    return e ? fail_in(e, "'%s'", r->model_dir) : ERR_OK;
}

static err read_text(struct reading *r, const json_t *text) {
    if (!json_is_string(text))
        return fail(ERR_PARSE, "neither 'ids', a list, nor 'text', a string");
    if (!r->tokenizer) TRY(open_tokenizer(r));
    tokens_clear(&r->tokens);
    TRY(tokenizer_encode(r->tokenizer, json_string_value(text), json_string_length(text),
                         WHITESPACE_STRIP, &r->tokens));
    int32_t *ids = arena_alloc(r->arena, (size_t)r->tokens.n + 1, sizeof *ids);
    if (!ids) return ERR_MEMORY;
    memcpy(ids, r->tokens.ids, (size_t)r->tokens.n * sizeof *ids);
    r->out->rows[r->out->n] = (struct prompt){ids, r->tokens.n};
    return ERR_OK;
}

static err read_row(struct reading *r, const char *line, size_t len) {
    json_t *record = NULL;
    if (r->out->n == MAX_ROWS) return fail(ERR_LIMIT, "more than %d prompts", MAX_ROWS);
    TRY(json_parse(line, len, "prompt", &record));
    const json_t *ids = json_object_get(record, "ids");
    err e = json_is_array(ids) ? read_ids(r, ids) : read_text(r, json_object_get(record, "text"));
    json_decref(record);
    TRY(e);
    const int64_t n = r->out->rows[r->out->n].n;
    if (n == 0) return fail(ERR_RANGE, "a prompt of no tokens");
    if (n > r->config->max_positions)
        return fail(ERR_RANGE, "a prompt of %lld tokens, and the model has %lld positions",
                    (long long)n, (long long)r->config->max_positions);
    if (n > r->out->longest) r->out->longest = n;
    r->out->n++;
    return ERR_OK;
}

static err read_file(struct reading *r, const char *path) {
    struct line_reader lines;
    TRY(line_reader_open(&lines, path, LINE_MAX_BYTES));
    bool more = true;
    err e = ERR_OK;
    while (e == ERR_OK && more) {
        e = line_reader_next(&lines, &more);
        if (e != ERR_OK || !more || lines.len == 0) continue;
        e = read_row(r, lines.line, lines.len);
        if (e != ERR_OK) e = fail_in(e, "'%s': line %lld", path, (long long)lines.line_number);
    }
    line_reader_close(&lines);
    if (e == ERR_OK && r->out->n == 0) e = fail(ERR_MISSING, "'%s' has no prompts", path);
    return e;
}

err prompts_read(struct prompts *p, const char *path, const char *model_dir,
                 const struct model_config *config, struct arena *arena) {
    struct reading r = {.out = p, .config = config, .model_dir = model_dir, .arena = arena};
    *p = (struct prompts){.rows = arena_alloc(arena, MAX_ROWS, sizeof *p->rows)};
    if (!p->rows) return ERR_MEMORY;
    err e = path ? read_file(&r, path) : make_up(&r);
    tokens_release(&r.tokens);
    tokenizer_free(r.tokenizer);
    return e;
}
