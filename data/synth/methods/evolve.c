/* SPDX-License-Identifier: Apache-2.0
 * A harder row out of one that there is: depth-wise evolution, in one of several directions.
 * Source: WizardLM's Evol-Instruct (Xu et al. 2023), the in-depth operations; breadth is what the
 * other methods are for.
 * Read next: data/synth/methods/method.h. */
#include "data/synth/methods/method.h"
#include "data/synth/prompt.h"

static const struct {
    const char *chinese, *english;
} directions[] = {
    {"增加一个条件或限制", "add a condition or a restriction"},
    {"换成更具体、更少见的内容", "make the content more concrete and less common"},
    {"增加输入的信息量，让回答需要看得更仔细", "put more into the input, so that answering takes "
                                               "a closer look"},
    {"换一种说法和顺序，使它更难理解", "say it in another order and manner, harder to read"},
    {"让得出回答需要更多步骤", "make the response take more steps"},
};
enum { N_DIRECTIONS = sizeof directions / sizeof directions[0] };

static err question(const struct method_input *in, struct str *out) {
    uint64_t which = in->draw % N_DIRECTIONS;
    TRY(method_add_begin(in, out));
    TRY(prompt_add(out, in->chinese, "原来的一条：\n", "The one to begin with:\n"));
    TRY(prompt_add_pair(out, in->seed->prompt, in->seed->response));
    TRY(prompt_add(out, in->chinese, "请把它改得更难：", "Make a harder one of it: "));
    TRY(prompt_add(out, in->chinese, directions[which].chinese, directions[which].english));
    TRY(prompt_add(out, in->chinese, "。仍属于同一种任务，response的格式不变，而且必须正确。\n",
                   ". It stays the same kind of task, with the response in the same form, and "
                   "right.\n"));
    return method_add_form(in, false, out);
}

const struct synth_method method_evolve = {
    .name = "evolve",
    .summary = "a harder row out of one that there is",
    .from_row = true,
    .question = question,
};
