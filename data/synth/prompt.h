/* SPDX-License-Identifier: Apache-2.0
 * What every question to the teacher says of a request: scenario, capability, examples, in the
 * language that the request is written in. Held-out cases are not among it: this folder is never
 * given them.
 * Read next: data/synth/methods/method.h. */
#ifndef COTRAIN_DATA_SYNTH_PROMPT_H
#define COTRAIN_DATA_SYNTH_PROMPT_H

#include "base/str.h"
#include "recipes/request.h"
#include <stdbool.h>

/* Whether at least a tenth of the request's characters are Chinese. */
bool prompt_is_chinese(const struct request *r);
/* The text of `chinese`, or of `english`. */
MUST_CHECK err prompt_add(struct str *out, bool in_chinese, const char *chinese,
                          const char *english);
/* What the request is about, a line each. */
MUST_CHECK err prompt_add_task(struct str *out, const struct request *r, bool chinese);
/* A prompt and a response as the JSON that is asked for, on a line. */
MUST_CHECK err prompt_add_pair(struct str *out, const char *prompt, const char *response);
/* The request's own examples, so. */
MUST_CHECK err prompt_add_examples(struct str *out, const struct request *r, bool chinese);

#endif
