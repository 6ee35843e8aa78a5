/* SPDX-License-Identifier: Apache-2.0
 * The model card: front matter that hubs read, the table, regressions by name, and that a number
 * which is not in the reports is found. Manifests and reports are given as text.
 * How a whole release is packed: tests/shell/test_chain.sh. */
#include "tests/unit/test.h"

#include "base/mem.h"
#include "release/card.h"

static json_t *parse(const char *text) {
    json_t *value = NULL;
    assert_ok(json_parse(text, strlen(text), "test", &value));
    return value;
}

static json_t *manifest(const char *license, const char *adapter) {
    struct str s = {0};
    assert_ok(str_printf(
        &s,
        "{\"card\": %d, \"about\": {\"name\": \"Nano \\\"Mars\\\"\", \"month\": \"2024-03\", "
        "\"license\": \"%s\","
        " \"license_link\": null, \"base_model\": \"org/base\", \"summary\": null,"
        " \"languages\": [\"zh\", \"en\"]}, \"requests\": [{\"id\": \"o/r#1@2\", \"scenario\":"
        " \"芯片: 代码\", \"capability\": null, \"sha256\": \"aa\"}], \"chain\": {\"adapter\": "
        "%s}}",
        CARD_VERSION, license, adapter));
    json_t *value = parse(str_text(&s));
    str_release(&s);
    return value;
}

static json_t *report(double exact, const char *first_exact, double loss) {
    struct str s = {0};
    assert_ok(str_printf(
        &s,
        "{\"cotrain_eval\": 1, \"subject\": {\"model\": \"aa\", \"adapter\": null},"
        " \"settings\": {}, \"tasks\": [{\"task\": \"requests\", \"metric\": \"exact_match\","
        " \"scores\": {\"exact_match\": %.17g, \"rouge_l\": 0.25}, \"n\": 2, \"correct\": 1,"
        " \"interval\": [0.0, 1.0], \"requests\": [{\"request\": \"o/r#1@2\", \"scenario\":"
        " \"芯片: 代码\", \"n\": 2, \"correct\": 1, \"interval\": [0.0, 1.0], \"exact_match\": "
        "%.17g,"
        " \"rouge_l\": 0.25}], \"items\": [{\"prompt\": \"first\", \"exact\": %s},"
        " {\"prompt\": \"second\", \"exact\": false}]}, {\"task\": \"validation\", \"metric\":"
        " \"loss\", \"scores\": {\"loss\": %.17g}}]}",
        exact, exact, first_exact, loss));
    json_t *value = parse(str_text(&s));
    str_release(&s);
    return value;
}

static void holds(const struct str *card, const char *text) {
    if (strstr(str_text(card), text) == NULL) fail_msg("card lacks \"%s\"", text);
}

static void card_of_an_improved_model(void **state) {
    (void)state;
    json_t *m = manifest("license-yuan", "\"bb\""), *a = report(0.0, "false", 2.0);
    json_t *b = report(1.0, "true", 1.0);
    struct str card = {0}, again = {0};
    assert_ok(card_write(m, a, b, &card));
    assert_ok(card_write(m, a, b, &again));
    assert_int_equal(card.len, again.len);
    assert_memory_equal(card.data, again.data, card.len);
    holds(&card, "---\nlicense: \"other\"\nlicense_name: \"license-yuan\"\nlicense_link: \"https:");
    holds(&card, "base_model: \"org/base\"\n");
    holds(&card, "language:\n- \"zh\"\n- \"en\"\n");
    holds(&card, "- name: \"Nano \\\"Mars\\\"\"\n");
    holds(&card, "      name: \"exact_match, before\"\n      value: 0.000000\n");
    holds(&card, "      name: \"exact_match, after\"\n      value: 1.000000\n");
    holds(&card, "| 芯片: 代码 | 2 | 0.000 | 1.000 |");
    holds(&card, "| `validation` | `loss` | – | 2.0000 | 1.0000 |");
    holds(&card, "None among what was measured.");
    holds(&card, "cotrain chat --model .");
    str_release(&card);
    str_release(&again);
    json_decref(m);
    json_decref(a);
    json_decref(b);
}

static void card_of_a_worse_model(void **state) {
    (void)state;
    json_t *m = manifest("apache-2.0", "null"), *a = report(0.5, "true", 1.0);
    json_t *b = report(0.0, "false", 1.5);
    struct str card = {0};
    assert_ok(card_write(m, a, b, &card));
    holds(&card, "license: \"apache-2.0\"\n");
    holds(&card,
          "- requests exact_match: 0.5000 → 0.0000 (+0 −1, p = 1: 可能是偶然 / may be chance)\n");
    holds(&card, "- validation loss: 1.0000 → 1.5000\n");
    holds(&card, "- 原先答对 / answered before, not any more: \"first\"\n");
    if (strstr(card.data, "None among") != NULL) fail_msg("a worse model called unharmed");
    if (strstr(card.data, "lora") != NULL) fail_msg("full fine-tuning called LoRA");
    str_release(&card);
    json_decref(m);
    json_decref(a);
    json_decref(b);
}

static err check(const char *card, const json_t *m, const json_t *before, const json_t *after) {
    bool whole = false;
    return card_check(&(struct card_claims){card, m, before, after}, &whole);
}

static void numbers_of_other_reports_are_found(void **state) {
    (void)state;
    json_t *m = manifest("apache-2.0", "null"), *a = report(0.0, "false", 2.0);
    json_t *b = report(1.0, "true", 1.0), *c = report(0.999, "true", 1.0);
    json_t *d = report(0.9999, "true", 1.0); /* rounds to the same table, not the same index */
    struct str card = {0};
    assert_ok(card_write(m, a, b, &card));
    assert_ok(check(card.data, m, a, b));
    assert_fails(check(card.data, m, a, c), ERR_GATE, "table");
    assert_fails(check(card.data, m, a, d), ERR_GATE, "model-index");
    assert_fails(check(card.data, m, b, b), ERR_GATE, "README.md");
    str_release(&card);
    json_decref(m);
    json_decref(a);
    json_decref(b);
    json_decref(c);
    json_decref(d);
}

/* Any byte of the words; of a card with the words of another version only what it claims. */
static void edited_words_are_found(void **state) {
    (void)state;
    json_t *m = manifest("apache-2.0", "null"), *a = report(0.0, "false", 2.0);
    json_t *b = report(1.0, "true", 1.0);
    struct str card = {0};
    bool whole = false;
    assert_ok(card_write(m, a, b, &card));
    for (size_t i = 0; i < card.len; i++) {
        card.data[i] ^= 1;
        assert_fails(check(card.data, m, a, b), ERR_GATE, "'README.md'");
        card.data[i] ^= 1;
    }
    assert_ok(str_add(&card, "It is perfect.\n"));
    assert_fails(check(card.data, m, a, b), ERR_GATE, "was edited");
    struct card_claims claims = {card.data, m, a, b};
    assert_int_equal(json_object_set_new(m, "card", json_integer(CARD_VERSION + 1)), 0);
    assert_ok(card_check(&claims, &whole));
    assert_false(whole);
    str_release(&card);
    json_decref(m);
    json_decref(a);
    json_decref(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(card_of_an_improved_model),
        cmocka_unit_test(card_of_a_worse_model),
        cmocka_unit_test(numbers_of_other_reports_are_found),
        cmocka_unit_test(edited_words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
