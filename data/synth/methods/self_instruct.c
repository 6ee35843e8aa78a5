/* SPDX-License-Identifier: Apache-2.0
 * A new row in the manner of the request's examples, beside some that were made before.
 * Source: Self-Instruct (Wang et al. 2023); one question makes prompt and response together, since
 * the examples say how both look.
 * Read next: data/synth/methods/method.h. */
#include "data/synth/methods/method.h"
#include "data/synth/prompt.h"

static err question(const struct method_input *in, struct str *out) {
    TRY(method_add_begin(in, out));
    TRY(prompt_add(out, in->chinese,
                   "请照示例的样子写一条新的：内容与示例不同，格式相同，response必须正确。\n",
                   "Write a new one like the examples: other content, the same form, and a "
                   "response that is right.\n"));
    return method_add_form(in, false, out);
}

const struct synth_method method_self_instruct = {
    .name = "self_instruct",
    .summary = "a new row like the request's examples",
    .question = question,
};
