/* SPDX-License-Identifier: Apache-2.0
 * Megatron's files and fill in the middle against what Yuan 2.0's own code wrote: the pair of files
 * is read and written again, byte for byte, and made anew from its text with the real tokenizer;
 * documents and whole samples are permuted with the draws that were recorded. The pair stands in
 * tests/golden/dataset, text and tokenizer in the shared folder. */
#include "base/json.h"
#include "base/mem.h"
#include "data/source/megatron.h"
#include "data/source/yuan_line.h"
#include "data/tokens/fim.h"
#include "tests/golden/shared.h"
#include "tests/unit/test.h"

static const char *const prefix = SOURCE_DIR "/tests/golden/dataset/train_document_context";
static const char *const expected_path = SOURCE_DIR "/tests/golden/dataset/expected.json";

static void expect_same_file(const char *got, const char *want) {
    struct str one = {0}, other = {0};
    assert_ok(file_read(got, 1 << 24, &one));
    assert_ok(file_read(want, 1 << 24, &other));
    assert_int_equal(one.len, other.len);
    assert_memory_equal(one.data, other.data, one.len);
    str_release(&one);
    str_release(&other);
}

/* PREFIX.bin and PREFIX.idx of the folder are the golden ones. */
static void expect_golden_pair(const char *dir) {
    static const char *const endings[] = {".bin", ".idx"};
    for (int i = 0; i < 2; i++) {
        char got[256], want[512];
        snprintf(got, sizeof got, "%s/pair%s", dir, endings[i]);
        snprintf(want, sizeof want, "%s%s", prefix, endings[i]);
        expect_same_file(got, want);
    }
}

static void read_and_written_again(void **state) {
    (void)state;
    const char *dir = test_folder();
    struct megatron m;
    struct megatron_writer w;
    struct tokens ids = {0};
    json_t *expected;
    char out[256];
    assert_ok(json_parse_file(expected_path, &expected));
    snprintf(out, sizeof out, "%s/pair", dir);
    assert_ok(megatron_open(&m, prefix));
    assert_ok(megatron_writer_open(&w, out));
    size_t i;
    const json_t *line;
    int64_t at = 0;
    json_array_foreach(json_object_get(expected, "ids"), i, line) {
        if (json_is_null(line)) continue; /* the preprocessor passed over it */
        assert_true(at < m.n);
        assert_ok(megatron_read(&m, at++, &ids));
        assert_int_equal(ids.n, json_array_size(line));
        for (int64_t k = 0; k < ids.n; k++)
            assert_int_equal(ids.ids[k], json_integer_value(json_array_get(line, (size_t)k)));
        assert_ok(megatron_writer_add(&w, ids.ids, ids.n));
    }
    assert_int_equal(at, m.n);
    assert_ok(megatron_writer_commit(&w));
    expect_golden_pair(dir);
    megatron_close(&m);
    tokens_release(&ids);
    json_decref(expected);
    test_folder_remove(dir);
}

static bool open_shared_tokenizer(struct tokenizer **out) {
    const char *path = shared_path("tokenizer");
    if (!path) return false;
    assert_ok(tokenizer_open(out, path));
    return true;
}

static void made_from_its_text(void **state) {
    (void)state;
    const char *path = shared_path("golden/extras/dataset/train.txt");
    struct tokenizer *t;
    if (!path || !open_shared_tokenizer(&t)) {
        skip();
        return;
    }
    const char *dir = test_folder();
    struct line_reader lines;
    struct megatron_writer w;
    char out[256];
    snprintf(out, sizeof out, "%s/pair", dir);
    assert_ok(line_reader_open(&lines, path, 1 << 20));
    assert_ok(megatron_writer_open(&w, out));
    for (bool more = true, passed_over; more;) {
        struct str text = {0};
        struct tokens ids = {0};
        assert_ok(line_reader_next(&lines, &more));
        if (!more) break;
        assert_ok(yuan_line_clean(lines.line, lines.len, &text, &passed_over));
        if (!passed_over) {
            assert_ok(tokenizer_encode(t, str_text(&text), text.len, WHITESPACE_STRIP, &ids));
            assert_ok(tokens_add(&ids, tokenizer_special(t, SPECIAL_EOD)));
            assert_ok(megatron_writer_add(&w, ids.ids, ids.n));
        }
        str_release(&text);
        tokens_release(&ids);
    }
    assert_ok(megatron_writer_commit(&w));
    expect_golden_pair(dir);
    line_reader_close(&lines);
    tokenizer_free(t);
    test_folder_remove(dir);
}

/* ---- fill in the middle ---- */

static int64_t int_at(const json_t *list, size_t i) {
    return (int64_t)json_integer_value(json_array_get(list, i));
}

static void read_ids(const json_t *list, struct tokens *out) {
    tokens_clear(out);
    for (size_t i = 0; i < json_array_size(list); i++)
        assert_ok(tokens_add(out, (int32_t)int_at(list, i)));
}

static void expect_ids(const struct tokens *got, const json_t *want) {
    assert_int_equal(got->n, json_array_size(want));
    for (int64_t i = 0; i < got->n; i++) assert_int_equal(got->ids[i], int_at(want, (size_t)i));
}

/* The document's tokens permuted, appended. */
static void permute(const struct tokenizer *t, const int32_t *ids, int64_t n,
                    const struct fim_cut *cut, struct tokens *out) {
    struct str text = {0};
    assert_ok(tokenizer_decode(t, ids, n, false, &text));
    const struct span span = {str_text(&text), text.len};
    assert_ok(fim_permute(t, span, cut, WHITESPACE_STRIP, out));
    str_release(&text);
}

static void documents(const struct tokenizer *t, const json_t *fim) {
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(fim, "segments"), i, item) {
        struct tokens sample = {0}, got = {0};
        const json_t *cut = json_object_get(item, "boundaries_codepoints");
        read_ids(json_object_get(item, "sample"), &sample);
        permute(t, sample.ids, sample.n,
                &(struct fim_cut){int_at(cut, 0), int_at(cut, 1),
                                  strcmp(json_text_of(item, "mode"), "SPM") == 0},
                &got);
        expect_ids(&got, json_object_get(item, "permuted"));
        tokens_release(&sample);
        tokens_release(&got);
    }
    assert_true(i > 0);
}

/* As the official loader does it, with the draws in the order in which it made them: each document
 * of a sample up to its <eod>, the tail as well; what grew over the sample's length is cut. */
struct replay {
    const struct tokenizer *t;
    const json_t *draws;
    size_t at;
};

static const json_t *draw(struct replay *r) {
    assert_true(r->at < json_array_size(r->draws));
    return json_array_get(json_array_get(r->draws, r->at++), 1);
}

static void replay_document(struct replay *r, const int32_t *ids, int64_t n, struct tokens *out) {
    if (json_array_size(r->draws) == 0 || json_integer_value(draw(r)) == 0) {
        assert_ok(tokens_append(out, ids, n));
        return;
    }
    const json_t *places = draw(r);
    int64_t one = int_at(places, 0), other = int_at(places, 1);
    const struct fim_cut cut = {one < other ? one : other, one < other ? other : one,
                                json_integer_value(draw(r)) == 1};
    permute(r->t, ids, n, &cut, out);
}

static void samples(const struct tokenizer *t, const json_t *fim) {
    const int32_t eod = tokenizer_special(t, SPECIAL_EOD);
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(fim, "whole_samples"), i, item) {
        struct tokens sample = {0}, got = {0};
        struct replay r = {.t = t, .draws = json_object_get(item, "draws")};
        int64_t begin = 0;
        read_ids(json_object_get(item, "sample"), &sample);
        for (int64_t k = 0; k < sample.n; k++) {
            if (sample.ids[k] != eod) continue;
            if (k > begin) {
                replay_document(&r, sample.ids + begin, k - begin, &got);
                assert_ok(tokens_add(&got, eod));
            }
            begin = k + 1;
        }
        replay_document(&r, sample.ids + begin, sample.n - begin, &got);
        if (got.n > sample.n) got.n = sample.n;
        while (got.n < sample.n) assert_ok(tokens_add(&got, tokenizer_special(t, SPECIAL_PAD)));
        expect_ids(&got, json_object_get(item, "result"));
        assert_int_equal(r.at, json_array_size(r.draws));
        tokens_release(&sample);
        tokens_release(&got);
    }
    assert_true(i > 0);
}

static void filled_in_the_middle(void **state) {
    (void)state;
    const char *path = shared_path("golden/extras/fim.json");
    struct tokenizer *t;
    json_t *fim;
    if (!path || !open_shared_tokenizer(&t)) {
        skip();
        return;
    }
    assert_ok(json_parse_file(path, &fim));
    documents(t, fim);
    samples(t, fim);
    json_decref(fim);
    tokenizer_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_and_written_again),
        cmocka_unit_test(made_from_its_text),
        cmocka_unit_test(filled_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
