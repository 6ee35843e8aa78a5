/* SPDX-License-Identifier: Apache-2.0
 * HumanEval. In its Chinese form (scorer_humaneval) the program is cut out of the response by the
 * official rules (eval/scorers/cut.h). The official test is completion, tests and check(entry
 * point), run without the original prompt; it is run in a sandbox (base/sandbox.h). A program that
 * ends before its tests do has not passed them, whatever its exit status: the last line must have
 * been reached. Where nothing can hold a program it is not run, and the verdict says so.
 * In English (scorer_completion) the response goes on where the original prompt ends; it is cut at
 * what HumanEval's authors stopped at, and run with the prompt before it.
 * Read next: eval/scorers/cut.c, docs/sandbox.md. */
#include "eval/scorers/cut.h"
#include "eval/scorers/python.h"
#include "eval/suite.h"
#include <string.h>

static const char reached[] = "every test has passed";

static err form_program(const struct suite_item *item, const struct str *code, struct str *out) {
    TRY(str_append(out, str_text(code), code->len));
    return str_printf(out, "\n%s\ncheck(%s)\nprint(\"\\n%s\")\n", item->tests, item->entry_point,
                      reached);
}

/* How it ended, in words. */
static err describe(const struct sandbox_result *r, bool passed, struct str *out) {
    if (passed) return str_add(out, "passed");
    if (r->limit != SANDBOX_WITHIN)
        return str_printf(out, "limit: %s", sandbox_limit_name(r->limit));
    if (r->signal != 0) return str_printf(out, "signal %d", r->signal);
    if (r->exit_status == 0) return str_add(out, "ended before its tests did");
    struct span last = span_strip(text_of(&r->error));
    return text_add_clean(out, text_piece(last, "\n", -1), 200);
}

static err judge(const struct scoring *s, const struct sandbox_result *r, struct verdict *out) {
    struct span said = span_strip(text_of(&r->out));
    struct str outcome = {0};
    out->correct = r->limit == SANDBOX_WITHIN && r->signal == 0 && r->exit_status == 0 &&
                   text_ends(said, reached);
    err result = describe(r, out->correct, &outcome);
    if (result == ERR_OK) result = scorer_keep(s, text_of(&outcome), &out->extracted);
    str_release(&outcome);
    return result;
}

static err run_tests(const struct scoring *s, const struct suite_item *item, const struct str *code,
                     struct verdict *out) {
    struct str program = {0};
    struct sandbox_result ended;
    err result = form_program(item, code, &program);
    if (result == ERR_OK) result = python_run(&program, s->unsafe, &ended);
    str_release(&program);
    if (result == ERR_UNSUPPORTED) { /* nothing here can hold it */
        out->unjudged = true;
        return ERR_OK;
    }
    TRY(result);
    result = judge(s, &ended, out);
    sandbox_result_release(&ended);
    return result;
}

static err keep_and_run(const struct scoring *s, const struct suite_item *item,
                        const struct str *code, struct verdict *out) {
    TRY(scorer_keep(s, text_of(code), &out->completion));
    if (item != NULL) return run_tests(s, item, code, out);
    out->error = "unknown problem";
    return ERR_OK;
}

static err score(const struct scoring *s, const struct scored_answer *a, struct verdict *out) {
    struct str code = {0};
    err result = cut_program(a->text, &code);
    if (result == ERR_OK) result = keep_and_run(s, a->item, &code, out);
    str_release(&code);
    return result;
}

/* Prompt and completion, up to where another thing begins at a line's start. */
static err cut_completion(struct span response, const char *prompt, struct str *out) {
    static const char *const ends[] = {"\nclass", "\ndef", "\n#", "\nif", "\nprint"};
    size_t n = strlen(prompt);
    if (text_ends(response, "<eod>")) {
        response.n -= strlen("<eod>");
        if (text_starts(response, " ")) response = text_cut(response, 1, response.n);
    }
    if (!text_starts(response, prompt)) return ERR_OK; /* not an answer to this prompt */
    struct span code = text_cut(response, n, response.n);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        int64_t at = text_find(code, ends[i], 0);
        if (at >= 0) code.n = (size_t)at;
    }
    return text_set(out, text_cut(response, 0, n + code.n));
}

static err score_completion(const struct scoring *s, const struct scored_answer *a,
                            struct verdict *out) {
    struct str code = {0};
    err result = ERR_OK;
    if (a->item != NULL) result = cut_completion(a->text, a->item->prompt, &code);
    if (result == ERR_OK) result = keep_and_run(s, a->item, &code, out);
    str_release(&code);
    return result;
}

const struct scorer scorer_humaneval = {
    .metric = "pass@1",
    .summary =
        "Yuan 2.0's eval_humaneval.py and HumanEval's own tests: the program that is cut out "
        "of the response passes them",
    .runs_programs = true,
    .score = score,
};

const struct scorer scorer_completion = {
    .metric = "pass@1",
    .summary = "ours, after HumanEval's authors: prompt and completion pass the problem's tests",
    .runs_programs = true,
    .score = score_completion,
};
