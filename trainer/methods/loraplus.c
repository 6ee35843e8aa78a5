/* SPDX-License-Identifier: Apache-2.0
 * LoRA+: B learns faster than A. The learning rate of an adapter's B, and of its parameters of one
 * dimension, is loraplus_lr_ratio times the schedule's; that of an embedding trained beside the
 * adapter follows the same schedule from loraplus_lr_embedding. A ratio of 1 is plain LoRA.
 * Source: Hayou, Ghosh, Yu 2024; which parameters count as B is PEFT's choice.
 * Read next: trainer/loop.c, update. */
#include "trainer/methods/method.h"

#include "base/str.h"

#include <string.h>

static const double usual_embedding_rate = 1e-6; /* PEFT's and LLaMA-Factory's */

static bool loraplus_wanted(const struct train_run *run) {
    return run->options->loraplus_lr_ratio > 0;
}

static err loraplus_choose(const struct train_run *run) {
    if (run->adapter) return ERR_OK;
    err e = fail(ERR_RANGE, "train: 'loraplus_lr_ratio' is given, and there is no adapter");
    return fail_hint(e, "LoRA+ is for adapter.type: lora and its relatives");
}

static double loraplus_rate(const struct train_run *run, const struct param *p) {
    const struct train_options *o = run->options;
    double embedding =
        o->loraplus_lr_embedding > 0 ? o->loraplus_lr_embedding : usual_embedding_rate;
    if (str_ends(p->name, "embed_tokens.weight"))
        return o->learning_rate > 0 ? embedding / o->learning_rate : 1;
    return strstr(p->name, ".lora_B.") || p->n_dims == 1 ? o->loraplus_lr_ratio : 1;
}

extern const struct method loraplus_method;
const struct method loraplus_method = {
    .name = "loraplus",
    .summary = "LoRA+: an adapter's B learns loraplus_lr_ratio times as fast as its A",
    .keys = "train.loraplus_lr_ratio",
    .wanted = loraplus_wanted,
    .choose = loraplus_choose,
    .rate = loraplus_rate,
};
