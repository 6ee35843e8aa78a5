/* SPDX-License-Identifier: Apache-2.0
 * Option rows of a request and of its examples, as recipes carry them. The fields `file` and `line`
 * of an example are no keys: the reader of the recipe fills them in.
 * Read next: recipes/request.h, the contract. */
#include "recipes/request.h"

#define ROW(field, ...) OPT(struct request, field, __VA_ARGS__)
static const struct opt request_rows[] = {
    ROW(id, .required = true, .value = "OWNER/REPOSITORY#ISSUE@COMMENT",
        .help = "who asked: the comment that the request stands in"),
    ROW(scenario, .help = "where the model is used, in the requester's words"),
    ROW(capability, .help = "what the model should be able to do"),
    ROW(weight, .min = 0, .max = 1e6, .preset = "1",
        .help = "share of the data, relative to the other requests"),
    ROW(cases, .path = true, .value = "FILE",
        .help = "held-out cases, JSON Lines of prompt and response"),
    ROW(cases_sha256, .help = "SHA-256 of the file of cases; checked if given"),
};
#undef ROW
#define ROW(field, ...) OPT(struct example, field, __VA_ARGS__)
static const struct opt example_rows[] = {
    ROW(prompt, .required = true, .help = "what the model is given"),
    ROW(response, .required = true, .help = "what it should answer"),
};

struct opt_table request_options_table(void) {
    return OPT_TABLE(request_rows);
}

struct opt_table example_options_table(void) {
    return OPT_TABLE(example_rows);
}
