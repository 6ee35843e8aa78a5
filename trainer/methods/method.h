/* SPDX-License-Identifier: Apache-2.0
 * Methods of training: one file and one line of methods.def each. A method is turned on by keys of
 * the recipe and changes a run in one or more of three places: which parameters are trained, how
 * fast each one learns, and what the model plans for. Its keys are rows of trainer/options.c.
 * Read next: trainer/methods/loraplus.c, a short one. */
#ifndef COTRAIN_TRAINER_METHODS_METHOD_H
#define COTRAIN_TRAINER_METHODS_METHOD_H

#include "trainer/trainer.h"

struct method {
    const char *name, *summary;
    const char *keys; /* of a recipe, that turn it on */
    bool (*wanted)(const struct train_run *run);
    /* Each may be NULL. The first marks or unmarks parameters of the model and of the adapter
     * (param.trained), and refuses settings that do not fit the run. */
    MUST_CHECK err (*choose)(const struct train_run *run);
    /* What the schedule's learning rate is multiplied with for a trained parameter. */
    double (*rate)(const struct train_run *run, const struct param *p);
    void (*plan)(const struct train_run *run, struct model_plan_options *options);
};
extern const struct method *const methods[];
extern const int n_methods;

/* ERR_RANGE naming the key where no parameter of the model itself is trained: of methods that
 * change how those are, once others have chosen. */
MUST_CHECK err methods_need_base(const struct train_run *run, const char *key);

/* The hooks of all methods that are wanted, one after the other. */
MUST_CHECK err methods_choose(const struct train_run *run);
double methods_rate(const struct train_run *run, const struct param *p);
void methods_plan(const struct train_run *run, struct model_plan_options *options);

#endif
