/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 by vectors: element i of every vector belongs to piece i. The names are the standard's.
 * Source: FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2. tests/unit/base/test_hash.c holds it to
 * libcrypto. On other processors than x86-64 it is never there.
 * Read next: base/sha256_lanes.h. */
#include "base/sha256_lanes.h"

#include "base/err.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES_TARGET __attribute__((target("avx512f,avx512bw")))
#define LANES_INLINE static inline __attribute__((always_inline)) LANES_TARGET

/* Sections 5.3.3 and 4.2.2: fractions of square and of cube roots of the first primes. */
static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

LANES_INLINE __m512i add(__m512i a, __m512i b) {
    return _mm512_add_epi32(a, b);
}

/* Three operands by their table of truth. */
#define CHOOSE(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define MAJORITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)
#define XOR(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define ROTATED(x, a, b, c)                                                                        \
    XOR(_mm512_ror_epi32(x, a), _mm512_ror_epi32(x, b), _mm512_ror_epi32(x, c))
#define SHIFTED(x, a, b, c)                                                                        \
    XOR(_mm512_ror_epi32(x, a), _mm512_ror_epi32(x, b), _mm512_srli_epi32(x, c))

/* Rows of words become columns: first in squares of 4 x 4, then whole squares. */
LANES_INLINE void transpose(__m512i x[16]) {
    __m512i t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        x[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        x[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        x[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        x[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    enum { EVEN = 0x88, ODD = 0xdd };
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m512i a = _mm512_shuffle_i32x4(x[i], x[i + 4], EVEN);
        const __m512i b = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], EVEN);
        const __m512i c = _mm512_shuffle_i32x4(x[i], x[i + 4], ODD);
        const __m512i d = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], ODD);
        x[i] = _mm512_shuffle_i32x4(a, b, EVEN);
        x[i + 4] = _mm512_shuffle_i32x4(c, d, EVEN);
        x[i + 8] = _mm512_shuffle_i32x4(a, b, ODD);
        x[i + 12] = _mm512_shuffle_i32x4(c, d, ODD);
    }
}

/* One block of 16 words a piece; w is used up. */
LANES_INLINE void compress(__m512i state[8], __m512i w[16]) {
    __m512i s[8];
    memcpy(s, state, sizeof s);
    for (int round = 0; round < 64; round += 16) {
#pragma GCC unroll 16
        for (int t = 0; t < 16; t++) {
            /* Instead of moving the eight variables on, their names move back. */
            __m512i *a = &s[-t & 7], *d = &s[(3 - t) & 7], *e = &s[(4 - t) & 7],
                    *h = &s[(7 - t) & 7];
            const __m512i b = s[(1 - t) & 7], c = s[(2 - t) & 7], f = s[(5 - t) & 7],
                          g = s[(6 - t) & 7];
            const __m512i k = _mm512_set1_epi32((int32_t)constants[round + t]);
            const __m512i sum = add(add(*h, add(k, w[t])), CHOOSE(*e, f, g));
            const __m512i t1 = add(sum, ROTATED(*e, 6, 11, 25));
            *d = add(*d, t1);
            *h = add(t1, add(MAJORITY(*a, b, c), ROTATED(*a, 2, 13, 22)));
            if (round == 48) continue; /* no round follows that takes it */
            const __m512i early = w[(t + 1) & 15], late = w[(t + 14) & 15];
            w[t] = add(add(w[t], w[(t + 9) & 15]),
                       add(SHIFTED(early, 7, 18, 3), SHIFTED(late, 17, 19, 10)));
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) state[i] = add(state[i], s[i]);
}

bool sha256_lanes_here(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

LANES_TARGET void sha256_lanes(const unsigned char *data, size_t n,
                               unsigned char out[SHA256_LANES][SHA256_BYTES]) {
    const __m512i big_endian = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    __m512i state[8], w[16];
    BUG_IF(n % 64 != 0);
    for (int i = 0; i < 8; i++) state[i] = _mm512_set1_epi32((int32_t)start[i]);
    for (size_t at = 0; at < n; at += 64) {
#pragma GCC unroll 16
        for (int i = 0; i < SHA256_LANES; i++) {
            const __m512i bytes = _mm512_loadu_si512(data + (size_t)i * n + at);
            w[i] = _mm512_shuffle_epi8(bytes, big_endian);
        }
        transpose(w);
        compress(state, w);
    }
    /* The end: a bit, zeros, and the number of bits. */
    memset(w, 0, sizeof w);
    w[0] = _mm512_set1_epi32(INT32_MIN);
    w[14] = _mm512_set1_epi32((int32_t)((uint64_t)n >> 29));
    w[15] = _mm512_set1_epi32((int32_t)(uint32_t)((uint64_t)n << 3));
    compress(state, w);
    for (int i = 0; i < SHA256_LANES; i++) {
        for (int word = 0; word < 8; word++) {
            uint32_t words[SHA256_LANES];
            memcpy(words, &state[word], sizeof words);
            const uint32_t value = __builtin_bswap32(words[i]);
            memcpy(out[i] + 4 * word, &value, sizeof value);
        }
    }
}
#else
bool sha256_lanes_here(void) {
    return false;
}

void sha256_lanes(const unsigned char *data, size_t n,
                  unsigned char out[SHA256_LANES][SHA256_BYTES]) {
    (void)data;
    (void)n;
    (void)out;
    BUG_IF(true);
}
#endif
