/* SPDX-License-Identifier: Apache-2.0
 * From an answer back to an instruction: the teacher sees a response alone and writes a prompt that
 * it answers.
 * Source: instruction back-translation (Li et al. 2024), with the responses of rows that there are.
 * Read next: data/synth/methods/method.h. */
#include "data/synth/methods/method.h"
#include "data/synth/prompt.h"

static err question(const struct method_input *in, struct str *out) {
    TRY(prompt_add_task(out, in->request, in->chinese));
    TRY(prompt_add_examples(out, in->request, in->chinese));
    TRY(prompt_add(out, in->chinese, "下面是一个response：\n---\n", "Here is a response:\n---\n"));
    TRY(str_printf(out, "%s\n---\n", in->seed->response));
    TRY(prompt_add(
        out, in->chinese,
        "请写出一个prompt，使这个response正好是它的正确回答；形式与示例中的prompt相同。\n",
        "Write a prompt that this response is exactly the right answer to, in the form "
        "of the examples' prompts.\n"));
    return method_add_form(in, true, out);
}

const struct synth_method method_back_instruct = {
    .name = "back_instruct",
    .summary = "a prompt written for the response of a row that there is",
    .from_row = true,
    .keeps_response = true,
    .question = question,
};
