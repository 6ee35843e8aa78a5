/* SPDX-License-Identifier: Apache-2.0
 * Teachers for synthesis (data/synth/teacher.h): an endpoint that speaks OpenAI's protocol, or a
 * model on this machine, called directly.
 * Read next: cli/expand_stage.c, which opens one. */
#ifndef COTRAIN_CLI_TEACHERS_H
#define COTRAIN_CLI_TEACHERS_H

#include "data/synth/options.h"
#include "data/synth/teacher.h"

struct teacher_use {
    struct teacher teacher; /* hand this on */
    void *state;
    void (*close)(void *state);
};
/* `options` is settled and must outlive it. Close it either way. */
MUST_CHECK err teacher_open(struct teacher_use *use, const struct expand_teacher *options,
                            const char *device);
void teacher_close(struct teacher_use *use);

/* The two kinds; `use` is zeroed. */
MUST_CHECK err teacher_open_endpoint(struct teacher_use *use, const struct expand_teacher *options);
MUST_CHECK err teacher_open_local(struct teacher_use *use, const struct expand_teacher *options,
                                  const char *device);
/* How it draws, as the text that answers depend on. */
MUST_CHECK err teacher_settings(const struct expand_teacher *options, struct str *out);

#endif
