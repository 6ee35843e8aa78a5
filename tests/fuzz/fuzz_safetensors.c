/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as model.safetensors: refused with a reason, or every tensor lies inside the file, the
 * tensors cover its data without holes and overlaps, and each can be read.
 * Under test: model/formats/safetensors.c. */
#include "model/formats/format.h"
#include "tests/fuzz/fuzz.h"

/* Their sizes sum up to what lies behind the header. */
static void expect_cover(const struct tensor_file *f, const uint8_t *data, size_t size) {
    uint64_t header_bytes = 0;
    for (int i = 7; i >= 0; i--) header_bytes = header_bytes << 8 | data[i];
    int64_t bytes = 8 + (int64_t)header_bytes;
    for (int64_t i = 0; i < tensor_file_count(f); i++)
        bytes += f->entries[i].tensor.count * dtype_bytes(f->entries[i].tensor.dtype);
    FUZZ_EXPECT(bytes == (int64_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tensor_file *f = NULL;
    const int64_t begun = fuzz_begin();
    err code = tensor_file_open(&f, fuzz_file("model.safetensors", data, size));
    if (code) {
        fuzz_expect_refused(code);
    } else {
        expect_cover(f, data, size);
        fuzz_expect_tensors(f);
    }
    fuzz_end(begun);
    return 0;
}
