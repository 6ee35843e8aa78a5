/* SPDX-License-Identifier: Apache-2.0
 * The promises that fuzz targets hold every reader of tensors to, and the folder their inputs are
 * written to: readers take paths, because they map.
 * Read next: tests/fuzz/fuzz.h. */
#include "base/file.h"
#include "base/mem.h"
#include "model/config.h"
#include "model/formats/format.h"
#include "tests/fuzz/fuzz.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Values may be wider than what a file holds of them: 4 bits and a share of a scale become fp32. */
enum { MOST_WIDENED = 8, MESSAGE_MIN = 4 };

static void remove_folder(void) {
    if (dir_remove(fuzz_folder()) != ERR_OK) fputs("the fuzz target's folder stays\n", stderr);
}

const char *fuzz_folder(void) {
    static char path[256];
    if (*path) return path;
    const char *parent = getenv("TMPDIR");
    if (!parent) parent = dir_exists("/dev/shm") ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof path, "%s/cotrain-fuzz-XXXXXX", parent);
    if (!mkdtemp(path)) abort();
    atexit(remove_folder);
    return path;
}

const char *fuzz_file(const char *name, const void *data, size_t size) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0) abort();
    return path;
}

_Noreturn void fuzz_broken(const char *file, int line, const char *condition) {
    fprintf(stderr, "%s:%d: broken: %s\n  the last error: %s\n", file, line, condition,
            err_message());
    abort();
}

void fuzz_expect_refused(err code) {
    FUZZ_EXPECT(code < 0 && code > -ERR_COUNT);
    FUZZ_EXPECT(code != ERR_MEMORY); /* a lie about a size is refused before it is believed */
    FUZZ_EXPECT(strlen(err_message()) >= MESSAGE_MIN);
    err_clear();
}

static void expect_shape(const struct tensor *t) {
    int64_t count = 1, bytes;
    FUZZ_EXPECT(t->n_dims >= 0 && t->n_dims <= TENSOR_MAX_DIMS);
    for (int i = 0; i < t->n_dims; i++) {
        FUZZ_EXPECT(t->shape[i] >= 0);
        FUZZ_EXPECT(!__builtin_mul_overflow(count, t->shape[i], &count));
    }
    FUZZ_EXPECT(count == t->count);
    FUZZ_EXPECT(!__builtin_mul_overflow(count, dtype_bytes(t->dtype), &bytes));
}

static void expect_inside(const struct tensor_file *f, const struct tensor *t, int64_t bytes) {
    const struct tensor_entry *e = (const struct tensor_entry *)t;
    FUZZ_EXPECT(e->file >= 0 && e->file < f->n_files);
    const struct file_map *map = &f->files[e->file].map;
    const uint8_t *data = t->data;
    if (!data)
        FUZZ_EXPECT(bytes <= MOST_WIDENED * tensor_file_bytes(f));
    else
        FUZZ_EXPECT(data >= map->data && data <= map->data + map->size_bytes &&
                    bytes <= map->data + map->size_bytes - data);
}

static void read_tensor(const struct tensor_file *f, const struct tensor *t, int64_t bytes) {
    uint8_t *values = mem_alloc((size_t)bytes + 1, 1);
    FUZZ_EXPECT(values);
    values[bytes] = 0x5a;
    err code = tensor_file_read(f, t, values);
    FUZZ_EXPECT(values[bytes] == 0x5a);
    if (code)
        fuzz_expect_refused(code);
    else
        FUZZ_EXPECT(!t->data || !bytes || memcmp(values, t->data, (size_t)bytes) == 0);
    mem_free(values);
    tensor_file_forget(f, t);
}

void fuzz_expect_tensors(struct tensor_file *f) {
    FUZZ_EXPECT(tensor_file_format(f));
    for (int64_t i = 0; i < tensor_file_count(f); i++) {
        const struct tensor *t = tensor_file_at(f, i), *found;
        FUZZ_EXPECT(i == 0 || strcmp(tensor_file_at(f, i - 1)->name, t->name) < 0);
        FUZZ_EXPECT(tensor_file_find(f, t->name) == t);
        FUZZ_EXPECT(*tensor_file_path(f, t));
        expect_shape(t);
        FUZZ_EXPECT(!tensor_file_need(f, t->name, t->n_dims, t->shape, &found) && found == t);
        const int64_t bytes = t->count * dtype_bytes(t->dtype);
        expect_inside(f, t, bytes);
        read_tensor(f, t, bytes);
    }
    tensor_file_close(f);
}

void fuzz_expect_config(const struct tensor_file *f) {
    struct model_config config;
    FUZZ_EXPECT(tensor_file_config(f));
    err code = model_config_parse(&config, (json_t *)tensor_file_config(f));
    if (code) {
        fuzz_expect_refused(code);
        return;
    }
    FUZZ_EXPECT(model_config_parameters(&config) > 0);
    model_config_release(&config);
}

int64_t fuzz_begin(void) {
    return mem_stats().live_blocks;
}

void fuzz_end(int64_t begun) {
    FUZZ_EXPECT(mem_stats().live_blocks == begun);
}
