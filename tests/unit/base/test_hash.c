/* SPDX-License-Identifier: Apache-2.0
 * The digest of large data: what its definition says, from sizes around a block's, and the same for
 * any number of threads. Files' and folders' digests are tested in test_file.c.
 * Under test: base/hash.c. */
#include "tests/unit/test.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/par.h"

enum { BLOCK = 1 << 16, MOST = 37 * BLOCK + 7 };

static void by_definition(const char *data, size_t n, char out[SHA256_HEX_SIZE]) {
    char digests[(MOST / BLOCK + 1) * (SHA256_HEX_SIZE - 1) + 1];
    size_t length = 0;
    for (size_t at = 0; at < n; at += BLOCK, length += SHA256_HEX_SIZE - 1)
        assert_ok(sha256_bytes(data + at, n - at < BLOCK ? n - at : BLOCK, digests + length));
    assert_ok(sha256_bytes(digests, length, out));
}

static void blocks(void **state) {
    (void)state;
    static const size_t sizes[] = {0,         1,          BLOCK - 1,      BLOCK,
                                   BLOCK + 1, 16 * BLOCK, 16 * BLOCK - 1, MOST};
    char *data = mem_alloc(MOST, 1);
    assert_non_null(data);
    for (size_t i = 0; i < MOST; i++) data[i] = (char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char want[SHA256_HEX_SIZE], found[SHA256_HEX_SIZE];
        by_definition(data, sizes[i], want);
        for (int threads = 1; threads <= 3; threads++) {
            par_set_threads(threads);
            assert_ok(sha256_blocks(data, sizes[i], found));
            assert_string_equal(found, want);
        }
    }
    mem_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
