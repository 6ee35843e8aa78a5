/* SPDX-License-Identifier: Apache-2.0
 * GGUF: heads that lie are refused by name, and no damaged or missing byte does more than that;
 * names go there and back; a file without our own key gives a config from the keys it has.
 * Under test: model/formats/gguf.h, gguf_names.h. */
#include "model/formats/gguf_names.h"
#include "model/params_int.h"
#include "tests/unit/test.h"

/* A file in the making. */
struct made {
    struct str bytes;
};

static void put(struct made *m, uint64_t value, int n) {
    for (int i = 0; i < n; i++)
        assert_ok(str_append(&m->bytes, &(char){(char)(value >> 8 * i)}, 1));
}

static void put_text(struct made *m, const char *text) {
    put(m, strlen(text), 8);
    assert_ok(str_add(&m->bytes, text));
}

static void begin(struct made *m, uint64_t n_tensors, uint64_t n_keys) {
    *m = (struct made){0};
    assert_ok(str_add(&m->bytes, "GGUF"));
    put(m, 3, 4);
    put(m, n_tensors, 8);
    put(m, n_keys, 8);
}

static void put_key(struct made *m, const char *key, enum gguf_type type) {
    put_text(m, key);
    put(m, type, 4);
}

static void put_u32_key(struct made *m, const char *key, uint32_t value) {
    put_key(m, key, GGUF_U32);
    put(m, value, 4);
}

static void put_string_key(struct made *m, const char *key, const char *value) {
    put_key(m, key, GGUF_STRING);
    put_text(m, value);
}

/* Dimensions innermost first. */
static void put_tensor(struct made *m, const char *name, int n_dims, const uint64_t *dims,
                       uint32_t type, uint64_t offset) {
    put_text(m, name);
    put(m, (uint64_t)n_dims, 4);
    for (int i = 0; i < n_dims; i++) put(m, dims[i], 8);
    put(m, type, 4);
    put(m, offset, 8);
}

static void pad(struct made *m) {
    while (m->bytes.len % GGUF_ALIGNMENT) put(m, 0, 1);
}

/* In memory of exactly that size, so that the sanitizers see a read past the end. */
static err parse(const struct made *m, size_t n) {
    struct gguf g;
    uint8_t *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    if (n) memcpy(exact, m->bytes.data, n);
    err code = gguf_parse(&g, exact, n);
    if (!code) gguf_release(&g);
    free(exact);
    return code;
}

static void refused(struct made *m, err code, const char *part) {
    assert_fails(parse(m, m->bytes.len), code, part);
    str_release(&m->bytes);
}

static void heads_that_lie(void **state) {
    (void)state;
    struct made m = {0};
    assert_ok(str_add(&m.bytes, "GGU"));
    refused(&m, ERR_PARSE, "4 bytes at byte 0 of 3");
    begin(&m, 0, 0);
    m.bytes.data[3] = 'f';
    refused(&m, ERR_PARSE, "does not begin with 'GGUF'");
    begin(&m, 0, 0);
    m.bytes.data[4] = 4;
    refused(&m, ERR_UNSUPPORTED, "version 4");
    begin(&m, 0, 0);
    m.bytes.data[4] = 0;
    m.bytes.data[7] = 3;
    refused(&m, ERR_UNSUPPORTED, "big-endian");
    begin(&m, UINT64_MAX, 0);
    refused(&m, ERR_PARSE, "18446744073709551615 tensors in a file of 24 bytes");
    begin(&m, 0, 2);
    refused(&m, ERR_PARSE, "2 keys in a file of 24 bytes");
    begin(&m, GGUF_MAX_TENSORS + 1, 0);
    for (int i = 0; i < GGUF_MAX_TENSORS + 1; i++)
        assert_ok(str_append(&m.bytes, "0123456789abcdef0123456789abcdef", 32));
    refused(&m, ERR_LIMIT, "100001 tensors, at most 100000");
    begin(&m, 0, 0);
    for (int i = 0; i < 9; i++) put(&m, 0, 1); /* one more than padding */
    refused(&m, ERR_PARSE, "1 bytes after the last tensor");
}

static void keys_that_lie(void **state) {
    (void)state;
    struct made m;
    begin(&m, 0, 1);
    put(&m, UINT64_MAX, 8);
    put(&m, 0, 8);
    refused(&m, ERR_PARSE, "a key: 18446744073709551615 bytes");
    begin(&m, 0, 1);
    put(&m, GGUF_MAX_NAME_BYTES + 1, 8);
    for (int i = 0; i < GGUF_MAX_NAME_BYTES + 1; i++) put(&m, 'x', 1);
    put(&m, 0, 8);
    refused(&m, ERR_LIMIT, "1001 bytes, at most 1000");
    begin(&m, 0, 1);
    put(&m, 1, 8);
    put(&m, 0xff, 1); /* no UTF-8 */
    put(&m, 0, 8);
    refused(&m, ERR_PARSE, "is no text");
    begin(&m, 0, 1);
    put_key(&m, "k", (enum gguf_type)13);
    put(&m, 0, 8);
    refused(&m, ERR_UNSUPPORTED, "key 'k': values of type 13");
    begin(&m, 0, 1);
    put_key(&m, "k", GGUF_STRING);
    put(&m, UINT64_MAX - 7, 8);
    refused(&m, ERR_PARSE, "key 'k': a string");
    begin(&m, 0, 1);
    put_key(&m, "k", GGUF_ARRAY);
    put(&m, GGUF_ARRAY, 4);
    put(&m, 1, 8);
    refused(&m, ERR_UNSUPPORTED, "key 'k': arrays of arrays");
    begin(&m, 0, 1);
    put_key(&m, "k", GGUF_ARRAY);
    put(&m, GGUF_F64, 4);
    put(&m, UINT64_C(1) << 61, 8); /* times 8 is 0 */
    refused(&m, ERR_PARSE, "an array of 2305843009213693952 elements in 0 bytes");
    begin(&m, 0, 1);
    put_key(&m, "k", GGUF_ARRAY);
    put(&m, GGUF_STRING, 4);
    put(&m, UINT64_C(1) << 61, 8);
    refused(&m, ERR_PARSE, "2305843009213693952 strings in 0 bytes");
    begin(&m, 0, 2);
    put_u32_key(&m, "k", 1);
    put_u32_key(&m, "k", 1);
    refused(&m, ERR_PARSE, "key 'k' stands twice");
    begin(&m, 0, 1);
    put_u32_key(&m, "general.alignment", 24);
    refused(&m, ERR_RANGE, "'general.alignment' is 24");
    begin(&m, 0, 1);
    put_u32_key(&m, "general.alignment", 0);
    refused(&m, ERR_RANGE, "'general.alignment' is 0");
    begin(&m, 0, 1);
    put_string_key(&m, "general.alignment", "32");
    refused(&m, ERR_PARSE, "'general.alignment' is not a whole number");
}

/* One tensor of these dimensions and this type at `offset`, and `data_bytes` of data. */
static void one_tensor(struct made *m, int n_dims, const uint64_t *dims, uint32_t type,
                       uint64_t offset, size_t data_bytes) {
    begin(m, 1, 0);
    put_tensor(m, "t", n_dims, dims, type, offset);
    pad(m);
    for (size_t i = 0; i < data_bytes; i++) put(m, 0, 1);
}

static void tensors_that_lie(void **state) {
    (void)state;
    struct made m;
    const uint64_t four[] = {4, 1, 1, 1}, huge[] = {UINT64_C(1) << 40, UINT64_C(1) << 40},
                   none[] = {0}, odd[] = {33}, most[] = {UINT64_MAX};
    one_tensor(&m, 1, four, 0, 0, 16);
    assert_ok(parse(&m, m.bytes.len));
    str_release(&m.bytes);
    one_tensor(&m, 0, four, 0, 0, 16);
    refused(&m, ERR_PARSE, "tensor 't': 0 dimensions");
    begin(&m, 1, 0);
    put_text(&m, "t");
    put(&m, 5, 4);
    for (int i = 0; i < 5 * 8 + 12; i++) put(&m, 1, 1);
    refused(&m, ERR_PARSE, "tensor 't': 5 dimensions, allowed are 1 to 4");
    one_tensor(&m, 2, huge, 0, 0, 16);
    refused(&m, ERR_RANGE, "dimension 1 of 1099511627776");
    one_tensor(&m, 1, most, 0, 0, 16);
    refused(&m, ERR_RANGE, "dimension 0 of 18446744073709551615");
    one_tensor(&m, 1, none, 0, 0, 16);
    refused(&m, ERR_RANGE, "dimension 0 of 0");
    one_tensor(&m, 1, four, 12, 0, 16);
    refused(&m, ERR_UNSUPPORTED, "tensor 't': stored as q4_K, which is not read");
    one_tensor(&m, 1, four, 77, 0, 16);
    refused(&m, ERR_UNSUPPORTED, "storage of type 77 is not known");
    one_tensor(&m, 1, odd, 8, 0, 64);
    refused(&m, ERR_PARSE, "rows of 33 elements are no whole blocks of q8_0");
    one_tensor(&m, 1, four, 0, 0, 15);
    refused(&m, ERR_PARSE, "tensor 't': data ends at byte 16 of 15");
    one_tensor(&m, 1, four, 0, 32, 64);
    refused(&m, ERR_PARSE, "begins at byte 32 where 0 was expected (hole)");
    one_tensor(&m, 1, four, 0, UINT64_MAX - 31, 64);
    refused(&m, ERR_PARSE, "begins at byte 18446744073709551584");
    one_tensor(&m, 1, four, 0, 0, 48);
    refused(&m, ERR_PARSE, "16 bytes after the last tensor");
    begin(&m, 2, 0);
    put_tensor(&m, "t", 1, four, 0, 0);
    put_tensor(&m, "u", 1, four, 0, 0);
    pad(&m);
    for (int i = 0; i < 64; i++) put(&m, 0, 1);
    refused(&m, ERR_PARSE, "begins at byte 0 where 32 was expected (overlap)");
    begin(&m, 2, 0);
    put_tensor(&m, "t", 1, four, 0, 32);
    put_tensor(&m, "t", 1, four, 0, 0);
    pad(&m);
    for (int i = 0; i < 64; i++) put(&m, 0, 1);
    refused(&m, ERR_PARSE, "tensor 't' stands twice");
}

/* A Yuan 2.0 head without our own key. */
static void make_yuan(struct made *m, const char *architecture) {
    char key[64];
    const struct {
        const char *key;
        uint32_t value;
    } numbers[] = {{"context_length", 64},      {"embedding_length", 8},
                   {"block_count", 1},          {"feed_forward_length", 12},
                   {"attention.head_count", 2}, {"attention.head_count_kv", 2},
                   {"rope.dimension_count", 4}};
    begin(m, 3, 12);
    put_string_key(m, "general.architecture", architecture);
    for (int i = 0; i < 7; i++) {
        snprintf(key, sizeof key, "%s.%s", architecture, numbers[i].key);
        put_u32_key(m, key, numbers[i].value);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", architecture);
    put_key(m, key, GGUF_F32);
    put(m, 0x358637bd, 4); /* 1e-6 */
    put_u32_key(m, "tokenizer.ggml.eos_token_id", 5);
    put_key(m, "tokenizer.ggml.seperator_token_id", GGUF_I32);
    put(m, 6, 4);
    put_key(m, "tokenizer.ggml.tokens", GGUF_ARRAY);
    put(m, GGUF_STRING, 4);
    put(m, 2, 8);
    put_text(m, "a");
    put_text(m, "");
    put_tensor(m, "token_embd.weight", 2, (const uint64_t[]){8, 16}, 1, 0);
    put_tensor(m, "blk.0.conv1.weight", 4, (const uint64_t[]){1, 2, 8, 4}, 1, 256);
    put_tensor(m, "output_norm.weight", 1, (const uint64_t[]){8}, 0, 384);
    pad(m);
    for (int i = 0; i < 416; i++) put(m, 0, 1);
}

static void expect_config(const struct made *m) {
    struct gguf g;
    struct model_config c;
    json_t *json = NULL;
    assert_ok(gguf_parse(&g, (const uint8_t *)m->bytes.data, m->bytes.len));
    assert_ok(gguf_config(&g, &json));
    assert_ok(model_config_parse(&c, json));
    assert_int_equal(c.vocab_size, 16); /* the embedding's rows */
    assert_int_equal(c.hidden_size, 8);
    assert_int_equal(c.intermediate_size, 12);
    assert_int_equal(c.n_layers, 1);
    assert_int_equal(c.n_heads, 2);
    assert_int_equal(c.max_positions, 64);
    assert_int_equal(c.eod, 5);
    assert_int_equal(c.sep, 6);
    assert_int_equal(c.pad, 5);
    assert_true(c.tied_head);
    assert_true(c.rms_norm_eps == 1e-6);
    model_config_release(&c);
    json_decref(json);
    gguf_release(&g);
}

static void a_config_from_the_keys(void **state) {
    (void)state;
    struct made m;
    struct gguf g;
    json_t *json;
    make_yuan(&m, "yuan2");
    expect_config(&m);
    str_release(&m.bytes);
    make_yuan(&m, "llama"); /* as the fork's first files were labelled */
    expect_config(&m);
    str_release(&m.bytes);
    make_yuan(&m, "qwen2");
    assert_ok(gguf_parse(&g, (const uint8_t *)m.bytes.data, m.bytes.len));
    assert_fails(gguf_config(&g, &json), ERR_UNSUPPORTED, "the architecture is 'qwen2'");
    gguf_release(&g);
    str_release(&m.bytes);
    begin(&m, 0, 1);
    put_string_key(&m, "general.architecture", "yuan2");
    assert_ok(gguf_parse(&g, (const uint8_t *)m.bytes.data, m.bytes.len));
    assert_fails(gguf_config(&g, &json), ERR_MISSING, "no key 'yuan2.context_length'");
    gguf_release(&g);
    str_release(&m.bytes);
}

/* Whatever is cut off or changed, a head is read or refused. */
static void damaged_bytes(void **state) {
    (void)state;
    struct made m;
    make_yuan(&m, "yuan2");
    int n_refused = 0;
    for (size_t n = 0; n < m.bytes.len; n++) assert_int_not_equal(parse(&m, n), ERR_OK);
    for (size_t i = 0; i < m.bytes.len; i++) {
        static const uint8_t changes[] = {0x01, 0x80, 0xff};
        for (int k = 0; k < 3; k++) {
            m.bytes.data[i] = (char)(m.bytes.data[i] ^ changes[k]);
            n_refused += parse(&m, m.bytes.len) != ERR_OK;
            m.bytes.data[i] = (char)(m.bytes.data[i] ^ changes[k]);
        }
    }
    assert_true(n_refused > 200);
    assert_ok(parse(&m, m.bytes.len));
    str_release(&m.bytes);
}

static void whole_numbers_of_any_width(void **state) {
    (void)state;
    struct made m;
    struct gguf g;
    int64_t value = 0;
    begin(&m, 0, 4);
    put_key(&m, "i8", GGUF_I8);
    put(&m, 0xfe, 1);
    put_key(&m, "u16", GGUF_U16);
    put(&m, 0xfffe, 2);
    put_key(&m, "i64", GGUF_I64);
    put(&m, (uint64_t)-5, 8);
    put_key(&m, "u64", GGUF_U64);
    put(&m, UINT64_MAX, 8);
    assert_ok(gguf_parse(&g, (const uint8_t *)m.bytes.data, m.bytes.len));
    assert_ok(gguf_need_int(&g, "i8", &value));
    assert_int_equal(value, -2);
    assert_ok(gguf_need_int(&g, "u16", &value));
    assert_int_equal(value, 0xfffe);
    assert_ok(gguf_need_int(&g, "i64", &value));
    assert_int_equal(value, -5);
    assert_fails(gguf_need_int(&g, "u64", &value), ERR_RANGE, "'u64' is 18446744073709551615");
    assert_fails(gguf_need_int(&g, "none", &value), ERR_MISSING, "no key 'none'");
    gguf_release(&g);
    str_release(&m.bytes);
}

/* Every parameter of the tables has a name there, and comes back from it. */
static void names_there_and_back(void **state) {
    (void)state;
    struct arena arena = {0};
    struct model_config c = {.vocab_size = 8,
                             .hidden_size = 4,
                             .intermediate_size = 4,
                             .n_layers = 12,
                             .n_heads = 1,
                             .head_size = 4};
    const char *there, *back;
    char hf[128];
    for (int64_t i = 0; i < param_spec_count(&c); i++) {
        const struct param_spec spec = param_spec_at(&c, i);
        if (spec.layer < 0)
            snprintf(hf, sizeof hf, "%s", spec.suffix);
        else
            snprintf(hf, sizeof hf, "model.layers.%d.%s", (int)spec.layer, spec.suffix);
        assert_ok(gguf_name_from_hf(hf, &arena, &there));
        assert_true(strlen(there) < 64); /* ggml's limit */
        assert_ok(gguf_name_to_hf(there, &arena, &back));
        assert_string_equal(back, hf);
    }
    static const char *const strange[] = {"blk.x.attn_q.weight",
                                          "blk.01.attn_q.weight",
                                          "blk.1attn_q.weight",
                                          "blk.1.attn_qkv.weight",
                                          "blk.99999999999.attn_q.weight",
                                          "rope_freqs.weight",
                                          ""};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        assert_fails(gguf_name_to_hf(strange[i], &arena, &back), ERR_UNSUPPORTED,
                     "is none of Yuan 2.0");
    assert_fails(gguf_name_from_hf("model.layers.0.self_attn.qk_proj.weight", &arena, &there),
                 ERR_UNSUPPORTED, "qk_proj.weight' has no name in a Yuan 2.0 GGUF file");
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_that_lie),       cmocka_unit_test(keys_that_lie),
        cmocka_unit_test(tensors_that_lie),     cmocka_unit_test(a_config_from_the_keys),
        cmocka_unit_test(damaged_bytes),        cmocka_unit_test(whole_numbers_of_any_width),
        cmocka_unit_test(names_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
