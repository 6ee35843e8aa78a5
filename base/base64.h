/* SPDX-License-Identifier: Apache-2.0
 * Base64 (RFC 4648): bytes as text in JSON and PEM. Written with the standard alphabet and padding;
 * read with either alphabet, since DSSE allows both.
 * Read next: release/dsse.h, which signs what is carried so. */
#ifndef COTRAIN_BASE_BASE64_H
#define COTRAIN_BASE_BASE64_H

#include "base/err.h"
#include "base/str.h"

/* Both append. Reading wants whole groups of four, padding only at the end, no white space and no
 * stray bits behind the last byte, so that one text stands for one value: ERR_PARSE otherwise. */
MUST_CHECK err base64_encode(const void *data, size_t n, struct str *out);
MUST_CHECK err base64_decode(const char *text, size_t n, struct str *out);

#endif
