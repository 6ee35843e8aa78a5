/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the pickles of a Megatron checkpoint of two ranks: refused with a reason, or every
 * HF tensor that they are put together to can be read, and their settings are a config.
 * Input: a byte of switches (1: the ranks are two stages, else the tensor-parallel ones of one;
 * 2: a config.json asks for fewer rows of the vocabulary), the length of the first pickle (16 bits,
 * little endian), the two pickles.
 * Under test: model/formats/megatron.c, megatron_ranks.c, megatron_config.c. */
#include "base/file.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>
#include <string.h>

enum { PREFIX_BYTES = 3 };
static const char *const folders[2][2] = {
    {"tensor/iter_0000001/mp_rank_00", "tensor/iter_0000001/mp_rank_01"},
    {"stages/iter_0000001/mp_rank_00_000", "stages/iter_0000001/mp_rank_00_001"}};

static void make_folders(void) {
    char path[512];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", fuzz_folder(), folders[i / 2][i % 2]);
        FUZZ_EXPECT(!dir_make(path));
    }
    (void)fuzz_file("tensor/latest_checkpointed_iteration.txt", "1", 1);
    (void)fuzz_file("stages/latest_checkpointed_iteration.txt", "1\n", 2);
}

static void write_rank(const char *folder, const uint8_t *pickle, size_t size) {
    char name[128];
    snprintf(name, sizeof name, "%s/model_optim_rng.pt", folder);
    (void)fuzz_torch_file(name, pickle, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool made;
    if (!made) make_folders();
    made = true;
    if (size < PREFIX_BYTES) return 0;
    const int64_t begun = fuzz_begin();
    struct tensor_file *f = NULL;
    const int layout = data[0] & 1;
    const size_t left = size - PREFIX_BYTES, wanted = data[1] | (size_t)data[2] << 8,
                 first = wanted < left ? wanted : left;
    write_rank(folders[layout][0], data + PREFIX_BYTES, first);
    write_rank(folders[layout][1], data + PREFIX_BYTES + first, left - first);
    const char *config = data[0] & 2 ? "{\"vocab_size\": 7}" : "{}";
    (void)fuzz_file(layout ? "stages/config.json" : "tensor/config.json", config, strlen(config));
    char dir[512];
    snprintf(dir, sizeof dir, "%s/%s", fuzz_folder(), layout ? "stages" : "tensor");
    err code = tensor_file_open_dir(&f, dir, "model");
    if (code) {
        fuzz_expect_refused(code);
    } else {
        fuzz_expect_config(f);
        fuzz_expect_tensors(f);
    }
    fuzz_end(begun);
    return 0;
}
