/* SPDX-License-Identifier: Apache-2.0
 * Real rows of the sample month, packed by best-fit as training packs them, through models/nano:
 * with `isolate: all` each document's token losses are the same bits packed or alone, at every
 * offset; with `attention` and `none` those of every document behind the first differ.
 * Under test: data/steps/loader.h, model/batch.h and model/model.h together. */
#include "data/build.h"
#include "data/steps/loader.h"
#include "tests/unit/model/small.h"
#include <math.h>

enum { ROW = 512, STEPS = 3 };
static const char *const nano = SOURCE_DIR "/models/nano";

struct fixture {
    const char *folder;
    struct dataset *dataset;
    struct loader *loader;
    struct small s;
    struct batch batch;
};

static void open_rows(struct fixture *f, enum isolate isolate) {
    char out[300];
    struct data_source sources[] = {
        {.path = SOURCE_DIR "/models/month/register-macros.train.jsonl", .weight = 1},
        {.path = SOURCE_DIR "/models/month/contract-date.train.jsonl", .weight = 1},
    };
    const struct data_options options = {
        .special_whitespace = "strip", .turns = "each", .sources = {sources, 2}};
    const struct request_list none = {0};
    const struct data_build build = {
        .options = &options, .requests = &none, .tokenizer_dir = nano, .seed = 1};
    const struct loader_options how = {.sequence_len = ROW,
                                       .rows_per_step = 1,
                                       .epochs = 1,
                                       .seed = 1,
                                       .packing = PACKING_BEST_FIT,
                                       .train_across_borders = isolate != ISOLATE_ALL,
                                       .loss_mask = LOSS_MASK_ALL};
    *f = (struct fixture){.folder = test_folder()};
    snprintf(out, sizeof out, "%s/out", f->folder);
    assert_ok(data_build(&build, out));
    assert_ok(dataset_open(&f->dataset, out));
    assert_ok(loader_open(&f->loader, f->dataset, SPLIT_TRAIN, &how));
    small_open(&f->s, nano, ROW, false);
    assert_ok(batch_init(&f->batch, ROW));
}

static void close_rows(struct fixture *f) {
    batch_release(&f->batch);
    small_close(&f->s);
    loader_close(f->loader);
    dataset_close(f->dataset);
    test_folder_remove(f->folder);
}

/* Token losses of positions [begin, end) of a row, alone in the batch. */
static void run_part(struct fixture *f, const struct loader_row *row, int64_t begin, int64_t end,
                     enum isolate isolate, float *losses) {
    struct model_call call = {.batch = &f->batch};
    double sum;
    int64_t trained;
    batch_clear(&f->batch);
    assert_ok(batch_add_row(&f->batch, end - begin, row->ids + begin, row->targets + begin,
                            row->doc_start + begin, f->s.model.config.eod, isolate));
    assert_ok(model_forward(&f->s.model, &call));
    assert_ok(model_loss(&f->s.model, &call, 0, &sum, &trained, losses));
    assert_true(isfinite(sum) && sum > 0);
}

/* Compares each document of a row with itself alone; returns how many begin behind position 0. */
static int compare_row(struct fixture *f, const struct loader_row *row, enum isolate isolate) {
    static float packed[ROW], alone[ROW];
    int n_behind = 0;
    run_part(f, row, 0, row->n, isolate, packed);
    for (int64_t begin = 0, end; begin < row->n; begin = end) {
        for (end = begin + 1; end < row->n && !row->doc_start[end];) end++;
        /* The last position's target is the next document's first token, if any. */
        size_t bytes = (size_t)(end - begin - 1) * sizeof *packed;
        run_part(f, row, begin, end, isolate, alone);
        bool same = memcmp(packed + begin, alone, bytes) == 0;
        if (same != (isolate == ISOLATE_ALL || begin == 0))
            fail_msg("document at %lld of a row of %lld: %s bits", (long long)begin,
                     (long long)row->n, same ? "the same" : "other");
        n_behind += begin > 0;
    }
    return n_behind;
}

static void check(enum isolate isolate) {
    struct fixture f;
    int n_behind = 0;
    open_rows(&f, isolate);
    for (int64_t step = 0; step < STEPS; step++) {
        const struct loader_row *rows;
        int64_t n;
        assert_ok(loader_rows(f.loader, step, &rows, &n));
        assert_int_equal(n, 1);
        n_behind += compare_row(&f, &rows[0], isolate);
    }
    assert_true(n_behind >= 2 * STEPS); /* several offsets a row */
    close_rows(&f);
}

static void isolated_losses_are_the_same_bits(void **state) {
    (void)state;
    check(ISOLATE_ALL);
}

static void isolating_attention_alone_shows(void **state) {
    (void)state;
    check(ISOLATE_ATTENTION);
}

static void no_isolation_shows(void **state) {
    (void)state;
    check(ISOLATE_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isolated_losses_are_the_same_bits),
        cmocka_unit_test(isolating_attention_alone_shows),
        cmocka_unit_test(no_isolation_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
