/* SPDX-License-Identifier: Apache-2.0
 * What a model folder needs beside its weights so that plain transformers loads it with the right
 * ids. The released Yuan folders need every caller to add tokens by hand and to override bos and
 * eos; a folder written here does not. Read next: release/pack.c. */
#ifndef COTRAIN_RELEASE_LOADABLE_H
#define COTRAIN_RELEASE_LOADABLE_H

#include "data/tokens/tokenizer.h"
#include "model/config.h"

/* The files that are written here. */
enum { LOADABLE_FILES = 4 };
extern const char *const loadable_files[LOADABLE_FILES];
/* Whether those of them that a folder has can be added to: JSON objects. */
MUST_CHECK err loadable_check(const char *dir);
/* In a folder that holds config.json and the tokenizer's own files:
 *   tokenizer_config.json    what is there, with <eod> as eos, no bos or eos added, every special
 *                            token with its id, and a chat template when there is none
 *   special_tokens_map.json  likewise
 *   added_tokens.json        the special tokens that the sentencepiece file lacks, unless it is
 *   there generation_config.json   unless it is there: greedy, with the config's ids
 * tokenizer.model is not touched. */
MUST_CHECK err loadable_write(const char *dir, const struct tokenizer *t,
                              const struct model_config *config);

#endif
