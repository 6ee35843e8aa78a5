/* SPDX-License-Identifier: Apache-2.0
 * Encoding in blocks: while threads encode one, the caller's thread hands on the one before and
 * then helps. Rows differ a hundredfold in length, so threads take a few at a time from a common
 * counter and none waits for another's long ones but at a block's end.
 * The contract is data/tokens/encoding.h. */
#include "data/tokens/encoding.h"
#include "base/mem.h"
#include "base/par.h"
#include <stdatomic.h>

enum { BLOCK_ROWS = 1024, TAKEN_ROWS = 4 };

struct block {
    int64_t first, n; /* n 0: none */
    struct row_tokens tokens[BLOCK_ROWS];
    err code[BLOCK_ROWS];
};
struct pass {
    const struct encoding *e;
    struct block *encoded, *handed; /* being encoded, being handed on */
    _Atomic int64_t next;           /* row of `encoded` that nobody has taken */
    err code;                       /* of handing on */
};

static err encode_row(const struct encoding *e, int64_t i, struct row_tokens *out) {
    bool found = false;
    if (e->cache) TRY(token_cache_get(e->cache, i, out, &found));
    return found ? ERR_OK : row_encode(e->tokenizer, &e->rows[i], e->whitespace, out);
}

static err hand_on(const struct encoding *e, struct block *b) {
    for (int64_t i = 0; i < b->n; i++) {
        if (b->code[i] == ERR_MEMORY) return fail(ERR_MEMORY, "out of memory");
        /* Otherwise again in this thread, for the message of the one that failed. */
        if (b->code[i] != ERR_OK) TRY(encode_row(e, b->first + i, &b->tokens[i]));
        if (e->cache) TRY(token_cache_put(e->cache, &b->tokens[i]));
        TRY(e->take(e->ctx, &e->rows[b->first + i], &b->tokens[i]));
    }
    return ERR_OK;
}

/* The piece that begins at 0 is the caller's. */
static void work(void *ctx, int64_t begin, int64_t end, int thread) {
    struct pass *p = ctx;
    struct block *b = p->encoded;
    (void)end, (void)thread;
    if (begin == 0) p->code = hand_on(p->e, p->handed);
    for (;;) {
        int64_t from = atomic_fetch_add(&p->next, TAKEN_ROWS);
        if (from >= b->n) return;
        for (int64_t i = from; i < b->n && i < from + TAKEN_ROWS; i++)
            b->code[i] = encode_row(p->e, b->first + i, &b->tokens[i]);
    }
}

static err run(const struct encoding *e, struct block *blocks) {
    for (int64_t first = 0, turn = 0;; first += BLOCK_ROWS, turn++) {
        struct pass p = {.e = e, .encoded = &blocks[turn % 2], .handed = &blocks[1 - turn % 2]};
        int64_t left = e->n - first;
        p.encoded->first = first;
        p.encoded->n = left < 0 ? 0 : left < BLOCK_ROWS ? left : BLOCK_ROWS;
        if (p.encoded->n == 0 && p.handed->n == 0) return ERR_OK;
        par_for(par_threads(), 1, work, &p);
        TRY(p.code);
        p.handed->n = 0;
    }
}

err encode_rows(const struct encoding *e) {
    struct block *blocks = mem_zalloc(2, sizeof *blocks);
    if (!blocks) return ERR_MEMORY;
    err code = run(e, blocks);
    for (int i = 0; i < 2 * BLOCK_ROWS; i++)
        row_tokens_release(&blocks[i / BLOCK_ROWS].tokens[i % BLOCK_ROWS]);
    mem_free(blocks);
    return code;
}
