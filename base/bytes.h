/* SPDX-License-Identifier: Apache-2.0
 * Little-endian numbers in files, at any alignment and on any machine. The caller has held the
 * bytes against the file's end.
 * Read next: model/formats/, whose readers and writers use it. */
#ifndef COTRAIN_BASE_BYTES_H
#define COTRAIN_BASE_BYTES_H

#include <stdint.h>

/* The number in n bytes, at most 8. */
static inline uint64_t bytes_get_little(const uint8_t *from, int n) {
    uint64_t value = 0;
    while (n-- > 0) value = value << 8 | from[n];
    return value;
}

static inline void bytes_put_little(uint8_t *to, int n, uint64_t value) {
    for (int i = 0; i < n; i++) to[i] = (uint8_t)(value >> 8 * i);
}

#endif
