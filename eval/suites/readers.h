/* SPDX-License-Identifier: Apache-2.0
 * Readers of the suites' files, one for each layout; what a suite asks is formed by its task.
 * Texts go into the items' arena; a bad line is ERR_PARSE naming file and line.
 * Read next: eval/suite.h. */
#ifndef COTRAIN_EVAL_SUITES_READERS_H
#define COTRAIN_EVAL_SUITES_READERS_H

#include "eval/suite.h"

enum { MAX_CHOICES = 26 }; /* of a question; more is ERR_LIMIT */

/* Lines of question[SEP]answer: fills question and gold. `trim` strips the question's own ends. */
MUST_CHECK err read_questions(const char *path, bool trim, struct suite_items *out);
/* JSON Lines of HumanEval: id, question (its English prompt), solution, tests, entry point. */
MUST_CHECK err read_programs(const char *path, struct suite_items *out);
/* Prompts for these programs, JSON Lines of {"task_id", "prompt"}: fills prompt. */
MUST_CHECK err read_program_prompts(const char *path, struct suite_items *items);
/* Lines that are Python dicts of texts, {'query': ..., 'ans1': ..., ...}: question and choices. */
MUST_CHECK err read_chinese_choices(const char *path, struct suite_items *out);
/* TruthfulQA's own file: question and the MC1 choices, the right one first. */
MUST_CHECK err read_english_choices(const char *path, struct suite_items *out);

#endif
