/* SPDX-License-Identifier: Apache-2.0
 * Task `truthfulqa_cn`: TruthfulQA's 817 questions with their options in Chinese, asked and scored
 * as Yuan 2.0 does. The right option is always A.
 * Source: Lin, Hilton, Evans, "TruthfulQA" (2022); translation, prompt and rule:
 * IEIT-Yuan/Yuan-2.0, tasks/TruthfulQA.
 * Read next: eval/suites/chinese_choices.h, eval/scorers/truthfulqa.c. */
#include "eval/suite_run.h"
#include "eval/suites/chinese_choices.h"

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    return load_chinese_choices(paths[0], false, out);
}

static const struct suite suite = {
    .source = "TruthfulQA MC1, Chinese (Lin et al. 2022; IEIT-Yuan/Yuan-2.0)",
    .prompt_by = "official",
    .files = {&suite_file_truthfulqa_cn},
    .n_items = 817,
    .max_new_tokens = 15,
    .form = ANSWER_RECORD,
    .scorer = &scorer_truthfulqa,
    .stated = {.oracle = 817,
               .constant = "正确答案是A选项。",
               .constant_right = 817,
               .why = "the right option is always A, so who always says A gets everything right"},
    .load = load,
    .oracle = say_chinese_choice,
};

const struct eval_task eval_task_truthfulqa_cn = {
    SUITE_TASK(truthfulqa_cn, "TruthfulQA MC1 in Chinese, by Yuan 2.0's prompt and rule", &suite)};
