/* SPDX-License-Identifier: Apache-2.0
 * The table of methods, from methods.def, and going through those that a run wants. A new one needs
 * its file and its line there, and nothing here.
 * Read next: trainer/methods/method.h. */
#include "trainer/methods/method.h"

#define METHOD(name) extern const struct method name##_method;
#include "trainer/methods/methods.def"
#undef METHOD

const struct method *const methods[] = {
#define METHOD(name) &name##_method,
#include "trainer/methods/methods.def"
#undef METHOD
};
const int n_methods = sizeof methods / sizeof methods[0];

err methods_need_base(const struct train_run *run, const char *key) {
    for (int64_t i = 0; i < run->model->n_params; i++)
        if (run->model->params[i].trained) return ERR_OK;
    err e = fail(ERR_RANGE, "train: '%s' is given, and no parameter of the model is trained", key);
    return fail_hint(e, "it is for full fine-tuning; an adapter's gradients are small");
}

err methods_choose(const struct train_run *run) {
    for (int i = 0; i < n_methods; i++)
        if (methods[i]->choose && methods[i]->wanted(run)) TRY(methods[i]->choose(run));
    return ERR_OK;
}

double methods_rate(const struct train_run *run, const struct param *p) {
    double rate = 1;
    for (int i = 0; i < n_methods; i++)
        if (methods[i]->rate && methods[i]->wanted(run)) rate *= methods[i]->rate(run, p);
    return rate;
}

void methods_plan(const struct train_run *run, struct model_plan_options *options) {
    for (int i = 0; i < n_methods; i++)
        if (methods[i]->plan && methods[i]->wanted(run)) methods[i]->plan(run, options);
}
