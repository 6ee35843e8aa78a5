/* SPDX-License-Identifier: Apache-2.0
 * The examples that stand in a recipe beside the request they illustrate: each is a row. They
 * are no file, so this reader is handed the recipe's own struct; the recipe's reader has checked
 * that prompt and response are there. */
#include "data/readers/reader.h"
#include <string.h>

static err read_example(const struct example *example, struct draft *out) {
    struct span prompt = {example->prompt, strlen(example->prompt)};
    struct span answer = {example->response, strlen(example->response)};
    return draft_turn(out, prompt, answer);
}

const struct reader reader_examples = {
    .name = "examples",
    .summary = "a request's own examples, in the recipe",
    .example = read_example,
};
