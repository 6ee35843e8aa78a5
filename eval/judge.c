/* SPDX-License-Identifier: Apache-2.0
 * Generated unit tests and the programs that are held against them (eval/judge.h). All tests of a
 * program run in one process, each caught by itself, and every outcome is a line of its output. A
 * program could write such lines itself; then it is chosen, and no more right for that.
 * Read next: eval/samples.c, eval/scorers/humaneval.c. */
#include "eval/judge.h"

#include "eval/scorers/python.h"
#include <string.h>

static const char mark[] = "cotrain-test ";

/* ---- tests ---- */

static bool is_test(struct span line, const char *entry_point) {
    int64_t at = text_find(line, entry_point, 0);
    size_t behind = (size_t)at + strlen(entry_point);
    return text_starts(line, "assert ") && at >= 0 && behind < line.n && line.text[behind] == '(';
}

static bool has_test(const json_t *tests, struct span line) {
    size_t i = 0;
    json_t *test = NULL;
    json_array_foreach(tests, i, test) {
        const struct span known = {json_string_value(test), json_string_length(test)};
        if (span_equal(known, line)) return true;
    }
    return false;
}

static err take_tests(struct span text, const char *entry_point, json_t *tests) {
    int64_t n = text_n_pieces(text, "\n");
    for (int64_t i = 0; i < n && json_array_size(tests) < JUDGE_MAX_TESTS; i++) {
        struct span line = span_strip(text_piece(text, "\n", i));
        if (!is_test(line, entry_point) || has_test(tests, line)) continue;
        TRY(json_push(tests, json_stringn(line.text, line.n)));
    }
    return ERR_OK;
}

err judge_tests(struct span text, const char *entry_point, json_t **out) {
    json_t *tests = json_array();
    err result = tests != NULL ? take_tests(text, entry_point, tests)
                               : fail(ERR_MEMORY, "out of memory for unit tests");
    if (result != ERR_OK) {
        json_decref(tests);
        return result;
    }
    *out = tests;
    return ERR_OK;
}

/* ---- a program against them ---- */

/* What a call gives is told whether the test passes or not: programs that fail alike agree, too. */
static const char runner[] =
    "\n"
    "def cotrain_run_tests(tests):\n"
    "    import ast\n"
    "    for number, test in enumerate(tests):\n"
    "        said, passed = None, 0\n"
    "        try:\n"
    "            node = ast.parse(test).body[0].test\n"
    "            call = node.left if isinstance(node, ast.Compare) else node\n"
    "            said = ascii(eval(compile(ast.Expression(call), 'test', 'eval'), globals()))\n"
    "            exec(test, globals())\n"
    "            passed = 1\n"
    "        except BaseException as error:\n"
    "            said = said or type(error).__name__\n"
    "        print('\\ncotrain-test', number, passed, said[:200], flush=True)\n"
    "\n"
    "cotrain_run_tests(";

static err form_program(const char *code, const json_t *tests, struct str *out) {
    TRY(str_add(out, code));
    TRY(str_add(out, runner));
    TRY(json_text(tests, 0, out)); /* a list of texts in JSON is one in Python */
    return str_add(out, ")\n");
}

/* "cotrain-test 3 1 [2, 3]": passed or not, and what the call gave, of the test that is next. */
static err take_outcome(struct span line, int64_t *n_seen, struct judged *j, struct str *outputs) {
    struct str head = {0};
    err result = str_printf(&head, "%s%lld ", mark, (long long)*n_seen);
    if (result == ERR_OK && text_starts(line, str_text(&head)) && line.n > head.len) {
        struct span rest = text_cut(line, head.len, line.n);
        j->passed += rest.text[0] == '1';
        (*n_seen)++;
        result = str_append(outputs, rest.text, rest.n);
        if (result == ERR_OK) result = str_add(outputs, "\n");
    }
    str_release(&head);
    return result;
}

static err read_outcomes(const struct scoring *s, struct span said, int64_t n_tests,
                         struct judged *out) {
    struct str outputs = {0};
    int64_t n = text_n_pieces(said, "\n"), n_seen = 0;
    err result = ERR_OK;
    for (int64_t i = 0; i < n && n_seen < n_tests && result == ERR_OK; i++)
        result = take_outcome(text_piece(said, "\n", i), &n_seen, out, &outputs);
    if (result == ERR_OK) result = scorer_keep(s, text_of(&outputs), &out->outputs);
    str_release(&outputs);
    return result;
}

err judge_run(const struct scoring *s, const char *program, const json_t *tests,
              struct judged *out) {
    struct str text = {0};
    struct sandbox_result ended;
    *out = (struct judged){.passed = 0};
    err result = form_program(program, tests, &text);
    if (result == ERR_OK) result = python_run(&text, s->unsafe, &ended);
    str_release(&text);
    if (result == ERR_UNSUPPORTED) return ERR_OK; /* nothing here can hold it */
    TRY(result);
    result = read_outcomes(s, text_of(&ended.out), (int64_t)json_array_size(tests), out);
    sandbox_result_release(&ended);
    return result;
}

/* ---- choosing ---- */

static int64_t n_agreeing(const struct judged *c, int64_t n, int64_t with) {
    int64_t agreeing = 0;
    for (int64_t i = 0; i < n; i++)
        agreeing += c[i].outputs != NULL && c[with].outputs != NULL &&
                    strcmp(c[i].outputs, c[with].outputs) == 0;
    return agreeing;
}

int64_t judge_choose(const struct judged *candidates, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) {
        int64_t more = candidates[i].passed - candidates[best].passed;
        if (more == 0) more = n_agreeing(candidates, n, i) - n_agreeing(candidates, n, best);
        if (more > 0) best = i;
    }
    return best;
}
