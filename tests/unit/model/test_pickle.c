/* SPDX-License-Identifier: Apache-2.0
 * The restricted unpickler: what Python's pickle wrote comes back, of each protocol; every opcode
 * and global outside of the tables is refused by its name and nothing is run; programs that do not
 * hold together, or that want memory or depth, are errors (the sanitizers watch).
 * Under test: model/formats/pickle.h. */
#include "base/mem.h"
#include "tests/unit/model/torch_writer.h"
#include "model/formats/pickle.h"

static struct arena arena;
static struct str made;

static int begin(void **state) {
    (void)state;
    made = (struct str){0};
    put(&made, "\x80\x02", 2);
    return 0;
}

static int end(void **state) {
    (void)state;
    str_release(&made);
    arena_release(&arena);
    return 0;
}

/* Parses from a block of exactly the size, so that a byte too far is seen. */
static err parse(const void *data, size_t n, const struct pickle_value **out) {
    uint8_t *exact = malloc(n + 1);
    assert_non_null(exact);
    memcpy(exact + 1, data, n);
    err code = pickle_parse(exact + 1, n, &arena, out);
    free(exact);
    return code;
}

/* OrderedDict of ints, tuple, bytes, text, shared (one list twice, and an empty tuple) and args (a
 * Namespace), as Python 3.11 wrote it. */
static const char protocol_2[] =
    "\x80\x02\x63\x63ollections\nOrderedDict\nq\x00)Rq\x01(X\x04\x00\x00\x00intsq\x02]q\x03(K"
    "\x00K\xffJ\xff\xff\xff\xffJp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x08\x00\x00"
    "\x00\x00\x00\x00\x00\x80\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00@eX\x05\x00\x00\x00tuple"
    "q\x04(G\x3f\xf8\x00\x00\x00\x00\x00\x00N\x88\x89tq\x05X\x05\x00\x00\x00\x62ytesq\x06\x63"
    "_codecs\nencode\nq\x07X\x03\x00\x00\x00\x00\xc3\xbfq\x08X\x06\x00\x00\x00latin1q\x09\x86"
    "q\nRq\x0bX\x04\x00\x00\x00textq\x0cX\x05\x00\x00\x00\xe6\xa8\xa1\xc3\xa9q\x0dX\x06\x00"
    "\x00\x00sharedq\x0e]q\x0f(]q\x10K\x07\x61h\x10)eX\x04\x00\x00\x00\x61rgsq\x11\x63\x61rgp"
    "arse\nNamespace\nq\x12)\x81q\x13}q\x14(X\x02\x00\x00\x00lrq\x15G\x3f\x1a\x36\xe2\xeb\x1c"
    "\x43-X\x05\x00\x00\x00headsq\x16K\x04ubu.";
static const char protocol_3[] =
    "\x80\x03\x63\x63ollections\nOrderedDict\nq\x00)Rq\x01(X\x04\x00\x00\x00intsq\x02]q\x03(K"
    "\x00K\xffJ\xff\xff\xff\xffJp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x8a\x08\x00\x00"
    "\x00\x00\x00\x00\x00\x80\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00@eX\x05\x00\x00\x00tuple"
    "q\x04(G\x3f\xf8\x00\x00\x00\x00\x00\x00N\x88\x89tq\x05X\x05\x00\x00\x00\x62ytesq\x06\x43"
    "\x02\x00\xffq\x07X\x04\x00\x00\x00textq\x08X\x05\x00\x00\x00\xe6\xa8\xa1\xc3\xa9q\x09X"
    "\x06\x00\x00\x00sharedq\n]q\x0b(]q\x0cK\x07\x61h\x0c)eX\x04\x00\x00\x00\x61rgsq\x0d\x63"
    "\x61rgparse\nNamespace\nq\x0e)\x81q\x0f}q\x10(X\x02\x00\x00\x00lrq\x11G\x3f\x1a\x36\xe2"
    "\xeb\x1c\x43-X\x05\x00\x00\x00headsq\x12K\x04ubu.";
static const char protocol_4[] =
    "\x80\x04\x95\xe2\x00\x00\x00\x00\x00\x00\x00\x8c\x0b\x63ollections\x94\x8c\x0bOrderedDic"
    "t\x94\x93\x94)R\x94(\x8c\x04ints\x94]\x94(K\x00K\xffJ\xff\xff\xff\xffJp\x11\x01\x00\x8a"
    "\x06\x00\x00\x00\x00\x00\x01\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80\x8a\x09\x00\x00\x00"
    "\x00\x00\x00\x00\x00@e\x8c\x05tuple\x94(G\x3f\xf8\x00\x00\x00\x00\x00\x00N\x88\x89t\x94"
    "\x8c\x05\x62ytes\x94\x43\x02\x00\xff\x94\x8c\x04text\x94\x8c\x05\xe6\xa8\xa1\xc3\xa9\x94"
    "\x8c\x06shared\x94]\x94(]\x94K\x07\x61h\x0e)e\x8c\x04\x61rgs\x94\x8c\x08\x61rgparse\x94"
    "\x8c\x09Namespace\x94\x93\x94)\x81\x94}\x94(\x8c\x02lr\x94G\x3f\x1a\x36\xe2\xeb\x1c\x43-"
    "\x8c\x05heads\x94K\x04ubu.";

static const struct pickle_value *item(const struct pickle_value *list, int64_t i) {
    assert_non_null(list);
    assert_true(i < list->list.n);
    return list->list.items[i];
}

static void expect_values(const char *data, size_t n, bool bytes) {
    const struct pickle_value *root = NULL, *v;
    assert_ok(parse(data, n, &root));
    assert_int_equal(root->kind, PICKLE_DICT);
    assert_int_equal(root->list.n, 12);
    static const int64_t ints[] = {0, 255, -1, 70000, (int64_t)1 << 40, INT64_MIN};
    v = pickle_get(root, "ints");
    for (int i = 0; i < 6; i++) {
        assert_int_equal(item(v, i)->kind, PICKLE_INT);
        assert_true(item(v, i)->integer == ints[i]);
    }
    assert_int_equal(item(v, 6)->kind, PICKLE_OPAQUE); /* 2**70 */
    v = pickle_get(root, "tuple");
    assert_int_equal(v->kind, PICKLE_TUPLE);
    assert_true(item(v, 0)->kind == PICKLE_FLOAT && item(v, 0)->number == 1.5);
    assert_int_equal(item(v, 1)->kind, PICKLE_NONE);
    assert_true(item(v, 2)->kind == PICKLE_BOOL && item(v, 2)->truth);
    assert_true(item(v, 3)->kind == PICKLE_BOOL && !item(v, 3)->truth);
    v = pickle_get(root, "bytes"); /* protocol 2 calls _codecs.encode for them */
    assert_int_equal(v->kind, bytes ? PICKLE_BYTES : PICKLE_OPAQUE);
    if (bytes) assert_memory_equal(v->text.data, "\0\xff", 2);
    v = pickle_get(root, "text");
    assert_int_equal(v->kind, PICKLE_STRING);
    assert_string_equal(v->text.data, "\xe6\xa8\xa1\xc3\xa9");
    v = pickle_get(root, "shared");
    assert_ptr_equal(item(v, 0), item(v, 1));
    assert_int_equal(item(item(v, 0), 0)->integer, 7);
    assert_int_equal(item(v, 2)->list.n, 0);
    v = pickle_get(root, "args");
    assert_int_equal(v->kind, PICKLE_NAMESPACE);
    assert_int_equal(pickle_get(v, "heads")->integer, 4);
    assert_true(pickle_get(v, "lr")->number == 1e-4);
    assert_null(pickle_get(v, "absent"));
    assert_null(pickle_get(pickle_get(v, "heads"), "absent"));
}

static void what_python_wrote(void **state) {
    (void)state;
    expect_values(protocol_2, sizeof protocol_2 - 1, false);
    expect_values(protocol_3, sizeof protocol_3 - 1, true);
    expect_values(protocol_4, sizeof protocol_4 - 1, true);
}

static void tensors_are_described(void **state) {
    (void)state;
    const struct pickle_value *v = NULL;
    const struct view view = {.storage = "BFloat16Storage",
                              .key = "17",
                              .count = 100,
                              .offset = 3,
                              .n_dims = 2,
                              .shape = {4, 5},
                              .stride = {10, 2}};
    pickle_global(&made, "torch._utils", "_rebuild_parameter");
    put(&made, "(", 1);
    pickle_tensor(&made, &view);
    put(&made, "\x88}tR.", 5);
    assert_ok(parse(made.data, made.len, &v));
    assert_int_equal(v->kind, PICKLE_TENSOR);
    assert_int_equal(v->tensor.offset, 3);
    assert_int_equal(item(v->tensor.shape, 1)->integer, 5);
    assert_int_equal(item(v->tensor.strides, 0)->integer, 10);
    assert_int_equal(v->tensor.storage->storage.dtype, DTYPE_BF16);
    assert_string_equal(v->tensor.storage->storage.key, "17");
    assert_int_equal(v->tensor.storage->storage.count, 100);
}

static void small_values(void **state) {
    (void)state;
    const struct pickle_value *v = NULL;
    pickle_global(&made, "torch", "Size");
    pickle_ints(&made, 2, (const int64_t[]){2, 3});
    put(&made, "\x85R.", 3);
    assert_ok(parse(made.data, made.len, &v));
    assert_true(v->kind == PICKLE_TUPLE && item(v, 1)->integer == 3);
    assert_ok(parse("\x80\x02"
                    "ctorch\nbfloat16\n.",
                    19, &v));
    assert_true(v->kind == PICKLE_DTYPE && v->dtype == DTYPE_BF16);
    assert_ok(parse("\x80\x02]q\0h\0a.", 9, &v)); /* a list in itself */
    assert_ptr_equal(item(v, 0), v);
    assert_ok(parse("\x80\x02\x8a\0.", 5, &v));
    assert_int_equal(v->integer, 0);
    assert_ok(parse("\x80\x02}(X\1\0\0\0aK\1X\1\0\0\0aK\2u.", 22, &v));
    assert_int_equal(pickle_get(v, "a")->integer, 2); /* the last counts */
}

static void refused_bytes(const char *data, size_t n, err code, const char *part) {
    const struct pickle_value *v = NULL;
    assert_fails(parse(data, n, &v), code, part);
    assert_null(v);
}
#define REFUSED(text, code, part) refused_bytes(text, sizeof text - 1, code, part)

/* The program that every warning about pickles shows: os.system, here making a file. */
static void nothing_is_run(void **state) {
    (void)state;
    const char *folder = test_folder();
    char command[128], witness[96];
    snprintf(witness, sizeof witness, "%s/witness", folder);
    snprintf(command, sizeof command, "echo run > %s", witness);
    static const char *const calls[][2] = {
        {"posix", "system"},      {"os", "system"},      {"nt", "system"},
        {"builtins", "eval"},     {"builtins", "exec"},  {"__builtin__", "eval"},
        {"subprocess", "Popen"},  {"torch", "load"},     {"builtins", "getattr"},
        {"torch._utils", "eval"}, {"torch.hub", "load"}, {"copyreg", "_reconstructor"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char part[64];
        snprintf(part, sizeof part, "global '%s %s' is refused", calls[i][0], calls[i][1]);
        for (int named = 0; named < 2; named++) {
            made.len = 0;
            put(&made, "\x80\x04", 2);
            if (named) {
                pickle_string(&made, calls[i][0]);
                pickle_string(&made, calls[i][1]);
                put(&made, "\x93", 1); /* STACK_GLOBAL */
            } else {
                pickle_global(&made, calls[i][0], calls[i][1]);
            }
            pickle_string(&made, command);
            put(&made, "\x85R.", 3);
            refused_bytes(made.data, made.len, ERR_UNSUPPORTED, part);
            assert_non_null(strstr(err_hint(), "nothing in it was run"));
        }
    }
    assert_false(file_exists(witness));
    test_folder_remove(folder);
}

static void opcodes_that_torch_does_not_write(void **state) {
    (void)state;
    REFUSED("\x80\x02(ios\nsystem\n.", ERR_UNSUPPORTED, "opcode INST is refused");
    REFUSED("\x80\x02(o.", ERR_UNSUPPORTED, "opcode OBJ is refused");
    REFUSED("\x80\x02\x82\1.", ERR_UNSUPPORTED, "opcode EXT1 is refused");
    REFUSED("\x80\x02I1\n.", ERR_UNSUPPORTED, "byte 2: opcode INT is refused");
    REFUSED("\x80\x04\x8f.", ERR_UNSUPPORTED, "opcode EMPTY_SET is refused");
    REFUSED("\x80\x04]}\x92.", ERR_UNSUPPORTED, "opcode NEWOBJ_EX is refused");
    REFUSED("\x80\x02N2.", ERR_UNSUPPORTED, "opcode DUP is refused");
    REFUSED("\x80\x02!.", ERR_PARSE, "byte 2: 0x21 is no opcode");
    REFUSED("\x80\x05N.", ERR_UNSUPPORTED, "protocol 5; 2 to 4 are read");
    REFUSED("\x80\x01N.", ERR_UNSUPPORTED, "protocol 1");
    REFUSED("(lp0\n.", ERR_UNSUPPORTED, "no pickle of protocol 2 to 4");
}

static void programs_that_do_not_hold_together(void **state) {
    (void)state;
    REFUSED("", ERR_UNSUPPORTED, "no pickle");
    REFUSED("\x80\x02", ERR_PARSE, "ends without STOP");
    REFUSED("\x80\x02.", ERR_PARSE, "0 values and 0 marks are left");
    REFUSED("\x80\x02NN.", ERR_PARSE, "2 values");
    REFUSED("\x80\x02N(.", ERR_PARSE, "1 values and 1 marks");
    REFUSED("\x80\x02N.N", ERR_PARSE, "1 bytes after the end");
    REFUSED("\x80\x02N\x80\x02.", ERR_PARSE, "not at the beginning");
    REFUSED("\x80\x04\x95\x99\0\0\0\0\0\0\0N.", ERR_PARSE, "a frame beyond the end");
    REFUSED("\x80\x02t.", ERR_PARSE, "byte 2 (TUPLE): no mark");
    REFUSED("\x80\x02N\x86.", ERR_PARSE, "(TUPLE2): too few values");
    REFUSED("\x80\x02N(\x85.", ERR_PARSE, "(TUPLE1): too few values"); /* not below the mark */
    REFUSED("\x80\x02h\0.", ERR_PARSE, "(BINGET): memo 0 was never set");
    REFUSED("\x80\x02Nq\1h\0.", ERR_PARSE, "memo 0 was never set");
    REFUSED("\x80\x02Nj\xff\xff\xff\xff.", ERR_PARSE, "memo 4294967295 was never set");
    REFUSED("\x80\x02Nr\xff\xff\xff\xff.", ERR_PARSE, "(LONG_BINPUT): memo 4294967295");
    REFUSED("\x80\x02q\0.", ERR_PARSE, "(BINPUT): too few values");
    REFUSED("\x80\x02X\5\0\0\0abc.", ERR_PARSE, "(BINUNICODE): it ends in the middle");
    REFUSED("\x80\x02X\xff\xff\xff\xff.", ERR_LIMIT, "over 1048576 bytes");
    REFUSED("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", ERR_LIMIT, "(BINUNICODE8)");
    REFUSED("\x80\x02X\1\0\0\0\xff.", ERR_PARSE, "not UTF-8");
    REFUSED("\x80\x02J\1\0", ERR_PARSE, "(BININT): it ends in the middle");
    REFUSED("\x80\x02\x8a\4\1.", ERR_PARSE, "(LONG1): it ends in the middle");
    REFUSED("\x80\x02"
            "ctorch",
            ERR_PARSE, "a name without end");
    REFUSED("\x80\x04NN\x93.", ERR_PARSE, "whose name is no string");
    REFUSED("\x80\x02N)R.", ERR_PARSE, "a call of None with a tuple");
    REFUSED("\x80\x02"
            "ctorch\nFloatStorage\n)R.",
            ERR_UNSUPPORTED, "a call of 'torch FloatStorage'");
    REFUSED("\x80\x02"
            "ctorch\nfloat32\n)R.",
            ERR_PARSE, "a call of a dtype");
    REFUSED("\x80\x02"
            "ccollections\nOrderedDict\nN\x85R.",
            ERR_UNSUPPORTED, "a dict made of arguments");
    REFUSED("\x80\x02"
            "ctorch\nSize\nN\x85R.",
            ERR_PARSE, "a size");
    REFUSED("\x80\x02]}b.", ERR_UNSUPPORTED, "a state of a dict for a list");
    REFUSED("\x80\x02}NNNs.", ERR_PARSE, "2 values to put into None");
    REFUSED("\x80\x02}(Nu.", ERR_PARSE, "1 values to put into a dict");
    REFUSED("\x80\x02]NNs.", ERR_PARSE, "2 values to put into a list");
    REFUSED("\x80\x02)Na.", ERR_PARSE, "1 values to put into a tuple");
    REFUSED("\x80\x02NQ.", ERR_PARSE, "a persistent id that is not");
    REFUSED("\x80\x02"
            "ctorch._utils\n_rebuild_tensor_v2\n)R.",
            ERR_PARSE, "a tensor that is not of storage");
}

static void parse_repeated(const char *open, size_t n_open, int64_t times, const char *close) {
    made.len = 0;
    put(&made, "\x80\x02", 2);
    for (int64_t i = 0; i < times; i++) put(&made, open, n_open);
    put(&made, close, strlen(close));
}

static void depth_and_counts_are_bounded(void **state) {
    (void)state;
    const struct pickle_value *v = NULL;
    parse_repeated("(", 1, PICKLE_MAX_DEPTH + 1, ".");
    refused_bytes(made.data, made.len, ERR_LIMIT, "over 1000 marks");
    made.len = 0;
    put(&made, "\x80\x02)", 3);
    for (int i = 0; i < 1000000; i++) put(&made, "\x85", 1); /* a tuple in a tuple in .. */
    put(&made, ".", 1);
    assert_ok(parse(made.data, made.len, &v));
    assert_int_equal(v->list.n, 1);
    parse_repeated("]", 1, PICKLE_MAX_VALUES + 1, ".");
    refused_bytes(made.data, made.len, ERR_LIMIT, "over 1048576 values");
    parse_repeated("N", 1, PICKLE_MAX_VALUES + 1, ".");
    refused_bytes(made.data, made.len, ERR_LIMIT, "over 1048576 values at once");
    parse_repeated("N", 1, PICKLE_MAX_BYTES, ".");
    refused_bytes(made.data, made.len, ERR_LIMIT, "at most 16777216 are read");
}

/* Each level holds the one below twice: 2^60 leaves, in 60 values. */
static void sharing_costs_nothing(void **state) {
    (void)state;
    const struct pickle_value *v = NULL;
    const int64_t before = mem_stats().live_bytes;
    put(&made, "]q\0", 3);
    for (int i = 0; i < 60; i++) {
        const char level[] = {'h', (char)i, 'h', (char)i, '\x86', 'q', (char)(i + 1)};
        put(&made, level, sizeof level);
    }
    for (int i = 0; i < 60; i++) put(&made, "\x86", 1); /* one value is left */
    put(&made, ".", 1);
    assert_ok(parse(made.data, made.len, &v));
    assert_true(mem_stats().live_bytes - before < 64 * 1024);
}

/* Memory is a multiple of the bytes at worst, whatever the program. */
static void memory_is_linear(void **state) {
    (void)state;
    static const char *const loops[] = {"]",     "}",          "N",     "Na",
                                        "h\x01", "h\x01q\x02", ")\x85", "K\x01"};
    for (size_t k = 0; k < sizeof loops / sizeof loops[0]; k++) {
        const struct pickle_value *v = NULL;
        const int64_t times = 100000, before = mem_stats().live_bytes;
        made.len = 0;
        put(&made, "\x80\x02Nq\x01]", 6);
        for (int64_t i = 0; i < times; i++) put(&made, loops[k], strlen(loops[k]));
        put(&made, ".", 1);
        err code = parse(made.data, made.len, &v);
        assert_true(code == ERR_OK || code == ERR_PARSE);
        assert_true(mem_stats().live_bytes - before < 64 * (int64_t)made.len + (1 << 16));
        arena_release(&arena);
    }
}

/* Cut off anywhere, and with any one bit changed: an error or a value, never more. */
static void damage_is_harmless(void **state) {
    (void)state;
    const struct pickle_value *v = NULL;
    char copy[sizeof protocol_4];
    for (size_t n = 0; n < sizeof protocol_4 - 1; n++)
        assert_int_not_equal(parse(protocol_4, n, &v), ERR_OK);
    for (size_t i = 0; i < 8 * (sizeof copy - 1); i++) {
        memcpy(copy, protocol_4, sizeof copy);
        copy[i / 8] = (char)(copy[i / 8] ^ (1 << i % 8));
        if (parse(copy, sizeof copy - 1, &v) == ERR_OK) assert_non_null(v);
        arena_release(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_python_wrote, begin, end),
        cmocka_unit_test_setup_teardown(tensors_are_described, begin, end),
        cmocka_unit_test_setup_teardown(small_values, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_run, begin, end),
        cmocka_unit_test_setup_teardown(opcodes_that_torch_does_not_write, begin, end),
        cmocka_unit_test_setup_teardown(programs_that_do_not_hold_together, begin, end),
        cmocka_unit_test_setup_teardown(depth_and_counts_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(sharing_costs_nothing, begin, end),
        cmocka_unit_test_setup_teardown(memory_is_linear, begin, end),
        cmocka_unit_test_setup_teardown(damage_is_harmless, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
