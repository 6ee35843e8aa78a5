/* SPDX-License-Identifier: Apache-2.0
 * Majority vote: the teacher is asked the row's prompt several times anew, and enough of its
 * answers must be the row's response. It shows that the teacher is sure, not that it is right.
 * Source: self-consistency (Wang et al. 2023), with the row's own answer in place of the majority.
 * Read next: data/text/normal.h for when two answers are the same. */
#include "data/synth/checks/check.h"
#include "data/synth/prompt.h"

#include "data/text/normal.h"
#include <string.h>

enum { VOTES = 5 };
#define SHARE 0.6

static err vote_open(const struct check_spec *spec, void **out) {
    *out = (void *)spec;
    return ERR_OK;
}

static int64_t votes_of(const struct check_spec *spec) {
    return spec->votes > 0 ? spec->votes : VOTES;
}

static int64_t vote_n_questions(const void *state) {
    return votes_of(state);
}

static err vote_question(const void *state, const struct check_row *row, struct str *out) {
    (void)state;
    TRY(prompt_add_task(out, row->request, row->chinese));
    TRY(prompt_add_examples(out, row->request, row->chinese));
    TRY(prompt_add(out, row->chinese,
                   "按示例的格式回答下面的问题。只写回答本身，不要解释，不要JSON。\n---\n",
                   "Answer the prompt below in the form of the examples' responses. Write nothing "
                   "but the response itself: no explanation, no JSON.\n---\n"));
    return str_printf(out, "%s\n---\n", row->prompt);
}

static err same_text(const char *a, const char *b, bool *out) {
    struct normal left = {0}, right = {0};
    err e = normal_set(&left, a, strlen(a));
    if (e == ERR_OK) e = normal_set(&right, b, strlen(b));
    if (e == ERR_OK) *out = normal_equal(&left, &right);
    normal_release(&left);
    normal_release(&right);
    return e;
}

static err vote_decide(const void *state, const struct check_row *row, const char *const *answers,
                       struct str *why) {
    const struct check_spec *spec = state;
    int64_t n = votes_of(spec), n_same = 0;
    double share = spec->share > 0 ? spec->share : SHARE;
    for (int64_t i = 0; i < n; i++) {
        bool same = false;
        if (answers[i]) TRY(same_text(answers[i], row->response, &same));
        n_same += same;
    }
    if ((double)n_same >= share * (double)n - 1e-9) return ERR_OK;
    return str_printf(why, "asked again, %lld of %lld answers were another one",
                      (long long)(n - n_same), (long long)n);
}

const struct check check_vote = {
    .name = "vote",
    .summary = "asked again, the teacher gives the same answer often enough",
    .keys = "votes,share",
    .open = vote_open,
    .n_questions = vote_n_questions,
    .question = vote_question,
    .decide = vote_decide,
};
