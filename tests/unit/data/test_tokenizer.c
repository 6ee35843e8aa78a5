/* SPDX-License-Identifier: Apache-2.0
 * The tokenizer over files other than Yuan's own: where special tokens get their ids, which
 * folders are refused, white space beside <sep>, and text from outside that spells a special
 * token. Yuan's own file is held against its golden ids in tests/golden/test_tokenizer.c. */
#include "tests/unit/data/tiny.h"

enum { AFTER_CHARACTERS = TINY_FIRST_CHARACTER + 95 };

static const char *dir;

static int setup(void **state) {
    (void)state;
    dir = test_folder();
    return 0;
}
static int teardown(void **state) {
    (void)state;
    test_folder_remove(dir);
    return 0;
}

static void missing_specials_follow_the_pieces(void **state) {
    (void)state;
    static const char *const some[] = {"<sep>", NULL};
    struct tokenizer *t;
    tiny_tokenizer(dir, some, TINY_CONTROL);
    assert_ok(tokenizer_open(&t, dir));
    assert_int_equal(tokenizer_special(t, SPECIAL_UNK), 0);
    assert_int_equal(tokenizer_special(t, SPECIAL_BOS), 1);
    assert_int_equal(tokenizer_special(t, SPECIAL_SEP), AFTER_CHARACTERS);
    assert_int_equal(tokenizer_special(t, SPECIAL_EOD), AFTER_CHARACTERS + 1);
    assert_int_equal(tokenizer_special(t, SPECIAL_PAD), AFTER_CHARACTERS + 2);
    assert_int_equal(tokenizer_special(t, SPECIAL_MASK), AFTER_CHARACTERS + 3);
    assert_int_equal(tokenizer_n_ids(t), AFTER_CHARACTERS + 1 + SPECIAL_COUNT - 3);
    tokenizer_free(t);
}

static void added_tokens_decide_ids(void **state) {
    (void)state;
    struct tokenizer *t;
    char text[128], before[SHA256_HEX_SIZE];
    tiny_tokenizer(dir, tiny_specials, TINY_CONTROL);
    assert_ok(tokenizer_open(&t, dir));
    memcpy(before, tokenizer_digest(t), sizeof before);
    tokenizer_free(t);
    snprintf(text, sizeof text, "{\"<mask>\": %d, \"<sep>\": %d}", AFTER_CHARACTERS + 9,
             AFTER_CHARACTERS + 1);
    tiny_file(dir, "added_tokens.json", text);
    assert_ok(tokenizer_open(&t, dir));
    assert_string_not_equal(tokenizer_digest(t), before);
    assert_int_equal(tokenizer_special(t, SPECIAL_MASK), AFTER_CHARACTERS + 9);
    assert_int_equal(tokenizer_special(t, SPECIAL_SEP), AFTER_CHARACTERS + 1);
    assert_int_equal(tokenizer_special(t, SPECIAL_PREDICT), AFTER_CHARACTERS + 10);
    struct str out = {0};
    const int32_t gap = AFTER_CHARACTERS + 5; /* between the pieces and <mask> */
    assert_fails(tokenizer_decode(t, &gap, 1, false, &out), ERR_RANGE, "not in the tokenizer");
    tokenizer_free(t);
    str_release(&out);
}

static void added_tokens_that_lie_are_refused(void **state) {
    (void)state;
    struct tokenizer *t;
    tiny_tokenizer(dir, tiny_specials, TINY_CONTROL);
    tiny_file(dir, "added_tokens.json", "{\"<sep>\": 300}");
    assert_fails(tokenizer_open(&t, dir), ERR_MISMATCH, "'<sep>' has id 300");
    tiny_file(dir, "added_tokens.json", "{\"<mask>\": 900, \"<predict>\": 900}");
    assert_fails(tokenizer_open(&t, dir), ERR_MISMATCH, "same id 900");
    tiny_file(dir, "added_tokens.json", "{\"<image>\": 900}");
    assert_fails(tokenizer_open(&t, dir), ERR_UNSUPPORTED, "<image>");
    tiny_file(dir, "added_tokens.json", "[]");
    assert_fails(tokenizer_open(&t, dir), ERR_PARSE, "added_tokens.json");
}

/* Ids up to the model's rows, and its special tokens, or both numbers are named. */
static void models_that_it_fits(void **state) {
    (void)state;
    const char *const names[] = {"<eod>", "<sep>", "<pad>", NULL};
    struct tokenizer *t;
    tiny_tokenizer(dir, names, TINY_CONTROL);
    assert_ok(tokenizer_open(&t, dir));
    const int64_t n = tokenizer_n_ids(t), pieces = tokenizer_n_pieces(t);
    const int32_t eod = tokenizer_special(t, SPECIAL_EOD), sep = tokenizer_special(t, SPECIAL_SEP),
                  pad = tokenizer_special(t, SPECIAL_PAD);
    char part[100];
    assert_true(pieces < n);
    assert_ok(tokenizer_fits(t, &(struct vocabulary){n, eod, sep, eod}));
    assert_ok(tokenizer_fits(t, &(struct vocabulary){n + 82, eod, sep, pad})); /* padded rows */
    assert_ok(tokenizer_fits(t, &(struct vocabulary){n, eod, -1, pad}));
    snprintf(part, sizeof part, "has %lld ids (%lld pieces", (long long)n, (long long)pieces);
    assert_fails(tokenizer_fits(t, &(struct vocabulary){n - 1, eod, sep, eod}), ERR_MISMATCH, part);
    snprintf(part, sizeof part, "embedding %lld rows", (long long)n - 1);
    assert_non_null(strstr(err_message(), part));
    snprintf(part, sizeof part, "<eod> is 5 in config.json and %d", eod);
    assert_fails(tokenizer_fits(t, &(struct vocabulary){n, 5, sep, 5}), ERR_MISMATCH, part);
    snprintf(part, sizeof part, "<sep> is %d in config.json and %d", eod, sep);
    assert_fails(tokenizer_fits(t, &(struct vocabulary){n, eod, eod, eod}), ERR_MISMATCH, part);
    snprintf(part, sizeof part, "<pad> is %d in config.json and %d", sep, pad);
    assert_fails(tokenizer_fits(t, &(struct vocabulary){n, eod, sep, sep}), ERR_MISMATCH, part);
    tokenizer_free(t);
}

static void folders_without_a_tokenizer_are_refused(void **state) {
    (void)state;
    struct tokenizer *t;
    assert_fails(tokenizer_open(&t, dir), ERR_MISSING, "tokenizer.model");
    tiny_file(dir, "tokenizer.model", "no protocol buffer at all");
    assert_fails(tokenizer_open(&t, dir), ERR_PARSE, "tokenizer.model");
}

static void special_pieces_that_text_can_reach_are_refused(void **state) {
    (void)state;
    struct tokenizer *t;
    tiny_tokenizer(dir, tiny_specials, TINY_USER);
    assert_fails(tokenizer_open(&t, dir), ERR_UNSUPPORTED, "'<eod>'");
    assert_non_null(strstr(err_hint(), "control"));
}

static void expect(const struct tokenizer *t, const struct tokens *ids, const char *want) {
    struct str got = {0};
    for (int64_t i = 0; i < ids->n; i++) {
        assert_ok(tokenizer_add_piece(t, ids->ids[i], &got));
        if (i + 1 < ids->n) assert_ok(str_add(&got, "|"));
    }
    assert_string_equal(str_text(&got), want);
    str_release(&got);
}

static void white_space_beside_sep_is_a_choice(void **state) {
    (void)state;
    static const char text[] = "a \n<sep>\xE3\x80\x80 b<eod> c";
    struct tokenizer *t;
    struct tokens ids = {0};
    tiny_tokenizer(dir, tiny_specials, TINY_CONTROL);
    assert_ok(tokenizer_open(&t, dir));
    assert_ok(tokenizer_encode(t, text, sizeof text - 1, WHITESPACE_STRIP, &ids));
    expect(t, &ids, " |a|<sep>| |b|<eod>| | |c");
    tokens_clear(&ids);
    assert_ok(tokenizer_encode(t, text, sizeof text - 1, WHITESPACE_KEEP, &ids));
    expect(t, &ids, " |a| |<0x0A>|<sep>| |<0xE3>|<0x80>|<0x80>| |b|<eod>| | |c");
    tokens_clear(&ids);
    assert_ok(tokenizer_encode_prompt(t, "q \n", 3, WHITESPACE_STRIP, &ids));
    assert_ok(tokenizer_encode_answer(t, "\n a ", 4, WHITESPACE_STRIP, &ids));
    expect(t, &ids, " |q|<sep>| |a| |<eod>");
    tokens_clear(&ids);
    assert_ok(tokenizer_encode_prompt(t, "q \n", 3, WHITESPACE_KEEP, &ids));
    expect(t, &ids, " |q| |<0x0A>|<sep>");
    tokens_release(&ids);
    tokenizer_free(t);
}

static void plain_text_cannot_smuggle(void **state) {
    (void)state;
    struct tokenizer *t;
    struct tokens ids = {0};
    enum special_token which;
    tiny_tokenizer(dir, tiny_specials, TINY_CONTROL);
    assert_ok(tokenizer_open(&t, dir));
    assert_ok(tokenizer_encode_prompt(t, "a<eod>", 6, WHITESPACE_STRIP, &ids));
    expect(t, &ids, " |a|<|e|o|d|>|<sep>");
    assert_int_equal(tokenizer_find_special("a<<sep>", 7, &which), 2);
    assert_int_equal(which, SPECIAL_SEP);
    assert_int_equal(tokenizer_find_special("a<seg>", 6, &which), -1);
    tokens_release(&ids);
    tokenizer_free(t);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(missing_specials_follow_the_pieces),
        TEST(added_tokens_decide_ids),
        TEST(added_tokens_that_lie_are_refused),
        TEST(models_that_it_fits),
        TEST(folders_without_a_tokenizer_are_refused),
        TEST(special_pieces_that_text_can_reach_are_refused),
        TEST(white_space_beside_sep_is_a_choice),
        TEST(plain_text_cannot_smuggle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
