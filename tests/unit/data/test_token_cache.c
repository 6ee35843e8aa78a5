/* SPDX-License-Identifier: Apache-2.0
 * Encoded rows that are kept: the same dataset with and without them, found only for the same text
 * under the same rules, and never believed when the file is damaged, cut, of another version or
 * another file's; a folder that cannot be written to stops nothing.
 * Under test: data/tokens/token_cache.h, data/tokens/encoding.h. */
#include "base/par.h"
#include "data/dataset/dataset.h"
#include "data/tokens/encoding.h"
#include "tests/unit/data/tiny.h"

enum { ROWS = 2200, SOURCES = 3 };

struct fixture {
    const char *dir;
    char cache[256];
    struct tokenizer *tokenizer;
    struct arena arena;
    struct sample samples[ROWS];
    struct row_text rows[ROWS];
    struct str got; /* of the last encoding: every id and flag */
    int64_t n_got;
};

/* Texts of 1 to 300 characters: more than a cache is worth. */
static void make_rows(struct fixture *f) {
    for (int i = 0; i < ROWS; i++) {
        struct turn *turn = arena_alloc(&f->arena, 1, sizeof *turn);
        char *text =
            arena_printf(&f->arena, "p%d%.*s", i, i % 150,
                         "the quick brown fox jumps over the lazy dog, the quick brown fox "
                         "jumps over the lazy dog, the quick brown fox jumps over the dog!");
        assert_true(turn && text);
        *turn = (struct turn){
            .prompt = {text, strlen(text)}, .answer = {text, strlen(text)}, .trained = true};
        f->samples[i] = (struct sample){.kind = SAMPLE_TURNS, .n = 1, .turns = turn};
        f->rows[i].sample = &f->samples[i];
    }
}

static int setup(void **state) {
    static struct fixture f;
    char path[256];
    f = (struct fixture){.dir = test_folder()};
    snprintf(path, sizeof path, "%s/tokenizer", f.dir);
    snprintf(f.cache, sizeof f.cache, "%s/cache", f.dir);
    tiny_tokenizer(path, tiny_specials, TINY_CONTROL);
    assert_ok(tokenizer_open(&f.tokenizer, path));
    make_rows(&f);
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    tokenizer_free(f->tokenizer);
    arena_release(&f->arena);
    str_release(&f->got);
    par_set_threads(0);
    test_folder_remove(f->dir);
    return 0;
}

static err take(void *ctx, const struct row_text *row, const struct row_tokens *tokens) {
    struct fixture *f = ctx;
    assert_ptr_equal(row, &f->rows[f->n_got++]);
    TRY(str_append(&f->got, (const char *)tokens->ids.ids,
                   (size_t)tokens->ids.n * sizeof(int32_t)));
    return str_append(&f->got, str_text(&tokens->answer), tokens->answer.len);
}

static struct token_cache_options plain(const struct fixture *f) {
    return (struct token_cache_options){.dir = f->cache, .tokenizer = f->tokenizer};
}

/* Encodes the rows as one source of this hash; returns how many were found. */
static int64_t encode(struct fixture *f, const struct token_cache_options *o, const char *source) {
    struct token_cache *cache = NULL;
    struct token_cache_counts counts = {0};
    str_clear(&f->got);
    f->n_got = 0;
    if (o) {
        assert_ok(token_cache_open(&cache, o));
        assert_ok(token_cache_begin(cache, source, f->rows, ROWS));
    }
    const struct encoding e = {.tokenizer = f->tokenizer,
                               .whitespace = o ? o->whitespace : WHITESPACE_STRIP,
                               .cache = cache,
                               .rows = f->rows,
                               .n = ROWS,
                               .take = take,
                               .ctx = f};
    assert_ok(encode_rows(&e));
    assert_int_equal(f->n_got, ROWS);
    if (o) {
        assert_ok(token_cache_end(cache));
        counts = token_cache_counts(cache);
        assert_int_equal(counts.n_asked, ROWS);
        token_cache_close(cache);
    }
    return counts.n_found;
}

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct str copy_got(struct fixture *f) {
    struct str copy = f->got;
    f->got = (struct str){0};
    return copy;
}
static void expect_got(const struct fixture *f, const struct str *want) {
    assert_int_equal(f->got.len, want->len);
    assert_memory_equal(f->got.data, want->data, want->len);
}

static void threads_and_cache_change_nothing(void **state) {
    struct fixture *f = *state;
    const struct token_cache_options o = plain(f);
    par_set_threads(1);
    assert_int_equal(encode(f, NULL, NULL), 0);
    struct str want = copy_got(f);
    for (int threads = 1; threads < 4; threads++) {
        par_set_threads(threads);
        encode(f, NULL, NULL);
        expect_got(f, &want);
        assert_int_equal(encode(f, &o, HASH_A), threads == 1 ? 0 : ROWS);
        expect_got(f, &want);
    }
    str_release(&want);
}

static void only_the_same_is_found(void **state) {
    struct fixture *f = *state;
    struct token_cache_options o = plain(f);
    encode(f, &o, HASH_A);
    assert_int_equal(encode(f, &o, HASH_B), 0);
    f->samples[17].turns[0].answer.n--; /* as a filter would */
    f->samples[18].turns[0].trained = false;
    static const struct text_range range = {1, 3};
    f->samples[19].turns[0].ranges = &range;
    f->samples[19].turns[0].n_ranges = 1;
    assert_int_equal(encode(f, &o, HASH_A), ROWS - 3);
    struct str got = copy_got(f);
    encode(f, NULL, NULL);
    expect_got(f, &got);
    assert_int_equal(encode(f, &o, HASH_A), ROWS); /* the new ones were kept */
    o.whitespace = WHITESPACE_KEEP;
    assert_int_equal(encode(f, &o, HASH_A), 0);
    o.all_turns = true;
    assert_int_equal(encode(f, &o, HASH_A), 0);
    str_release(&got);
}

static const char *cached_file(const struct fixture *f, size_t wanted_n) {
    static char path[512];
    struct name_list names = {0};
    assert_ok(dir_list(f->cache, &names));
    assert_int_equal(names.n, wanted_n);
    snprintf(path, sizeof path, "%s/%s", f->cache, names.names[0]);
    name_list_release(&names);
    return path;
}

static void what_is_damaged_is_written_again(void **state) {
    struct fixture *f = *state;
    const struct token_cache_options o = plain(f);
    struct str file = {0};
    encode(f, &o, HASH_A);
    struct str want = copy_got(f);
    const char *path = cached_file(f, 1);
    assert_ok(file_read(path, 1 << 30, &file));
    /* of the version, an id, the number of rows, the hash */
    const size_t at[] = {15, 4000, file.len - 41, file.len - 1};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        file.data[at[i]] ^= 1;
        assert_ok(file_write(path, file.data, file.len));
        file.data[at[i]] ^= 1;
        assert_int_equal(encode(f, &o, HASH_A), 0);
        expect_got(f, &want);
        assert_int_equal(encode(f, &o, HASH_A), ROWS);
    }
    static const size_t kept[] = {0, 55, 5000};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_ok(file_write(path, file.data, kept[i]));
        assert_int_equal(encode(f, &o, HASH_A), 0);
        expect_got(f, &want);
    }
    str_release(&want);
    str_release(&file);
}

/* A file under another's name is whole, and its rows are not these. */
static void another_files_rows_are_not_taken(void **state) {
    struct fixture *f = *state;
    const struct token_cache_options o = plain(f);
    struct token_cache_options keep = o;
    struct str file = {0};
    keep.whitespace = WHITESPACE_KEEP;
    encode(f, &o, HASH_A);
    char path[512];
    snprintf(path, sizeof path, "%s", cached_file(f, 1));
    assert_ok(file_read(path, 1 << 30, &file));
    assert_ok(file_remove(path));
    encode(f, &keep, HASH_A);
    struct str want = copy_got(f);
    assert_ok(file_write(cached_file(f, 1), file.data, file.len));
    assert_int_equal(encode(f, &keep, HASH_A), 0);
    expect_got(f, &want);
    str_release(&want);
    str_release(&file);
}

static void a_folder_that_cannot_be_stops_nothing(void **state) {
    struct fixture *f = *state;
    struct token_cache_options o = plain(f);
    encode(f, NULL, NULL);
    struct str want = copy_got(f);
    tiny_file(f->dir, "file", "not a folder");
    o.dir = tiny_path(f->dir, "file/cache");
    assert_int_equal(encode(f, &o, HASH_A), 0);
    expect_got(f, &want);
    assert_string_equal(err_message(), "");
    str_release(&want);
}

/* Of a dataset of three sources, two are found when one is changed; the bytes are those of a build
 * without a cache. Rows of one source that are left out of the build are no miss. */
static void a_rebuild_encodes_what_changed(void **state) {
    struct fixture *f = *state;
    struct tiny_build t;
    char digests[2][SHA256_HEX_SIZE], names[SOURCES][32];
    tiny_build_init(&t, f->dir);
    for (int s = 0; s < SOURCES; s++) {
        struct str text = {0};
        for (int i = 0; i < ROWS; i++)
            assert_ok(str_printf(&text, "%d%s<sep>%s\n", s, f->samples[i].turns[0].prompt.text,
                                 f->samples[i].turns[0].prompt.text));
        snprintf(names[s], sizeof names[s], "source%d.txt", s);
        tiny_add_source(&t, tiny_file(f->dir, names[s], str_text(&text)), NULL);
        str_release(&text);
    }
    t.build.cache_dir = f->cache;
    assert_ok(data_build(&t.build, tiny_path(f->dir, "one")));
    (void)cached_file(f, SOURCES);
    tiny_file(f->dir, names[1], "another<sep>file\n");
    t.options.validation = 0.25;
    for (int i = 0; i < 2; i++) {
        struct dataset *d;
        assert_ok(data_build(&t.build, tiny_path(f->dir, "two")));
        assert_ok(dataset_open(&d, tiny_path(f->dir, "two")));
        snprintf(digests[i], sizeof digests[i], "%s", dataset_digest(d));
        dataset_close(d);
        t.build.cache_dir = NULL;
    }
    assert_string_equal(digests[0], digests[1]);
    (void)cached_file(f, SOURCES); /* the changed one is too small for a file */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(threads_and_cache_change_nothing),      TEST(only_the_same_is_found),
        TEST(what_is_damaged_is_written_again),      TEST(another_files_rows_are_not_taken),
        TEST(a_folder_that_cannot_be_stops_nothing), TEST(a_rebuild_encodes_what_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
