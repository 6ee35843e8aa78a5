/* SPDX-License-Identifier: Apache-2.0
 * Task `gsm8k_en`: GSM8K's 1,319 test problems in English. Yuan 2.0 published no prompt for them:
 * this one is ours. Scored by the rules of the Chinese form.
 * Source: Cobbe et al., "Training verifiers to solve math word problems" (2021).
 * Read next: eval/tasks/gsm8k_cn.c. */
#include "eval/suite_run.h"
#include "eval/suites/readers.h"

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    TRY(read_questions(paths[0], true, out));
    for (int64_t i = 0; i < out->n; i++) {
        struct suite_item *item = &out->items[i];
        item->prompt = arena_printf(
            &out->arena, "Solve the following math problem step by step.\n%s<sep>", item->question);
        if (item->prompt == NULL) return ERR_MEMORY;
    }
    return ERR_OK;
}

static err oracle(const struct suite_item *item, struct str *out) {
    return str_printf(out, "The answer is %s", item->gold);
}

static const struct suite suite = {
    .source = "GSM8K, test set, English (Cobbe et al. 2021)",
    .prompt_by = "cotrain",
    .files = {&suite_file_gsm8k_en},
    .n_items = 1319,
    .max_new_tokens = 1023,
    .form = ANSWER_LINE,
    .scorer = &scorer_gsm8k,
    .stated = {.oracle = 1319,
               .constant = "The answer is 2",
               .constant_right = 37,
               .why = "the answer to 37 of the problems is 2"},
    .load = load,
    .oracle = oracle,
};

const struct eval_task eval_task_gsm8k_en = {
    SUITE_TASK(gsm8k_en, "GSM8K in English, by a prompt of ours and Yuan 2.0's rules", &suite)};
