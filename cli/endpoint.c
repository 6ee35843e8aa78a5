/* SPDX-License-Identifier: Apache-2.0
 * Opening an endpoint: the address is checked before the token is read, so that no token is read
 * for a host that will not be asked.
 * Read next: cli/endpoint.h, the contract. */
#include "cli/endpoint.h"

#include "remote/token.h"

err endpoint_open(struct endpoint *e, const struct chat_options *options, const char *token_file) {
    *e = (struct endpoint){.options = *options};
    TRY(http_url_check(options->url));
    if (token_file) {
        TRY(token_read(token_file, NULL, 0, &e->token));
        e->options.token = str_text(&e->token);
    }
    return chat_new(&e->options, &e->chat);
}

void endpoint_close(struct endpoint *e) {
    chat_free(e->chat);
    token_release(&e->token);
    *e = (struct endpoint){0};
}
