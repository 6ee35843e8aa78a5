/* SPDX-License-Identifier: Apache-2.0
 * Task `truthfulqa_cn_shuffled`: as truthfulqa_cn, but the options of each question stand in an
 * order drawn once and for all, so that saying A to everything is worth what it should be.
 * Read next: eval/tasks/truthfulqa_cn.c. */
#include "eval/suite_run.h"
#include "eval/suites/chinese_choices.h"

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    return load_chinese_choices(paths[0], true, out);
}

static const struct suite suite = {
    .source = "TruthfulQA MC1, Chinese, options shuffled (Lin et al. 2022; IEIT-Yuan/Yuan-2.0)",
    .prompt_by = "official, options in another order",
    .files = {&suite_file_truthfulqa_cn},
    .n_items = 817,
    .max_new_tokens = 15,
    .form = ANSWER_RECORD,
    .scorer = &scorer_truthfulqa,
    .stated = {.oracle = 817,
               .constant = "正确答案是A选项。",
               .constant_right = 170,
               .why =
                   "chance alone gives 181.9 of the 817 on average; this one draw puts 170 first"},
    .load = load,
    .oracle = say_chinese_choice,
};

const struct eval_task eval_task_truthfulqa_cn_shuffled = {SUITE_TASK(
    truthfulqa_cn_shuffled, "TruthfulQA MC1 in Chinese with the options shuffled", &suite)};
