/* SPDX-License-Identifier: Apache-2.0
 * That memory does not grow with a file of rows: one of 32 MiB, plain and compressed, is read while
 * what is allocated stays under what its rows' list and its longest record need. Counted by
 * base/mem and, where the build has no sanitizer, by the system (RssAnon: without it the texts
 * would be there). */
#include "base/mem.h"
#include "data/source/read.h"
#include "tests/unit/data/tiny.h"
#include <zlib.h>

enum { ROWS = 8192, ROW_BYTES = 4096, MOST_BYTES = 6 << 20 };

struct fixture {
    const char *dir;
    char plain[128], packed[128];
};

/* A row of its own: its number, then letters that are drawn. */
static void make_row(int row, char *out) {
    uint32_t x = (uint32_t)row + 1;
    int n = snprintf(out, ROW_BYTES, "{\"prompt\": \"%d\", \"response\": \"", row);
    for (; n < ROW_BYTES - 3; n++) {
        x = x * 1664525u + 1013904223u;
        out[n] = (char)('a' + (x >> 28));
    }
    memcpy(out + n, "\"}\n", 3);
}

static int setup(void **state) {
    static struct fixture f;
    static char row[ROW_BYTES];
    struct file_writer w;
    f.dir = test_folder();
    snprintf(f.plain, sizeof f.plain, "%s/rows.jsonl", f.dir);
    snprintf(f.packed, sizeof f.packed, "%s/rows.jsonl.gz", f.dir);
    gzFile packed = gzopen(f.packed, "wb1");
    assert_non_null(packed);
    assert_ok(file_writer_open(&w, f.plain));
    for (int i = 0; i < ROWS; i++) {
        make_row(i, row);
        assert_ok(file_writer_write(&w, row, sizeof row));
        assert_int_equal(gzwrite(packed, row, sizeof row), sizeof row);
    }
    assert_int_equal(gzclose(packed), Z_OK);
    assert_ok(file_writer_commit(&w));
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    test_folder_remove(f->dir);
    return 0;
}

/* Bytes of this process that are no file's, or -1. */
static int64_t resident_bytes(void) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long long kib = -1;
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "RssAnon: %lld kB", &kib) == 1) break;
    if (status) fclose(status);
#ifdef __SANITIZE_ADDRESS__
    kib = -1; /* it keeps what was freed */
#endif
    return kib < 0 ? -1 : kib * 1024;
}

static void read_whole(const struct fixture *f, const char *path) {
    struct arena arena = {0};
    struct sample_list samples = {0};
    struct faults faults = {0};
    struct reading reading = {.arena = &arena, .samples = &samples, .faults = &faults};
    struct read_file file = {.path = path, .format = "auto"};
    char row[ROW_BYTES];
    assert_ok(arena_use_file(&arena, f->dir));
    int64_t resident = resident_bytes();
    assert_ok(read_file(&reading, &file));
    assert_ok(faults_end(&faults, reading.n_records, "rows"));
    assert_int_equal(samples.n, ROWS);
    assert_in_range(mem_stats().peak_bytes, 1, MOST_BYTES);
    if (resident >= 0) assert_true(resident_bytes() - resident < MOST_BYTES);
    for (int i = 0; i < ROWS; i += 511) { /* and what left memory is there when it is read */
        make_row(i, row);
        struct span answer = samples.items[i].turns[0].answer;
        assert_memory_equal(answer.text, row + ROW_BYTES - 3 - answer.n, answer.n);
        assert_true(answer.n > ROW_BYTES / 2);
    }
    sample_list_release(&samples);
    arena_release(&arena);
}

static void plain_files(void **state) {
    const struct fixture *f = *state;
    read_whole(f, f->plain);
}
static void compressed_files(void **state) {
    const struct fixture *f = *state;
    read_whole(f, f->packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files),
        cmocka_unit_test(compressed_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
