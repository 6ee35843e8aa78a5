/* SPDX-License-Identifier: Apache-2.0
 * Language models that propose fields of requests: an endpoint that speaks OpenAI's protocol, or a
 * model on this machine.
 * Read next: issues/propose.h. */
#ifndef COTRAIN_CLI_PROPOSERS_H
#define COTRAIN_CLI_PROPOSERS_H

#include "cli/endpoint.h"
#include "eval/subject.h"
#include "issues/propose.h"

struct proposer_options {
    const char *url;        /* of an endpoint, ".../v1"; or */
    const char *model_dir;  /* a model on this machine */
    const char *model;      /* its name at the endpoint */
    const char *token_file; /* of the endpoint; NULL: it wants none */
    const char *device;
    int64_t max_new_tokens;
};
struct proposer_use {
    const struct proposer_options *options;
    struct endpoint endpoint;
    struct eval_subject subject;
    bool local;
    struct proposer proposer; /* hand this on */
};
MUST_CHECK err proposer_open(struct proposer_use *p, const struct proposer_options *options);
void proposer_close(struct proposer_use *p); /* after a failed open, too */

#endif
