/* SPDX-License-Identifier: Apache-2.0
 * TruthfulQA in Chinese with its options as letters: the prompt of Yuan 2.0, byte for byte, and
 * what is right to say to it.
 * Read next: eval/tasks/truthfulqa_cn.c. */
#ifndef COTRAIN_EVAL_SUITES_CHINESE_CHOICES_H
#define COTRAIN_EVAL_SUITES_CHINESE_CHOICES_H

#include "eval/suite.h"

/* `shuffled`: the options of each question in an order that depends on its number alone; the item's
 * gold is the letter that its right option then has. */
MUST_CHECK err load_chinese_choices(const char *path, bool shuffled, struct suite_items *out);
MUST_CHECK err say_chinese_choice(const struct suite_item *item, struct str *out);

#endif
