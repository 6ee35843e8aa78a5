/* SPDX-License-Identifier: Apache-2.0
 * The sampling options of the command line as model/ takes them. What would silently do nothing is
 * refused: whoever gives --top-p means to draw.
 * Read next: cli/sampling.h. */
#include "cli/sampling.h"

err sampling_of(const struct sampling_options *o, struct sampling *out) {
    const bool draws = o->temperature > 0;
    if (o->greedy && draws)
        return fail_hint(
            fail(ERR_USAGE, "--greedy and --temperature %g contradict each other", o->temperature),
            "leave one of them out");
    if (!draws && (o->top_k > 0 || o->top_p < 1))
        return fail_hint(fail(ERR_USAGE, "%s has no meaning where no token is drawn",
                              o->top_k > 0 ? "--top-k" : "--top-p"),
                         "give --temperature too; 1 keeps the model's own probabilities");
    *out = (struct sampling){.temperature = o->temperature,
                             .top_k = o->top_k,
                             .top_p = o->top_p,
                             .repetition_penalty = o->repetition_penalty,
                             .seed = (uint64_t)o->seed};
    return ERR_OK;
}
