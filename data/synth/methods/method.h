/* SPDX-License-Identifier: Apache-2.0
 * A method is a way of asking the teacher for a row of a request. It writes the question and
 * nothing else; what comes back is read, checked and counted alike for all (data/synth/expand.h).
 * Questions are in the request's own language, and want JSON back.
 * Read next: data/synth/methods/self_instruct.c; the table is data/synth/methods.def. */
#ifndef COTRAIN_DATA_SYNTH_METHODS_METHOD_H
#define COTRAIN_DATA_SYNTH_METHODS_METHOD_H

#include "base/str.h"
#include "recipes/request.h"
#include <stdbool.h>

struct method_input {
    const struct request *request;
    bool chinese;
    const struct example *const *shown; /* rows made so far, to show what there is already */
    int64_t n_shown;
    const struct example *seed; /* from_row: the row that it begins with */
    const char *topic;          /* from_topic */
    uint64_t draw;              /* this question's random number */
    bool tests;                 /* a program that tests the response is wanted too */
};
struct synth_method {
    const char *name, *summary;
    bool from_row, from_topic;
    bool keeps_response; /* only a prompt is asked for: the seed's response answers it */
    err (*question)(const struct method_input *in, struct str *out);
};

#define METHOD(name) extern const struct synth_method method_##name;
#include "data/synth/methods.def"
#undef METHOD
extern const struct synth_method *const synth_methods[];
extern const int n_synth_methods;

const struct synth_method *synth_method_find(const char *name); /* NULL: there is none */

/* The end of a question: the form of the answer. */
MUST_CHECK err method_add_form(const struct method_input *in, bool prompt_only, struct str *out);
/* The request, its examples, and rows that there are already. */
MUST_CHECK err method_add_begin(const struct method_input *in, struct str *out);

#endif
