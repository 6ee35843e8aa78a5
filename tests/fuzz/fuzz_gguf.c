/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a GGUF file: refused with a reason, or every tensor lies inside the file and can be
 * read, blocks decoded; and the settings that the file carries are a config or are refused.
 * Under test: model/formats/gguf_parse.c, gguf.c, gguf_names.c, gguf_storage.c. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tensor_file *f = NULL;
    const int64_t begun = fuzz_begin();
    err code = tensor_file_open(&f, fuzz_file("model.gguf", data, size));
    if (code) {
        fuzz_expect_refused(code);
    } else {
        fuzz_expect_config(f);
        fuzz_expect_tensors(f);
    }
    fuzz_end(begun);
    return 0;
}
