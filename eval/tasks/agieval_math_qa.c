/* SPDX-License-Identifier: Apache-2.0
 * Task `agieval_math_qa`: AGIEval's 351 multiple-choice problems of the Gaokao in mathematics,
 * asked
 * and scored as Yuan 2.0 does. Four questions stand in the file twice; the official program knows
 * each by its text and takes the last answer for both.
 * Source: Zhong et al., "AGIEval" (2023); prompt and rules: IEIT-Yuan/Yuan-2.0, tasks/AGIEval-Math.
 * Read next: eval/scorers/mathqa.c. */
#include "data/text/regex.h"
#include "eval/suite_run.h"
#include "eval/suites/readers.h"
#include <string.h>

/* The letters behind 答案：, spaces left out. */
static err read_letters(struct suite_items *s, struct suite_item *item) {
    static const char mark[] = "答案：";
    struct str gold = {0};
    err result = str_add(&gold, item->gold);
    if (result == ERR_OK) result = text_replace(&gold, " ", "");
    int64_t at = text_find(text_of(&gold), mark, 0);
    const char *letters = at >= 0 ? gold.data + at + strlen(mark) : "";
    size_t n = strspn(letters, "ABCDEF");
    if (result == ERR_OK && n == 0)
        result =
            fail(ERR_PARSE, "item %lld: no letters behind '%s'", (long long)item->number + 1, mark);
    if (result == ERR_OK) {
        item->gold = arena_strndup(&s->arena, letters, n);
        if (item->gold == NULL) result = ERR_MEMORY;
    }
    str_release(&gold);
    return result;
}

static err form_prompt(struct suite_items *s, struct suite_item *item) {
    struct str question = {0};
    err result = str_add(&question, item->question);
    if (result == ERR_OK) result = text_replace(&question, "<n>", "\n");
    if (result == ERR_OK) {
        item->prompt = arena_printf(
            &s->arena, "给出如下问题的分析，并从问题后的选项中选择出正确答案。\n%s\n<sep>",
            str_text(&question));
        if (item->prompt == NULL) result = ERR_MEMORY;
    }
    str_release(&question);
    return result;
}

static err load(const struct suite *self, const char *const *paths, struct suite_items *out) {
    (void)self;
    TRY(read_questions(paths[0], false, out));
    for (int64_t i = 0; i < out->n; i++) {
        TRY(read_letters(out, &out->items[i]));
        TRY(form_prompt(out, &out->items[i]));
    }
    for (int64_t i = 0; i < out->n; i++)
        for (int64_t k = i + 1; k < out->n; k++)
            if (strcmp(out->items[i].question, out->items[k].question) == 0)
                out->items[i].gold = out->items[k].gold;
    return ERR_OK;
}

static err oracle(const struct suite_item *item, struct str *out) {
    return str_printf(out, "故选：%s。", item->gold);
}

static const struct suite suite = {
    .source = "AGIEval, Gaokao Math QA (Zhong et al. 2023; IEIT-Yuan/Yuan-2.0)",
    .prompt_by = "official",
    .files = {&suite_file_mathqa},
    .n_items = 351,
    .max_new_tokens = 1023,
    .form = ANSWER_LINE,
    .scorer = &scorer_mathqa,
    .stated = {.oracle = 351,
               .constant = "故选：C。",
               .constant_right = 92,
               .why = "C is the right letter of 92 problems, more than any other"},
    .load = load,
    .oracle = oracle,
};

const struct eval_task eval_task_agieval_math_qa = {
    SUITE_TASK(agieval_math_qa, "AGIEval Gaokao Math QA, by Yuan 2.0's prompt and rules", &suite)};
