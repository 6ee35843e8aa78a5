/* SPDX-License-Identifier: Apache-2.0
 * Task `humaneval_en`: HumanEval's 164 programming problems with their own English prompts, which
 * end inside a function; the model goes on there. Yuan 2.0 published no way of asking them: that
 * the prompt is given as it is, and where a completion is cut, is ours.
 * Source: Chen et al., "Evaluating large language models trained on code" (2021).
 * Read next: eval/scorers/humaneval.c. */
#include "eval/suite_run.h"
#include "eval/suites/readers.h"

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    TRY(read_programs(paths[0], out));
    for (int64_t i = 0; i < out->n; i++) {
        struct suite_item *item = &out->items[i];
        item->prompt = item->question;
        item->test_prompt = arena_printf(&out->arena,
                                         "Write unit tests for the function below, one assert "
                                         "statement a line, each calling %s. Do not implement "
                                         "it.\n```python\n%s```\n<sep>",
                                         item->entry_point, item->question);
        if (item->test_prompt == NULL) return ERR_MEMORY;
    }
    return ERR_OK;
}

static err oracle(const struct suite_item *item, struct str *out) {
    return str_add(out, item->solution);
}

static const struct suite suite = {
    .source = "HumanEval, English (Chen et al. 2021)",
    .prompt_by = "cotrain",
    .files = {&suite_file_humaneval},
    .n_items = 164,
    .max_new_tokens = 511,
    .form = ANSWER_RESPONSE,
    .scorer = &scorer_completion,
    .stated = {.oracle = 164,
               .constant = "    return True\n",
               .constant_right = 0,
               .why = "every canonical solution is cut where it ends; returning True solves none"},
    .load = load,
    .oracle = oracle,
};

const struct eval_task eval_task_humaneval_en = {
    SUITE_TASK(humaneval_en, "HumanEval with its own prompts, completed", &suite)};
