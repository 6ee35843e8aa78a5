/* SPDX-License-Identifier: Apache-2.0
 * The digest of large data: what its definition says, from sizes around a block's, and the same for
 * any number of threads. Files' and folders' digests are tested in test_file.c.
 * Under test: base/hash.c. */
#include "tests/unit/test.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/par.h"
#include <xxhash.h>

enum { PIECE = 1 << 20, MOST = 3 * PIECE + 7 };

static void by_definition(const char *data, size_t n, char out[SHA256_HEX_SIZE]) {
    unsigned char values[MOST / PIECE + 1][16];
    size_t n_values = 0;
    for (size_t at = 0; at < n; at += PIECE) {
        const XXH128_hash_t h = XXH3_128bits(data + at, n - at < PIECE ? n - at : PIECE);
        for (int i = 0; i < 16; i++) /* high half first, each big-endian */
            values[n_values][i] = (unsigned char)((i < 8 ? h.high64 : h.low64) >> (56 - i % 8 * 8));
        n_values++;
    }
    assert_ok(sha256_bytes(values, n_values * sizeof *values, out));
}

static void large(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, PIECE - 1, PIECE, PIECE + 1, MOST};
    char *data = mem_alloc(MOST, 1);
    assert_non_null(data);
    for (size_t i = 0; i < MOST; i++) data[i] = (char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char want[SHA256_HEX_SIZE], found[SHA256_HEX_SIZE];
        by_definition(data, sizes[i], want);
        for (int threads = 1; threads <= 3; threads++) {
            par_set_threads(threads);
            assert_ok(hash_large(data, sizes[i], found));
            assert_string_equal(found, want);
        }
    }
    mem_free(data);
}

/* Every byte counts. */
static void any_byte(void **state) {
    (void)state;
    char *data = mem_zalloc(MOST, 1);
    char was[SHA256_HEX_SIZE], is[SHA256_HEX_SIZE];
    assert_non_null(data);
    assert_ok(hash_large(data, MOST, was));
    for (size_t i = 5; i < MOST; i += PIECE / 3) {
        data[i] ^= 4;
        assert_ok(hash_large(data, MOST, is));
        assert_string_not_equal(is, was);
        data[i] ^= 4;
    }
    mem_free(data);
}

static void hexadecimal_digits_alone(void **state) {
    (void)state;
    char text[SHA256_HEX_SIZE + 1] = {0};
    assert_ok(sha256_bytes("", 0, text));
    assert_true(sha256_is_hex(text));
    text[SHA256_HEX_SIZE - 1] = '0'; /* one digit more */
    assert_false(sha256_is_hex(text));
    text[SHA256_HEX_SIZE - 2] = '\0'; /* one less */
    assert_false(sha256_is_hex(text));
    assert_ok(sha256_bytes("", 0, text));
    text[5] = 'A';
    assert_false(sha256_is_hex(text));
    assert_false(sha256_is_hex(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(large), cmocka_unit_test(any_byte),
                                       cmocka_unit_test(hexadecimal_digits_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
