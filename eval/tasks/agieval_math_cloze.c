/* SPDX-License-Identifier: Apache-2.0
 * Task `agieval_math_cloze`: AGIEval's 118 problems of the Gaokao in mathematics with blanks to
 * fill, asked as Yuan 2.0 does. No official program scores them; the rule is ours.
 * Source: Zhong et al., "AGIEval" (2023); prompt: IEIT-Yuan/Yuan-2.0, tasks/AGIEval-Math.
 * Read next: eval/scorers/cloze.c. */
#include "eval/suite_run.h"
#include "eval/suites/readers.h"

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    TRY(read_questions(paths[0], false, out));
    for (int64_t i = 0; i < out->n; i++) {
        struct suite_item *item = &out->items[i];
        item->prompt = arena_printf(&out->arena, "%s<sep>", item->question);
        if (item->prompt == NULL) return ERR_MEMORY;
    }
    return ERR_OK;
}

static err oracle(const struct suite_item *item, struct str *out) {
    return str_printf(out, "答案是%s", item->gold);
}

static const struct suite suite = {
    .source = "AGIEval, Gaokao Math Cloze (Zhong et al. 2023; IEIT-Yuan/Yuan-2.0)",
    .prompt_by = "official",
    .files = {&suite_file_mathcloze},
    .n_items = 118,
    .max_new_tokens = 1023,
    .form = ANSWER_LINE,
    .scorer = &scorer_cloze,
    .stated = {.oracle = 118,
               .constant = "答案是2",
               .constant_right = 8,
               .why = "the answer to 8 of the problems is 2 alone"},
    .load = load,
    .oracle = oracle,
};

const struct eval_task eval_task_agieval_math_cloze = {
    SUITE_TASK(agieval_math_cloze,
               "AGIEval Gaokao Math Cloze, by Yuan 2.0's prompt and a rule of ours", &suite)};
