/* SPDX-License-Identifier: Apache-2.0
 * A file as torch.save writes it, around any bytes as its pickle: sizes and CRC are right, so that
 * no mutation of the pickle is lost on them. fuzz_torch.c is for the archive itself.
 * Read next: tests/fuzz/fuzz.h. */
#include "base/str.h"
#include "model/formats/zip.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { SMALL_BYTES = 64, LARGE_BYTES = 256, N_ENTRIES = 5 };

struct entry {
    const char *name;
    const void *data;
    size_t size, at;
};

static void add_number(struct str *s, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        const char byte = (char)(value >> 8 * i);
        FUZZ_EXPECT(!str_append(s, &byte, 1));
    }
}

/* The fields that the local and the central header share, from the version on. */
static void add_header(struct str *s, const struct entry *e) {
    add_number(s, 20, 2); /* version */
    add_number(s, 0, 8);  /* flags, method, time */
    add_number(s, zip_crc32(e->data, e->size), 4);
    add_number(s, e->size, 4);
    add_number(s, e->size, 4);
    add_number(s, strlen(e->name), 2);
    add_number(s, 0, 2); /* extra field */
}

static void add_archive(struct str *s, struct entry *entries, int n) {
    for (int i = 0; i < n; i++) {
        struct entry *e = &entries[i];
        e->at = s->len;
        FUZZ_EXPECT(!str_append(s, "PK\3\4", 4));
        add_header(s, e);
        FUZZ_EXPECT(!str_add(s, e->name) && !str_append(s, e->data, e->size));
    }
    const size_t directory = s->len;
    for (int i = 0; i < n; i++) {
        FUZZ_EXPECT(!str_append(s, "PK\1\2\24\0", 6));
        add_header(s, &entries[i]);
        add_number(s, 0, 2); /* comment */
        add_number(s, 0, 8); /* disk, attributes */
        add_number(s, entries[i].at, 4);
        FUZZ_EXPECT(!str_add(s, entries[i].name));
    }
    const size_t end = s->len;
    FUZZ_EXPECT(!str_append(s, "PK\5\6\0\0\0\0", 8));
    add_number(s, (uint64_t)n, 2);
    add_number(s, (uint64_t)n, 2);
    add_number(s, end - directory, 4);
    add_number(s, directory, 4);
    add_number(s, 0, 2);
}

const char *fuzz_torch_file(const char *name, const void *pickle, size_t size) {
    static const uint8_t values[LARGE_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct entry entries[N_ENTRIES] = {{"archive/data.pkl", pickle, size, 0},
                                       {"archive/data/0", values, SMALL_BYTES, 0},
                                       {"archive/data/1", values, SMALL_BYTES, 0},
                                       {"archive/data/2", values, SMALL_BYTES, 0},
                                       {"archive/data/3", values, LARGE_BYTES, 0}};
    struct str archive = {0};
    add_archive(&archive, entries, N_ENTRIES);
    const char *path = fuzz_file(name, archive.data, archive.len);
    str_release(&archive);
    return path;
}
