/* SPDX-License-Identifier: Apache-2.0
 * What the fuzz targets share. tests/fuzz/fuzz_<what>.c is one target: LLVMFuzzerTestOneInput takes
 * any bytes as a file that came from the network, reads it as the program would, and holds what
 * comes out against what the reader's header promises. Two programs are made of it: with libFuzzer
 * (tools/fuzz.sh), which looks for bytes that break it, and with replay.c, which ctest runs over
 * corpus/<what>/ in every build. <what>.dict, where there is one, holds words that libFuzzer
 * inserts. A finding becomes a file of the corpus.
 * Read next: fuzz_safetensors.c, the pattern. */
#ifndef COTRAIN_TESTS_FUZZ_FUZZ_H
#define COTRAIN_TESTS_FUZZ_FUZZ_H

#include "base/err.h"
#include "model/formats/tensor_file.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A folder of this process, removed at its end; one that must be there. */
const char *fuzz_folder(void);
/* FOLDER/NAME with these bytes; the path is valid until the next call. */
const char *fuzz_file(const char *name, const void *data, size_t size);
/* The same, written as torch.save does: `pickle` with the storages 0, 1 and 2 of 64 bytes and 3 of
 * 256 beside it. NAME may have folders in it that are there. */
const char *fuzz_torch_file(const char *name, const void *pickle, size_t size);
/* For a file that carries a model's settings itself: they are a config, or are refused. */
void fuzz_expect_config(const struct tensor_file *f);

/* Ends the process with the place, the text and the present error where a promise is broken. */
#define FUZZ_EXPECT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) fuzz_broken(__FILE__, __LINE__, #condition);                             \
    } while (0)
_Noreturn void fuzz_broken(const char *file, int line, const char *condition);

/* A reader failed: it has said why, in words that fit on a terminal. */
void fuzz_expect_refused(err code);
/* Reads every tensor whole and holds names, shapes and places against each other and the files.
 * Closes `f`. */
void fuzz_expect_tensors(struct tensor_file *f);
/* Around one input: what was allocated is given back. */
int64_t fuzz_begin(void);
void fuzz_end(int64_t begun);

#endif
