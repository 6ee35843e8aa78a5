/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 of 16 pieces of memory at once, one an element of AVX-512 vectors: about three times as
 * fast as one after the other with the processor's SHA instructions, which wait for each other.
 * Read next: base/hash.h, whose sha256_blocks is the user. */
#ifndef COTRAIN_BASE_SHA256_LANES_H
#define COTRAIN_BASE_SHA256_LANES_H

#include <stdbool.h>
#include <stddef.h>

enum { SHA256_LANES = 16, SHA256_BYTES = 32 };

/* Whether this processor can. */
bool sha256_lanes_here(void);
/* Of SHA256_LANES pieces of n bytes that follow each other; n is a multiple of 64. */
void sha256_lanes(const unsigned char *data, size_t n,
                  unsigned char out[SHA256_LANES][SHA256_BYTES]);

#endif
