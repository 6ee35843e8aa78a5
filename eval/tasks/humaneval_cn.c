/* SPDX-License-Identifier: Apache-2.0
 * Task `humaneval_cn`: HumanEval's 164 programming problems with Yuan 2.0's Chinese prompts, which
 * end inside a code block and have no <sep>.
 * Source: Chen et al., "Evaluating large language models trained on code" (2021); prompts and
 * rules: IEIT-Yuan/Yuan-2.0, tasks/humaneval.
 * Read next: eval/scorers/humaneval.c. */
#include "eval/suite_run.h"
#include "eval/suites/readers.h"

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    TRY(read_programs(paths[0], out));
    TRY(read_program_prompts(paths[1], out));
    for (int64_t i = 0; i < out->n; i++) {
        struct suite_item *item = &out->items[i];
        item->test_prompt =
            arena_printf(&out->arena,
                         "为下面的编程问题写出单元测试：每行一个以assert开头的语句，调用函数%s，"
                         "不要实现这个函数。\n%s```\n<sep>",
                         item->entry_point, item->prompt);
        if (item->test_prompt == NULL) return ERR_MEMORY;
    }
    return ERR_OK;
}

/* What is left of the code block. */
static err oracle(const struct suite_item *item, struct str *out) {
    return str_printf(out, "%s```", item->solution);
}

static const struct suite suite = {
    .source = "HumanEval, Chinese prompts (Chen et al. 2021; IEIT-Yuan/Yuan-2.0)",
    .prompt_by = "official",
    .files = {&suite_file_humaneval, &suite_file_humaneval_cn},
    .n_items = 164,
    .max_new_tokens = 511,
    .form = ANSWER_RESPONSE,
    .scorer = &scorer_humaneval,
    .stated = {.oracle = 163,
               .constant = "    return True\n```",
               .constant_right = 0,
               .why =
                   "the solution of HumanEval/81 begins with an empty line, where the official cut "
                   "ends a program; no problem is solved by returning True"},
    .load = load,
    .oracle = oracle,
};

const struct eval_task eval_task_humaneval_cn = {
    SUITE_TASK(humaneval_cn, "HumanEval with Chinese prompts, by Yuan 2.0's cutting", &suite)};
