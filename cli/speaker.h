/* SPDX-License-Identifier: Apache-2.0
 * A model that answers: weights, an adapter where one is named, and the tokenizer where there is
 * one.
 * Shared by `generate` and `chat`; decoding itself is model/generate.h.
 * Read next: cli/cmd_generate.c and cli/cmd_chat.c. */
#ifndef COTRAIN_CLI_SPEAKER_H
#define COTRAIN_CLI_SPEAKER_H

#include "cli/loaded.h"
#include "data/tokens/tokenizer.h"
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
    int64_t max_new_tokens; /* of a text; fewer where the model's positions end */
    int64_t batch_size;     /* texts at a time */
    enum isolate isolate;
    struct generate_options generate;
};
/* Generates for texts whose prompt, n_prompt and number are set; the rest is filled in. `out` of
 * all texts lies in one block at *out_ids; the caller mem_free()s it, also on failure. */
MUST_CHECK err speaker_generate(struct speaker *s, struct generate_text *texts, int64_t n_texts,
                                const struct speaker_call *call, int32_t **out_ids);

#endif
