/* SPDX-License-Identifier: Apache-2.0
 * An answer that stands whole in its prompt (there is nothing to learn but to copy), and a prompt
 * that stands whole in its answer (the model learns to repeat the question). Texts are compared
 * after normalisation, and only where they are long enough to mean something: 8 Chinese or 20 other
 * characters (weights 5 and 2, at least 40). Short answers that a prompt holds are what extraction
 * and choice are about. */
#include "data/lint/lint.h"
#include "data/text/normal.h"
#include <string.h>

enum { LEAST_WEIGHT = 40 };

static bool long_enough(const struct normal *t) {
    int64_t weight = 0;
    for (int64_t i = 0; i < t->n && weight < LEAST_WEIGHT; i++)
        weight += normal_weight(t->points[i]);
    return weight >= LEAST_WEIGHT;
}

struct overlap {
    bool answer_in_prompt; /* else the prompt in the answer */
    struct normal prompt, answer;
    struct lint_mark *mark;
};

static err look_answer(void *ctx, struct span prompt, struct span answer) {
    struct overlap *o = ctx;
    TRY(normal_set(&o->prompt, prompt.text, prompt.n));
    TRY(normal_set(&o->answer, answer.text, answer.n));
    const struct normal *whole = o->answer_in_prompt ? &o->prompt : &o->answer;
    const struct normal *part = o->answer_in_prompt ? &o->answer : &o->prompt;
    if (part->n > whole->n || !long_enough(part) || !normal_holds(whole, part)) return ERR_OK;
    double share = (double)part->n / (double)whole->n;
    if (share <= o->mark->badness) return ERR_OK;
    o->mark->badness = share;
    if (o->mark->note) str_clear(o->mark->note);
    return lint_note(o->mark,
                     o->answer_in_prompt ? "the answer is a stretch of the prompt, %.0f %% of it"
                                         : "the prompt is a stretch of the answer, %.0f %% of it",
                     100 * share);
}

static err look(const struct lint_run *run, int64_t row, bool answer_in_prompt,
                struct lint_mark *mark) {
    struct overlap o = {.answer_in_prompt = answer_in_prompt, .mark = mark};
    err e = lint_each_answer(&run->rows[row], look_answer, &o);
    normal_release(&o.prompt);
    normal_release(&o.answer);
    return e;
}

static err answer_in_prompt(const struct lint_run *run, const void *state, int64_t row,
                            struct lint_mark *mark) {
    (void)state;
    return look(run, row, true, mark);
}

static err prompt_in_answer(const struct lint_run *run, const void *state, int64_t row,
                            struct lint_mark *mark) {
    (void)state;
    return look(run, row, false, mark);
}

const struct lint lint_answer_in_prompt = {
    .name = "answer_in_prompt",
    .summary = "the prompt holds the whole answer (of 8 Chinese or 20 other characters or more)",
    .look = answer_in_prompt,
};
const struct lint lint_prompt_in_answer = {
    .name = "prompt_in_answer",
    .summary = "the answer repeats the whole prompt (of 8 Chinese or 20 other characters or more)",
    .look = prompt_in_answer,
};
