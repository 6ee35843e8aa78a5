/* SPDX-License-Identifier: Apache-2.0
 * What remote/http.c and remote/url.c share: the parts of a URL that decide whether it is asked.
 * Texts are copies in fixed buffers; a URL with longer parts is refused.
 * Read next: remote/http.h. */
#ifndef COTRAIN_REMOTE_HTTP_INT_H
#define COTRAIN_REMOTE_HTTP_INT_H

#include "remote/http.h"

struct url_parts {
    char scheme[8], host[256], port[8]; /* the port always, also where the URL leaves it out */
    bool plain;                         /* http, not https */
    bool loopback;                      /* the host's name or number is this machine */
};
/* ERR_RANGE: not a URL, or one with a user name in it. */
MUST_CHECK err url_read(const char *url, struct url_parts *out);
/* The same, and it is one that may be asked. */
MUST_CHECK err url_check(const char *url, struct url_parts *out);

#endif
