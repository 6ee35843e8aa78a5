/* SPDX-License-Identifier: Apache-2.0
 * A backend that is a shared object: the GPU's, which the program opens only when it is asked for.
 * The object takes what it needs of base/ from the program that opens it, and gives one symbol.
 * Read next: compute/cuda/cuda.h, what is behind it. */
#ifndef COTRAIN_COMPUTE_MODULE_H
#define COTRAIN_COMPUTE_MODULE_H

#include "compute/compute.h"

#define BACKEND_MODULE_SYMBOL "cotrain_backend_module"

struct backend_module {
    const char *version;   /* COTRAIN_VERSION of its build */
    const char *interface; /* COTRAIN_BACKEND_INTERFACE: digest of the headers between the two */
    const struct backend *const *backends;
    int n_backends;
};

#endif
