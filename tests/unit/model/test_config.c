/* SPDX-License-Identifier: Apache-2.0
 * config.json, from a file or from memory: shapes that are none, keys that would change the numbers
 * and are not handled, refused by name; keys that are kept.
 * Under test: model/config.h. */
#include "model/config.h"
#include "tests/unit/model/small.h"

static const char *folder;
static char path[256];

static void refused(const char *changes, err code, const char *part) {
    struct model_config c;
    small_config(path, changes);
    assert_fails(model_config_read(&c, path), code, part);
    assert_non_null(strstr(err_message(), "config.json"));
    assert_null(c.json);
}

/* Every key of the table that may have one value only: another one is refused by the key's name. */
static void unhandled_settings(void **state) {
    (void)state;
    static const struct {
        const char *key, *only;
    } fixed[] = {
#define FIXED_KEY(key, only, ...) {key, only},
#define INT_KEY(...)
#define NUMBER_KEY(...)
#define FLAG_KEY(...)
#define SAME_KEY(...)
#define QUANT_KEY(...)
#define IDLE_KEY(...)
#include "model/config.def"
#undef IDLE_KEY
#undef QUANT_KEY
#undef SAME_KEY
#undef FLAG_KEY
#undef NUMBER_KEY
#undef INT_KEY
#undef FIXED_KEY
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        struct model_config c;
        char changes[200], part[100];
        snprintf(changes, sizeof changes, "\"%s\": %s", fixed[i].key, fixed[i].only);
        small_config(path, changes);
        assert_ok(model_config_read(&c, path));
        model_config_release(&c);
        snprintf(changes, sizeof changes, "\"%s\": {\"other\": 1}", fixed[i].key);
        snprintf(part, sizeof part, "'%s'", fixed[i].key);
        refused(changes, ERR_UNSUPPORTED, part);
    }
    refused("\"hidden_act\": \"gelu\"", ERR_UNSUPPORTED, "'hidden_act': only \"silu\"");
    refused("\"rope_scaling\": {\"type\": \"linear\"}", ERR_UNSUPPORTED,
            "'rope_scaling' is not handled");
    refused("\"attention_dropout\": 0.1", ERR_UNSUPPORTED, "'attention_dropout': only 0");
    refused("\"num_key_value_heads\": 1", ERR_UNSUPPORTED, "'num_key_value_heads': only 3");
    refused("\"num_key_value_heads\": \"3\"", ERR_UNSUPPORTED, "'num_key_value_heads'");
    refused("\"head_dim\": 16", ERR_UNSUPPORTED, "'head_dim': only 8");
    refused("\"attention_projection_size\": 48", ERR_UNSUPPORTED, "'attention_projection_size'");
    refused("\"rms_norm_eps\": \"small\"", ERR_PARSE, "'rms_norm_eps' is not a number");
    refused("\"rms_norm_eps\": 2", ERR_RANGE, "'rms_norm_eps' is 2");
    refused("\"tie_word_embeddings\": 1", ERR_PARSE, "neither true nor false");
    struct model_config c;
    const char *twice = "{\"model_type\": \"yuan\", \"vocab_size\": 97, \"vocab_size\": 98}";
    assert_ok(file_write(path, twice, strlen(twice)));
    assert_fails(model_config_read(&c, path), ERR_PARSE, "vocab_size");
}

/* Keys that agree, keys without effect and keys that nobody knows are taken and kept. */
static void other_settings(void **state) {
    (void)state;
    struct model_config c;
    small_config(path, "\"num_key_value_heads\": 3, \"head_dim\": 8, \"rope_theta\": 1e4,"
                       " \"sliding_window\": null, \"dropout\": 0.1, \"sep_token_id\": 3,"
                       " \"torch_dtype\": 7, \"something_new\": {\"a\": [1]}");
    assert_ok(model_config_read(&c, path));
    assert_int_equal(c.sep, SMALL_SEP); /* and not sep_token_id's */
    assert_true(json_is_object(json_object_get(c.json, "something_new")));
    assert_true(json_number_value(json_object_get(c.json, "dropout")) == 0.1);
    model_config_release(&c);
}

/* An object in memory stays its owner's. */
static void from_memory(void **state) {
    (void)state;
    struct model_config c, other;
    json_t *json;
    small_config(path, NULL);
    assert_ok(json_parse_file(path, &json));
    assert_ok(model_config_parse(&c, json));
    assert_int_equal(c.vocab_size, SMALL_V);
    assert_int_equal(c.head_size, 8);
    assert_ok(model_config_parse(&other, json));
    json_decref(json);
    assert_true(json_is_object(c.json) && c.json == other.json);
    model_config_release(&c);
    assert_int_equal(json_integer_value(json_object_get(other.json, "hidden_size")), 24);
    model_config_release(&other);
    assert_ok(json_parse("[]", 2, "text", &json));
    assert_fails(model_config_parse(&c, json), ERR_PARSE, "not an object");
    assert_null(c.json);
    json_decref(json);
}

static void write_text(const char *text) {
    assert_ok(file_write(path, text, strlen(text)));
}

static void wrong_shapes(void **state) {
    (void)state;
    struct model_config c;
#define SHAPE(v, h, l, heads, eod)                                                                 \
    "{\"vocab_size\": " v ", \"hidden_size\": " h ", \"intermediate_size\": 8,"                    \
    " \"num_hidden_layers\": " l ", \"num_attention_heads\": " heads                               \
    ", \"max_position_embeddings\": 8, \"eod_token\": " eod "}"
    write_text(SHAPE("9", "8", "1", "2", "1"));
    assert_ok(model_config_read(&c, path));
    assert_int_equal(c.head_size, 4);
    assert_int_equal(c.pad, 1); /* as eod */
    assert_int_equal(c.sep, -1);
    assert_true(c.tied_head && c.rms_norm_eps == 1e-6);
    model_config_release(&c);
    write_text(SHAPE("9", "8", "1", "3", "1"));
    assert_fails(model_config_read(&c, path), ERR_RANGE, "3 heads of an even size");
    write_text(SHAPE("9", "6", "1", "2", "1"));
    assert_fails(model_config_read(&c, path), ERR_RANGE, "2 heads of an even size");
    write_text(SHAPE("9", "8", "0", "2", "1"));
    assert_fails(model_config_read(&c, path), ERR_RANGE, "'num_hidden_layers' is 0");
    write_text(SHAPE("99999999999", "8", "1", "2", "1"));
    assert_fails(model_config_read(&c, path), ERR_RANGE, "'vocab_size'");
    write_text(SHAPE("9", "\"8\"", "1", "2", "1"));
    assert_fails(model_config_read(&c, path), ERR_PARSE, "'hidden_size' is not a whole number");
    write_text(SHAPE("9", "8", "1", "2", "9"));
    assert_fails(model_config_read(&c, path), ERR_RANGE, "'eod_token' 9 is not below");
    write_text("{\"vocab_size\": 9}");
    assert_fails(model_config_read(&c, path), ERR_MISSING, "no 'hidden_size'");
    write_text("[]");
    assert_fails(model_config_read(&c, path), ERR_PARSE, "not an object");
}

static int before(void **state) {
    (void)state;
    folder = test_folder();
    snprintf(path, sizeof path, "%s/config.json", folder);
    return 0;
}
static int after(void **state) {
    (void)state;
    test_folder_remove(folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unhandled_settings, before, after),
        cmocka_unit_test_setup_teardown(other_settings, before, after),
        cmocka_unit_test_setup_teardown(from_memory, before, after),
        cmocka_unit_test_setup_teardown(wrong_shapes, before, after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
