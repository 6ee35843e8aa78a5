/* SPDX-License-Identifier: Apache-2.0
 * A new row in the manner of the examples, about a topic. Topics are the recipe's, or the teacher
 * was asked for some before; they spread the rows over more than the examples speak of.
 * Read next: data/synth/methods/method.h. */
#include "data/synth/methods/method.h"
#include "data/synth/prompt.h"

static err question(const struct method_input *in, struct str *out) {
    TRY(method_add_begin(in, out));
    TRY(prompt_add(out, in->chinese, "主题：", "Topic: "));
    TRY(str_printf(out, "%s\n", in->topic));
    TRY(prompt_add(out, in->chinese,
                   "请围绕这个主题照示例的样子写一条新的：格式相同，response必须正确。\n",
                   "Write a new one about this topic, like the examples: the same form, and a "
                   "response that is right.\n"));
    return method_add_form(in, false, out);
}

const struct synth_method method_topics = {
    .name = "topics",
    .summary = "a new row like the examples, about a topic",
    .from_topic = true,
    .question = question,
};
