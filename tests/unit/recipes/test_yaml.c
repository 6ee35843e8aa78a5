/* SPDX-License-Identifier: Apache-2.0
 * YAML as recipes use it: what is read, and that whatever a recipe must not hold is refused with
 * the exact line and column. The tables below name each place, so that a change which reports
 * another one is seen. */
#include "tests/unit/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "recipes/yaml.h"

struct reading {
    struct arena arena;
    struct recipe_faults faults;
    struct recipe_node *top;
};

static void read_bytes(struct reading *r, const char *text, size_t n) {
    *r = (struct reading){0};
    assert_ok(yaml_read(text, n, "a.yaml", &r->arena, &r->faults, &r->top));
}

static void read_text(struct reading *r, const char *text) {
    read_bytes(r, text, strlen(text));
}

/* One fault as `recipe check` shows it: "a.yaml:2:1: key 'a' is given twice". */
static void assert_fault(const struct reading *r, int64_t i, const char *wanted) {
    struct str text = {0};
    assert_true(i < r->faults.n);
    assert_ok(recipe_place_text(r->faults.items[i].place, &text));
    assert_ok(str_printf(&text, ": %s", r->faults.items[i].text));
    assert_string_equal(str_text(&text), wanted);
    str_release(&text);
}

static void what_is_read(void **state) {
    (void)state;
    struct reading r;
    read_text(&r, "\xEF\xBB\xBF"
                  "a: no\n"
                  "b: [1, '', ~]\n"
                  "c:\n"
                  "  d: |\n"
                  "    x\n"
                  "    y\n"
                  "  \"e\": 2024-03 # said\n"
                  "f:\n");
    assert_int_equal(r.faults.n, 0);
    assert_int_equal(r.top->kind, NODE_MAP);
    assert_int_equal(r.top->n, 4);
    assert_string_equal(node_find(r.top, "a")->text, "no");
    const struct recipe_node *list = node_find(r.top, "b");
    assert_int_equal(list->kind, NODE_LIST);
    assert_string_equal(list->first->text, "1");
    assert_int_equal(list->first->next->kind, NODE_TEXT); /* quoted: an empty text */
    assert_int_equal(list->last->kind, NODE_NONE);
    const struct recipe_node *map = node_find(r.top, "c");
    assert_string_equal(node_find(map, "d")->text, "x\ny\n");
    const struct recipe_node *month = node_find(map, "e");
    assert_string_equal(month->text, "2024-03");
    assert_int_equal(month->key_place.line, 7);
    assert_int_equal(month->key_place.column, 3);
    assert_int_equal(month->place.column, 8);
    assert_int_equal(node_find(r.top, "f")->kind, NODE_NONE);
    assert_null(node_find(r.top, "d"));
    arena_release(&r.arena);
}

static void columns_count_characters(void **state) {
    (void)state;
    struct reading r;
    read_text(&r, "{芯片: 1, 芯片: 2}\n");
    assert_fault(&r, 0, "a.yaml:1:9: key '芯片' is given twice (first on line 1)");
    arena_release(&r.arena);
    read_text(&r, "a: 芯\xE7\x89\n");
    assert_fault(&r, 0, "a.yaml:1:5: not valid UTF-8 (byte 0xe7)");
    arena_release(&r.arena);
}

/* Each text has exactly this one fault. */
static void refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "a.yaml:3:1: key 'a' is given twice (first on line 1)"},
        {"a:\n  b: 1\n  'b': 2\n", "a.yaml:3:3: key 'b' is given twice (first on line 2)"},
        {"a: 1\nb: &x 2\n", "a.yaml:2:4: anchors are not allowed ('&x')"},
        {"a: &x [1]\n", "a.yaml:1:4: anchors are not allowed ('&x')"},
        {"a: &x {b: 1}\n", "a.yaml:1:4: anchors are not allowed ('&x')"},
        {"a: 1\nb: *x\n", "a.yaml:2:4: aliases are not allowed ('*x')"},
        {"a: [1, *x]\n", "a.yaml:1:8: aliases are not allowed ('*x')"},
        {"*x : 1\n", "a.yaml:1:1: aliases are not allowed ('*x')"},
        {"a: !!int 1\n", "a.yaml:1:4: tags are not allowed ('tag:yaml.org,2002:int')"},
        {"a: !mine [1]\n", "a.yaml:1:4: tags are not allowed ('!mine')"},
        {"a: 1\n<<: {b: 1}\n", "a.yaml:2:1: merge keys are not allowed"},
        {"a: 1\n---\nb: 2\n", "a.yaml:2:1: a second document begins; a recipe is one document"},
        {"a: 1\n[b]: 2\n", "a.yaml:2:1: a key must be a text, not a list"},
        {"{b: 1}: 2\n", "a.yaml:1:1: a key must be a text, not a mapping"},
        {"a: 1\nb: \xFF\n", "a.yaml:2:4: not valid UTF-8 (byte 0xff)"},
        {"a: \xC0\x80\n", "a.yaml:1:4: not valid UTF-8 (byte 0xc0)"},
        {"a: \xED\xA0\x80\n", "a.yaml:1:4: not valid UTF-8 (byte 0xed)"},
        {"a: 1\nb: \"x\\0y\"\n", "a.yaml:2:4: a text holds a NUL character"},
        {"a: x\001\n", "a.yaml:1:5: control characters are not allowed"},
        {"", "a.yaml: holds nothing"},
        {"# only this\n", "a.yaml: holds nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading r;
        read_text(&r, cases[i].text);
        assert_int_equal(r.faults.n, 1);
        assert_fault(&r, 0, cases[i].fault);
        arena_release(&r.arena);
    }
}

/* What breaks YAML itself: libyaml says what, the place is checked here. */
static void broken_yaml(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t line, column;
    } cases[] = {
        {"a: 1\nb: [1\nc: 2\n", 3, 2}, {"a: 1\n\tb: 2\n", 2, 1}, {"a: 'x\n", 2, 1},
        {"a: 1\n b: 2\n", 2, 3},       {"a: @x\n", 1, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading r;
        read_text(&r, cases[i].text);
        assert_null(r.top);
        assert_int_equal(r.faults.n, 1);
        assert_int_equal(r.faults.items[0].code, ERR_PARSE);
        assert_int_equal(r.faults.items[0].place.line, cases[i].line);
        assert_int_equal(r.faults.items[0].place.column, cases[i].column);
        arena_release(&r.arena);
    }
}

static void several_faults_at_once(void **state) {
    (void)state;
    struct reading r;
    read_text(&r, "a: 1\na: 2\nb: &x 3\nc: *x\nd: [!t 1, *y]\n<<: {a: 1}\ne: 5\n");
    static const char *const wanted[] = {
        "a.yaml:2:1: key 'a' is given twice (first on line 1)",
        "a.yaml:3:4: anchors are not allowed ('&x')",
        "a.yaml:4:4: aliases are not allowed ('*x')",
        "a.yaml:5:5: tags are not allowed ('!t')",
        "a.yaml:5:11: aliases are not allowed ('*y')",
        "a.yaml:6:1: merge keys are not allowed",
    };
    assert_int_equal(r.faults.n, 6);
    for (int64_t i = 0; i < 6; i++) assert_fault(&r, i, wanted[i]);
    assert_string_equal(node_find(r.top, "a")->text, "1"); /* the first one stays */
    assert_int_equal(node_find(r.top, "c")->kind, NODE_BROKEN);
    assert_string_equal(node_find(r.top, "e")->text, "5");
    assert_fails(recipe_faults_err(&r.faults), ERR_PARSE,
                 "a.yaml:2:1: key 'a' is given twice (first on line 1) (and 5 more)");
    arena_release(&r.arena);
}

static void depth_has_a_limit(void **state) {
    (void)state;
    struct reading r;
    char text[2 * YAML_MAX_DEPTH + 8];
    for (int depth = YAML_MAX_DEPTH; depth <= YAML_MAX_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        read_bytes(&r, text, 2 * (size_t)depth);
        if (depth == YAML_MAX_DEPTH) {
            assert_int_equal(r.faults.n, 0);
        } else {
            assert_null(r.top);
            assert_fault(&r, 0, "a.yaml:1:25: nested more than 24 deep");
            assert_int_equal(r.faults.items[0].code, ERR_LIMIT);
        }
        arena_release(&r.arena);
    }
}

/* "[x,x,...]" of n values and n lines, so that the list itself is one more value. */
static void fill_list(struct str *out, int64_t n) {
    assert_ok(str_add(out, "[x"));
    for (int64_t i = 1; i < n; i++) assert_ok(str_add(out, ",\nx"));
    assert_ok(str_add(out, "]"));
}

static void size_has_limits(void **state) {
    (void)state;
    struct reading r;
    struct str text = {0};
    fill_list(&text, YAML_MAX_NODES - 1);
    read_bytes(&r, str_text(&text), text.len);
    assert_int_equal(r.faults.n, 0);
    assert_int_equal(r.top->n, YAML_MAX_NODES - 1);
    arena_release(&r.arena);
    str_clear(&text);
    fill_list(&text, YAML_MAX_NODES);
    read_bytes(&r, str_text(&text), text.len);
    assert_null(r.top);
    assert_int_equal(r.faults.n, 1);
    assert_fault(&r, 0, "a.yaml:200000:1: too large: more than 200000 values in one file");
    arena_release(&r.arena);
    str_release(&text);

    char *bytes = mem_alloc(YAML_MAX_BYTES + 1, 1);
    assert_non_null(bytes);
    memset(bytes, ' ', YAML_MAX_BYTES + 1);
    memcpy(bytes, "a: 1\n#", 6);
    read_bytes(&r, bytes, YAML_MAX_BYTES);
    assert_int_equal(r.faults.n, 0);
    arena_release(&r.arena);
    read_bytes(&r, bytes, YAML_MAX_BYTES + 1);
    assert_fault(&r, 0, "a.yaml: larger than 4194304 bytes");
    arena_release(&r.arena);
    mem_free(bytes);
}

/* More faults than the list holds are counted, and the first ones stay. */
static void faults_without_end(void **state) {
    (void)state;
    struct reading r;
    struct str text = {0};
    for (int i = 0; i <= RECIPE_FAULTS_MAX + 5; i++) assert_ok(str_add(&text, "a: 1\n"));
    read_bytes(&r, str_text(&text), text.len);
    assert_int_equal(r.faults.n, RECIPE_FAULTS_MAX + 5);
    assert_fault(&r, RECIPE_FAULTS_MAX - 1,
                 "a.yaml:101:1: key 'a' is given twice (first on line 1)");
    arena_release(&r.arena);
    str_release(&text);
}

/* The tree of a text as JSON on one line. */
static void reads_as(const char *text, const char *json) {
    struct reading r;
    struct str out = {0};
    json_t *value;
    read_text(&r, text);
    assert_ok(yaml_tree_json(r.top, &value));
    json_t *list = json_pack("[O]", value);
    assert_ok(json_text(list, 0, &out));
    json_decref(list);
    assert_string_equal(str_text(&out), json);
    str_release(&out);
    json_decref(value);
    arena_release(&r.arena);
}

static void a_tree_becomes_json(void **state) {
    (void)state;
    reads_as("a: no\nb: [1, '', ~, [x]]\nc: {}\nd: []\ne:\n\"f\": |\n  x\n  y\n",
             "[{\"a\":\"no\",\"b\":[\"1\",\"\",null,[\"x\"]],\"c\":{},\"d\":[],\"e\":null,"
             "\"f\":\"x\\ny\\n\"}]");
    reads_as("- 芯片\n- \"a\\tb\"\n", "[[\"芯片\",\"a\\tb\"]]");
    reads_as("alone\n", "[\"alone\"]");
    reads_as("a: *x\nb: 1\n", "[{\"a\":null,\"b\":\"1\"}]"); /* broken, and said so */
    reads_as("'<<': 1\n", "[{\"<<\":\"1\"}]");               /* quoted: no merge key */
}

static void no_memory_for_a_tree_is_said(void **state) {
    (void)state;
    struct reading r;
    read_text(&r, "a: [b, {c: d}]\ne: f\n");
    int64_t live = mem_stats().live_blocks;
    for (int64_t nth = 1;; nth++) {
        json_t *value;
        fault_arm(FAULT_MEM, FAULT_FAIL, nth);
        err code = yaml_tree_json(r.top, &value);
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        json_decref(value);
        assert_int_equal(mem_stats().live_blocks, live);
        if (code == ERR_OK) break;
        assert_int_equal(code, ERR_MEMORY);
    }
    arena_release(&r.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(refused),
        cmocka_unit_test(broken_yaml),
        cmocka_unit_test(several_faults_at_once),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(size_has_limits),
        cmocka_unit_test(faults_without_end),
        cmocka_unit_test(a_tree_becomes_json),
        cmocka_unit_test(no_memory_for_a_tree_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
