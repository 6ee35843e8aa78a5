/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a file of rows, in every format and as `auto`: read to its end or refused in words;
 * what is read is well formed, has a text, and stands on a line of the file. Compressed bytes go
 * through the stream, tables through their cells, lists through the cutting.
 * Under test: base/stream.c, data/source/records.c, data/source/table.c, data/source/detect.c,
 * data/source/read.c, data/source/check.c and data/readers/. */
#include "base/file.h"
#include "data/source/read.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static void expect_text(struct span text) {
    FUZZ_EXPECT(utf8_invalid_at(text.text, text.n) < 0 && !memchr(text.text, 0, text.n));
}

static void expect_sample(const struct sample *s) {
    struct str text = {0};
    FUZZ_EXPECT(s->n >= 1 && s->line >= 1);
    for (int64_t i = 0; i < s->n && s->kind == SAMPLE_TURNS; i++) {
        const struct turn *turn = &s->turns[i];
        expect_text(turn->prompt);
        expect_text(turn->answer);
        for (int32_t k = 0; k < turn->n_ranges; k++) {
            FUZZ_EXPECT(turn->ranges[k].begin < turn->ranges[k].end);
            FUZZ_EXPECT(turn->ranges[k].end <= turn->answer.n);
            FUZZ_EXPECT(k == 0 || turn->ranges[k].begin > turn->ranges[k - 1].end);
        }
    }
    for (int64_t i = 0; i < s->n && s->kind != SAMPLE_TURNS; i++) expect_text(s->segments[i].text);
    FUZZ_EXPECT(sample_text(s, &text) == ERR_OK && text.len > 0);
    str_release(&text);
}

static void read_as(const char *path, const char *format) {
    struct arena arena = {0};
    struct sample_list samples = {0};
    struct faults faults = {0};
    struct reading r = {.arena = &arena, .samples = &samples, .faults = &faults};
    struct read_file file = {.path = path, .format = format};
    err code = read_file(&r, &file);
    if (code) fuzz_expect_refused(code);
    FUZZ_EXPECT(code || faults.n > 0 || samples.n > 0);
    FUZZ_EXPECT(samples.n == file.n_samples && samples.n <= r.n_records);
    for (int64_t i = 0; i < samples.n; i++) {
        expect_sample(&samples.items[i]);
        FUZZ_EXPECT(i == 0 || samples.items[i].line >= samples.items[i - 1].line);
    }
    faults_release(&faults);
    sample_list_release(&samples);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const int64_t begun = fuzz_begin();
    const char *path = fuzz_file("rows", data, size);
    read_as(path, "auto");
    for (int i = 0; i < n_readers; i++)
        if (!readers[i]->example && !readers[i]->file) read_as(path, readers[i]->name);
    fuzz_end(begun);
    return 0;
}
