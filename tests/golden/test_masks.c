/* SPDX-License-Identifier: Apache-2.0
 * Loss masks against the outputs of the official functions (tests/golden/masks.json, computed by
 * the released code), the worked examples of the spec, and what `answer` promises on rows
 * written out in letters. */
#include "base/json.h"
#include "data/tokens/masks.h"
#include "tests/unit/test.h"

enum { MAX_TOKENS = 256, EOD = 1, SEP = 2 };

static int64_t read_ints(const json_t *array, int32_t *out) {
    size_t n = json_array_size(array);
    assert_true(n <= MAX_TOKENS);
    for (size_t i = 0; i < n; i++) out[i] = (int32_t)json_integer_value(json_array_get(array, i));
    return (int64_t)n;
}

static void expect_mask(const json_t *item, const char *key, enum loss_mask kind) {
    int32_t sample[MAX_TOKENS], want[MAX_TOKENS];
    uint8_t got[MAX_TOKENS];
    int64_t n = read_ints(json_object_get(item, "sample"), sample) - 1;
    assert_int_equal(read_ints(json_object_get(item, key), want), n);
    assert_ok(loss_mask_apply(kind, sample, n, EOD, SEP, sample + 1, got));
    for (int64_t t = 0; t < n; t++)
        if (got[t] != want[t])
            fail_msg("%s, case '%s': position %lld is %d", key,
                     json_string_value(json_object_get(item, "kind")), (long long)t, got[t]);
}

static void masks_are_those_of_the_official_functions(void **state) {
    (void)state;
    json_t *file, *item;
    size_t i;
    assert_ok(json_parse_file(SOURCE_DIR "/tests/golden/masks.json", &file));
    assert_int_equal(json_integer_value(json_object_get(file, "eod")), EOD);
    assert_int_equal(json_integer_value(json_object_get(file, "sep")), SEP);
    json_t *cases = json_object_get(file, "cases");
    assert_true(json_array_size(cases) > 20);
    json_array_foreach(cases, i, item) {
        expect_mask(item, "hf_get_loss_mask", LOSS_MASK_YUAN_HF);
        expect_mask(item, "megatron_sft_loss_mask", LOSS_MASK_YUAN_MEGATRON);
    }
    json_decref(file);
}

/* A row in letters: q prompt, a answer, S, E; `want` a digit a label. */
static void expect_row(const char *row, enum loss_mask kind, const char *want) {
    int32_t ids[MAX_TOKENS];
    uint8_t got[MAX_TOKENS];
    int64_t n = (int64_t)strlen(row) - 1;
    for (int64_t t = 0; t <= n; t++) ids[t] = row[t] == 'E' ? EOD : row[t] == 'S' ? SEP : row[t];
    assert_ok(loss_mask_apply(kind, ids, n, EOD, SEP, ids + 1, got));
    assert_int_equal(strlen(want), n);
    for (int64_t t = 0; t < n; t++)
        if (got[t] != want[t] - '0')
            fail_msg("%s under %s: position %lld is %d", row, loss_mask_name(kind), (long long)t,
                     got[t]);
}

static void masks_are_those_of_the_worked_examples(void **state) {
    (void)state;
    expect_row("qqSaaEqqqSaE", LOSS_MASK_YUAN_HF, "00111100011");
    expect_row("qqSaaEqqqSaE", LOSS_MASK_YUAN_MEGATRON, "01111000111");
    expect_row("aaEqqSaaEqSa", LOSS_MASK_YUAN_HF, "11100111101");
    expect_row("aaEqqSaaEqSa", LOSS_MASK_YUAN_MEGATRON, "11001111011");
    expect_row("qqqSaaE", LOSS_MASK_YUAN_HF, "111111");
    expect_row("qqqSaaE", LOSS_MASK_YUAN_MEGATRON, "001111");
    expect_row("qSaaEqqSaaa", LOSS_MASK_YUAN_HF, "0111100111");
    expect_row("qSaaEqqSaaa", LOSS_MASK_YUAN_MEGATRON, "1111111111");
}

static void answer_trains_answers_and_their_ends_only(void **state) {
    (void)state;
    expect_row("qqqSaaE", LOSS_MASK_ANSWER, "000111");
    expect_row("qqSaaEqqqSaE", LOSS_MASK_ANSWER, "00111000011");
    expect_row("SaaEqSaE", LOSS_MASK_ANSWER, "1110011");
    expect_row("ESaEqSaE", LOSS_MASK_ANSWER, "0110011");
    expect_row("aaEqSaE", LOSS_MASK_ANSWER, "000011");         /* begins inside an answer */
    expect_row("qSaaEqqSaaa", LOSS_MASK_ANSWER, "0111000111"); /* the last answer is cut off */
    expect_row("ttttEqSaE", LOSS_MASK_ANSWER, "00000011");     /* a document without S */
    expect_row("tttt", LOSS_MASK_ANSWER, "000");
    expect_row("qSaSaE", LOSS_MASK_ANSWER, "01111"); /* only the first S divides */
    expect_row("tSE", LOSS_MASK_ALL, "11");
}

static void ignored_labels_stay_ignored(void **state) {
    (void)state;
    const int32_t ids[] = {5, SEP, 6, 7}, labels[] = {SEP, 6, -100, EOD};
    for (int kind = 0; kind < LOSS_MASK_COUNT; kind++) {
        uint8_t mask[4];
        assert_ok(loss_mask_apply((enum loss_mask)kind, ids, 4, EOD, SEP, labels, mask));
        assert_int_equal(mask[2], 0);
        assert_int_equal(mask[3], 1);
    }
}

static void names_are_parsed(void **state) {
    (void)state;
    enum loss_mask kind;
    for (int i = 0; i < LOSS_MASK_COUNT; i++) {
        assert_ok(loss_mask_parse(loss_mask_name((enum loss_mask)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_fails(loss_mask_parse("answers", &kind), ERR_USAGE, "unknown loss mask 'answers'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_those_of_the_official_functions),
        cmocka_unit_test(masks_are_those_of_the_worked_examples),
        cmocka_unit_test(answer_trains_answers_and_their_ends_only),
        cmocka_unit_test(ignored_labels_stay_ignored),
        cmocka_unit_test(names_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
