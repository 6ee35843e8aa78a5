/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as model.safetensors.index.json beside two shards: refused with a reason, or exactly
 * the tensors of the shards are there.
 * Under test: tensor_open_files of model/formats/tensor_file.c. */
#include "model/formats/safetensors.h"
#include "tests/fuzz/fuzz.h"

enum { N_TENSORS = 4 };

/* Two shards of two tensors, a.safetensors and b.safetensors. */
static void write_shards(void) {
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    const struct tensor all[N_TENSORS] = {
        {"w", DTYPE_F32, 2, {2, 3}, 6, values},
        {"x", DTYPE_F32, 1, {4}, 4, values},
        {"y", DTYPE_F32, 1, {0}, 0, values},
        {"z", DTYPE_F32, 0, {0}, 1, values},
    };
    FUZZ_EXPECT(!safetensors_write(fuzz_file("a.safetensors", "", 0), all, 2));
    FUZZ_EXPECT(!safetensors_write(fuzz_file("b.safetensors", "", 0), all + 2, 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool written;
    if (!written) write_shards();
    written = true;
    struct tensor_file *f = NULL;
    const int64_t begun = fuzz_begin();
    (void)fuzz_file("model.safetensors.index.json", data, size);
    err code = tensor_file_open_dir(&f, fuzz_folder(), "model");
    if (code) {
        fuzz_expect_refused(code);
    } else {
        FUZZ_EXPECT(tensor_file_count(f) % 2 == 0 && tensor_file_count(f) <= N_TENSORS);
        fuzz_expect_tensors(f);
    }
    fuzz_end(begun);
    return 0;
}
