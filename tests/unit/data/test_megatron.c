/* SPDX-License-Identifier: Apache-2.0
 * Megatron's pairs of files: every dtype, every kind of damage by its name, rows of a dataset that
 * come back from an export; and fill in the middle where a dataset is built. The files themselves
 * are held against the official ones in tests/golden/test_dataset.c. */
#include "data/source/megatron.h"
#include "data/dataset/dataset.h"
#include "data/source/read.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tiny_build t;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    tiny_build_init(&f.t, f.dir);
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    test_folder_remove(f->dir);
    return 0;
}

/* An .idx as its fields say, and the .bin beside it. */
struct pair {
    const char *magic;
    uint64_t version, n, documents;
    uint8_t code;
    int32_t sizes[4];
    int64_t offsets[4], first[2];
    const char *bin;
    size_t bin_bytes, cut_bytes; /* cut: of the .idx's end */
};

static const struct pair good = {.magic = "MMIDIDX\0",
                                 .version = 1,
                                 .n = 2,
                                 .documents = 1,
                                 .code = 4,
                                 .sizes = {1, 2},
                                 .offsets = {0, 4},
                                 .bin = "\x03\0\0\0\x04\0\0\0\xFF\xFF\xFF\xFF",
                                 .bin_bytes = 12};

static err open_pair(const struct fixture *f, const struct pair *p, struct megatron *m) {
    struct str idx = {0};
    assert_ok(str_append(&idx, p->magic, 9));
    assert_ok(str_append(&idx, &p->version, 8));
    assert_ok(str_append(&idx, &p->code, 1));
    assert_ok(str_append(&idx, &p->n, 8));
    assert_ok(str_append(&idx, &p->documents, 8));
    if (p->n <= 4) assert_ok(str_append(&idx, p->sizes, p->n * 4));
    if (p->n <= 4) assert_ok(str_append(&idx, p->offsets, p->n * 8));
    if (p->documents <= 2) assert_ok(str_append(&idx, p->first, p->documents * 8));
    assert_ok(file_write(tiny_path(f->dir, "x.idx"), idx.data, idx.len - p->cut_bytes));
    assert_ok(file_write(tiny_path(f->dir, "x.bin"), p->bin, p->bin_bytes));
    str_release(&idx);
    return megatron_open(m, tiny_path(f->dir, "x.idx"));
}

static void expect_damaged(const struct fixture *f, const struct pair *p, err code,
                           const char *why) {
    struct megatron m;
    assert_fails(open_pair(f, p, &m), code, why);
    assert_non_null(strstr(err_message(), "x.idx"));
}

static void damage_is_refused_by_name(void **state) {
    struct fixture *f = *state;
    struct pair p = good;
    p.magic = "MMIDIDY\0";
    expect_damaged(f, &p, ERR_PARSE, "does not begin as an index");
    p = good, p.version = 2;
    expect_damaged(f, &p, ERR_UNSUPPORTED, "version 2");
    p = good, p.code = 9;
    expect_damaged(f, &p, ERR_PARSE, "dtype 9");
    p = good, p.code = 7;
    expect_damaged(f, &p, ERR_UNSUPPORTED, "it holds float32");
    p = good, p.cut_bytes = 1;
    expect_damaged(f, &p, ERR_PARSE, "2 sequences and 1 documents do not make a file of");
    p = good, p.n = UINT64_MAX / 4;
    expect_damaged(f, &p, ERR_PARSE, "do not make a file");
    p = good, p.documents = UINT64_MAX / 8 + 1;
    expect_damaged(f, &p, ERR_PARSE, "do not make a file");
    p = good, p.sizes[1] = -1;
    expect_damaged(f, &p, ERR_PARSE, "sequence 1 has -1 tokens");
    p = good, p.sizes[1] = INT32_MAX;
    expect_damaged(f, &p, ERR_PARSE, "sequence 1 ends behind the .bin's 12 bytes");
    p = good, p.offsets[1] = 8;
    expect_damaged(f, &p, ERR_PARSE, "sequence 1 begins at byte 8, the one before ends at 4");
    p = good, p.offsets[0] = 4, p.offsets[1] = 0;
    expect_damaged(f, &p, ERR_PARSE, "sequence 0 begins at byte 4");
    p = good, p.sizes[1] = 1;
    expect_damaged(f, &p, ERR_PARSE, "the sequences have 8 bytes, and the .bin has 12");
    p = good, p.documents = 2, p.first[0] = 1;
    expect_damaged(f, &p, ERR_PARSE, "document 1 begins at sequence 0");
    p = good, p.first[0] = 3;
    expect_damaged(f, &p, ERR_PARSE, "document 0 begins at sequence 3");
    struct megatron m;
    assert_fails(megatron_open(&m, tiny_path(f->dir, "absent")), ERR_IO, "absent.idx");
}

static void every_dtype_is_read(void **state) {
    struct fixture *f = *state;
    static const struct {
        uint8_t code, bytes;
        const char *bin;
        int32_t want[2];
    } cases[] = {{1, 1, "\x01\xFF", {1, 255}},
                 {2, 1, "\x01\xFF", {1, -1}},
                 {3, 2, "\x01\x02\xFE\xFF", {513, -2}},
                 {4, 4, "\x01\0\0\x01\xFF\xFF\xFF\xFF", {16777217, -1}},
                 {5, 8, "\x01\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", {1, -1}},
                 {8, 2, "\x01\x02\xFE\xFF", {513, 65534}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair p = good;
        struct megatron m;
        struct tokens ids = {0};
        p.code = cases[i].code;
        p.n = 1;
        p.sizes[0] = 2;
        p.bin = cases[i].bin;
        p.bin_bytes = 2 * cases[i].bytes;
        assert_ok(open_pair(f, &p, &m));
        assert_int_equal(m.n, 1);
        assert_ok(megatron_read(&m, 0, &ids));
        assert_int_equal(ids.n, 2);
        assert_memory_equal(ids.ids, cases[i].want, sizeof cases[i].want);
        megatron_close(&m);
        tokens_release(&ids);
    }
    struct pair p = good;
    struct megatron m;
    struct tokens ids = {0};
    p.code = 5, p.n = 1, p.sizes[0] = 1, p.bin = "\0\0\0\x80\0\0\0\0", p.bin_bytes = 8;
    assert_ok(open_pair(f, &p, &m));
    assert_fails(megatron_read(&m, 0, &ids), ERR_RANGE, "token 1 is 2147483648");
    megatron_close(&m);
    tokens_release(&ids);
}

/* The rows of a split, as `data export` writes them. */
static void export_rows(const struct dataset *d, const char *prefix) {
    struct megatron_writer w;
    assert_ok(megatron_writer_open(&w, prefix));
    for (int64_t i = 0; i < dataset_n_rows(d, SPLIT_TRAIN); i++)
        assert_ok(megatron_writer_add(&w, dataset_tokens(d, SPLIT_TRAIN, i),
                                      dataset_rows(d, SPLIT_TRAIN)[i].n_tokens));
    assert_ok(megatron_writer_commit(&w));
}

/* Tokens and what is trained of them are the same from the text and from the exported files. */
static void exported_rows_come_back(void **state) {
    struct fixture *f = *state;
    struct dataset *one, *other;
    tiny_add_source(&f->t, tiny_file(f->dir, "y.txt", "ab<sep>c\nplain\nd<n>e<sep>f\n"), NULL);
    f->t.sources[0].text = "trained";
    assert_ok(data_build(&f->t.build, tiny_path(f->dir, "one")));
    assert_ok(dataset_open(&one, tiny_path(f->dir, "one")));
    export_rows(one, tiny_path(f->dir, "rows"));
    snprintf(f->t.source_paths[0], sizeof f->t.source_paths[0], "%s",
             tiny_path(f->dir, "rows.idx"));
    assert_ok(data_build(&f->t.build, tiny_path(f->dir, "other")));
    assert_ok(dataset_open(&other, tiny_path(f->dir, "other")));
    int64_t n = dataset_n_rows(one, SPLIT_TRAIN);
    assert_int_equal(n, 3);
    assert_int_equal(dataset_n_rows(other, SPLIT_TRAIN), n);
    for (int64_t i = 0; i < n; i++) {
        int32_t tokens = dataset_rows(one, SPLIT_TRAIN)[i].n_tokens;
        assert_int_equal(dataset_rows(other, SPLIT_TRAIN)[i].n_tokens, tokens);
        assert_memory_equal(dataset_tokens(other, SPLIT_TRAIN, i),
                            dataset_tokens(one, SPLIT_TRAIN, i), (size_t)tokens * 4);
        assert_memory_equal(dataset_answer(other, SPLIT_TRAIN, i),
                            dataset_answer(one, SPLIT_TRAIN, i), (size_t)tokens);
    }
    dataset_close(one);
    dataset_close(other);
}

/* ---- fill in the middle ---- */

static void build_rows(struct fixture *f, const char *name, struct dataset **out) {
    assert_ok(data_build(&f->t.build, tiny_path(f->dir, name)));
    assert_ok(dataset_open(out, tiny_path(f->dir, name)));
}

static void plain_rows_are_permuted_where_that_is_asked_for(void **state) {
    struct fixture *f = *state;
    struct dataset *off, *on, *again;
    struct str text = {0};
    struct tokenizer *t;
    for (int i = 0; i < 200; i++) assert_ok(str_printf(&text, "plain text %d\nq%d<sep>a\n", i, i));
    tiny_add_source(&f->t, tiny_file(f->dir, "y.txt", str_text(&text)), NULL);
    f->t.sources[0].text = "trained";
    build_rows(f, "off", &off);
    f->t.options.fim = (struct data_fim){0.5, 0.5};
    build_rows(f, "on", &on);
    build_rows(f, "again", &again);
    assert_string_equal(dataset_digest(on), dataset_digest(again));
    assert_ok(tokenizer_open(&t, f->t.tokenizer_dir));
    int permuted = 0, spm = 0;
    for (int64_t i = 0; i < 400; i++) {
        const struct dataset_row *row = &dataset_rows(on, SPLIT_TRAIN)[i];
        const struct dataset_row *plain = &dataset_rows(off, SPLIT_TRAIN)[i];
        const int32_t *ids = dataset_tokens(on, SPLIT_TRAIN, i);
        assert_int_equal(ids[row->n_tokens - 1], tokenizer_special(t, SPECIAL_EOD));
        if (ids[0] != tokenizer_special(t, SPECIAL_FIM_PREFIX)) {
            assert_int_equal(row->n_tokens, plain->n_tokens);
            assert_memory_equal(ids, dataset_tokens(off, SPLIT_TRAIN, i),
                                (size_t)row->n_tokens * 4);
            continue;
        }
        assert_int_equal(i % 2, 0); /* never a row with an answer */
        permuted++;
        spm += ids[1] == tokenizer_special(t, SPECIAL_FIM_SUFFIX);
        for (int32_t k = 0; k < row->n_tokens; k++)
            assert_int_equal(dataset_answer(on, SPLIT_TRAIN, i)[k], 1);
    }
    assert_in_range(permuted, 70, 130); /* half of 200, by four deviations */
    assert_in_range(spm, permuted / 4, 3 * permuted / 4 + permuted / 8);
    tokenizer_free(t);
    str_release(&text);
    dataset_close(off);
    dataset_close(on);
    dataset_close(again);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(damage_is_refused_by_name),
        TEST(every_dtype_is_read),
        TEST(exported_rows_come_back),
        TEST(plain_rows_are_permuted_where_that_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
