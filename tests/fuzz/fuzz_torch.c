/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as pytorch_model.bin: refused with a reason, or every tensor lies inside the file and
 * can be read. The CRC of each entry is put right first, in both of its headers, or hardly any
 * mutation would come past it.
 * Under test: model/formats/zip.c, then what fuzz_pickle.c tests as well. */
#include "base/mem.h"
#include "model/formats/zip.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { CENTRAL_BYTES = 46, LOCAL_BYTES = 30 };

static uint32_t little(const uint8_t *p, int bytes) {
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) value = value << 8 | p[i];
    return value;
}

static void mend_entry(uint8_t *data, size_t size, uint8_t *central) {
    const uint32_t bytes = little(central + 24, 4), local = little(central + 42, 4);
    if (local > size || size - local < LOCAL_BYTES) return;
    const size_t begin =
        local + LOCAL_BYTES + little(data + local + 26, 2) + little(data + local + 28, 2);
    if (begin > size || bytes > size - begin) return;
    const uint32_t crc = zip_crc32(data + begin, bytes);
    for (int i = 0; i < 4; i++) central[16 + i] = data[local + 14 + i] = (uint8_t)(crc >> 8 * i);
}

static void mend(uint8_t *data, size_t size) {
    for (size_t at = 0; at + CENTRAL_BYTES <= size; at++)
        if (memcmp(data + at, "PK\1\2", 4) == 0) mend_entry(data, size, data + at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const int64_t begun = fuzz_begin();
    struct tensor_file *f = NULL;
    uint8_t *mended = mem_alloc(size, 1);
    FUZZ_EXPECT(mended);
    if (size) memcpy(mended, data, size);
    mend(mended, size);
    err code = tensor_file_open(&f, fuzz_file("pytorch_model.bin", mended, size));
    mem_free(mended);
    if (code)
        fuzz_expect_refused(code);
    else
        fuzz_expect_tensors(f);
    fuzz_end(begun);
    return 0;
}
