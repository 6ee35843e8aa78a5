/* SPDX-License-Identifier: Apache-2.0
 * How fast a model read and answered, for --stats: tokens and seconds of the steps that read
 * prompts, and of those that only continued answers.
 * Read next: cli/cmd_generate.c. */
#ifndef COTRAIN_CLI_SPEED_H
#define COTRAIN_CLI_SPEED_H

#include <stdint.h>

struct speed {
    double last_s; /* when the step before ended */
    double prompt_s, answer_s;
    int64_t prompt_tokens, answer_tokens;
};
void speed_start(struct speed *s);
/* A step has ended that fed so many tokens. */
void speed_step(struct speed *s, int64_t n_prompt, int64_t n_answer);
/* To standard error, with the most memory that the process held. */
void speed_report(const struct speed *s);

#endif
