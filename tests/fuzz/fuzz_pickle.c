/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the pickle of pytorch_model.bin: refused with a reason, or every tensor it describes
 * lies in the storages beside it and can be read.
 * Under test: model/formats/pickle.c and its files, torch_archive.c, torch.c. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tensor_file *f = NULL;
    const int64_t begun = fuzz_begin();
    err code = tensor_file_open(&f, fuzz_torch_file("pytorch_model.bin", data, size));
    if (code)
        fuzz_expect_refused(code);
    else
        fuzz_expect_tensors(f);
    fuzz_end(begun);
    return 0;
}
