/* SPDX-License-Identifier: Apache-2.0
 * Rows of the recipe's `data.filter` map. What 0 stands for is told in the help of each row; the
 * filter itself holds the number (data/filters/<name>.c).
 * Read next: data/filters/options.h for the struct they fill. */
#include "data/filters/options.h"

#define ROW(field, ...) OPT(struct filter_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(min_prompt_chars, .min = 0, .max = 1e9,
        .help = "length: fewest characters of a prompt; 0: one"),
    ROW(max_prompt_chars, .min = 0, .max = 1e9,
        .help = "length: most characters of a prompt; 0: 32768"),
    ROW(min_answer_chars, .min = 0, .max = 1e9,
        .help = "length: fewest characters of an answer; 0: one"),
    ROW(max_answer_chars, .min = 0, .max = 1e9,
        .help = "length: most characters of an answer; 0: 32768"),
    ROW(min_tokens, .min = 0, .max = 1e9, .help = "length: fewest tokens of a sample; 0: any"),
    ROW(max_tokens, .min = 0, .max = 1e9, .help = "length: most tokens of a sample; 0: any"),
};
#undef ROW

struct opt_table filter_options_table(void) {
    return OPT_TABLE(rows);
}
