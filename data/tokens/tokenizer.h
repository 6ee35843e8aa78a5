/* SPDX-License-Identifier: Apache-2.0
 * The tokenizer: a sentencepiece file, with the special tokens that Yuan 2.0 adds around it.
 * A tokenizer folder holds tokenizer.model and may hold tokenizer_config.json,
 * special_tokens_map.json and added_tokens.json. Text is first split at special tokens, leftmost
 * and longest, and each stretch between them is encoded on its own (so each has its own leading
 * space). Ids of the special tokens: added_tokens.json where it names one; else the piece of that
 * name in the file; else a new id after the last piece, in the order of data/tokens/special.def
 * (Yuan 2.0: <mask> 134953
 * .. <FIM_MIDDLE> 134957). Rows of a model's embedding may be more than n_ids (padding), never
 * fewer. Source: spec of the released tokenizer; golden test tests/golden/test_tokenizer.c. */
#ifndef COTRAIN_DATA_TOKENS_TOKENIZER_H
#define COTRAIN_DATA_TOKENS_TOKENIZER_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum special_token {
#define SPECIAL(name, text, kind) SPECIAL_##name,
#include "data/tokens/special.def"
#undef SPECIAL
    SPECIAL_COUNT
};

/* White space next to the special tokens that Yuan adds (not <s>, <unk>, <eod>): `strip` drops all
 * of it, as transformers 4.31 (which Yuan was fine-tuned with) does; `keep` leaves it, as later
 * ones. */
enum special_whitespace { WHITESPACE_STRIP, WHITESPACE_KEEP };
MUST_CHECK err special_whitespace_parse(const char *name, enum special_whitespace *out);

/* A growing list of token ids; zeroed is empty. */
struct tokens {
    int32_t *ids;
    int64_t n, capacity;
};
MUST_CHECK err tokens_add(struct tokens *t, int32_t id);
MUST_CHECK err tokens_append(struct tokens *t, const int32_t *ids, int64_t n);
void tokens_clear(struct tokens *t);
void tokens_release(struct tokens *t);

struct tokenizer;
/* After opening, every function below may be called from several threads at once. */
MUST_CHECK err tokenizer_open(struct tokenizer **out, const char *dir);
void tokenizer_free(struct tokenizer *t);

int64_t tokenizer_n_pieces(const struct tokenizer *t); /* of the sentencepiece file */
int64_t
tokenizer_n_ids(const struct tokenizer *t); /* pieces and added tokens: ids are below this */
int32_t tokenizer_special(const struct tokenizer *t, enum special_token which);
const char *tokenizer_special_text(enum special_token which); /* "<eod>" */
/* SHA-256 over the folder's tokenizer files that are there (as sha256_dir forms it). */
const char *tokenizer_digest(const struct tokenizer *t);
/* The files of a tokenizer folder, a NULL-terminated list; the first must be there. */
extern const char *const tokenizer_files[];

/* What a model's config says about its tokens. */
struct vocabulary {
    int64_t n_rows;        /* of the embedding */
    int64_t eod, sep, pad; /* sep -1: it names none */
};
/* Whether tokenizer and model belong together: no more ids than rows (rows may be padding), and the
 * same special tokens; <eod> serves as padding as well as <pad>. ERR_MISMATCH names both numbers.
 * Whoever brings the two together asks before a weight is used. */
MUST_CHECK err tokenizer_fits(const struct tokenizer *t, const struct vocabulary *v);

/* What stands behind an id, for who writes the vocabulary in another form. */
enum token_kind { TOKEN_NORMAL, TOKEN_UNKNOWN, TOKEN_SPECIAL, TOKEN_UNUSED, TOKEN_BYTE };
struct token_info {
    const char *text; /* a piece's spelling or a special token's text, valid as long as the
                       * tokenizer; NULL: nothing, between added tokens */
    size_t text_bytes;
    float score; /* in merging; 0 for added tokens */
    enum token_kind kind;
};
struct token_info tokenizer_token(const struct tokenizer *t, int32_t id); /* 0 <= id < n_ids */

/* Appends the ids of a text in which special tokens are recognised. Ill-formed UTF-8 bytes count as
 * U+FFFD each, as sentencepiece does; who reads files refuses them earlier. Adds no <s> or <eod>.
 */
MUST_CHECK err tokenizer_encode(const struct tokenizer *t, const char *text, size_t n,
                                enum special_whitespace whitespace, struct tokens *out);
/* The same for text from outside, in which "<eod>" is five ordinary characters: a request, a prompt
 * or an answer cannot smuggle in a special token. The empty text has no tokens. */
MUST_CHECK err tokenizer_encode_plain(const struct tokenizer *t, const char *text, size_t n,
                                      struct tokens *out);
/* How far into a text each of the tokens comes that tokenizer_encode_plain made of it: ends[i] is
 * the byte behind token i's last. A token that stands for the space before the text has no bytes. A
 * text that holds characters the vocabulary has no bytes for is ERR_UNSUPPORTED. */
MUST_CHECK err tokenizer_token_ends(const struct tokenizer *t, const char *text, size_t n,
                                    const int32_t *ids, int64_t n_ids, size_t *ends);
/* A prompt as it stands in training and in generation: plain text, then <sep>. With `strip` the
 * white space at the prompt's end is dropped (all of it when the prompt is blank). */
MUST_CHECK err tokenizer_encode_prompt(const struct tokenizer *t, const char *prompt, size_t n,
                                       enum special_whitespace whitespace, struct tokens *out);
/* What follows the prompt in training: plain text, then <eod>. With `strip` the white space at the
 * answer's start is dropped, since it stands next to <sep>. */
MUST_CHECK err tokenizer_encode_answer(const struct tokenizer *t, const char *answer, size_t n,
                                       enum special_whitespace whitespace, struct tokens *out);
/* First special token's text in `text`, or -1; `out_which` (may be NULL) tells which. */
int64_t tokenizer_find_special(const char *text, size_t n, enum special_token *out_which);

/* Appends the text of ids as transformers 4.31 decodes them (a space follows the leading ones:
 * "a<sep>b" comes back as "a<sep> b"). skip_special leaves out <unk>, <s> and <eod>, and only
 * those. An id that is negative or not below n_ids is ERR_RANGE. */
MUST_CHECK err tokenizer_decode(const struct tokenizer *t, const int32_t *ids, int64_t n,
                                bool skip_special, struct str *out);
/* Appends one token as text for people: a piece with its marks as spaces, "<0x0A>" for a byte,
 * "<sep>" for a special one. ERR_RANGE as above. */
MUST_CHECK err tokenizer_add_piece(const struct tokenizer *t, int32_t id, struct str *out);

#endif
