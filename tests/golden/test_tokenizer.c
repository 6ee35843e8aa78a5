/* SPDX-License-Identifier: Apache-2.0
 * Yuan 2.0's own tokenizer against its golden file: every text in both forms of white space,
 * decoding with and without special tokens, raw bytes, and lines of the official preprocessor.
 * The tokenizer is too large for this repository; the test is skipped where it is absent. */
#include "base/json.h"
#include "data/source/yuan_line.h"
#include "data/tokens/tokenizer.h"
#include "tests/golden/shared.h"
#include "tests/unit/test.h"

static struct tokenizer *tokenizer;
static const char *golden_path;

/* `want` null: no ids are wanted. */
static void expect_ids(const json_t *row, const char *key, const struct tokens *got) {
    const json_t *want = json_object_get(row, key);
    bool same = (int64_t)json_array_size(want) == got->n;
    for (int64_t i = 0; same && i < got->n; i++)
        same = json_integer_value(json_array_get(want, (size_t)i)) == got->ids[i];
    if (!same)
        fail_msg("n %lld: other %s", (long long)json_integer_value(json_object_get(row, "n")), key);
}

static void expect_text(const json_t *row, const char *key, const struct tokens *ids, bool skip) {
    struct str text = {0};
    const json_t *want = json_object_get(row, key);
    assert_ok(tokenizer_decode(tokenizer, ids->ids, ids->n, skip, &text));
    if (text.len != json_string_length(want) ||
        memcmp(str_text(&text), json_string_value(want), text.len) != 0)
        fail_msg("n %lld: %s is '%s'", (long long)json_integer_value(json_object_get(row, "n")),
                 key, str_text(&text));
    str_release(&text);
}

static void encode(const json_t *text, enum special_whitespace whitespace, struct tokens *out) {
    tokens_clear(out);
    assert_ok(tokenizer_encode(tokenizer, json_string_value(text), json_string_length(text),
                               whitespace, out));
}

static void check_text(const json_t *row, struct tokens *ids) {
    const json_t *text = json_object_get(row, "text");
    const char *kept = "ids_transformers_ge_4_34", *skipped = "decoded_skip_special_tokens";
    encode(text, WHITESPACE_KEEP, ids);
    expect_ids(row, json_object_get(row, kept) ? kept : "ids", ids);
    encode(text, WHITESPACE_STRIP, ids);
    expect_ids(row, "ids", ids);
    expect_text(row, "decoded", ids, false);
    expect_text(row, json_object_get(row, skipped) ? skipped : "decoded", ids, true);
}

static void check_raw_bytes(const json_t *row, struct tokens *ids) {
    const char *hex = json_string_value(json_object_get(row, "hex"));
    char bytes[256];
    size_t n = strlen(hex) / 2;
    assert_true(n <= sizeof bytes);
    for (size_t i = 0; i < n; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (char)strtol(pair, NULL, 16);
    }
    tokens_clear(ids);
    assert_ok(tokenizer_encode_plain(tokenizer, bytes, n, ids));
    expect_ids(row, "ids_sentencepiece_on_raw_bytes", ids);
    encode(json_object_get(row, "text_after_errors_ignore"), WHITESPACE_STRIP, ids);
    expect_ids(row, "ids_after_errors_ignore", ids);
}

static void check_line(const json_t *row, struct tokens *ids) {
    const json_t *line = json_object_get(row, "line");
    struct str text = {0};
    bool skip;
    assert_ok(yuan_line_clean(json_string_value(line), json_string_length(line), &text, &skip));
    tokens_clear(ids);
    if (!skip) {
        assert_ok(tokenizer_encode(tokenizer, str_text(&text), text.len, WHITESPACE_STRIP, ids));
        assert_ok(tokens_add(ids, tokenizer_special(tokenizer, SPECIAL_EOD)));
    }
    assert_int_equal(skip, json_is_null(json_object_get(row, "ids")));
    expect_ids(row, "ids", ids);
    /* A line read as a pair of prompt and answer gives the same tokens. */
    const char *sep = strstr(str_text(&text), "<sep>");
    if (sep) {
        tokens_clear(ids);
        assert_ok(tokenizer_encode_prompt(tokenizer, text.data, (size_t)(sep - text.data),
                                          WHITESPACE_STRIP, ids));
        assert_ok(
            tokenizer_encode_answer(tokenizer, sep + 5, strlen(sep + 5), WHITESPACE_STRIP, ids));
        expect_ids(row, "ids", ids);
    }
    str_release(&text);
}

static void check_decoding(const json_t *row, struct tokens *ids) {
    const json_t *array = json_object_get(row, "ids");
    tokens_clear(ids);
    for (size_t i = 0; i < json_array_size(array); i++)
        assert_ok(tokens_add(ids, (int32_t)json_integer_value(json_array_get(array, i))));
    expect_text(row, "decoded", ids, false);
    expect_text(row, "decoded_skip_special_tokens", ids, true);
}

static void every_row_of_the_golden_file(void **state) {
    (void)state;
    struct line_reader lines;
    struct tokens ids = {0};
    int64_t n_rows = 0;
    assert_ok(line_reader_open(&lines, golden_path, 1 << 20));
    for (bool more;; n_rows++) {
        assert_ok(line_reader_next(&lines, &more));
        if (!more) break;
        json_t *row;
        assert_ok(json_parse(lines.line, lines.len, "golden", &row));
        const char *kind = json_string_value(json_object_get(row, "kind"));
        if (strcmp(kind, "raw_bytes") == 0)
            check_raw_bytes(row, &ids);
        else if (strcmp(kind, "preprocess_line") == 0)
            check_line(row, &ids);
        else if (strcmp(kind, "decode_ids") == 0)
            check_decoding(row, &ids);
        else
            check_text(row, &ids);
        json_decref(row);
    }
    line_reader_close(&lines);
    tokens_release(&ids);
    assert_true(n_rows > 500);
}

static void special_tokens_have_the_official_ids(void **state) {
    (void)state;
    static const struct {
        enum special_token which;
        int32_t id;
    } want[] = {
        {SPECIAL_UNK, 0},
        {SPECIAL_BOS, 1},
        {SPECIAL_EOD, 77185},
        {SPECIAL_SEP, 77187},
        {SPECIAL_PAD, 77188},
        {SPECIAL_JUPYTER_START, 96630},
        {SPECIAL_JUPYTER_TEXT, 96631},
        {SPECIAL_JUPYTER_CODE, 96632},
        {SPECIAL_JUPYTER_OUTPUT, 96633},
        {SPECIAL_EMPTY_OUTPUT, 96634},
        {SPECIAL_COMMIT_BEFORE, 96635},
        {SPECIAL_COMMIT_MSG, 96636},
        {SPECIAL_COMMIT_AFTER, 96637},
        {SPECIAL_MASK, 134953},
        {SPECIAL_PREDICT, 134954},
        {SPECIAL_FIM_SUFFIX, 134955},
        {SPECIAL_FIM_PREFIX, 134956},
        {SPECIAL_FIM_MIDDLE, 134957},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_int_equal(tokenizer_special(tokenizer, want[i].which), want[i].id);
    assert_int_equal(sizeof want / sizeof want[0], SPECIAL_COUNT);
    assert_int_equal(tokenizer_n_ids(tokenizer), 134958);
}

static void plain_text_reaches_no_special_token(void **state) {
    (void)state;
    struct tokens ids = {0};
    for (int i = 0; i < SPECIAL_COUNT; i++) {
        const char *text = tokenizer_special_text((enum special_token)i);
        assert_ok(tokenizer_encode_plain(tokenizer, text, strlen(text), &ids));
    }
    for (int64_t k = 0; k < ids.n; k++)
        for (int i = 0; i < SPECIAL_COUNT; i++)
            assert_int_not_equal(ids.ids[k], tokenizer_special(tokenizer, (enum special_token)i));
    tokens_release(&ids);
}

static void ids_outside_are_refused(void **state) {
    (void)state;
    struct str text = {0};
    const int32_t over[] = {5, 134958}, under[] = {-1};
    assert_fails(tokenizer_decode(tokenizer, over, 2, false, &text), ERR_RANGE, "134958");
    assert_fails(tokenizer_decode(tokenizer, under, 1, true, &text), ERR_RANGE, "-1");
    str_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_golden_file),
        cmocka_unit_test(special_tokens_have_the_official_ids),
        cmocka_unit_test(plain_text_reaches_no_special_token),
        cmocka_unit_test(ids_outside_are_refused),
    };
    const char *dir = shared_path("tokenizer");
    golden_path = shared_path("golden/tokenizer_public.jsonl");
    if (!dir || !golden_path) return TEST_SKIPPED;
    if (tokenizer_open(&tokenizer, dir) != ERR_OK) {
        fprintf(stderr, "%s\n", err_message());
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tokenizer_free(tokenizer);
    return failed;
}
