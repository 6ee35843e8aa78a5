/* SPDX-License-Identifier: Apache-2.0
 * The recipe's `data.filter` map: thresholds of the filters that data.filters names, all in one
 * flat map. No row has a preset, so that a recipe without filters resolves as it always did; 0 or
 * an absent key means the default that the row's help tells.
 * Read next: docs/filters.md for what each means. */
#ifndef COTRAIN_DATA_FILTERS_OPTIONS_H
#define COTRAIN_DATA_FILTERS_OPTIONS_H

#include "base/opt.h"

struct filter_options {
    /* length: characters of a turn's prompt and answer, tokens of a whole sample */
    int64_t min_prompt_chars, max_prompt_chars, min_answer_chars, max_answer_chars;
    int64_t min_tokens, max_tokens;
    /* language: zh, en, code, other */
    struct opt_list languages;
    double language_share;
    /* personal_data: mask, drop; drop, error */
    const char *personal, *secrets;
    /* near_dup */
    double near_distance, near_similarity;
    struct opt_list earlier; /* datasets, or their near.bin, whose rows are not to come again */
    /* quality: nats a token; shares of the samples */
    double quality_min_loss, quality_max_loss, quality_easy, quality_strange;
    /* decontaminate: files of texts that must not be trained on */
    struct opt_list forbidden;
    double leak_distance;
};

struct opt_table filter_options_table(void);

#endif
