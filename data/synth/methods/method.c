/* SPDX-License-Identifier: Apache-2.0
 * The table of methods, and the parts that their questions share: what the request is, what there
 * is already, and in which form the answer is wanted.
 * Read next: data/synth/methods/method.h, the contract. */
#include "data/synth/methods/method.h"

#include "data/synth/prompt.h"
#include <string.h>

const struct synth_method *const synth_methods[] = {
#define METHOD(name) &method_##name,
#include "data/synth/methods.def"
#undef METHOD
};
const int n_synth_methods = sizeof synth_methods / sizeof synth_methods[0];

const struct synth_method *synth_method_find(const char *name) {
    for (int i = 0; i < n_synth_methods; i++)
        if (strcmp(synth_methods[i]->name, name) == 0) return synth_methods[i];
    return NULL;
}

err method_add_form(const struct method_input *in, bool prompt_only, struct str *out) {
    TRY(prompt_add(out, in->chinese, "只输出一个JSON对象，不要解释：",
                   "Write one JSON object and nothing else: "));
    if (prompt_only) return str_add(out, "{\"prompt\": \"...\"}\n");
    if (!in->tests) return str_add(out, "{\"prompt\": \"...\", \"response\": \"...\"}\n");
    TRY(str_add(out, "{\"prompt\": \"...\", \"response\": \"...\", \"tests\": \"...\"}\n"));
    return prompt_add(out, in->chinese,
                      "tests是一段程序，接在response后面运行；response不对时它以非零状态结束。\n",
                      "\"tests\" is a program text that is run behind the response, and ends with "
                      "a failure where the response is wrong.\n");
}

err method_add_begin(const struct method_input *in, struct str *out) {
    TRY(prompt_add_task(out, in->request, in->chinese));
    TRY(prompt_add_examples(out, in->request, in->chinese));
    if (in->n_shown == 0) return ERR_OK;
    TRY(prompt_add(out, in->chinese, "已经有的（不要重复）：\n",
                   "There are these already; do not repeat them:\n"));
    for (int64_t i = 0; i < in->n_shown; i++)
        TRY(prompt_add_pair(out, in->shown[i]->prompt, in->shown[i]->response));
    return ERR_OK;
}
