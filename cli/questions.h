/* SPDX-License-Identifier: Apache-2.0
 * The prompts of a command as token ids: words of the command line, ids, or a file of JSON Lines
 * with {"prompt": "..."} or {"ids": [...]} a line.
 * Read next: cli/cmd_generate.c. */
#ifndef COTRAIN_CLI_QUESTIONS_H
#define COTRAIN_CLI_QUESTIONS_H

#include "base/opt.h"
#include "data/tokens/tokenizer.h"

struct question_options {
    const struct tokenizer *tokenizer; /* NULL: none; a text is then ERR_MISSING */
    enum special_whitespace whitespace;
    bool raw; /* texts as they are: special tokens count, no <sep> is added */
};

/* Zeroed is empty. */
struct questions {
    struct tokens *list;
    int64_t n;
};
/* Each appends; the error names the place. */
MUST_CHECK err questions_add_text(struct questions *p, const struct question_options *o,
                                  const char *text);
MUST_CHECK err questions_add_ids(struct questions *p, const struct opt_list *ids);
MUST_CHECK err questions_add_file(struct questions *p, const struct question_options *o,
                                  const char *path);
void questions_release(struct questions *p);

#endif
