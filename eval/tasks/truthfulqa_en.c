/* SPDX-License-Identifier: Apache-2.0
 * Task `truthfulqa_en`: TruthfulQA's 817 questions in English, MC1 by likelihood: nothing is
 * generated, the model weighs each option behind the question. The prompt is ours: Yuan 2.0
 * published none, and the original one shows six other questions with their answers first.
 * Source: Lin, Hilton, Evans, "TruthfulQA" (2022).
 * Read next: eval/scorers/choices.c. */
#include "eval/suite_run.h"
#include "eval/suites/readers.h"

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    TRY(read_english_choices(paths[0], out));
    for (int64_t i = 0; i < out->n; i++) {
        struct suite_item *item = &out->items[i];
        item->prompt = arena_printf(&out->arena, "%s<sep>", item->question);
        if (item->prompt == NULL) return ERR_MEMORY;
    }
    return ERR_OK;
}

static const struct suite suite = {
    .source = "TruthfulQA MC1, English (Lin et al. 2022)",
    .prompt_by = "cotrain",
    .files = {&suite_file_truthfulqa_en},
    .n_items = 817,
    .form = ANSWER_CHOICES,
    .scorer = &scorer_choices,
    .stated = {.oracle = 817,
               .constant_right = 0,
               .why = "who holds all options equally likely prefers none, and is right about none"},
    .load = load,
};

const struct eval_task eval_task_truthfulqa_en = {SUITE_TASK(
    truthfulqa_en, "TruthfulQA MC1 in English, by the likelihood of the options", &suite)};
