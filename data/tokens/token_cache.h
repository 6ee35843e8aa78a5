/* SPDX-License-Identifier: Apache-2.0
 * Rows that were encoded before: a folder of files, one for each source file, that a build may keep
 * and another one use. A row's tokens are found by the SHA-256 of all that they depend on - its
 * texts, the tokenizer's files, the white space rule, the version of the encoder - so what is found
 * is right whatever else changed: other rows of the file, filters, splits, weights.
 *
 * A file NAME.tokens; NAME is the SHA-256 of encoder version, tokenizer, white space, turns and the
 * source's bytes, so that a changed source has another file. Little endian:
 *   "cotrain tokens 1" (16 bytes)
 *   of each row: ids (int32), answer flags (a byte a token), bytes of 0 up to a multiple of 4
 *   index: of each row a struct cached_row, in the order of the rows
 *   n_rows (int64), then the SHA-256 of everything before it (32 bytes)
 * A file of another version has another name and beginning; one that is damaged does not fit its
 * hash, which is checked before a byte is used; both are passed over and written again. Files
 * appear whole or not at all. What goes wrong with the cache itself is warned of once, and the
 * build goes on without: it never fails a build but for memory. */
#ifndef COTRAIN_DATA_TOKENS_TOKEN_CACHE_H
#define COTRAIN_DATA_TOKENS_TOKEN_CACHE_H

#include "base/hash.h"
#include "data/tokens/rows.h"

/* Of a source's texts; below that encoding takes less than a cache is worth. */
enum { TOKEN_CACHE_LEAST_BYTES = 256 << 10 };

struct token_cache;
struct token_cache_options {
    const char *dir;
    const struct tokenizer *tokenizer;
    enum special_whitespace whitespace;
    bool all_turns;
};
MUST_CHECK err token_cache_open(struct token_cache **out, const struct token_cache_options *o);
void token_cache_close(struct token_cache *c); /* NULL too; gives up what is half-written */

/* Begins a source: the n rows of the file with this hash. Ends the one before. */
MUST_CHECK err token_cache_begin(struct token_cache *c, const char *source_sha256,
                                 const struct row_text *rows, int64_t n);
/* Whether row i of the source was found; then *out is replaced by its tokens. Thread-safe for
 * different `out`. */
MUST_CHECK err token_cache_get(const struct token_cache *c, int64_t i, struct row_tokens *out,
                               bool *out_found);
/* Every row of the source in order, found or not. */
MUST_CHECK err token_cache_put(struct token_cache *c, const struct row_tokens *row);
/* Ends the last source; its file takes its place if there was something new. */
MUST_CHECK err token_cache_end(struct token_cache *c);

/* Rows that were found, and those that were asked for. */
struct token_cache_counts {
    int64_t n_found, n_asked;
};
struct token_cache_counts token_cache_counts(const struct token_cache *c);

#endif
