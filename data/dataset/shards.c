/* SPDX-License-Identifier: Apache-2.0
 * Writing the shard files and the index of one split. Integers are stored as this machine has
 * them, which is little endian on everything the program is built for (checked here at compile
 * time). The contract is data/dataset/shards_int.h, the format is told in data/dataset/dataset.h.
 */
#include "base/mem.h"
#include "data/dataset/shards_int.h"
#include <stdio.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shards are little endian");
_Static_assert(sizeof(struct dataset_row) == 24, "rows of the index have no padding");

const char *const split_names[SPLIT_COUNT] = {"train", "valid"};

char *shard_path(const char *dir, const char *kind, int64_t number) {
    char name[64];
    snprintf(name, sizeof name, "%s-%05lld.bin", kind, (long long)number);
    return path_join(dir, name);
}

err shard_writer_start(struct shard_writer *w) {
    return dir_make(w->dir);
}

static err open_shard(struct shard_writer *w) {
    TRY(mem_grow(&w->first_tokens, &w->shards_capacity, w->n_shards, sizeof *w->first_tokens));
    char *tokens = shard_path(w->dir, "tokens", w->n_shards);
    char *answer = shard_path(w->dir, "answer", w->n_shards);
    err e = tokens && answer ? file_writer_open(&w->tokens, tokens) : ERR_MEMORY;
    if (e == ERR_OK) {
        e = file_writer_open(&w->answer, answer);
        if (e != ERR_OK) file_writer_abort(&w->tokens);
    }
    mem_free(tokens);
    mem_free(answer);
    if (e != ERR_OK) return e;
    w->first_tokens[w->n_shards++] = w->n_tokens;
    w->shard_tokens = 0;
    w->is_open = true;
    return ERR_OK;
}

static err close_shard(struct shard_writer *w) {
    if (!w->is_open) return ERR_OK;
    w->is_open = false;
    err e = file_writer_commit(&w->tokens);
    if (e == ERR_OK)
        e = file_writer_commit(&w->answer);
    else
        file_writer_abort(&w->answer);
    return e;
}

static err add_row(struct shard_writer *w, struct dataset_row row) {
    TRY(mem_grow(&w->rows, &w->capacity, w->n_rows, sizeof *w->rows));
    w->rows[w->n_rows++] = row;
    return ERR_OK;
}

err shard_writer_add(struct shard_writer *w, const struct row_tokens *row,
                     struct dataset_row where) {
    int64_t n = row->ids.n;
    if (n > SHARD_MAX_TOKENS)
        return fail(ERR_LIMIT, "a row of %lld tokens (at most %d)", (long long)n, SHARD_MAX_TOKENS);
    if (w->is_open && w->shard_tokens + n > SHARD_MAX_TOKENS) TRY(close_shard(w));
    if (!w->is_open) TRY(open_shard(w));
    TRY(file_writer_write(&w->tokens, row->ids.ids, (size_t)n * sizeof *row->ids.ids));
    TRY(file_writer_write(&w->answer, str_text(&row->answer), row->answer.len));
    where.first_token = w->n_tokens;
    where.n_tokens = (int32_t)n;
    TRY(add_row(w, where));
    for (size_t i = 0; i < row->answer.len; i++) w->n_answer_tokens += row->answer.data[i];
    w->n_tokens += n;
    w->shard_tokens += n;
    return ERR_OK;
}

err shard_writer_end(struct shard_writer *w) {
    TRY(close_shard(w));
    char *path = path_join(w->dir, "index.bin");
    if (!path) return ERR_MEMORY;
    err e = file_write(path, w->rows, (size_t)w->n_rows * sizeof *w->rows);
    mem_free(path);
    return e;
}

void shard_writer_release(struct shard_writer *w) {
    if (w->is_open) {
        file_writer_abort(&w->tokens);
        file_writer_abort(&w->answer);
    }
    mem_free(w->rows);
    mem_free(w->first_tokens);
    *w = (struct shard_writer){0};
}
