/* SPDX-License-Identifier: Apache-2.0
 * Rows of token ids to try a model on: from a file of JSON Lines, or made up where there is none.
 * What comes from a file is checked against the model before it is opened.
 * Read next: cli/cmd_model_merge.c, which compares two models over them. */
#ifndef COTRAIN_CLI_PROMPTS_H
#define COTRAIN_CLI_PROMPTS_H

#include "base/arena.h"
#include "model/config.h"

struct prompt {
    int32_t *ids;
    int64_t n;
};
struct prompts { /* in the caller's arena */
    struct prompt *rows;
    int64_t n, longest;
};

/* `path`: lines of {"ids": [...]} or {"text": "..."}, the texts by the tokenizer in `model_dir`;
 * NULL: rows of random ids, the same each time. A row of no tokens, of ids that the model does not
 * have, or longer than its positions is refused with its line. */
MUST_CHECK err prompts_read(struct prompts *p, const char *path, const char *model_dir,
                            const struct model_config *config, struct arena *arena);

#endif
