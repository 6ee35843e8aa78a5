/* SPDX-License-Identifier: Apache-2.0
 * Megatron's indexed datasets as a source of rows (data/source/megatron.h): a sequence is a row of
 * ids, its number from 1 stands for the line. What is trained of it is as in Yuan's lines of text:
 * what follows the first <sep>; a row without <sep> is plain text, which is the source's `text`. */
#include "base/mem.h"
#include "data/source/files.h"
#include "data/source/megatron.h"
#include "data/source/read.h"
#include <string.h>

static err take_sequence(struct reading *r, struct read_file *file, const struct tokens *ids,
                         int64_t line) {
    const int32_t sep = tokenizer_special(r->tokenizer, SPECIAL_SEP);
    struct draft draft = {.arena = r->arena};
    uint8_t *trained = mem_alloc((size_t)ids->n + 1, 1);
    bool in_answer = file->trains_text;
    if (!trained) return ERR_MEMORY;
    for (int64_t i = 0; i < ids->n; i++)
        if (ids->ids[i] == sep) in_answer = false; /* it has an answer, which begins later */
    for (int64_t i = 0; i < ids->n; i++) {
        trained[i] = in_answer;
        in_answer = in_answer || ids->ids[i] == sep;
    }
    err e = ids->n > 0 ? draft_ids(&draft, ids->ids, trained, ids->n)
                       : fail(ERR_PARSE, "a sequence without tokens");
    mem_free(trained);
    return read_take(r, file, &draft, e, line);
}

static err read_sequences(struct reading *r, struct read_file *file) {
    struct megatron m;
    struct tokens ids = {0};
    if (!r->tokenizer) return fail(ERR_UNSUPPORTED, "rows of tokens cannot be used here");
    TRY(megatron_open(&m, file->path));
    err e = ERR_OK;
    for (int64_t i = 0; i < m.n && e == ERR_OK; i++) {
        struct draft none = {.arena = r->arena};
        r->n_records++;
        e = megatron_read(&m, i, &ids);
        e = e == ERR_OK ? take_sequence(r, file, &ids, i + 1) : read_take(r, file, &none, e, i + 1);
    }
    tokens_release(&ids);
    megatron_close(&m);
    return e == ERR_OK ? source_file_sha256(file->path, file->sha256) : e;
}

const struct reader reader_megatron = {
    .name = "megatron",
    .summary = "Megatron's .idx and .bin, of ids",
    .file = read_sequences,
};
