/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an .idx of Megatron beside a .bin of 64 bytes: refused in words, or every sequence
 * is read from within the .bin, and what is written of them is read back as the same. Under test:
 * data/source/megatron.c. */
#include "base/file.h"
#include "data/source/megatron.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>
#include <string.h>

static void read_back(const char *prefix, const struct megatron *m) {
    struct megatron_writer w;
    struct megatron again;
    struct tokens ids = {0}, same = {0};
    FUZZ_EXPECT(megatron_writer_open(&w, prefix) == ERR_OK);
    err code = ERR_OK;
    for (int64_t i = 0; i < m->n && !code; i++) {
        code = megatron_read(m, i, &ids);
        if (!code) FUZZ_EXPECT(megatron_writer_add(&w, ids.ids, ids.n) == ERR_OK);
    }
    if (code) {
        fuzz_expect_refused(code);
        megatron_writer_abort(&w);
        tokens_release(&ids);
        return;
    }
    FUZZ_EXPECT(megatron_writer_commit(&w) == ERR_OK);
    FUZZ_EXPECT(megatron_open(&again, prefix) == ERR_OK && again.n == m->n);
    for (int64_t i = 0; i < m->n; i++) {
        FUZZ_EXPECT(megatron_read(m, i, &ids) == ERR_OK);
        FUZZ_EXPECT(megatron_read(&again, i, &same) == ERR_OK);
        FUZZ_EXPECT(ids.n == same.n);
        FUZZ_EXPECT(ids.n == 0 || memcmp(ids.ids, same.ids, (size_t)ids.n * sizeof *ids.ids) == 0);
    }
    megatron_close(&again);
    tokens_release(&ids);
    tokens_release(&same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const int64_t begun = fuzz_begin();
    uint8_t bin[64];
    struct megatron m;
    char prefix[512];
    for (size_t i = 0; i < sizeof bin; i++) bin[i] = (uint8_t)(i * 37);
    (void)fuzz_file("x.bin", bin, sizeof bin);
    err code = megatron_open(&m, fuzz_file("x.idx", data, size));
    snprintf(prefix, sizeof prefix, "%s/again", fuzz_folder());
    if (code) {
        fuzz_expect_refused(code);
    } else {
        read_back(prefix, &m);
        megatron_close(&m);
    }
    fuzz_end(begun);
    return 0;
}
