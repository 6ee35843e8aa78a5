/* SPDX-License-Identifier: Apache-2.0
 * The table of optimisers, from optim.def, and finding one by the name that a recipe gives. A new
 * one needs its file and its line there, and nothing here.
 * Read next: trainer/optim/optim.h. */
#include "trainer/optim/optim.h"

#include <string.h>

#define OPTIMIZER(name) extern const struct optimizer_kind name##_optimizer;
#include "trainer/optim/optim.def"
#undef OPTIMIZER

const struct optimizer_kind *const optimizer_kinds[] = {
#define OPTIMIZER(name) &name##_optimizer,
#include "trainer/optim/optim.def"
#undef OPTIMIZER
};
const int n_optimizer_kinds = sizeof optimizer_kinds / sizeof optimizer_kinds[0];

err optimizer_find(const char *name, const struct optimizer_kind **out) {
    for (int i = 0; i < n_optimizer_kinds; i++)
        if (!strcmp(optimizer_kinds[i]->name, name)) {
            *out = optimizer_kinds[i];
            return ERR_OK;
        }
    return fail(ERR_UNSUPPORTED, "optimizer '%s' is not known", name);
}

struct optimizer_state optimizer_state_like(const struct param *p, const char *name,
                                            enum dtype dtype) {
    struct optimizer_state s = {
        .name = name, .dtype = dtype, .n_dims = p->n_dims, .count = p->count, .block = 1};
    memcpy(s.shape, p->shape, sizeof s.shape);
    return s;
}
