/* SPDX-License-Identifier: Apache-2.0
 * The prompt of a row in other words; its response answers the new prompt as well. Whether it still
 * does is for the checks to see, as with any row.
 * Read next: data/synth/methods/method.h. */
#include "data/synth/methods/method.h"
#include "data/synth/prompt.h"

static err question(const struct method_input *in, struct str *out) {
    TRY(prompt_add_task(out, in->request, in->chinese));
    TRY(prompt_add(out, in->chinese, "原来的一条：\n", "This one:\n"));
    TRY(prompt_add_pair(out, in->seed->prompt, in->seed->response));
    TRY(prompt_add(out, in->chinese,
                   "请用别的说法改写其中的prompt：意思不变，所有名称和数值原样保留，"
                   "使同样的response仍然正确。\n",
                   "Say its prompt in other words: the same meaning, every name and number kept "
                   "as it is, so that the same response is still right.\n"));
    return method_add_form(in, true, out);
}

const struct synth_method method_paraphrase = {
    .name = "paraphrase",
    .summary = "a row's prompt in other words, with the same response",
    .from_row = true,
    .keeps_response = true,
    .question = question,
};
