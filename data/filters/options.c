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
    ROW(languages, .choices = "zh,en,code,other",
        .help = "language: scripts that are wanted; none: zh, en and code"),
    ROW(language_share, .min = 0, .max = 1,
        .help = "language: least share of a sample in them; 0: 0.5"),
    ROW(personal, .choices = "mask,drop", .help = "personal_data: what becomes of it; none: mask"),
    ROW(secrets, .choices = "drop,error",
        .help = "personal_data: what becomes of a sample with a key or a password; none: drop"),
    ROW(near_distance, .min = 0, .max = 0.3,
        .help = "near_dup: share of characters that may differ between copies; 0: 0.18"),
    ROW(near_similarity, .min = 0, .max = 1,
        .help = "near_dup: or the share of common shingles, in any order, from which on two are "
                "copies; 0: 0.85"),
    ROW(earlier, .path = true, .value = "DIR,...",
        .help = "near_dup: datasets of earlier months, or their near.bin, that are compared with"),
    ROW(quality_min_loss, .min = 0, .max = 1e3,
        .help = "quality: least mean loss of the trained tokens, in nats; 0: any"),
    ROW(quality_max_loss, .min = 0, .max = 1e3,
        .help = "quality: largest mean loss of the trained tokens, in nats; 0: any"),
    ROW(quality_easy, .min = 0, .max = 0.9,
        .help = "quality: share of the samples, those of the lowest loss, that is dropped"),
    ROW(quality_strange, .min = 0, .max = 0.9,
        .help = "quality: share of the samples, those of the highest loss, that is dropped"),
    ROW(forbidden, .path = true, .value = "FILE,...",
        .help = "decontaminate: further files of texts that must not be trained on, in any format "
                "of rows or as plain lines"),
    ROW(leak_distance, .min = 0, .max = 0.3,
        .help = "decontaminate: share of characters by which a leak may differ; 0: 0.18"),
};
#undef ROW

struct opt_table filter_options_table(void) {
    return OPT_TABLE(rows);
}
