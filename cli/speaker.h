/* SPDX-License-Identifier: Apache-2.0
 * A model that answers: weights, an adapter where one is named, and the tokenizer where there is
 * one.
 * Shared by `generate` and `chat`; decoding itself is model/generate.h.
 * Read next: cli/cmd_generate.c and cli/cmd_chat.c. */
#ifndef COTRAIN_CLI_SPEAKER_H
#define COTRAIN_CLI_SPEAKER_H

#include "cli/loaded.h"
#include "data/tokenizer.h"
#include "model/generate.h"

struct speaker_options {
    const char *model_dir, *adapter_dir, *device; /* the last two may be NULL */
    const char *tokenizer_dir;                    /* NULL: the model folder */
    bool tokenizer_needed;                        /* false: go without when the folder has none */
};

struct speaker {
    struct loaded loaded;
    struct tokenizer *tokenizer; /* NULL: none */
};

/* On failure nothing needs closing. */
MUST_CHECK err speaker_open(struct speaker *s, const struct speaker_options *options);
void speaker_close(struct speaker *s);

struct speaker_call {
    const int32_t *prompt;
    int64_t n_prompt, max_new_tokens;
    struct generate_options generate;
    enum isolate isolate;
};
/* Greedy answer, appended to `out`; it is shorter than asked for where the model's positions
 * end. */
MUST_CHECK err speaker_answer(struct speaker *s, const struct speaker_call *call,
                              struct tokens *out);

#endif
