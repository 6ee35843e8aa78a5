/* SPDX-License-Identifier: Apache-2.0
 * The loader: packed rows train exactly what unpacked ones do, under next-fit in the same order,
 * a step is a pure function of its number, epochs hold what the dataset's mix says, long rows are
 * refused, dropped or cut as asked, and nothing to train is an error. */
#include "data/dataset/dataset.h"
#include "data/steps/loader.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tiny_build t;
    struct dataset *d;
    struct loader *l;
    struct loader_options options;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    tiny_build_init(&f.t, f.dir);
    f.options = (struct loader_options){.sequence_len = 40,
                                        .rows_per_step = 4,
                                        .epochs = 2,
                                        .seed = 7,
                                        .packing = PACKING_BEST_FIT};
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    loader_close(f->l);
    dataset_close(f->d);
    test_folder_remove(f->dir);
    return 0;
}

static void load(struct fixture *f) {
    loader_close(f->l);
    assert_ok(loader_open(&f->l, f->d, SPLIT_TRAIN, &f->options));
}

/* n rows whose prompts and answers are of several lengths, all below 40 tokens. */
static const char *many_rows(struct fixture *f, const char *name, int n) {
    struct str text = {0};
    for (int i = 0; i < n; i++)
        assert_ok(str_printf(&text, "%s%.*s%d<sep>%.*s%d\n", name, i % 9, "abcdefghi", i,
                             1 + i * 7 % 11, "zyxwvutsrqp", i));
    const char *path = tiny_file(f->dir, name, str_text(&text));
    str_release(&text);
    return path;
}
static void build_many(struct fixture *f, int n) {
    tiny_add_source(&f->t, many_rows(f, "y.txt", n), NULL);
    assert_ok(data_build(&f->t.build, tiny_path(f->dir, "out")));
    assert_ok(dataset_open(&f->d, tiny_path(f->dir, "out")));
}

/* Every trained target of the run with the three tokens before it, in order, as text. */
static void trained(struct fixture *f, struct str *out) {
    for (int64_t step = 0; step < loader_n_steps(f->l); step++) {
        const struct loader_row *rows;
        int64_t n;
        assert_ok(loader_rows(f->l, step, &rows, &n));
        assert_true(n >= 1 && n <= f->options.rows_per_step);
        for (int64_t r = 0; r < n; r++) {
            assert_true(rows[r].n <= loader_max_row_tokens(f->l));
            assert_true(rows[r].n <= f->options.sequence_len);
            assert_int_equal(rows[r].doc_start[0], 1);
            for (int64_t t = 0; t < rows[r].n; t++)
                if (rows[r].targets[t] != LOADER_IGNORE)
                    assert_ok(str_printf(out, "%d,%d>%d ", t > 0 ? rows[r].ids[t - 1] : -1,
                                         rows[r].ids[t], rows[r].targets[t]));
        }
    }
}

static void packing_changes_no_target(void **state) {
    struct fixture *f = *state;
    struct str packed = {0}, alone = {0}, wide = {0};
    build_many(f, 50);
    f->options.packing = PACKING_NEXT_FIT;
    load(f);
    int64_t n_packed = loader_n_steps(f->l);
    trained(f, &packed);
    f->options.packing = PACKING_NONE;
    load(f);
    assert_true(n_packed < loader_n_steps(f->l));
    assert_int_equal(loader_n_steps(f->l), 2 * 13);
    trained(f, &alone);
    f->options.packing = PACKING_NEXT_FIT;
    f->options.sequence_len = 400;
    load(f);
    trained(f, &wide);
    assert_string_equal(str_text(&packed), str_text(&alone));
    assert_string_equal(str_text(&packed), str_text(&wide));
    int64_t n_targets = 0;
    for (size_t i = 0; i < packed.len; i++) n_targets += packed.data[i] == '>';
    assert_int_equal(n_targets, 2 * dataset_n_answer_tokens(f->d, SPLIT_TRAIN));
    str_release(&packed);
    str_release(&alone);
    str_release(&wide);
}

/* Over all trained targets with the two tokens before them, whatever their order. */
static uint64_t trained_sum(struct fixture *f) {
    uint64_t sum = 0;
    for (int64_t step = 0; step < loader_n_steps(f->l); step++) {
        const struct loader_row *rows;
        int64_t n;
        assert_ok(loader_rows(f->l, step, &rows, &n));
        for (int64_t r = 0; r < n; r++)
            for (int64_t t = 0; t < rows[r].n; t++) {
                if (rows[r].targets[t] == LOADER_IGNORE) continue;
                uint64_t before = t > 0 ? (uint64_t)rows[r].ids[t - 1] : 0;
                uint64_t hash =
                    (before << 40 ^ (uint64_t)rows[r].ids[t] << 20 ^ (uint64_t)rows[r].targets[t]) *
                    UINT64_C(0x9E3779B97F4A7C15);
                sum += hash ^ hash >> 29;
            }
    }
    return sum;
}

static void best_fit_trains_the_same_in_fewer_rows(void **state) {
    struct fixture *f = *state;
    struct loader_epoch epoch[3];
    uint64_t sums[3];
    build_many(f, 200);
    f->options.sequence_len = 400;
    f->options.epochs = 1;
    static const enum packing how[] = {PACKING_NONE, PACKING_NEXT_FIT, PACKING_BEST_FIT};
    for (int i = 0; i < 3; i++) {
        f->options.packing = how[i];
        load(f);
        sums[i] = trained_sum(f);
        assert_ok(loader_epoch(f->l, 0, &epoch[i]));
        assert_int_equal(epoch[i].n_documents, 200);
        assert_int_equal(epoch[i].n_tokens, dataset_n_tokens(f->d, SPLIT_TRAIN));
        assert_int_equal(epoch[i].n_trained, dataset_n_answer_tokens(f->d, SPLIT_TRAIN));
        assert_int_equal(epoch[i].n_positions, epoch[i].n_tokens - epoch[i].n_rows);
        assert_true(epoch[i].full <= 1);
        assert_true(i == 0 || epoch[i].full > epoch[i - 1].full);
        assert_true(sums[i] == sums[0]);
    }
    assert_int_equal(epoch[0].n_rows, 200);
    /* No packing has fewer rows than tokens over capacity. */
    assert_in_range(epoch[2].n_rows, epoch[2].n_tokens / 401, epoch[2].n_tokens / 401 + 1);
}

static uint64_t digest_step(struct fixture *f, int64_t step) {
    const struct loader_row *rows;
    int64_t n;
    uint64_t hash = 0;
    assert_ok(loader_rows(f->l, step, &rows, &n));
    for (int64_t r = 0; r < n; r++)
        for (int64_t t = 0; t < rows[r].n; t++)
            hash = hash * 1000003u + (uint64_t)rows[r].ids[t] * 4 + rows[r].doc_start[t] * 2u +
                   (rows[r].targets[t] >= 0);
    return hash;
}

static void a_step_is_a_function_of_its_number(void **state) {
    struct fixture *f = *state;
    uint64_t inorder[64];
    build_many(f, 50);
    load(f);
    int64_t n = loader_n_steps(f->l);
    assert_true(n > 4 && n < 64);
    for (int64_t step = 0; step < n; step++) inorder[step] = digest_step(f, step);
    for (int64_t i = 0; i < n; i++) {
        int64_t step = (i * 5 + 3) % n;
        assert_true(digest_step(f, step) == inorder[step]);
    }
    load(f); /* another loader, begun in the middle */
    assert_true(digest_step(f, n / 2) == inorder[n / 2]);
    assert_true(inorder[0] != inorder[loader_steps_per_epoch(f->l)]); /* epochs differ */
    f->options.seed++;
    load(f);
    assert_true(digest_step(f, 0) != inorder[0]);
}

static void borders_are_trained_only_when_asked(void **state) {
    struct fixture *f = *state;
    const struct loader_row *rows;
    int64_t n, n_borders = 0;
    build_many(f, 20);
    f->options.loss_mask = LOSS_MASK_ALL;
    for (int across = 0; across < 2; across++) {
        f->options.train_across_borders = across;
        load(f);
        assert_ok(loader_rows(f->l, 0, &rows, &n));
        for (int64_t t = 0; t < rows[0].n; t++) {
            bool border = t + 1 < rows[0].n && rows[0].doc_start[t + 1];
            n_borders += border;
            assert_int_equal(rows[0].targets[t] != LOADER_IGNORE, across || !border);
            if (border) assert_int_equal(rows[0].ids[t], dataset_eod(f->d));
        }
    }
    assert_true(n_borders > 0);
}

static void epochs_and_steps_are_counted(void **state) {
    struct fixture *f = *state;
    build_many(f, 50);
    f->options.packing = PACKING_NONE;
    f->options.epochs = 2.5;
    load(f);
    assert_int_equal(loader_n_steps(f->l), 13 + 13 + 7);
    assert_int_equal(loader_steps_per_epoch(f->l), 13);
    assert_int_equal(loader_epoch_of(f->l, 12), 0);
    assert_int_equal(loader_epoch_of(f->l, 13), 1);
    assert_int_equal(loader_epoch_of(f->l, 32), 2);
    f->options.max_steps = 40;
    load(f);
    assert_int_equal(loader_n_steps(f->l), 40);
    assert_int_equal(loader_epoch_of(f->l, 39), 3);
    f->options.max_steps = 5;
    load(f);
    assert_int_equal(loader_n_steps(f->l), 5);
    struct str text = {0};
    assert_ok(loader_describe(f->l, 0, &text));
    assert_non_null(strstr(str_text(&text), "y.txt line "));
    str_release(&text);
}

static void in_order_means_as_stored(void **state) {
    struct fixture *f = *state;
    const struct loader_row *rows;
    int64_t n;
    build_many(f, 9);
    f->options.in_order = true;
    f->options.packing = PACKING_NONE;
    f->options.epochs = 1;
    load(f);
    for (int64_t step = 0, row = 0; step < loader_n_steps(f->l); step++) {
        assert_ok(loader_rows(f->l, step, &rows, &n));
        for (int64_t r = 0; r < n; r++, row++)
            assert_memory_equal(rows[r].ids, dataset_tokens(f->d, SPLIT_TRAIN, row),
                                (size_t)rows[r].n * sizeof(int32_t));
    }
}

/* Replay is a group of its own in the dataset, is never validated with, and comes in every epoch
 * with its share; temperature and budget come to the loader with the dataset. */
static void the_mix_comes_with_the_dataset(void **state) {
    struct fixture *f = *state;
    struct loader_epoch all, replay;
    static char general[256];
    snprintf(general, sizeof general, "%s", many_rows(f, "general.txt", 30));
    f->t.options.replay = (struct data_replay){.path = general, .share = 0.25};
    f->t.options.mix = (struct data_mix){.temperature = 2, .tokens = 1500};
    f->t.options.validation = 0.2;
    build_many(f, 80);
    assert_int_equal(dataset_n_groups(f->d), 2);
    assert_int_equal(dataset_group(f->d, 0)->role, GROUP_SOURCE);
    assert_int_equal(dataset_group(f->d, 1)->role, GROUP_REPLAY);
    assert_string_equal(dataset_group(f->d, 1)->name, "general.txt");
    assert_int_equal(dataset_n_rows(f->d, SPLIT_VALID), 16);
    assert_int_equal(dataset_n_rows(f->d, SPLIT_TRAIN), 64 + 30);
    assert_true(dataset_mix(f->d)->temperature == 2);
    load(f);
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        assert_ok(loader_epoch(f->l, epoch, &all));
        assert_ok(loader_epoch_group(f->l, epoch, 1, &replay));
        assert_in_range(all.n_tokens, 1400, 1500);
        double share = (double)replay.n_trained / (double)all.n_trained;
        assert_true(share > 0.2 && share <= 0.25);
    }
    int64_t n = loader_n_steps(f->l);
    uint64_t last = digest_step(f, n - 1);
    load(f);
    assert_true(digest_step(f, n - 1) == last); /* without the epochs before it */
}

/* One row that fits 10 positions, one whose prompt is too long, one whose answer is. */
static void build_long(struct fixture *f, int n) {
    static const char text[] = "a<sep>b\nabcdefghijkl<sep>xyz\n";
    struct str all = {0};
    assert_ok(str_add(&all, text));
    if (n > 2) assert_ok(str_add(&all, "a<sep>abcdefghijkl\n"));
    tiny_add_source(&f->t, tiny_file(f->dir, "y.txt", str_text(&all)), NULL);
    str_release(&all);
    assert_ok(data_build(&f->t.build, tiny_path(f->dir, "out")));
    assert_ok(dataset_open(&f->d, tiny_path(f->dir, "out")));
    f->options.sequence_len = 10;
    f->options.in_order = true;
}

static void long_rows_are_an_error(void **state) {
    struct fixture *f = *state;
    build_long(f, 2);
    assert_fails(loader_open(&f->l, f->d, SPLIT_TRAIN, &f->options), ERR_LIMIT,
                 "y.txt line 2: its 19 tokens do not fit train.sequence_len 10");
}

static void long_rows_are_dropped(void **state) {
    struct fixture *f = *state;
    build_long(f, 3);
    f->options.overlong = OVERLONG_DROP;
    load(f);
    assert_int_equal(loader_n_dropped(f->l), 2);
    assert_int_equal(loader_max_row_tokens(f->l), 6 - 1);
}

static void long_prompts_are_cut_and_answers_never(void **state) {
    struct fixture *f = *state;
    const struct loader_row *rows;
    int64_t n;
    build_long(f, 2);
    f->options.overlong = OVERLONG_TRUNCATE_PROMPT;
    f->options.packing = PACKING_NONE;
    load(f);
    assert_int_equal(loader_n_truncated(f->l), 1);
    assert_ok(loader_rows(f->l, 0, &rows, &n));
    assert_int_equal(n, 2);
    assert_int_equal(rows[1].n, 10);
    const int a = TINY_FIRST_CHARACTER + 'a' - '!';
    assert_int_equal(rows[1].ids[0], a + 7); /* "hijkl" is left of the prompt */
    assert_int_equal(rows[1].ids[5], dataset_sep(f->d));
    assert_int_equal(rows[1].targets[4], LOADER_IGNORE);
    assert_int_equal(rows[1].targets[9], dataset_eod(f->d));
    int64_t n_trained = 0;
    for (int64_t t = 0; t < 10; t++) n_trained += rows[1].targets[t] != LOADER_IGNORE;
    assert_int_equal(n_trained, 5);
    f->options.sequence_len = 6; /* a token of prompt, <sep>, five of the answer */
    load(f);
    f->options.sequence_len = 5;
    loader_close(f->l);
    assert_fails(loader_open(&f->l, f->d, SPLIT_TRAIN, &f->options), ERR_LIMIT,
                 "even when only one token of its prompt is left");
}

static void nothing_to_train_is_an_error(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t, tiny_file(f->dir, "y.txt", "plain\ntext\n"), NULL);
    assert_ok(data_build(&f->t.build, tiny_path(f->dir, "out")));
    assert_ok(dataset_open(&f->d, tiny_path(f->dir, "out")));
    assert_fails(loader_open(&f->l, f->d, SPLIT_TRAIN, &f->options), ERR_RANGE,
                 "trains no token under the loss mask 'answer'");
    f->options.loss_mask = LOSS_MASK_ALL;
    load(f);
    loader_close(f->l);
    assert_fails(loader_open(&f->l, f->d, SPLIT_VALID, &f->options), ERR_RANGE,
                 "has no row to use");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(packing_changes_no_target),
        TEST(best_fit_trains_the_same_in_fewer_rows),
        TEST(a_step_is_a_function_of_its_number),
        TEST(borders_are_trained_only_when_asked),
        TEST(epochs_and_steps_are_counted),
        TEST(in_order_means_as_stored),
        TEST(the_mix_comes_with_the_dataset),
        TEST(long_rows_are_an_error),
        TEST(long_rows_are_dropped),
        TEST(long_prompts_are_cut_and_answers_never),
        TEST(nothing_to_train_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
