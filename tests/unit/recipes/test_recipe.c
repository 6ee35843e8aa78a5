/* SPDX-License-Identifier: Apache-2.0
 * Reading recipes into structs: types, defaults, aliases, inheritance, --set and paths, and every
 * kind of fault with its exact place. The schema is tests/unit/recipes/schema.h.
 * Under test: recipes/recipe.h. */
#include "tests/unit/test.h"

#include "tests/unit/recipes/schema.h"

static const char *dir;
static struct recipe r;
static struct sample s;

static int make_dir(void **state) {
    (void)state;
    dir = test_folder();
    return 0;
}
static int remove_dir(void **state) {
    (void)state;
    recipe_release(&r);
    test_folder_remove(dir);
    return 0;
}

static const char *at(const char *name) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}
static void write_file(const char *name, const char *text) {
    assert_ok(file_write(at(name), text, strlen(text)));
}

/* Reads a.yaml; `set` may be NULL. */
static err read_with(const char *set) {
    struct opt_list sets = {&set, set != NULL};
    recipe_release(&r);
    memset(&s, 0, sizeof(s));
    return recipe_read(&r, at("a.yaml"), &sets, &sample_schema, &s);
}
static err read_text(const char *text) {
    write_file("a.yaml", text);
    return read_with(NULL);
}

/* `place` is "a.yaml:3:5" below the test's folder, or "--set ...". */
static void expect_entry(const struct recipe_faults *list, int64_t i, const char *place,
                         const char *part) {
    if (i >= list->n) fail_msg("only %d entries, none '%s'", (int)list->n, part);
    struct str text = {0};
    assert_ok(recipe_place_text(list->items[i].place, &text));
    const char *found =
        strncmp(text.data, dir, strlen(dir)) == 0 ? text.data + strlen(dir) + 1 : text.data;
    if (strcmp(found, place) != 0 || !strstr(list->items[i].text, part))
        fail_msg("entry %d is %s: '%s', wanted %s: '%s'", (int)i, found, list->items[i].text, place,
                 part);
    str_release(&text);
}

#define HEAD "cotrain: 1\nname: n\nbase: {path: .}\n"

static void values_take_the_types_of_their_rows(void **state) {
    (void)state;
    assert_ok(read_text(HEAD "work: {seed: 7, rate: 1e-3, packed: no, kind: odd, note: no,\n"
                             "  tasks: [x, y z], gates: {x: '>= 1', y: 2}, inner: {depth: -4}}\n"
                             "jobs:\n  - id: 0123\n    steps:\n      - text: |\n          a\n"
                             "      - {text: b}\n  - {id: b, weight: 2}\n"));
    assert_int_equal(s.work.seed, 7);
    assert_true(s.work.rate == 1e-3);
    assert_false(s.work.packed);
    assert_string_equal(s.work.note, "no");
    assert_int_equal(s.work.tasks.n, 2);
    assert_string_equal(s.work.tasks.items[1], "y z");
    assert_string_equal(s.work.gates.items[0], "x: >= 1");
    assert_string_equal(s.work.gates.items[1], "y: 2");
    assert_int_equal(s.work.inner.depth, -4);
    assert_int_equal(s.jobs.n, 2);
    const struct job *jobs = s.jobs.items;
    assert_string_equal(jobs[0].id, "0123");
    assert_true(jobs[0].weight == 1 && jobs[1].weight == 2);
    assert_int_equal(jobs[0].steps.n, 2);
    assert_int_equal(jobs[1].steps.n, 0);
    const struct step *steps = jobs[0].steps.items;
    assert_string_equal(steps[0].text, "a\n");
    assert_int_equal(steps[1].line, 11);
    assert_string_equal(steps[1].file, at("a.yaml"));
}

static void defaults_fill_what_is_not_said(void **state) {
    (void)state;
    assert_ok(read_text(HEAD));
    assert_int_equal(s.work.seed, 42);
    assert_true(s.work.rate == 0.5 && s.work.packed);
    assert_null(s.work.note);
    assert_int_equal(s.work.tasks.n, 2);
    assert_int_equal(s.work.inner.depth, 3);
    assert_int_equal(s.jobs.n, 0);
    assert_false(recipe_says(&r, "work.seed"));
    assert_true(recipe_says(&r, "base.path"));
}

static void every_fault_is_reported_with_its_place(void **state) {
    (void)state;
    assert_fails(read_text("cotrain: 1\n"             /* 1: no name, no base */
                           "wrok: {seed: 1}\n"        /* 2 */
                           "seed: 1\n"                /* 3 */
                           "zzzzzzzz: 1\n"            /* 4 */
                           "work:\n"                  /* 5 */
                           "  sead: 1\n"              /* 6 */
                           "  seed: many\n"           /* 7 */
                           "  rate: [1]\n"            /* 8 */
                           "  packed: 汉\n"           /* 9 */
                           "  kind: strange\n"        /* 10 */
                           "  note:\n"                /* 11 */
                           "  tasks: {a: 1}\n"        /* 12 */
                           "  gates: [a]\n"           /* 13 */
                           "  inner: 3\n"             /* 14 */
                           "jobs:\n"                  /* 15 */
                           "  - 5\n"                  /* 16 */
                           "  - {weight: x}\n"        /* 17 */
                           "  - id: c\n"              /* 18 */
                           "    input: no/such\n"     /* 19 */
                           "    steps: {text: 1}\n"), /* 20 */
                 ERR_PARSE, "a.yaml:2:1: unknown key 'wrok' (did you mean 'work'?) (and 18 more)");
    const struct recipe_faults *f = &r.faults;
    assert_int_equal(f->n, 19);
    int i = 0;
    expect_entry(f, i++, "a.yaml:2:1", "did you mean 'work'?");
    expect_entry(f, i++, "a.yaml:3:1", "unknown key 'seed' (it belongs in 'work')");
    expect_entry(f, i++, "a.yaml:4:1", "unknown key 'zzzzzzzz'");
    expect_entry(f, i++, "a.yaml:1:1", "missing key 'name'");
    expect_entry(f, i++, "a.yaml:1:1", "missing key 'base.path'");
    expect_entry(f, i++, "a.yaml:6:3", "unknown key 'sead' in 'work' (did you mean 'seed'?)");
    expect_entry(f, i++, "a.yaml:7:9", "'seed': 'many' is not a whole number");
    expect_entry(f, i++, "a.yaml:8:9", "'work.rate' must be a single value, not a list");
    expect_entry(f, i++, "a.yaml:9:11", "'packed': '汉' is not true or false");
    expect_entry(f, i++, "a.yaml:10:9", "'kind': 'strange' is none of plain,odd");
    expect_entry(f, i++, "a.yaml:11:8", "'work.note' has no value");
    expect_entry(f, i++, "a.yaml:12:10", "'work.tasks' must be a list, not a mapping");
    expect_entry(f, i++, "a.yaml:13:10", "'work.gates' must be a mapping, not a list");
    expect_entry(f, i++, "a.yaml:14:10", "'work.inner' must be a mapping, not a single value");
    expect_entry(f, i++, "a.yaml:16:5", "an item of 'jobs' must be a mapping, not a single value");
    expect_entry(f, i++, "a.yaml:17:14", "'weight': 'x' is not a number");
    expect_entry(f, i++, "a.yaml:17:5", "missing key 'jobs[].id'");
    expect_entry(f, i++, "a.yaml:19:12", "there is no file or folder");
    expect_entry(f, i++, "a.yaml:20:12",
                 "'jobs[].steps' must be a list of mappings, not a mapping");
}

static void single_faults_have_their_own_kind(void **state) {
    (void)state;
    assert_fails(read_text(HEAD "work: {seed: 1001}\n"), ERR_RANGE,
                 "a.yaml:4:14: 'seed': 1001 is not from 0 to 1000");
    assert_fails(read_text(HEAD "jobs: {id: a}\n"), ERR_PARSE,
                 "a.yaml:4:7: 'jobs' must be a list of mappings, not a mapping");
    assert_fails(read_text("name: n\nbase: {path: .}\n"), ERR_PARSE, "missing key 'cotrain'");
    assert_fails(read_text("cotrain: 2\nname: n\nbase: {path: .}\n"), ERR_UNSUPPORTED,
                 "a.yaml:1:10: recipe format '2' is not known");
    assert_fails(read_text("- a\n"), ERR_PARSE, "a.yaml:1:1: a recipe must be a mapping of keys");
    assert_fails(read_text("a: b: c\n"), ERR_PARSE, "a.yaml:1:5: mapping values are not allowed");
    assert_fails(read_text("cotrain: 1\nname: n\nbase: {path: gone}\n"), ERR_MISSING,
                 "a.yaml:3:14: 'base.path': there is no file or folder");
    assert_ok(file_remove(at("a.yaml")));
    assert_fails(read_with(NULL), ERR_IO, "a.yaml");
}

static void aliases_are_read_and_noted(void **state) {
    (void)state;
    assert_ok(read_text(HEAD "work: {lr: 0.25}\n"));
    assert_true(s.work.rate == 0.25);
    assert_int_equal(r.notes.n, 1);
    expect_entry(&r.notes, 0, "a.yaml:4:8", "'lr' is read as 'rate'");
    assert_fails(read_text(HEAD "work:\n  rate: 1\n  lr: 2\n"), ERR_PARSE,
                 "a.yaml:6:3: 'lr' is another spelling of 'rate', which is given as well (line 5)");
}

static void maps_merge_and_lists_replace(void **state) {
    (void)state;
    write_file("base.yaml", "cotrain: 1\nname: b\nbase: {path: .}\n"
                            "work: {seed: 1, tasks: [p, q], inner: {depth: 9}, lr: 0.125}\n");
    assert_ok(read_text("inherit: base.yaml\nname: a\nwork: {seed: 2, tasks: [z]}\n"));
    assert_string_equal(s.name, "a");
    assert_int_equal(s.work.seed, 2);
    assert_int_equal(s.work.tasks.n, 1);
    assert_int_equal(s.work.inner.depth, 9);
    assert_true(s.work.rate == 0.125);
    assert_ok(read_text("inherit: base.yaml\nwork: {rate: 2}\n")); /* over the base's alias */
    assert_true(s.work.rate == 2);
}

static void circles_and_missing_bases_are_refused(void **state) {
    (void)state;
    write_file("b.yaml", "inherit: a.yaml\n");
    assert_fails(read_text("inherit: b.yaml\n"), ERR_PARSE, "b.yaml:1:10: ");
    assert_non_null(strstr(err_message(), "inherits itself"));
    assert_fails(read_text("name: x\ninherit: none.yaml\n"), ERR_IO, "a.yaml:2:10: ");
    assert_fails(read_text("inherit: [b.yaml]\n"), ERR_PARSE,
                 "a.yaml:1:10: 'inherit' must be the path of one recipe, not a list");
    write_file("c.yaml", "work: [\n");
    assert_fails(read_text("inherit: c.yaml\n"), ERR_PARSE, "c.yaml:2:1: ");
}

static void paths_belong_to_the_file_that_wrote_them(void **state) {
    (void)state;
    assert_ok(dir_make(at("sub")));
    write_file("sub/data.txt", "x");
    write_file("sub/base.yaml", "cotrain: 1\nname: b\nbase: {path: .}\n"
                                "work: {inner: {inputs: [data.txt]}}\n"
                                "jobs: [{id: j, input: ../sub/data.txt}]\n");
    assert_ok(read_text("inherit: sub/base.yaml\n"));
    const struct job *jobs = s.jobs.items;
    assert_string_equal(s.base.path, at("sub/."));
    assert_string_equal(s.work.inner.inputs.items[0], at("sub/data.txt"));
    assert_string_equal(jobs[0].input, at("sub/../sub/data.txt"));
    json_t *resolved;
    assert_ok(recipe_resolved(&r, &sample_schema, &s, &resolved)); /* relative to the recipe */
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(resolved, "base"), "path")), "sub/.");
    json_decref(resolved);
    assert_ok(read_text(HEAD));
    assert_ok(read_with("base.path=/")); /* --set: from the present folder */
    assert_string_equal(s.base.path, "/");
}

static void sets_change_keys_and_are_places(void **state) {
    (void)state;
    assert_ok(read_text(HEAD "work: {seed: 1, tasks: [p]}\n"));
    assert_ok(read_with("work.seed=9"));
    assert_int_equal(s.work.seed, 9);
    assert_ok(read_with("work.lr=0.75"));
    assert_true(s.work.rate == 0.75);
    assert_ok(read_with("work.tasks=[u, \"v w\"]"));
    assert_string_equal(s.work.tasks.items[1], "v w");
    assert_ok(read_with("work.tasks=u,v"));
    assert_int_equal(s.work.tasks.n, 2);
    assert_ok(read_with("work.note=>= a: b # c")); /* any text that is no list is what it is */
    assert_string_equal(s.work.note, ">= a: b # c");
    assert_ok(read_with("work.inner.depth=5"));
    assert_int_equal(s.work.inner.depth, 5);
    assert_fails(read_with("work.seed=x"), ERR_PARSE,
                 "--set work.seed=x: 'seed': 'x' is not a whole number");
    assert_fails(read_with("work.sed=1"), ERR_PARSE,
                 "--set work.sed=1: unknown key 'sed' in 'work' (did you mean 'seed'?)");
    assert_fails(read_with("work.seed="), ERR_PARSE, "--set work.seed=: 'work.seed' has no value");
    assert_fails(read_with("work.seed"), ERR_USAGE, "must be a key, '=' and a value");
    assert_fails(read_with(".seed=1"), ERR_USAGE, "must be a key, '=' and a value");
    assert_fails(read_with("work..seed=1"), ERR_USAGE, "must be a key, '=' and a value");
    assert_fails(read_with("work.tasks=[a"), ERR_PARSE, "--set work.tasks=[a: ");
    assert_fails(read_with("inherit=b.yaml"), ERR_USAGE, "'inherit' cannot be set");
    assert_fails(read_with("work=1"), ERR_PARSE, "--set work=1: 'work' must be a mapping");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        TEST(values_take_the_types_of_their_rows),
        TEST(defaults_fill_what_is_not_said),
        TEST(every_fault_is_reported_with_its_place),
        TEST(single_faults_have_their_own_kind),
        TEST(aliases_are_read_and_noted),
        TEST(maps_merge_and_lists_replace),
        TEST(circles_and_missing_bases_are_refused),
        TEST(paths_belong_to_the_file_that_wrote_them),
        TEST(sets_change_keys_and_are_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
