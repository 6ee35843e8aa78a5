/* SPDX-License-Identifier: Apache-2.0
 * Option rows of the recipe's `data` section and its parts, which recipes, help and the
 * reference pages read. What each option means for the rows is said in data/tokens/rows.h,
 * data/corpus.h and data/steps/loader.h; the structs are in data/options.h. */
#include "data/options.h"

/* "auto" and the words of all readers of files. */
#define WORD_REQUEST(word)
#define WORD_FILE(word) "," word
#define READER(name, word, where) WORD_##where(word)
static const char formats[] = "auto"
#include "data/readers/readers.def"
    ;
#undef READER

#define WITHHOLD_HELP                                                                              \
    "not for publishing: a release carries the hash of its files alone, as it does where no "      \
    "licence is said"

struct opt_table data_options_table(void) {
#define ROW(field, ...) OPT(struct data_options, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(special_whitespace, .choices = "strip,keep", .preset = "strip",
            .help = "white space beside <sep>: dropped as Yuan was fine-tuned, or kept"),
        ROW(turns, .choices = "each,all", .preset = "each",
            .help = "a conversation gives one row per assistant turn, or one row that trains all"),
        ROW(validation, .min = 0, .max = 0.5, .preset = "0",
            .help = "share of the rows kept for validation loss"),
        ROW(lint, .map = true, .value = "LINT: SHARE",
            .help = "limits that stop the run, as {duplicates: 0.2, secrets: 0}: the largest share "
                    "of rows that a lint may find ('cotrain list lints'); of trained_share, the "
                    "least"),
        ROW(sensitive_words, .path = true, .value = "FILE",
            .help = "words that no row should have, one a line, for the lint of that name"),
        ROW(filters, .value = "NAME,...",
            .help = "filters of rows, in the order they run ('cotrain list filters')"),
    };
#undef ROW
    return OPT_TABLE(rows);
}

struct opt_table data_source_options_table(void) {
#define ROW(field, ...) OPT(struct data_source, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(path, .required = true, .path = true, .pattern = true,
            .help = "file of rows, folder of such files, or a pattern (data/*.jsonl)"),
        ROW(format, .choices = formats, .preset = "auto", .help = "how the rows are written"),
        ROW(license, .help = "licence of the rows, for the release's card"),
        ROW(reviewer, .help = "who has looked at the rows"),
        ROW(request, .help = "id of the request that these rows belong to"),
        ROW(weight, .min = 0, .max = 1e6, .preset = "1",
            .help = "share of the data, beside the requests' weights; not with `request`"),
        ROW(text, .choices = "context,trained",
            .help = "plain text without an answer: context (default) or trained, every token"),
        ROW(columns, .map = true, .value = "KEY: NAME",
            .help = "keys under other names: {instruction: question, output: answer}"),
        ROW(withhold, .help = WITHHOLD_HELP),
    };
#undef ROW
    return OPT_TABLE(rows);
}

struct opt_table data_holdout_options_table(void) {
#define ROW(field, ...) OPT(struct data_holdout, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(per_request, .min = 0, .max = 1e6, .preset = "0",
            .help = "rows held out of each request that has no file of cases"),
        ROW(sealed, .preset = "false",
            .help = "only the hash of the held-out cases is published, not their texts"),
    };
#undef ROW
    return OPT_TABLE(rows);
}

struct opt_table data_fim_options_table(void) {
#define ROW(field, ...) OPT(struct data_fim, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(rate, .min = 0, .max = 1,
            .help = "share of the rows of plain text that are written for filling in the middle"),
        ROW(spm_rate, .min = 0, .max = 1,
            .help = "share of those with the suffix first; the others have the prefix first"),
    };
#undef ROW
    return OPT_TABLE(rows);
}

struct opt_table data_replay_options_table(void) {
#define ROW(field, ...) OPT(struct data_replay, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(path, .required = true, .path = true, .pattern = true,
            .help = "general data that is trained beside the requests, as a source's path"),
        ROW(format, .choices = formats, .help = "how its rows are written (not given: auto)"),
        ROW(license, .help = "licence of its rows"),
        ROW(share, .required = true, .min = 1e-6, .max = 0.99,
            .help = "share of the trained tokens of every epoch that are its"),
        ROW(withhold, .help = WITHHOLD_HELP),
    };
#undef ROW
    return OPT_TABLE(rows);
}

struct opt_table data_mix_options_table(void) {
#define ROW(field, ...) OPT(struct data_mix, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(temperature, .min = 0, .max = 1e6,
            .help = "a group's share is its weight times its rows to the power of 1 / temperature: "
                    "1 as large as it is, 2 to 5 between (not given: the weights alone)"),
        ROW(tokens, .min = 0, .max = 1e12,
            .help = "tokens of an epoch at most (not given: as many samples as there are rows)"),
    };
#undef ROW
    return OPT_TABLE(rows);
}
