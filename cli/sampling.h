/* SPDX-License-Identifier: Apache-2.0
 * How tokens are chosen, as options of the command line: one set of rows for every command that
 * generates. The commands' option structs begin with struct sampling_options.
 * Read next: model/sample.h for what each does. */
#ifndef COTRAIN_CLI_SAMPLING_H
#define COTRAIN_CLI_SAMPLING_H

#include "base/opt.h"
#include "model/sample.h"

struct sampling_options {
    double temperature, top_p, repetition_penalty;
    int64_t top_k, seed;
    bool greedy;
};

#define SAMPLING_ROW(field, ...) OPT(struct sampling_options, field, __VA_ARGS__)
#define SAMPLING_ROWS                                                                              \
    SAMPLING_ROW(greedy, .help = "always the most likely token; so it is without --temperature"),  \
        SAMPLING_ROW(temperature, .max = 100, .preset = "0",                                       \
                     .help = "over 0: draw tokens; 1 keeps the model's own probabilities"),        \
        SAMPLING_ROW(top_k, .max = 1e9, .preset = "0",                                             \
                     .help = "draw among this many most likely tokens; 0: all"),                   \
        SAMPLING_ROW(top_p, .min = 1e-9, .max = 1, .preset = "1",                                  \
                     .help = "draw among the fewest tokens that reach this probability"),          \
        SAMPLING_ROW(repetition_penalty, .min = 0.01, .max = 100, .preset = "1",                   \
                     .help = "over 1: tokens of prompt and answer become less likely"),            \
        SAMPLING_ROW(seed, .max = 9e15, .preset = "0", .help = "of the draws")
#define SAMPLING_DETAILS                                                                           \
    "Tokens are chosen by these options alone; generation_config.json is not read."

/* Settings that contradict each other are ERR_USAGE. */
MUST_CHECK err sampling_of(const struct sampling_options *o, struct sampling *out);

#endif
