/* SPDX-License-Identifier: Apache-2.0
 * A fuzz target without libFuzzer: runs it over the empty input and the files and folders that
 * are named, so that what was once found stays found, with any compiler and in any build. Each
 * file is named before it is run; the last one named is the one that broke.
 * Read next: tests/fuzz/fuzz.h. */
#include "base/file.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>
#include <string.h>

enum { INPUT_MAX_BYTES = 64 << 20 };

static err replay(const char *path) {
    struct str input = {0};
    err code = file_read(path, INPUT_MAX_BYTES, &input);
    uint8_t *exact = code ? NULL : malloc(input.len + !input.len); /* its end is a block's end */
    if (exact) {
        fprintf(stderr, "%s\n", path);
        if (input.len) memcpy(exact, input.data, input.len);
        LLVMFuzzerTestOneInput(exact, input.len);
        free(exact);
    }
    str_release(&input);
    return code || exact ? code : fail(ERR_MEMORY, "no memory for '%s'", path);
}

static err replay_folder(const char *folder, int64_t *n) {
    struct name_list files;
    char path[1024];
    err code = dir_walk(folder, &files);
    for (size_t i = 0; !code && i < files.n; i++, ++*n) {
        snprintf(path, sizeof path, "%s/%s", folder, files.names[i]);
        code = replay(path);
    }
    if (!code) name_list_release(&files);
    return code;
}

int main(int argc, char **argv) {
    int64_t n = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        const bool folder = dir_exists(argv[i]);
        n += !folder;
        if ((folder ? replay_folder(argv[i], &n) : replay(argv[i])) == ERR_OK) continue;
        fprintf(stderr, "%s\n", err_message());
        return 1;
    }
    printf("%lld inputs replayed\n", (long long)n);
    return n == 0; /* a corpus that is not found tests nothing */
}
