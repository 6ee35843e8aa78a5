/* SPDX-License-Identifier: Apache-2.0
 * A teacher as synthesis sees it: somebody who is asked many questions at once and answers each, or
 * does not, in whatever order. Synthesis knows neither networks nor models; whoever has one hands
 * in this struct.
 * Read next: cli/teachers.h. */
#ifndef COTRAIN_DATA_SYNTH_TEACHER_H
#define COTRAIN_DATA_SYNTH_TEACHER_H

#include "base/err.h"
#include <stdint.h>

struct teacher_question {
    const char *prompt;
    int64_t seed; /* of its draws: the same question with another seed may be answered otherwise */
};
struct teacher_answer {
    const char *outcome; /* "answered", or a word for why there is no whole answer */
    const char *text;    /* of an answer; else "" */
    const char *tried;   /* the outcome of every try, with blanks between */
    int64_t n_tries, prompt_tokens, answer_tokens;
};
struct teacher_call {
    const struct teacher_question *questions;
    int64_t n;
    int64_t max_requests,
        max_tokens; /* what may be spent; 0: no limit. The rest stays unanswered */
    /* Called once for each question that is over; an error ends the call. */
    err (*done)(void *ctx, int64_t question, const struct teacher_answer *answer);
    void *ctx;
};
struct teacher {
    const char *generator; /* "endpoint", "model" */
    const char *model;     /* which one: a name, a digest */
    const char *settings;  /* how it draws, as text; part of what an answer depends on */
    /* ERR_STOPPED: the process was asked to stop; what was answered has been reported. */
    err (*ask)(void *context, const struct teacher_call *call);
    void *context;
};

#endif
