/* SPDX-License-Identifier: Apache-2.0
 * Task `gsm8k_cn`: GSM8K's 1,319 test problems in Chinese, asked and scored as Yuan 2.0 does.
 * Source: Cobbe et al., "Training verifiers to solve math word problems" (2021); translation,
 * prompt and rules: IEIT-Yuan/Yuan-2.0, tasks/GSM8K.
 * Read next: eval/scorers/gsm8k.c. */
#include "eval/suite_run.h"
#include "eval/suites/readers.h"

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    TRY(read_questions(paths[0], true, out));
    for (int64_t i = 0; i < out->n; i++) {
        struct suite_item *item = &out->items[i];
        item->prompt =
            arena_printf(&out->arena, "详细分析并求解以下数学问题。\n%s<sep>", item->question);
        if (item->prompt == NULL) return ERR_MEMORY;
    }
    return ERR_OK;
}

static err oracle(const struct suite_item *item, struct str *out) {
    return str_printf(out, "答案是%s。", item->gold);
}

static const struct suite suite = {
    .source = "GSM8K, test set, Chinese (Cobbe et al. 2021; IEIT-Yuan/Yuan-2.0)",
    .prompt_by = "official",
    .files = {&suite_file_gsm8k_cn},
    .n_items = 1319,
    .max_new_tokens = 1023,
    .form = ANSWER_LINE,
    .scorer = &scorer_gsm8k,
    .stated = {.oracle = 1319,
               .constant = "答案是2。",
               .constant_right = 37,
               .why = "the answer to 37 of the problems is 2"},
    .load = load,
    .oracle = oracle,
};

const struct eval_task eval_task_gsm8k_cn = {
    SUITE_TASK(gsm8k_cn, "GSM8K in Chinese, by Yuan 2.0's prompt and rules", &suite)};
