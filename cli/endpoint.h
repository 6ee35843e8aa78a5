/* SPDX-License-Identifier: Apache-2.0
 * An endpoint with its token: what proposals and teachers open. The token comes from a file that
 * only its owner may read; the environment's is GitHub's and nobody else's.
 * Read next: remote/chat.h. */
#ifndef COTRAIN_CLI_ENDPOINT_H
#define COTRAIN_CLI_ENDPOINT_H

#include "remote/chat.h"

struct endpoint {
    struct chat_options options;
    struct chat *chat;
    struct str token;
};
/* `options` without a token; token_file NULL: it wants none. Close it either way. */
MUST_CHECK err endpoint_open(struct endpoint *e, const struct chat_options *options,
                             const char *token_file);
void endpoint_close(struct endpoint *e); /* also of a zeroed one */

#endif
